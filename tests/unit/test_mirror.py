"""The mirrored tree: every file at its own path, links relative and inside."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pytest

from lambundle.bundle.model import Entry, Kind, Reason
from lambundle.errors import DanglingLinkError, UsageError
from lambundle.gather.mirror import Mirror
from lambundle.machine import MemoryFiles
from tests import here

WHY = Reason("add", None, "test")


def entries(mirror: Mirror, top: Path) -> dict[str, Entry]:
    """Entries below ``top``, by their path below it."""
    prefix = f"root{top}/"
    return {entry.path.removeprefix(prefix): entry for entry in mirror.entries("root") if entry.path.startswith(prefix)}


def test_a_file_keeps_its_absolute_path_and_its_directories_are_entries(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "data"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"12345")
    mirror = here.mirror()
    assert mirror.add(str(file), WHY) == str(file)
    found = entries(mirror, tmp_path)
    assert {path: entry.kind for path, entry in found.items()} == {
        "a": Kind.DIRECTORY,
        "a/b": Kind.DIRECTORY,
        "a/b/data": Kind.FILE,
    }
    assert found["a/b/data"].size == 5
    assert found["a/b/data"].source == here.source(file)
    assert found["a/b/data"].reasons == (WHY,)
    assert found["a"].mode == 0o755


@pytest.mark.parametrize(("mode", "packed"), [(0o600, 0o644), (0o700, 0o755), (0o4755, 0o755), (0o640, 0o644)])
def test_modes_become_what_another_user_can_use_and_never_setuid(tmp_path: Path, mode: int, packed: int) -> None:
    file = tmp_path / "program"
    file.write_bytes(b"")
    file.chmod(mode)
    mirror = here.mirror()
    mirror.add(str(file), WHY)
    assert entries(mirror, tmp_path)["program"].mode == packed


def test_an_absolute_link_becomes_relative_to_the_root_and_its_target_comes_too(tmp_path: Path) -> None:
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "file").write_bytes(b"x")
    link = tmp_path / "deep" / "down" / "link"
    link.symlink_to(tmp_path / "file")
    mirror = here.mirror()
    assert mirror.add(str(link), WHY) == str(tmp_path / "file")
    found = entries(mirror, tmp_path)
    up = "../" * str(link.parent).count("/")
    assert found["deep/down/link"].target == f".//{up}{str(tmp_path)[1:]}/file"
    assert found["file"].reasons == found["deep/down/link"].reasons == (WHY,)


def test_a_link_of_a_directory_on_the_way_is_kept(tmp_path: Path) -> None:
    (tmp_path / "usr" / "lib").mkdir(parents=True)
    (tmp_path / "usr" / "lib" / "x").write_bytes(b"x")
    (tmp_path / "lib").symlink_to("usr/lib")
    mirror = here.mirror()
    mirror.add(str(tmp_path / "lib" / "x"), WHY)
    found = entries(mirror, tmp_path)
    assert found["lib"].target == "usr/lib"
    assert found["usr/lib/x"].kind is Kind.FILE
    assert "lib/x" not in found


def test_dots_after_a_link_lead_where_they_lead_on_disk(tmp_path: Path) -> None:
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "real" / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real/sub")
    mirror = here.mirror()
    assert mirror.add(f"{tmp_path}/link/../file", WHY) == str(tmp_path / "real" / "file")


def test_a_dangling_link_is_refused_and_says_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(DanglingLinkError, match=r"/link leads to .*/gone, which does not exist"):
        here.mirror().add(str(tmp_path / "link"), WHY)


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(DanglingLinkError, match="too many symbolic links"):
        here.mirror().add(str(tmp_path / "a"), WHY)


def test_a_missing_path_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        here.mirror().add(str(tmp_path / "none"), WHY)


def test_a_tree_brings_everything_below_and_what_its_links_lead_to(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    (top / "sub" / "file").write_bytes(b"1")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "inner").write_bytes(b"2")
    (top / "away").symlink_to(outside)
    (top / "dangling").symlink_to("nowhere")
    (top / "loop").symlink_to("..")
    mirror = here.mirror()
    files = mirror.add_tree(str(top), WHY)
    assert sorted(Path(file).name for file in files) == ["file", "inner"]
    assert "top/dangling" not in entries(mirror, tmp_path)
    assert entries(mirror, tmp_path)["outside/inner"].kind is Kind.FILE


@pytest.mark.parametrize(
    ("link", "target", "kept"),
    [
        ("/srv/app/log", "/dev/stdout", "/dev/stdout"),
        ("/srv/app/tmp", "../../tmp", "/tmp"),  # a directory of the packing machine with files of others in it
        ("/srv/app/cache", "/tmp/cache", "/tmp/cache"),
        ("/srv/app/later", "/tmp/not/yet", "/tmp/not/yet"),
        ("/srv/app/file", "/tmp/file", ".//../../tmp/file"),
        ("/tmp/app/cache", "/tmp/cache", ".//../../tmp/cache"),
        ("/srv/app/passwd", "/proc/self/root/etc/passwd", None),
        ("/srv/app/disk", "/dev/sda", None),
    ],
)
def test_a_link_to_a_place_of_the_host_leads_there_on_lambda_too(link: str, target: str, kept: str | None) -> None:
    files = MemoryFiles(
        {"/tmp/secret": "", "/tmp/file": "", "/tmp/cache/data": "", "/dev/stdout": "", "/dev/sda": ""},
        links={link: target},
        directories=("/proc/self/root/etc",),
    )
    mirror = Mirror(files)
    mirror.add_tree(posixpath.dirname(link), WHY)
    found = {entry.path: entry.target for entry in mirror.entries("") if entry.kind is not Kind.DIRECTORY}
    assert found.pop(link, None) == kept
    assert "/tmp/secret" not in found
    assert bool(found) == (kept is not None and kept.startswith("."))


def test_what_the_host_must_serve_is_never_packed() -> None:
    mirror = here.mirror()
    for path in ("/etc/passwd", "/etc/resolv.conf", "/proc/cpuinfo", "/dev/null", "/sys/kernel"):
        assert mirror.add(path, WHY) is None
    assert [entry for entry in mirror.entries("root") if entry.kind is not Kind.DIRECTORY] == []


def test_an_excluded_path_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"1")
    (tmp_path / "b.dat").write_bytes(b"2")
    mirror = here.mirror(lambda path: path.endswith(".dat"))
    mirror.add_tree(str(tmp_path), WHY)
    assert set(entries(mirror, tmp_path)) == {"a.txt"}


def test_two_reasons_are_kept_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    mirror = here.mirror()
    mirror.add(str(tmp_path / "x"), WHY)
    mirror.add(str(tmp_path / "x"), Reason("needed", "/bin/y", "x"))
    mirror.add(str(tmp_path / "x"), WHY)
    assert entries(mirror, tmp_path)["x"].reasons == (WHY, Reason("needed", "/bin/y", "x"))
