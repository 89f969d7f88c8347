"""The door: what the files of a machine answer is the same on a disk, below a root and in memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.machine import DiskFiles, Files, Machine, MemoryFiles, Source, at, escaped, here

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = {
    "/usr/bin/tool": b"#!/bin/sh\n",
    "/usr/lib/x/a.so": b"a",
    "/usr/lib/x/b.so.1": b"bb",
    "/usr/lib/x/deep/er/c.so": b"c",
    "/usr/lib/x/.hidden/d.so": b"d",
    "/etc/[odd]/name": b"odd",
    "/etc/secret": b"s",
}
LINKS = {
    "/bin": "usr/bin",
    "/lib": "/usr/lib",
    "/usr/bin/other": "/usr/bin/tool",
    "/usr/bin/up": "../../../../../usr/bin/tool",
    "/usr/bin/gone": "/nowhere/at/all",
    "/usr/bin/loop": "/usr/bin/pool",
    "/usr/bin/pool": "loop",
    "/usr/lib/x/here": ".",
    "/usr/lib/y": "x",
}
MODES = {"/etc/secret": 0o600}


def in_memory(_: Path) -> Files:
    """The machine of this module in memory."""
    return MemoryFiles(FILES, links=LINKS, modes=MODES)


def below_a_root(top: Path) -> Files:
    """The same machine as a directory of this one."""
    for path, data in FILES.items():
        place = top / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(MODES.get(path, 0o755 if "/bin/" in path else 0o644))
    for path, target in LINKS.items():
        (top / path[1:]).symlink_to(target)
    return DiskFiles(str(top))


@pytest.fixture(params=[in_memory, below_a_root])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """Files of the machine, each way it can be had."""
    make: Callable[[Path], Files] = request.param
    return make(tmp_path)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/bin/other", "/usr/bin/tool"),
        ("/bin/up", "/usr/bin/tool"),
        ("/bin/gone", "/nowhere/at/all"),
        ("/lib/y/here/../x/a.so", "/usr/lib/x/a.so"),
        ("/../../bin/tool", "/usr/bin/tool"),
        ("/bin/./tool", "/usr/bin/tool"),
        ("/nothing/../bin/tool", "/usr/bin/tool"),
        ("/", "/"),
        ("/bin/", "/usr/bin"),
    ],
)
def test_links_are_followed_within_the_machine(files: Files, path: str, real: str) -> None:
    assert files.real(path) == real


def test_a_loop_is_no_file_and_ends(files: Files) -> None:
    assert not files.exists("/bin/loop")
    assert files.lexists("/bin/loop")
    with pytest.raises(OSError, match="symbolic links"):
        files.stat("/bin/loop")


def test_a_path_of_thousands_of_directories_is_absent(files: Files) -> None:
    path = "/x" * 5000
    assert files.real(path) == path
    assert not files.exists(path)


def test_status_of_links_and_of_what_they_lead_to(files: Files) -> None:
    assert stat.S_ISLNK(files.lstat("/bin/other").st_mode)
    assert files.is_file("/bin/other")
    assert files.is_executable("/bin/other")
    assert files.is_readable("/bin/other")
    assert not files.is_executable("/lib/x/a.so")
    assert not files.is_executable("/bin")
    assert files.is_directory("/bin")
    assert files.is_link("/bin")
    assert not files.is_link("/bin/tool")
    assert not files.exists("/bin/gone")
    assert files.is_link("/bin/gone")
    assert files.readlink("/bin/up") == LINKS["/usr/bin/up"]
    with pytest.raises(FileNotFoundError):
        files.lstat("/bin/none")
    with pytest.raises(OSError, match="nvalid"):
        files.readlink("/bin/tool")


def test_names_that_no_file_can_have_are_absent(files: Files) -> None:
    for path in ("/a\0b", "/bin/tool\0", "/" + "x" * 300):
        assert not files.exists(path)
        assert not files.lexists(path)
        assert files.items(path) == ()
        assert files.content(path, 10) is None
        with pytest.raises(OSError):  # noqa: PT011  (which one is the system's business)
            files.open(path)


def test_identity_is_that_of_the_file(files: Files) -> None:
    assert files.identity("/bin/other") == files.identity("/usr/bin/tool") is not None
    assert files.identity("/bin/tool") != files.identity("/lib/x/a.so")
    assert files.identity("/bin/gone") is None


def test_secrets_are_not_public(files: Files) -> None:
    assert files.is_public("/lib/x/a.so")
    assert not files.is_public("/etc/secret")
    assert not files.is_public("/etc")


def test_directories(files: Files) -> None:
    found = {item.name: item for item in files.scan("/lib/x")}
    assert list(found) == [".hidden", "a.so", "b.so.1", "deep", "here"]
    assert found["a.so"].path == "/lib/x/a.so"
    assert found["deep"].is_directory
    assert found["here"].is_link
    assert not found["here"].is_directory
    assert files.names("/") == ["bin", "etc", "lib", "usr"]
    assert files.names("/nowhere") == []
    with pytest.raises(NotADirectoryError):
        files.scan("/bin/tool")


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("/lib/x/*.so", ["/lib/x/a.so"]),
        ("/lib/x/*.so*", ["/lib/x/a.so", "/lib/x/b.so.1"]),
        ("/lib/*/a.so", ["/lib/x/a.so", "/lib/y/a.so"]),
        ("/lib/x/[!a].so.?", ["/lib/x/b.so.1"]),
        ("/lib/x/deep/**/*.so", ["/lib/x/deep/er/c.so"]),
        ("/lib/x/deep/**", ["/lib/x/deep", "/lib/x/deep/er", "/lib/x/deep/er/c.so"]),
        ("/lib/x/.h*/*", ["/lib/x/.hidden/d.so"]),
        ("/usr/bin/g*", ["/usr/bin/gone"]),
        ("/bin/tool", ["/bin/tool"]),
        ("/bin/none", []),
        ("/nowhere/*", []),
        ("/bin/tool/*", []),
    ],
)
def test_globs(files: Files, pattern: str, paths: list[str]) -> None:
    assert files.glob(pattern) == paths


def test_an_odd_name_escaped_matches_itself_alone(files: Files) -> None:
    assert files.glob(f"{escaped('/etc/[odd]')}/*") == ["/etc/[odd]/name"]


def test_content(files: Files) -> None:
    assert files.content("/bin/other", 100) == b"#!/bin/sh\n"
    assert files.content("/bin/other", 3) is None
    assert files.content("/bin", 3) is None
    assert files.read("/bin/other", 3) == b"#!/"
    assert files.read("/bin", 3) == b""
    with Source("/lib/x/a.so", files).open() as file:
        assert file.read() == b"a"
    with files.mapped("/lib/y/b.so.1") as data:
        assert data[:] == b"bb"
    with files.mapped("/nowhere") as data:
        assert data[:] == b""
    with pytest.raises(IsADirectoryError):
        files.open("/bin")


def test_no_link_leads_out_of_a_root(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    top = tmp_path / "root"
    top.mkdir()
    (top / "absolute").symlink_to(tmp_path / "secret")
    (top / "relative").symlink_to("../secret")
    (top / "directory").symlink_to("..")
    files = DiskFiles(str(top))
    for path in ("/absolute", "/relative", "/directory/secret", "/../secret"):
        assert not files.exists(path)
        assert not files.is_readable(path)
        assert files.content(path, 100) is None
    assert files.names("/directory") == ["absolute", "directory", "relative"]


def test_a_link_put_there_meanwhile_is_not_followed_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    top = tmp_path / "root"
    top.mkdir()
    (top / "file").write_text("inside")
    files = DiskFiles(str(top))
    assert files.is_file("/file")
    (top / "file").unlink()
    (top / "file").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        files.open("/file")


def test_a_pipe_does_not_hang_and_holds_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    files = DiskFiles(str(tmp_path))
    assert files.content("/pipe", 10) is None
    assert files.read("/pipe", 10) == b""


def test_the_first_answer_is_remembered(tmp_path: Path) -> None:
    files = DiskFiles(str(tmp_path))
    assert not files.exists("/late")
    (tmp_path / "late").write_text("x")
    assert not files.exists("/late")
    assert DiskFiles(str(tmp_path)).exists("/late")


def test_this_machine_answers_as_the_kernel_does() -> None:
    files = DiskFiles()
    for path in ("/bin/sh", "/lib64", "/etc/os-release", "/proc/self/exe", "/usr/bin/../bin/env"):
        assert files.real(path) == os.path.realpath(path)
        assert files.exists(path) == Path(path).exists()


def test_a_machine_below_a_root_has_nothing_of_this_one(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("# made up\nPRETTY_NAME='Made Up 1'\nID=made\n")
    machine = at(str(tmp_path))
    assert machine.distribution == "Made Up 1"
    assert machine.os_release["ID"] == "made"
    assert dict(machine.variables) == {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    assert (machine.directory, machine.home_directory, machine.is_here) == ("/", "", False)
    assert at("/").is_here
    assert here().is_here


def test_a_machine_in_memory() -> None:
    machine = Machine(MemoryFiles(), {"PATH": "/a:/b"}, "/work")
    assert machine.search == ("/a", "/b")
    assert machine.distribution == "Linux"
    assert machine.absolute("../x") == "/x"
    assert not machine.is_here


def test_names_of_one_file_in_memory() -> None:
    files = MemoryFiles({"/usr/bin/git": b"x"}, hard_links={"/usr/lib/git": "/usr/bin/git"}, sizes={"/usr/bin/git": 9})
    assert files.identity("/usr/lib/git") == files.identity("/usr/bin/git")
    assert files.stat("/usr/lib/git").st_nlink == 2
    assert files.size("/usr/lib/git") == 9
    assert files.read("/usr/lib/git", 9) == b"x"
