"""What is written never replaces what is read, and what somebody else wrote only where that is asked for."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.write import write_zip
from lambundle.bundle.write.atomic import replacing_file, write_all
from lambundle.bundle.write.outputs import check_output, check_tree_output, is_bundle
from lambundle.cli.main import main
from lambundle.errors import OutputError, UsageError
from lambundle.machine import own_file
from lambundle.size.page import is_page
from tests.unit.plans import file, manifest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "b.zip"
    write_zip(manifest(file("bin/tool", b"#!/bin/sh\n")), path)
    return path


def status_of(*arguments: str) -> object:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "tool"
    path.write_text("#!/bin/sh\necho precious\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("alias", [None, os.link, os.symlink], ids=["itself", "hard link", "symbolic link"])
def test_no_output_is_an_input_by_whatever_name(
    tmp_path: Path, bundle: Path, alias: Callable[..., None] | None
) -> None:
    out = bundle
    if alias is not None:
        out = tmp_path / "alias"
        alias(bundle, out)
    for force in (False, True):
        with pytest.raises(UsageError, match="which is read"):
            check_output(out, inputs=[bundle], force=force)
        with pytest.raises(UsageError, match="which is packed"):
            check_output(out, sources=[own_file(bundle)], force=force)


def test_no_output_replaces_a_file_of_a_directory_that_is_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True)
    (tree / "bin/tool").write_text("x")
    with pytest.raises(UsageError, match="is a file of"):
        check_output(tree / "bin/../bin/tool", inputs=[tree], force=True)
    check_output(tree / "new", inputs=[tree])


def test_a_bundle_is_replaced_and_another_file_only_if_asked(tmp_path: Path, bundle: Path) -> None:
    check_output(bundle)
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    with pytest.raises(UsageError, match="did not write it") as found:
        check_output(other)
    assert "--force" in (found.value.hint or "")
    check_output(other, force=True)
    other.write_text("")  # as mktemp makes it
    check_output(other)


def test_a_bundle_to_which_somebody_added_files_is_theirs(bundle: Path) -> None:
    assert is_bundle(bundle)
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr("handler.py", "mine")
    assert not is_bundle(bundle)


def test_a_write_protected_bundle_stays(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (bundle, os.W_OK))  # root may write everything
    with pytest.raises(UsageError, match="write-protected"):
        check_output(bundle)


@pytest.mark.parametrize("name", ["none/x.zip", "file/x.zip", "directory"])
def test_what_cannot_be_written_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "directory").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError):
        check_output(tmp_path / name, force=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dash_is_no_file() -> None:
    for check in (check_output, check_tree_output):
        with pytest.raises(UsageError, match="- is none"):
            check(Path("-"))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(mode)
    with replacing_file(path, 3) as fd:
        write_all(fd, b"new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o7777 == mode


def test_a_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    owner = (1234, 1235) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *owner)
    with replacing_file(path, 3) as fd:
        write_all(fd, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == owner


def test_pack_never_writes_over_what_it_packs(script: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_text("precious")
    kept = script.read_text()
    assert status_of("pack", str(script), "-o", str(script), "--force") == 2
    assert status_of("pack", str(script), "--add", str(data), "-o", str(data), "--force") == 2
    assert status_of("pack", str(script), "--add", str(tmp_path), "-o", str(data), "--force") == 2
    assert status_of("pack", str(script), "-o", str(data)) == 2
    assert (script.read_text(), data.read_text()) == (kept, "precious")
    assert status_of("pack", str(script), "-q", "-o", str(data), "--force") == 0
    assert zipfile.is_zipfile(data)


def test_pack_asks_whether_it_may_write_before_it_looks_for_programs(tmp_path: Path) -> None:
    assert status_of("pack", "no-such-program", "-o", str(tmp_path / "none/x.zip")) == 3
    assert status_of("pack", "no-such-program", "-o", "-") == 2
    assert status_of("pack", "no-such-program", "-o", str(tmp_path / "x.zip")) == 1


def test_size_never_writes_its_page_over_a_bundle(bundle: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    other.write_bytes(bundle.read_bytes())
    before = bundle.read_bytes()
    assert status_of("size", str(bundle), "--html", str(bundle), "--force") == 2
    assert status_of("size", str(bundle), "--against", str(other), "--html", str(other), "--force") == 2
    assert status_of("size", str(bundle), "--with", str(other), "--html", str(other), "--force") == 2
    assert bundle.read_bytes() == other.read_bytes() == before


def test_size_replaces_its_own_page(bundle: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><p>mine")
    assert status_of("size", str(bundle), "--html", str(page)) == 2
    assert not is_page(page)
    assert status_of("size", str(bundle), "--html", str(page), "--force") == 0
    assert is_page(page)
    assert status_of("size", str(bundle), "--html", str(page)) == 0


def test_fix_never_writes_over_what_it_reads(bundle: Path, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    assert status_of("verify", str(bundle), "--fix", "-o", str(bundle), "--force") == 2
    assert status_of("verify", str(bundle), "--fix", "--event", str(event), "-o", str(event), "--force") == 2
    assert event.read_text() == "{}"
