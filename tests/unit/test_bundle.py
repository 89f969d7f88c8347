"""Reading bundles that anybody may have made: what is sound is told, what is not is refused."""

from __future__ import annotations

import io
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambundle.bundle import zipformat
from lambundle.bundle.extract import extract
from lambundle.bundle.model import Kind
from lambundle.bundle.reader import open_bundle
from lambundle.bundle.write import DESTINATIONS, write_tree, write_zip
from lambundle.errors import BadBundleError, UsageError
from tests.unit.plans import contents, expected, file, folder, link, manifest, plans
from tests.unit.zips import DIR, LNK, REG, Raw, patched, raw, zipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambundle.bundle.model import Manifest

X = raw(b"x", b"content")
DEFLATED = raw(b"x", b"content " * 99, method=8)
CENTRAL, END = b"PK\x01\x02", b"PK\x05\x06"

HOSTILE: dict[str, bytes] = {
    "not_a_zip": b"#!/bin/sh\n" * 100,
    "empty": b"",
    "cut_short": zipped(X)[:-1],
    "cut_in_front": zipped(X)[1:],
    "cut_in_the_middle": zipped(X)[:40] + zipped(X)[41:],
    "bytes_before_the_end_record": zipped(X, gap=b"gap"),
    "fewer_entries_than_told": zipped(X, count=2),
    "more_entries_than_told": zipped(X, raw(b"y"), count=1),
    "more_entries_than_a_plain_zip_holds": zipped(X, count=0xFFFF),
    "one_of_several_disks": patched(zipped(X), END, 4, b"\1"),
    "parent": zipped(raw(b"../x")),
    "parent_inside": zipped(raw(b"a/../../x")),
    "absolute": zipped(raw(b"/etc/x")),
    "no_name": zipped(raw(b"")),
    "only_a_slash": zipped(raw(b"/", mode=DIR)),
    "two_slashes": zipped(raw(b"a//x")),
    "nul": zipped(raw(b"x\0y")),
    "line_end": zipped(raw(b"x\ny")),
    "not_the_utf8_it_claims": zipped(raw(b"\xff", flags=0x800)),
    "twice": zipped(X, X),
    "file_then_directory": zipped(X, raw(b"x/", mode=DIR)),
    "directory_then_file": zipped(raw(b"x/", mode=DIR), X),
    "below_a_file": zipped(X, raw(b"x/y")),
    "below_a_link": zipped(raw(b"x", b"d", LNK), raw(b"d/", mode=DIR), raw(b"x/y")),
    "below_a_link_that_leads_out": zipped(raw(b"x", b"/tmp", LNK), raw(b"x/y")),
    "file_over_a_link": zipped(raw(b"x", b"../y", LNK), X),
    "absolute_link": zipped(raw(b"x", b"/etc/passwd", LNK)),
    "link_that_leads_out": zipped(raw(b"x", b"../y", LNK)),
    "link_that_leads_out_through_another": zipped(
        raw(b"d/e/", mode=DIR), raw(b"up", b"d/e/..", LNK), raw(b"x", b"up/../../y", LNK)
    ),
    "link_to_nothing": zipped(raw(b"x", b"", LNK)),
    "link_with_a_huge_target": zipped(raw(b"x", b"a/" * 3000, LNK)),
    "link_that_is_not_utf8": zipped(raw(b"x", b"\xff", LNK)),
    "link_with_a_slash": zipped(raw(b"x/", b"y", LNK)),
    "pipe": zipped(raw(b"x", mode=stat.S_IFIFO | 0o644)),
    "device": zipped(raw(b"x", mode=stat.S_IFBLK | 0o644)),
    "socket": zipped(raw(b"x", mode=stat.S_IFSOCK | 0o644)),
    "directory_by_mode_alone": zipped(raw(b"x", mode=DIR)),
    "directory_by_name_alone": zipped(raw(b"x/", mode=REG)),
    "directory_with_content": zipped(raw(b"x/", b"content", mode=DIR)),
    "encrypted": zipped(raw(b"x", b"content", flags=1)),
    "other_method": zipped(raw(b"x", b"content", method=0, flags=0)).replace(
        struct.pack("<5H", 20, 0, 0, 0, 33), struct.pack("<5H", 20, 0, 12, 0, 33)
    ),
    "zip64": zipped(Raw(replace(X.central, size=0xFFFFFFFF), X.local, X.data)),
    "another_disk": patched(zipped(X), CENTRAL, 34, b"\1"),
    "bad_manifest": zipped(raw(b"lambundle/a/manifest.json", b"{}")),
    "huge_manifest": zipped(raw(b"lambundle/a/manifest.json", bytes(65 << 20), method=8)),
    "manifests_that_are_huge_together": zipped(
        *(raw(b"lambundle/%d/manifest.json" % at, b" " * (1 << 20), method=8, size=1 << 20) for at in range(65))
    ),
    "entries_that_share_their_data": zipped(X, Raw(replace(raw(b"y").central, offset=1), raw(b"y").local, b"")),
    "entry_over_the_directory": zipped(Raw(replace(X.central, packed=9000, size=9000), X.local, X.data)),
}

HOSTILE_INSIDE: dict[str, bytes] = {
    "another_name_in_the_local_header": zipped(Raw(X.central, replace(X.local, name=b"y"), X.data)),
    "longer_name_in_the_local_header": zipped(Raw(X.central, replace(X.local, name=b"xy"), X.data[1:])),
    "another_size_in_the_local_header": zipped(Raw(X.central, replace(X.local, size=6), X.data)),
    "another_method_in_the_local_header": zipped(Raw(X.central, replace(X.local, method=8), X.data)),
    "no_local_header": zipped(X).replace(b"PK\x03\x04", b"PK\x03\x05"),
    "wrong_checksum": zipped(raw(b"x", b"content", crc=1)),
    "wrong_checksum_deflated": zipped(raw(b"x", b"content " * 99, method=8, crc=1)),
    "stored_and_smaller_than_told": zipped(raw(b"x", b"content", size=8)),
    "stored_and_larger_than_told": zipped(raw(b"x", b"content", size=6)),
    "deflated_and_smaller_than_told": zipped(raw(b"x", b"content " * 99, method=8, size=1 << 31)),
    "deflated_and_larger_than_told": zipped(raw(b"x", bytes(30 << 20), method=8, size=10)),
    "deflated_data_cut_short": zipped(raw(b"x", b"content " * 99, method=8, packed=len(DEFLATED.data) - 1), raw(b"y")),
    "data_after_the_end_of_deflated_data": zipped(
        Raw(
            replace(DEFLATED.central, packed=len(DEFLATED.data) + 4),
            replace(DEFLATED.local, packed=len(DEFLATED.data) + 4),
            DEFLATED.data + b"more",
        )
    ),
    "deflated_data_damaged": zipped(Raw(DEFLATED.central, DEFLATED.local, b"\xff" * len(DEFLATED.data))),
}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "into").mkdir()
    return tmp_path / "into" / "tree"


def test_the_maker_of_hostile_zips_makes_sound_ones(tmp_path: Path, target: Path) -> None:
    data = zipped(raw(b"d/", mode=DIR), raw(b"d/l", b"../x", LNK), DEFLATED, raw(b"\xc3\xbc", b"y", flags=0x800))
    (tmp_path / "x.zip").write_bytes(data)
    extract(tmp_path / "x.zip", target)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
    assert {path: kind for path, (kind, _, _) in contents(target).items()} == {
        "d": "directory",
        "d/l": "link",
        "x": "file",
        "ü": "file",
    }


def test_an_extra_field_that_makes_two_entries_share_their_data_is_refused(tmp_path: Path, target: Path) -> None:
    """The central directory says nothing of it: only the local header has the length of its extra field."""
    y = raw(b"y", b"content")
    data = zipped(X, y)
    to_the_data_of_y = len(X.data) + len(zipformat.local_header(y.local, (0, 33)))
    (tmp_path / "x.zip").write_bytes(data[:28] + struct.pack("<H", to_the_data_of_y) + data[30:])
    with pytest.raises(BadBundleError) as caught:
        extract(tmp_path / "x.zip", target)
    assert "overlaps" in caught.value.context[0]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_zip_is_not_opened(tmp_path: Path, name: str, target: Path) -> None:
    (tmp_path / "x.zip").write_bytes(HOSTILE[name])
    before = contents(tmp_path)
    with pytest.raises(BadBundleError) as caught:
        open_bundle(tmp_path / "x.zip")
    assert caught.value.context
    assert caught.value.hint
    with pytest.raises(BadBundleError):
        extract(tmp_path / "x.zip", target)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", HOSTILE_INSIDE)
def test_a_hostile_entry_is_not_unpacked(tmp_path: Path, name: str, target: Path) -> None:
    (tmp_path / "x.zip").write_bytes(HOSTILE_INSIDE[name])
    before = contents(tmp_path)
    with open_bundle(tmp_path / "x.zip") as bundle, pytest.raises(BadBundleError):
        bundle.read("x", limit=1 << 40)
    with pytest.raises(BadBundleError):
        extract(tmp_path / "x.zip", target, limit=1 << 40)
    assert contents(tmp_path) == before


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, target: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(*(raw(name, bytes(1 << 20), method=8) for name in (b"x", b"y"))))
    with pytest.raises(BadBundleError, match="damaged or not") as caught:
        extract(tmp_path / "x.zip", target, limit=(2 << 20) - 1)
    assert "2,097,152 bytes" in caught.value.context[0]
    assert not target.exists()
    extract(tmp_path / "x.zip", target, limit=2 << 20)
    with open_bundle(tmp_path / "x.zip") as bundle, pytest.raises(BadBundleError):
        bundle.read("x", limit=(1 << 20) - 1)


def test_an_entry_that_lies_about_its_size_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(raw(b"x", bytes(400 << 20), method=8, size=1000)))
    program = (
        "import sys; from pathlib import Path; from lambundle.bundle.reader import open_bundle\n"
        "try: open_bundle(Path(sys.argv[1])).read('x')\n"
        "except Exception as error: print(type(error).__name__, error.context)\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"  # ru_maxrss outlives exec
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(zipformat.__file__).parents[2])}
    command = [sys.executable, "-c", program, str(tmp_path / "x.zip")]
    told, rss = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()
    assert "has not the size" in told
    assert int(rss) < 60 << 10


def test_opening_the_largest_zip_is_quick(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(
        zipped(*(raw(b"d/%05d" % number + b"x" * 200) for number in range(zipformat.ENTRIES_MAX)))
    )
    started = time.process_time()
    with open_bundle(tmp_path / "x.zip") as bundle:
        assert len(bundle.members) == zipformat.ENTRIES_MAX
    assert time.process_time() - started < 10


def test_names_that_ask_for_millions_of_directories_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(*(raw(b"%05d" % number + b"/x" * 450) for number in range(6000))))
    with pytest.raises(BadBundleError) as caught:
        open_bundle(tmp_path / "x.zip")
    assert "250,000" in caught.value.context[0]


@pytest.mark.parametrize("number", [60, 6_000])
def test_links_that_multiply_are_followed_a_bounded_number_of_times(tmp_path: Path, number: int) -> None:
    targets = [b"%d/../" % (at + 1) * 150 + b"%d" % (at + 1) for at in range(60)]
    targets += [b"0/../" * 500] * (number - 60)
    links = [raw(b"%d" % at, target, LNK) for at, target in enumerate(targets)]
    (tmp_path / "x.zip").write_bytes(zipped(*links))
    started = time.process_time()
    if number == 60:
        open_bundle(tmp_path / "x.zip").close()
    else:
        with pytest.raises(BadBundleError) as caught:
            open_bundle(tmp_path / "x.zip")
        assert "components to follow" in caught.value.context[0]
    assert time.process_time() - started < 10


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damage_gives_a_bundle_or_an_error_of_ours(data: st.DataObject) -> None:
    sound = bytearray(zipped(raw(b"d/", mode=DIR), raw(b"d/l", b"../x", LNK), DEFLATED, raw(b"y", b"content")))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(sound) - 1))
        sound[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        (top / "x.zip").write_bytes(sound)
        try:
            extract(top / "x.zip", top / "tree", limit=1 << 20)
        except BadBundleError:
            assert not (top / "tree").exists()


@given(plan=plans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_zip_and_directory_are_read_alike(plan: Manifest) -> None:
    with tempfile.TemporaryDirectory() as name:
        found = {}
        for kind, write in DESTINATIONS.items():
            written = write(plan, Path(name) / kind)
            with open_bundle(Path(name) / kind) as bundle:
                assert bundle.unzipped == written.unzipped
                assert bundle.zipped == written.zipped
                assert bundle.programs == plan.programs
                assert bundle.manifest
                told = {entry.path: entry for entry in bundle.manifest.entries}
                for member in bundle.members:
                    if member.path == plan.path:
                        continue
                    entry = told.pop(member.path)
                    assert (entry.kind, entry.mode, entry.size, entry.target) == (
                        member.kind,
                        member.mode,
                        member.size,
                        member.target,
                    )
                assert not told
                found[kind] = [replace(member, packed=None) for member in bundle.members]
                for path, (_, _, data) in expected(plan).items():
                    if bundle.by_path[path].kind is Kind.FILE:
                        assert bundle.read(path) == data
        assert found["zip"] == found["directory"]


def test_packed_sizes_are_those_of_the_zip(tmp_path: Path) -> None:
    write_zip(manifest(file("x", b"text " * 999), link("l", "x")), tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as opened, open_bundle(tmp_path / "x.zip") as bundle:
        told = {info.filename.rstrip("/"): (info.file_size, info.compress_size) for info in opened.infolist()}
        assert {member.path: (member.size, member.packed) for member in bundle.members} == told


def test_a_zip_of_somebody_else_has_no_manifest(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.comment = b"PK\x05\x06 in a comment"
        opened.writestr("d/x", b"content " * 99)
        opened.writestr(zipfile.ZipInfo("plain"), b"")
        with opened.open("streamed", "w") as stream:
            stream.write(b"content")
    with open_bundle(tmp_path / "x.zip") as bundle:
        assert bundle.manifest is None
        assert bundle.programs == ()
        assert bundle.read("d/x") == b"content " * 99
        assert bundle.read("streamed") == b"content"
        assert bundle.by_path["plain"].kind is Kind.FILE


def test_merged_bundles_have_several_manifests(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_tree(manifest(file(f"lambundle/{name}/root/x"), name=name), tmp_path / name)
        shutil.copytree(tmp_path / name, tmp_path / "merged", dirs_exist_ok=True)
    with open_bundle(tmp_path / "merged") as bundle:
        assert [found.name for found in bundle.manifests] == ["a", "b"]
        assert bundle.manifest == bundle.manifests[0]
        assert len(bundle.programs) == 2


def test_an_empty_zip_is_a_bundle_without_members(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped())
    with open_bundle(tmp_path / "x.zip") as bundle:
        assert bundle.members == ()


def test_an_entry_without_unix_attributes_has_no_execute_bit(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("x")
    info.create_system = 0
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as opened:
        opened.writestr(info, b"#!/bin/sh")
        opened.mkdir("d")
    with open_bundle(tmp_path / "x.zip") as bundle:
        assert {member.path: member.mode for member in bundle.members} == {"d": 0o777, "x": 0o644}


@pytest.mark.parametrize("path", ["none", "l", "d", "../x", "/etc/passwd"])
@pytest.mark.parametrize("form", DESTINATIONS)
def test_only_files_of_the_bundle_are_read(tmp_path: Path, path: str, form: str) -> None:
    DESTINATIONS[form](manifest(file("d/x"), link("l", "d/x")), tmp_path / "it")
    with open_bundle(tmp_path / "it") as bundle, pytest.raises(BadBundleError, match="damaged"):
        bundle.read(path)


class TestDirectory:
    """A directory is not believed either."""

    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        write_tree(manifest(file("d/x"), folder("e")), tmp_path / "tree")
        return tmp_path / "tree"

    @pytest.mark.parametrize(
        "change",
        [
            lambda tree: os.mkfifo(tree / "pipe"),
            lambda tree: (tree / "l").symlink_to("/etc/passwd"),
            lambda tree: (tree / "l").symlink_to("../.."),
            lambda tree: (tree / "lambundle/test/manifest.json").write_text("{}"),
            lambda tree: (tree / "lambundle/test").rename(tree / "lambundle/other"),
            lambda tree: Path(os.fsdecode(os.fsencode(tree) + b"/\xff")).touch(),
        ],
    )
    def test_what_no_bundle_holds_is_refused(self, tree: Path, change: Callable[[Path], object]) -> None:
        change(tree)
        with pytest.raises(BadBundleError):
            open_bundle(tree)

    def test_a_file_that_became_a_link_is_not_followed(self, tree: Path) -> None:
        with open_bundle(tree) as bundle:
            (tree / "d/x").unlink()
            (tree / "d/x").symlink_to("/etc/passwd")
            with pytest.raises(BadBundleError) as caught:
                bundle.read("d/x")
        assert "is gone" in caught.value.context[0]

    @pytest.mark.parametrize("content", [b"", b"longer than before"])
    def test_a_file_that_changed_is_told(self, tree: Path, content: bytes) -> None:
        with open_bundle(tree) as bundle:
            (tree / "d/x").write_bytes(content)
            with pytest.raises(BadBundleError) as caught:
                bundle.read("d/x")
        assert "changed" in caught.value.context[0]


def test_nothing_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file") as caught:
        open_bundle(tmp_path / "none")
    assert caught.value.hint


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadBundleError):
        open_bundle(tmp_path / "pipe")


def test_a_refused_zip_leaves_no_file_open(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(HOSTILE["bad_manifest"])
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(BadBundleError):
            open_bundle(tmp_path / "x.zip")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_extract_gives_modes_whatever_the_umask(tmp_path: Path, target: Path) -> None:
    write_zip(manifest(folder("d", 0o555), file("d/x", mode=0o777)), tmp_path / "x.zip")
    old = os.umask(0o077)
    try:
        extract(tmp_path / "x.zip", target)
    finally:
        os.umask(old)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (target, target / "d", target / "d/x")]
    assert modes == [0o755, 0o555, 0o777]


def test_extract_never_grants_setuid(tmp_path: Path, target: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(raw(b"x", mode=stat.S_IFREG | 0o6755)))
    extract(tmp_path / "x.zip", target)
    assert stat.S_IMODE((target / "x").stat().st_mode) == 0o755


def test_extract_leaves_what_is_there(tmp_path: Path) -> None:
    write_zip(manifest(file("x")), tmp_path / "x.zip")
    with pytest.raises(UsageError):
        extract(tmp_path / "x.zip", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]
