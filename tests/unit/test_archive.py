"""The zip destination: what it writes, what it refuses, and that it is whole or not there."""

from __future__ import annotations

import hashlib
import io
import os
import random
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import HealthCheck, given, settings

from lambundle.bundle import zipformat
from lambundle.bundle.extract import extract
from lambundle.bundle.manifest import decode_manifest
from lambundle.bundle.model import Entry, Kind, Manifest
from lambundle.bundle.reader import open_bundle
from lambundle.bundle.write import Destination, atomic, epoch_of, write_tree, write_zip
from lambundle.errors import FileChangedError, LambundleError, OutputError, UnreadableFileError, UsageError
from lambundle.machine import DiskFiles, Source
from tests.unit.plans import contents, expected, file, folder, link, manifest, plans, source

NOISE = random.Random(1).randbytes(100_000)


@pytest.fixture(params=["unnamed", "named"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write once as a file without a name, once as on a file system that cannot do that."""
    if request.param == "named":
        monkeypatch.setattr(atomic, "_unnamed", lambda _: None)


def members(out: Path) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(out) as opened:
        return {info.filename: info for info in opened.infolist()}


@given(plan=plans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_unpacked_is_what_was_planned(plan: Manifest) -> None:
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out.zip"
        written = write_zip(plan, out)
        extract(out, Path(name) / "tree")
        found = contents(Path(name) / "tree")
        assert found.items() >= expected(plan).items()
        assert set(found) - set(expected(plan)) == {
            "lambundle",
            "lambundle/test",
            "lambundle/test/manifest.json",
        }
        sizes = [len(data) for _, _, data in found.values()]
        assert (written.unzipped, written.zipped) == (sum(sizes), out.stat().st_size)
        digests = {path: hashlib.sha256(data).hexdigest() for path, (kind, _, data) in found.items() if kind == "file"}
        assert dict(written.digests) == digests
        manifest_read = decode_manifest(found["lambundle/test/manifest.json"][2])
        assert {entry.path: entry.sha256 for entry in manifest_read.entries if entry.sha256} == {
            path: digest for path, digest in digests.items() if path != plan.path
        }


def test_headers_are_the_plain_ones(tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    write_zip(manifest(file("d/x", b"x" * 99, 0o6755), file("d/ü"), link("d/l", "x"), folder("e", 0o1777)), out)
    found = members(out)
    for info in found.values():
        assert (info.create_system, info.create_version, info.extract_version) == (3, 20, 20)
        assert (info.extra, info.comment, info.volume, info.internal_attr) == (b"", b"", 0, 0)
        assert info.flag_bits == (0 if info.filename.isascii() else 0x800)
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
    assert {name: info.external_attr for name, info in found.items()} == {
        "d/": (stat.S_IFDIR | 0o755) << 16 | 0x10,
        "d/l": (stat.S_IFLNK | 0o777) << 16,
        "d/x": (stat.S_IFREG | 0o755) << 16,
        "d/ü": (stat.S_IFREG | 0o644) << 16,
        "e/": (stat.S_IFDIR | 0o777) << 16 | 0x10,
        "lambundle/": (stat.S_IFDIR | 0o755) << 16 | 0x10,
        "lambundle/test/": (stat.S_IFDIR | 0o755) << 16 | 0x10,
        "lambundle/test/manifest.json": (stat.S_IFREG | 0o644) << 16,
    }
    assert list(found)[-1] == "lambundle/test/manifest.json"


def test_entries_come_in_the_order_of_their_paths_however_given(tmp_path: Path) -> None:
    plan = manifest(file("b/x"), file("a"), link("b/l", "x"))
    shuffled = Manifest(plan.name, plan.programs, plan.packed_on, plan.entries[::-1])
    write_zip(plan, tmp_path / "1.zip")
    write_zip(shuffled, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    names = [name for name in members(tmp_path / "1.zip") if "lambundle" not in name]
    assert names == ["a", "b/", "b/l", "b/x"]


@pytest.mark.parametrize(
    ("content", "method"),
    [
        (b"", 0),
        (b"a", 0),  # deflate makes it larger
        (NOISE, 0),
        (b"text " * 100, 8),
        (b"\x1f\x8b" + b"text " * 100, 0),
        (b"\x89PNG\r\n\x1a\n" + b"text " * 100, 0),
        (b"\0\0\0\x20ftypisom" + b"text " * 100, 0),
        (b"RIFF\0\0\0\0WEBP" + b"text " * 100, 0),
        (b"RIFF\0\0\0\0WAVE" + b"text " * 100, 8),
    ],
)
def test_what_deflate_cannot_make_smaller_is_stored(tmp_path: Path, content: bytes, method: int) -> None:
    out = tmp_path / "out.zip"
    write_zip(manifest(file("x", content)), out)
    assert members(out)["x"].compress_type == method
    with zipfile.ZipFile(out) as opened:
        assert opened.read("x") == content


def test_a_higher_level_makes_it_smaller(tmp_path: Path) -> None:
    text = Path(random.__file__).read_bytes()
    sizes = [write_zip(manifest(file("x", text)), tmp_path / "o.zip", level=level).zipped or 0 for level in (1, 6, 12)]
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([file("../x")], r"contains '\.\.'"),
        ([file("a/../x")], r"contains '\.\.'"),
        ([file("/x")], "absolute"),
        ([file("a//x")], "empty"),
        ([file("./x")], "empty"),
        ([file("")], "empty"),
        ([file("a\nb")], "control"),
        ([file("a\0b")], "control"),
        ([file("a\udcff")], "not UTF-8"),
        ([file("ä" * 128)], "longer than 255"),
        ([file("/".join(["a" * 200] * 21))], "longer than 4000"),
        ([file("x"), file("x")], "twice"),
        ([file("x"), folder("x")], "twice"),
        ([file("x"), file("x/y")], "below"),
        ([folder("d"), link("x", "d"), file("x/y")], "below"),
        ([link("x", "/etc")], "absolute"),
        ([link("x", "../x")], "leads out"),
        ([link("d/x", "../../x")], "leads out"),
        ([folder("d/e"), link("up", "d/e/.."), link("x", "up/../../y")], "leads out"),
        ([link("x", "")], "no target"),
        ([file("lambundle/test/manifest.json")], None),
    ],
)
@pytest.mark.parametrize("write", [write_zip, write_tree])
def test_a_plan_that_is_no_tree_is_refused(
    tmp_path: Path, write: Destination, entries: list[Entry], why: str | None
) -> None:
    with pytest.raises(OutputError) as caught:
        write(manifest(*entries), tmp_path / "out")
    assert caught.value.hint
    if why:
        assert re.search(why, caught.value.context[0])
    assert not list(tmp_path.iterdir())


def test_links_that_loop_stay_inside(tmp_path: Path) -> None:
    write_zip(manifest(link("a", "b"), link("b", "a"), link("c", "a/../../../x")), tmp_path / "out.zip")
    assert members(tmp_path / "out.zip")["a"].file_size == 1


def test_more_entries_than_a_plain_zip_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="zip64") as caught:
        write_zip(manifest(*(file(f"{number}", b"") for number in range(65_532))), tmp_path / "out.zip")
    assert caught.value.context[0].startswith("65,535 entries")
    assert not list(tmp_path.iterdir())


def test_as_many_entries_as_a_plain_zip_holds_are_written(tmp_path: Path) -> None:
    write_zip(manifest(*(file(f"{number}", b"") for number in range(65_531))), tmp_path / "out.zip")
    assert len(members(tmp_path / "out.zip")) == 65_534


def test_a_file_of_4_gib_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="zip64"):
        write_zip(manifest(source("x", tmp_path / "none", size=0xFFFF_FFFF)), tmp_path / "out.zip")
    assert not list(tmp_path.iterdir())


def test_a_zip_of_4_gib_is_refused_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipformat, "BYTES_MAX", 250_000)
    with pytest.raises(OutputError, match="zip64"):
        write_zip(manifest(*(file(name, NOISE) for name in "abc")), tmp_path / "out.zip")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("epoch", "told"),
    [
        (None, (1980, 1, 1, 0, 0, 0)),
        (0, (1980, 1, 1, 0, 0, 0)),
        (1_700_000_001, (2023, 11, 14, 22, 13, 20)),  # odd seconds are told as the even ones before
        (1 << 40, (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_the_time_is_told_in_utc(tmp_path: Path, epoch: int | None, told: tuple[int, ...]) -> None:
    write_zip(manifest(file("x")), tmp_path / "out.zip", epoch=epoch)
    assert {info.date_time for info in members(tmp_path / "out.zip").values()} == {told}


def test_source_date_epoch_is_a_number_or_nothing() -> None:
    assert epoch_of({}) is None
    assert epoch_of({"SOURCE_DATE_EPOCH": ""}) is None
    assert epoch_of({"SOURCE_DATE_EPOCH": "1700000001"}) == 1_700_000_001
    assert epoch_of({"SOURCE_DATE_EPOCH": "0" * 5000 + "7"}) == 7
    assert epoch_of({"SOURCE_DATE_EPOCH": "9" * 5000}) == 10**12 - 1
    for wrong in ("-1", "1.5", "today", "٣"):
        with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
            epoch_of({"SOURCE_DATE_EPOCH": wrong})


@pytest.mark.parametrize("write", [write_zip, write_tree])
def test_every_source_is_read_once(tmp_path: Path, write: Destination) -> None:
    data = tmp_path / "data"
    data.write_bytes(random.Random(2).randbytes(9_000_000) + bytes(9_000_000))
    plan = manifest(source("a", data), source("b", data), source("c", data))

    def bytes_read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    before = bytes_read()
    write(plan, tmp_path / "out")
    assert 3 <= (bytes_read() - before) / 18_000_000 < 3.1


class TestSources:
    """A source that is not what was planned."""

    def refused(self, entry: Entry, tmp_path: Path, kind: type[LambundleError]) -> str:
        told = set()
        for number, write in enumerate((write_zip, write_tree)):
            (tmp_path / "out").mkdir(exist_ok=True)
            with pytest.raises(kind, match=str(entry.source)) as caught:
                write(manifest(file("a"), entry, file("z")), tmp_path / "out" / str(number))
            assert caught.value.hint
            assert not list((tmp_path / "out").iterdir())
            told.add(caught.value.context[0])
        assert len(told) == 1
        return told.pop()

    def test_is_gone(self, tmp_path: Path) -> None:
        told = self.refused(source("x", tmp_path / "none", size=3), tmp_path, FileChangedError)
        assert told == "it is gone"

    @pytest.mark.parametrize("planned", [0, 6, 8, 1 << 22])
    def test_has_another_size(self, tmp_path: Path, planned: int) -> None:
        (tmp_path / "x").write_bytes(b"content")
        told = self.refused(source("x", tmp_path / "x", size=planned), tmp_path, FileChangedError)
        assert f"planned with {planned:,} bytes" in told

    def test_is_a_pipe_by_now(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "x")
        told = self.refused(source("x", tmp_path / "x", size=0), tmp_path, FileChangedError)
        assert told == "it is no longer a regular file"

    def test_cannot_be_read(self, tmp_path: Path) -> None:
        unreadable = Path("/proc/self/mem")  # root may open everything, but nothing is mapped at 0
        told = self.refused(source("x", unreadable), tmp_path, UnreadableFileError)
        assert told == "Input/output error"

    def test_is_written_to_meanwhile(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(b"content")

        class Touched(io.FileIO):
            def read(self, size: int | None = -1, /) -> bytes:
                os.utime(tmp_path / "x", ns=(1, time.time_ns()))
                return super().read(-1 if size is None else size)

        class Busy(DiskFiles):
            def _open(self, path: str) -> BinaryIO:
                return cast("BinaryIO", Touched(path))

        entry = Entry("x", Kind.FILE, 0o644, 7, source=Source(str(tmp_path / "x"), Busy()))
        told = self.refused(entry, tmp_path, FileChangedError)
        assert told == "it was written to while it was read"


@pytest.mark.usefixtures("_both_ways")
class TestWholeOrNot:
    """The target is complete or as it was, and nothing lies beside it."""

    def test_an_existing_file_is_replaced(self, tmp_path: Path) -> None:
        out = tmp_path / "out.zip"
        out.write_bytes(b"old")
        write_zip(manifest(file("x")), out)
        assert zipfile.is_zipfile(out)
        assert list(tmp_path.iterdir()) == [out]

    def test_a_link_is_written_through(self, tmp_path: Path) -> None:
        (tmp_path / "real.zip").write_bytes(b"old")
        (tmp_path / "link.zip").symlink_to("real.zip")
        write_zip(manifest(file("x")), tmp_path / "link.zip")
        assert (tmp_path / "link.zip").is_symlink()
        assert zipfile.is_zipfile(tmp_path / "real.zip")

    @pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
    def test_the_mode_follows_the_umask(self, tmp_path: Path, umask: int) -> None:
        old = os.umask(umask)
        try:
            write_zip(manifest(file("x")), tmp_path / "out.zip")
        finally:
            os.umask(old)
        assert stat.S_IMODE((tmp_path / "out.zip").stat().st_mode) == 0o666 & ~umask

    @pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError, OSError(5, "Input/output error")])
    @pytest.mark.parametrize("old", [b"old", None])
    def test_a_failure_leaves_what_was(self, tmp_path: Path, failure: BaseException, old: bytes | None) -> None:
        out = tmp_path / "out.zip"
        if old is not None:
            out.write_bytes(old)

        def progress(_: int) -> None:
            raise failure

        caught = OutputError if isinstance(failure, OSError) else failure
        with pytest.raises(caught):  # type: ignore[arg-type]
            write_zip(manifest(file("x", NOISE)), out, progress=progress)
        assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if old is None else [old])

    def test_writes_that_take_little_are_continued(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
        write_zip(manifest(file("x", NOISE[:5000])), tmp_path / "out.zip")
        with zipfile.ZipFile(tmp_path / "out.zip") as opened:
            assert opened.testzip() is None

    def test_a_very_long_name_fits(self, tmp_path: Path) -> None:
        out = tmp_path / ("n" * 251 + ".zip")
        for _ in range(2):
            write_zip(manifest(file("x")), out)
        assert list(tmp_path.iterdir()) == [out]


class TestOutput:
    """A target that cannot be written."""

    def test_no_such_directory(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="no such file or directory") as caught:
            write_zip(manifest(file("x")), tmp_path / "none" / "out.zip")
        assert "make the directory" in (caught.value.hint or "")

    def test_a_directory_has_the_name(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="is not a file"):
            write_zip(manifest(file("x")), tmp_path)

    def test_a_device_has_the_name(self) -> None:
        with pytest.raises(OutputError, match="is not a file"):
            write_zip(manifest(file("x")), Path("/dev/null"))

    def test_a_file_size_limit(self, tmp_path: Path) -> None:
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, old[1]))
        try:
            with pytest.raises(OutputError, match="file too large") as caught:
                write_zip(manifest(file("x", NOISE)), tmp_path / "out.zip")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        assert "ulimit" in (caught.value.hint or "")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("write", [write_zip, write_tree])
    def test_a_full_disk(self, tmp_path: Path, write: Destination) -> None:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path], check=False, capture_output=True
        )
        if mounted.returncode:
            pytest.skip("a small disk takes the right to mount one")
        try:
            with pytest.raises(OutputError, match="no space left on device") as caught:
                write(manifest(file("x", NOISE), file("y", NOISE)), tmp_path / "out")
            assert "it may need 1 MiB" in caught.value.context[0]
            assert not list(tmp_path.iterdir())
        finally:
            subprocess.run(["umount", tmp_path], check=True)


PROGRAM = """
import sys, time
from pathlib import Path
from lambundle.bundle.write import write_tree, write_zip
from lambundle.machine import own_file
from lambundle.bundle.model import Entry, Kind, Manifest, PackedOn
what, out, *sources = sys.argv[1:]
entries = [
    Entry(f"d/{number:03}-{Path(name).name}", Kind.FILE, 0o755, Path(name).stat().st_size, source=own_file(Path(name)))
    for number, name in enumerate(sources)
]
plan = Manifest("test", (), PackedOn("", "", ""), tuple(entries))
slow = [3]  # the first entry takes long to write, as on a slow disk: packing must wait for it
progress = (lambda _: slow and time.sleep(slow.pop())) if what == "rss" else (lambda _: print(flush=True))
(write_tree if what == "tree" else write_zip)(plan, Path(out), progress=progress)
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])  # ru_maxrss outlives exec
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(zipformat.__file__).parents[2])}


@pytest.fixture
def many(tmp_path: Path) -> list[Path]:
    """Return files of every size whose order on disk is not that of their names."""
    (tmp_path / "in").mkdir()
    noise = random.Random(3)
    found = []
    for number in noise.sample(range(60), 60):
        found.append(tmp_path / "in" / f"{number:02}")
        size = 4 ** noise.randrange(11)
        found[-1].write_bytes((noise.randbytes(size // 3 + 1) * 3)[:size])
    return sorted(found)


def files_in(out: Path) -> set[str]:
    """Names of all files of a bundle, each read to its end."""
    with open_bundle(out) as bundle:
        found = [member.path for member in bundle.members if member.kind is Kind.FILE]
        assert all(bundle.read(path) is not None for path in found)
    return {path.rpartition("/")[2] for path in found}


@pytest.mark.parametrize("what", ["zip", "tree"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment_leaves_nothing_half_written(
    tmp_path: Path, many: list[Path], what: str, number: signal.Signals
) -> None:
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "it"
    for after in (0, 1, 2, 20, 59):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, what, out, *many],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout
            for _ in range(after):
                assert process.stdout.readline()
            process.send_signal(number)
            process.stdout.read()
        assert process.returncode in {0, -number, 128 + number}
        left = {path.name for path in (tmp_path / "out").iterdir()}
        if process.returncode == 0:
            assert left == {"it"}
        if left == {"it"}:  # at the end, or the signal came after the last step: then the output is whole
            names = {f"{place:03}-{path.name}" for place, path in enumerate(many)}
            assert files_in(out) == names | {"manifest.json"}
            break
        assert "it" not in left
        if number is not signal.SIGKILL:
            assert not left
        elif what == "zip":
            assert not left or not atomic_supported(tmp_path)
        for path in (tmp_path / "out").iterdir():
            assert path.name.startswith(".it.")
            assert path.name.endswith(".tmp")
            shutil.rmtree(path) if path.is_dir() else path.unlink()  # or it lies beside what the next run finishes


def atomic_supported(directory: Path) -> bool:
    try:
        os.close(os.open(directory, os.O_WRONLY | os.O_TMPFILE))
    except OSError:
        return False
    return True


def test_the_bytes_are_the_same_whoever_packs_and_wherever(tmp_path: Path, many: list[Path]) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    again = []
    for path in reversed(many):  # the other order of creation gives another order in the directory
        again.append(copies / path.name)
        again[-1].write_bytes(path.read_bytes())
    ways = [
        (many, tmp_path, 0o022, {"TZ": "UTC", "PYTHONHASHSEED": "1", "LC_ALL": "C"}, 0),
        (
            again[::-1],
            Path("/"),
            0o077,
            {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8"},
            1,
        ),
        (many, copies, 0o000, {"TZ": "America/St_Johns", "PYTHONHASHSEED": "3", "HOME": "/none"}, 0),
    ]
    digests = set()
    for number, (sources, cwd, umask, environment, cores) in enumerate(ways):
        out = tmp_path / f"{number}.zip"
        subprocess.run(
            [sys.executable, "-c", PROGRAM, "zip", out, *sources],
            env={**ENVIRONMENT, **environment},
            cwd=cwd,
            umask=umask,
            check=True,
            stdout=subprocess.DEVNULL,
            preexec_fn=(lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})) if cores else None,
        )
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_memory_is_bounded_by_what_is_in_flight(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(random.Random(4).randbytes(24 << 20))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "rss", tmp_path / "out.zip", *[large] * 12],
        check=True,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    # KiB, for 288 MiB of files that do not get smaller: what is in flight twice, as read and as packed, and Python.
    assert int(done.stdout) < 240 << 10


def test_progress_counts_what_lambda_counts(tmp_path: Path) -> None:
    plan = manifest(file("x", b"123"), file("y", bytes(3 << 20)), link("l", "x"), folder("d"))
    for number, write in enumerate((write_zip, write_tree)):
        seen: list[int] = []
        written = write(plan, tmp_path / str(number), progress=seen.append)
        size = sum(entry.size for entry in plan.entries if entry.kind is not Kind.DIRECTORY)
        assert sum(seen) == size
        assert written.unzipped > size
