"""One meaning for every unpacker: fields that say what the central directory does not are refused."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambundle.bundle.reader import open_bundle
from lambundle.errors import BadBundleError
from tests.unit.zips import raw, zipped

if TYPE_CHECKING:
    from pathlib import Path


def unicode_path(name: bytes, of: bytes) -> bytes:
    content = struct.pack("<BI", 1, zlib.crc32(of)) + name
    return struct.pack("<HH", 0x7075, len(content)) + content


def with_extra(name: str, *, central: bytes = b"", local: bytes = b"") -> bytes:
    """A zip by zipfile with one file, and extra fields in its headers."""
    info = zipfile.ZipInfo(name)
    info.extra = local
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, b"x")
        info.extra = central
    return out.getvalue()


def read(path: Path, data: bytes) -> list[str]:
    path.write_bytes(data)
    with open_bundle(path) as bundle:
        for member in bundle.members:
            b"".join(bundle.blocks(member.path))
        return [member.path for member in bundle.members]


@pytest.mark.parametrize("where", ["central", "local"])
def test_a_unicode_path_field_repeats_the_name(tmp_path: Path, where: str) -> None:
    zip_ = tmp_path / "x.zip"
    assert read(zip_, with_extra("bin/a", **{where: unicode_path(b"bin/a", b"bin/a")})) == ["bin/a"]
    for of in (b"bin/a", b"something else"):  # readers differ in whether they believe a wrong checksum
        with pytest.raises(BadBundleError) as found:
            read(zip_, with_extra("bin/a", **{where: unicode_path(b"bin/evil", of)}))
        assert "another name" in found.value.context[0]


def test_a_name_in_code_page_437_may_have_its_unicode_path(tmp_path: Path) -> None:
    field = unicode_path("ä".encode(), b"\x84")
    data = bytearray(with_extra("a", central=field, local=field))
    assert data.count(b"a") > 1
    with pytest.raises(BadBundleError):
        read(tmp_path / "x.zip", bytes(data))


@pytest.mark.parametrize("flag", [1, 0x20, 0x40, 0x2000])
def test_flags_that_change_the_data_are_the_same_in_both_headers(tmp_path: Path, flag: int) -> None:
    entry = raw(b"f", b"x")
    with pytest.raises(BadBundleError) as found:
        read(tmp_path / "x.zip", zipped(replace(entry, local=replace(entry.local, flags=flag))))
    assert "other flags" in found.value.context[0]


def described(**lies: Any) -> bytes:
    """A zip with a data descriptor, which may lie."""
    entry = raw(b"f", b"content", flags=8)
    record = replace(entry.local, **lies)
    descriptor = b"PK\x07\x08" + struct.pack("<3I", record.crc, record.packed, record.size)
    local = replace(entry.local, crc=0, packed=0, size=0)
    return zipped(replace(entry, local=local, data=entry.data + descriptor))


def test_a_data_descriptor_repeats_the_central_directory(tmp_path: Path) -> None:
    zip_ = tmp_path / "x.zip"
    assert read(zip_, described()) == ["f"]
    for lie in ({"crc": 1}, {"packed": 3}, {"size": 5_000_000}):
        with pytest.raises(BadBundleError) as found:
            read(zip_, described(**lie))
        assert "data descriptor" in found.value.context[0]


def test_a_header_before_a_descriptor_says_nothing_or_the_same(tmp_path: Path) -> None:
    entry = raw(b"f", b"content", flags=8)
    with pytest.raises(BadBundleError) as found:
        read(tmp_path / "x.zip", zipped(replace(entry, local=replace(entry.local, size=3))))
    assert "local header" in found.value.context[0]


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def test_zips_that_were_written_into_a_pipe_are_read(tmp_path: Path) -> None:
    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b", b"x" * 1000)
        archive.writestr("ä", b"")
    assert read(tmp_path / "x.zip", out.getvalue()) == ["a/b", "ä"]


@pytest.mark.skipif(shutil.which("zip") is None, reason="needs zip")
def test_zips_of_info_zip_are_read(tmp_path: Path) -> None:
    (tmp_path / "ä").write_text("x" * 1000)
    (tmp_path / "b").write_text("")
    subprocess.run(["zip", "-q", "x.zip", "ä", "b"], cwd=tmp_path, check=True)
    assert read(tmp_path / "y.zip", (tmp_path / "x.zip").read_bytes()) == ["b", "ä"]
