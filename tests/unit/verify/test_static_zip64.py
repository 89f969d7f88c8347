"""Sound zips that are written in a way that nothing promises Lambda to read: said so, and not called damaged."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle import zipformat
from lambundle.bundle.reader import open_bundle
from lambundle.errors import BadBundleError
from lambundle.verify.model import Status
from lambundle.verify.static import static_checks
from tests.unit.verify.drafts import assert_fails, details
from tests.unit.zips import in_zip64s_way, raw, zipped

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = ["nothing promises that Lambda takes that", "zip the tree again, plainly"]
LOCAL = "'app.py' has its size in a zip64 field of its local header"


def forced(method: int = zipformat.STORED) -> bytes:
    """Make a zip with a zip64 field in the local header alone."""
    return zipped(in_zip64s_way(raw(b"app.py", b"content " * 100, method=method)))


@pytest.mark.parametrize("method", [zipformat.STORED, zipformat.DEFLATED])
def test_a_local_header_in_zip64s_way(tmp_path: Path, method: int) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(forced(method))
    result = static_checks(path)
    assert_fails(result, names=[LOCAL, *PLAIN])
    assert {check.name: check.status for check in result.checks}["integrity"] is Status.SKIP
    assert details(result)["integrity"] == "not looked at: entries cannot be read, see names"
    assert result.subject
    assert not result.subject.runnable
    with open_bundle(path) as bundle, pytest.raises(BadBundleError) as raised:
        bundle.read("app.py")
    assert raised.value.message == f"{path} uses unsupported zip features"
    assert "damaged" not in str(raised.value.hint)


@pytest.mark.parametrize("at", [0, 8], ids=["size", "packed"])
def test_one_that_tells_something_else_is_damaged(tmp_path: Path, at: int) -> None:
    path = tmp_path / "x.zip"
    data = bytearray(forced())
    sizes = data.index(struct.pack("<2H", 1, 16)) + 4
    struct.pack_into("<Q", data, sizes + at, 801)
    path.write_bytes(data)
    assert_fails(static_checks(path), integrity=["another size, checksum or method", "fetch it again"])


@pytest.mark.parametrize("extra", [b"", b"\1\0", b"\1\0\x10\0short", b"\1\0\4\0four", b"xx\0\0\2\0\x10\0" + bytes(16)])
def test_one_that_tells_nothing_is_damaged(tmp_path: Path, extra: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(replace(raw(b"app.py", b"content"), extra=extra)))
    assert_fails(static_checks(tmp_path / "x.zip"), integrity="another size, checksum or method in its local header")


def test_the_records_of_zip64_at_the_end(tmp_path: Path) -> None:
    sound = zipped(raw(b"app.py", b"content"))
    at = sound.rindex(b"PK\5\6")
    length = at - sound.index(b"PK\1\2")
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, length, at - length)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
    (tmp_path / "x.zip").write_bytes(sound[:at] + record + locator + sound[at:])
    with zipfile.ZipFile(io.BytesIO((tmp_path / "x.zip").read_bytes())) as archive:
        assert archive.testzip() is None
    phrase = "it ends with zip64 records, as zip writes them when it reads from a pipe"
    assert_fails(static_checks(tmp_path / "x.zip"), names=[phrase, *PLAIN])


@pytest.mark.skipif(not shutil.which("zip"), reason="zip is not installed")
def test_what_zip_writes_into_a_pipe_and_what_the_hint_makes_of_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "app.py").write_text("content")
    with (tmp_path / "x.zip").open("wb") as file:
        subprocess.run(["zip", "-q", "-", "-"], input=b"content", stdout=file, check=True)
    assert_fails(static_checks(tmp_path / "x.zip"), names=["it ends with zip64 records", *PLAIN])
    subprocess.run(["zip", "-qry", "../new.zip", "."], cwd=tree, check=True)
    assert static_checks(tmp_path / "new.zip").passed


def test_links_and_manifests_are_not_missed_where_entries_cannot_be_read(tmp_path: Path) -> None:
    """One cause, one failure: what depends on the unread entries is skipped."""
    entries = [
        raw(b"lambundle/x/manifest.json", b"{}", flags=zipformat.ENCRYPTED),
        raw(b"lambundle/x/root/data", b"data", flags=zipformat.ENCRYPTED),
        raw(b"lambundle/x/root/link", b"data", 0o120777),
    ]
    (tmp_path / "x.zip").write_bytes(zipped(*entries))
    result = static_checks(tmp_path / "x.zip")
    assert_fails(result, names=["'lambundle/x/manifest.json' is encrypted, and 1 more", *PLAIN])
    assert (
        details(result)["links"] == details(result)["integrity"] == "not looked at: entries cannot be read, see names"
    )


def test_a_layer_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "layer.zip").write_bytes(forced())
    (tmp_path / "x.zip").write_bytes(zipped(raw(b"handler.py", b"content")))
    result = static_checks(tmp_path / "x.zip", layers=[tmp_path / "layer.zip"])
    assert_fails(result, names=[f"{tmp_path}/layer.zip: {LOCAL}", *PLAIN])
