"""Zips of anybody: read leniently, never unpacked, refused where they cannot be told."""

from __future__ import annotations

import os
import stat
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lambundle.bundle import zipformat
from lambundle.bundle.write import write_zip
from lambundle.cli.size import size
from lambundle.errors import BadBundleError, UsageError
from lambundle.size.contents import open_contents
from lambundle.size.facts import SizeFacts
from lambundle.size.findings import findings
from tests.unit import plans, zips

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def zipped(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
    return path


def test_files_and_links_count_directories_do_not(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"d/": b"", "d/f": b"x" * 1000, "./e": b"yy"}, {"l": "d/f"})
    with open_contents(path) as contents:
        assert [(item.path, item.size, item.is_link) for item in contents.items] == [
            ("d/f", 1000, False),
            ("e", 2, False),
            ("l", 3, True),
        ]
        assert contents.unzipped == 1005
        assert contents.zipped == path.stat().st_size
        assert b"".join(contents.blocks(contents.items[0])) == b"x" * 1000


def test_links_that_lead_out_can_be_measured(tmp_path: Path) -> None:
    path = zipped(tmp_path / "venv.zip", {"a\x1b[2Jb": b"1"}, {"bin/python": "/usr/bin/python3", "up": "../../etc"})
    with open_contents(path) as contents:
        assert contents.unzipped == 1 + len("/usr/bin/python3") + len("../../etc")


def test_a_directory_is_measured_as_its_zip(tmp_path: Path) -> None:
    top = tmp_path / "tree"
    (top / "d").mkdir(parents=True)
    (top / "d" / "f").write_bytes(b"x" * 1000)
    (top / "l").symlink_to("d/f")
    with open_contents(top) as contents:
        assert (contents.unzipped, contents.zipped, contents.packed) == (1003, None, None)
        assert b"".join(contents.blocks(contents.items[0])) == b"x" * 1000


def test_nothing_but_the_manifest_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.zip"
    write_zip(plans.manifest(plans.file("bin/x", b"x" * 5000), plans.link("l", "bin/x")), path)
    unpacked: list[bytes] = []
    content = zipformat.content

    def noted(fd: int, record: zipformat.Record, end: int) -> Iterator[bytes]:
        unpacked.append(record.name)
        return content(fd, record, end)

    monkeypatch.setattr(zipformat, "content", noted)
    with open_contents(path) as contents:
        facts = SizeFacts(contents)
        assert facts.rows
        findings(contents)
    assert unpacked == [b"lambundle/test/manifest.json"]


def test_encrypted_or_oddly_compressed_entries_have_a_size_but_no_content(tmp_path: Path) -> None:
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x", b"x" * 500)
    with open_contents(path) as contents:
        assert contents.unzipped == 500
        with pytest.raises(BadBundleError):
            list(contents.blocks(contents.items[0]))


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        ({"flags": zipformat.ENCRYPTED}, "'lambundle/x/manifest.json' is encrypted"),
        ({"method": 9}, "'lambundle/x/manifest.json' is compressed by method 9"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, lie: dict[str, Any], why: str) -> None:
    entry = zips.raw(b"lambundle/x/manifest.json", b"{}")
    entry = replace(entry, central=replace(entry.central, **lie), local=replace(entry.local, **lie))
    path = tmp_path / "x.zip"
    path.write_bytes(zips.zipped(entry, zips.raw(b"data", b"x" * 98)))
    with open_contents(path) as contents:
        assert (contents.unzipped, contents.manifests) == (100, ())
        assert why in contents.unread
    done = CliRunner().invoke(size, [str(path)])
    assert done.exit_code == 0
    assert f"note: {path}: {why}" in done.stderr
    assert "b'" not in done.output
    path.write_bytes(zips.zipped(zips.raw(b"lambundle/x/manifest.json", b"{}", crc=1)))
    with pytest.raises(BadBundleError):  # damaged, not odd
        open_contents(path)


def test_a_sound_zip_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zips.patched(zips.zipped(zips.raw(b"x")), b"PK\5\6", 12, b"\xff\xff\xff\xff"))
    with pytest.raises(BadBundleError) as raised:
        open_contents(path)
    assert raised.value.message == f"{path} uses unsupported zip features"
    assert raised.value.context == ("it is a zip64 archive",)
    assert "zip the tree again into a new file" in str(raised.value.hint)


def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "two.zip", {"x": b"1", "./x": b"22"})
    with pytest.raises(BadBundleError) as raised:
        open_contents(path)
    assert "occurs twice" in raised.value.context[0]


def test_what_is_no_zip_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a zip")
    with pytest.raises(BadBundleError):
        open_contents(tmp_path / "text")
    with pytest.raises(UsageError):
        open_contents(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadBundleError):
        open_contents(tmp_path / "pipe")


def test_a_manifest_that_is_none_is_an_error(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bad.zip", {"lambundle/x/manifest.json": b"{"})
    with pytest.raises(BadBundleError):
        open_contents(path)
