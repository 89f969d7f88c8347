"""Unpacking a bundle with its layers, and the directory that is gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.write import write_zip
from lambundle.errors import BadBundleError
from lambundle.verify.run.layers import merge, unpack
from lambundle.verify.run.work import PREFIX, remove_tree, work_directory
from lambundle.verify.static import static_checks
from tests.unit.plans import contents, file, link, manifest

if TYPE_CHECKING:
    from lambundle.verify.subject import Subject


def archive(path: Path, *entries: object) -> Path:
    """Write a zip."""
    write_zip(manifest(*entries, name=path.stem), path)  # type: ignore[arg-type]
    return path


def opened(path: Path) -> Subject:
    """Return a zip as the static checks do."""
    found = static_checks(path).subject
    assert found is not None
    return found


def test_a_layer_lies_in_the_tree_of_those_before_it_and_wins(tmp_path: Path) -> None:
    bundle = archive(tmp_path / "a.zip", file("bin/x", b"one"), file("bin/y", b"one"))
    first = archive(tmp_path / "b.zip", file("bin/y", b"two"), file("bin/z", b"two"))
    second = archive(tmp_path / "c.zip", file("bin/z", b"three", 0o755))
    work = tmp_path / "work"
    work.mkdir()
    found = unpack(opened(bundle), [first, second], "/opt", work)
    assert set(found.bundles) == {f"/opt/lambundle/{name}" for name in "abc"}
    assert found.unzipped == sum(path.stat().st_size for path in found.trees["/opt"].rglob("*") if path.is_file()) + 6
    trees = found.trees
    assert list(trees) == ["/opt"]
    files = contents(trees["/opt"] / "bin")
    assert {name: content for name, (_, _, content) in files.items()} == {"x": b"one", "y": b"two", "z": b"three"}
    assert files["z"][1] == 0o755
    assert {path.name for path in (trees["/opt"] / "lambundle").iterdir()} == {"a", "b", "c"}


def test_a_function_has_its_layers_beside_it(tmp_path: Path) -> None:
    bundle = archive(tmp_path / "a.zip", file("bootstrap", mode=0o755))
    layers = [archive(tmp_path / f"{name}.zip", file("x", name.encode())) for name in ("b", "c")]
    work = tmp_path / "work"
    work.mkdir()
    found = unpack(opened(bundle), layers, "/var/task", work)
    assert set(found.bundles) == {"/var/task/lambundle/a", "/opt/lambundle/b", "/opt/lambundle/c"}
    trees = found.trees
    assert set(trees) == {"/var/task", "/opt"}
    assert (trees["/opt"] / "x").read_bytes() == b"c"
    assert not (trees["/var/task"] / "x").exists()


@pytest.mark.parametrize("kinds", [("file", "directory"), ("directory", "file"), ("link", "directory")])
def test_what_is_of_another_kind_takes_the_place_too(tmp_path: Path, kinds: tuple[str, str]) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for top, kind in zip(("lower", "upper"), kinds, strict=True):
        path = tmp_path / top / "x"
        path.parent.mkdir()
        if kind == "file":
            path.write_text(top)
        elif kind == "link":
            path.symlink_to("../outside")
        else:
            path.mkdir()
            (path / "in").write_text(top)
    merge(tmp_path / "upper", tmp_path / "lower")
    assert list(outside.iterdir()) == []
    kind, _, content = contents(tmp_path / "lower")["x"]
    assert kind == kinds[1]
    assert content == (b"upper" if kinds[1] == "file" else b"")


def test_a_hostile_layer_is_refused(tmp_path: Path) -> None:
    bundle = archive(tmp_path / "a.zip", file("x"))
    (tmp_path / "bad.zip").write_bytes(b"PK\x05\x06 no zip")
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(BadBundleError):
        unpack(opened(bundle), [tmp_path / "bad.zip"], "/opt", work)


def test_links_are_kept(tmp_path: Path) -> None:
    bundle = archive(tmp_path / "a.zip", file("lib/real"), link("lib/x", "real"))
    work = tmp_path / "work"
    work.mkdir()
    layer = archive(tmp_path / "b.zip", link("lib/y", "real"))
    found = contents(unpack(opened(bundle), [layer], "/opt", work).trees["/opt"] / "lib")
    assert (found["x"][2], found["y"][2]) == (b"real", b"real")


# ---- the directory ----


def test_the_work_directory_is_gone_afterwards_whatever_is_in_it() -> None:
    with work_directory() as work:
        assert work.stat().st_mode & 0o777 == 0o700
        (work / "a/b").mkdir(parents=True)
        (work / "a/b/file").touch()
        (work / "link").symlink_to("/")
        (work / "a/b").chmod(0o500)
        (work / "a").chmod(0o500)
    assert not work.exists()
    with pytest.raises(ZeroDivisionError), work_directory() as work:
        raise ZeroDivisionError
    assert not work.exists()


HOLDER = textwrap.dedent(
    """
    import os, signal, sys, time
    from lambundle.verify.run.work import work_directory
    with work_directory() as work:
        (work / "file").touch()
        print(work, flush=True)
        time.sleep(60)
    """
)


def holder(directory: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that holds a work directory below ``directory``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(directory)}
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_removes_it(tmp_path: Path, number: signal.Signals) -> None:
    process, work = holder(tmp_path)
    with process:
        assert work.parent == tmp_path
        process.send_signal(number)
        process.wait()
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_leaves_is_removed_by_the_next_and_what_is_held_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, left = holder(tmp_path)
    with killed:
        killed.kill()
    held, kept = holder(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with held:
        assert not left.exists()  # the second holder removed it when it began
        with work_directory():
            assert (kept / "file").exists()
        held.terminate()


def test_a_strange_directory_of_that_name_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    strange = tmp_path / f"{PREFIX}strange"
    strange.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path)
    with work_directory():
        pass
    assert strange.exists()
    remove_tree(strange)
