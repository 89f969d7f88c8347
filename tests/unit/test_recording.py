"""What a recording keeps and leaves out, and how logs are read, without running anything."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.machine import DiskFiles
from lambundle.recording import filter as recording_filter
from lambundle.recording.filter import Bounds, choose, choose_directories
from lambundle.recording.seen import Seen
from lambundle.recording.strace_log import read_strace
from lambundle.recording.trace import read_trace
from tests import here

if TYPE_CHECKING:
    from collections.abc import Iterator

START = "/mark/start"
NEVER = 1 << 63


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that everybody may search and that counts as one of the system's."""
    monkeypatch.setattr(recording_filter, "TEMPORARY", ("/tmp", "/run", "/var/run"))
    with tempfile.TemporaryDirectory(prefix="lambundle-test-", dir="/var/tmp") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def write(path: Path, mode: int = 0o644) -> str:
    """Make a file with the directories above it."""
    for directory in reversed(path.parents):
        if not directory.exists():
            directory.mkdir()
            directory.chmod(0o755)
    path.write_text("x")
    path.chmod(mode)
    return str(path)


def bounds(*homes: str, directory: str = "/nowhere", own: tuple[str, ...] = (), since: int = NEVER) -> Bounds:
    return Bounds(directory, homes, own, since)


# ---- choosing ----


def test_files_and_links_are_taken_as_they_were_asked_for(place: Path) -> None:
    file = write(place / "lib/file")
    link, to_directory = place / "link", place / "dir"
    link.symlink_to("lib/file")
    to_directory.symlink_to("lib")
    odd = f"{place}/lib/../lib/file"
    asked = [file, str(link), str(to_directory), f"{to_directory}/file", odd, f"{place}//lib/./file", f"{place}/lib/"]
    chosen, notes = choose(DiskFiles(), asked, bounds())
    assert chosen == tuple(sorted({file, str(link), str(to_directory), f"{to_directory}/file", odd}))
    assert notes == ()


def test_what_is_no_file_is_left_out_without_a_word(place: Path) -> None:
    os.mkfifo(place / "fifo")
    (place / "dangling").symlink_to("gone")
    (place / "loop").symlink_to("loop")
    (place / "device").symlink_to("/dev/null")
    (place / "here").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "socket"))
    names = ["fifo", "dangling", "loop", "device", "here", "socket", "none", "nul\0"]
    assert choose(DiskFiles(), [f"{place}/{name}" for name in names], bounds()) == ((), ())


def test_the_hosts_own_files_are_left_out_without_a_word() -> None:
    paths = ["/proc/self/status", "/proc/version", "/etc/passwd", "/etc/hosts", "/etc/ld.so.cache", "/etc/shadow"]
    odd = ["/etc/../etc/passwd", "/usr/../proc/version", "/etc/passwd-", "/usr/lib/locale/locale-archive"]
    assert choose(DiskFiles(), [*paths, *odd], bounds()) == ((), ())


@pytest.mark.parametrize("where", ["home", "directory"])
def test_private_places_are_left_out_with_one_note(place: Path, where: str) -> None:
    private, system = place / "me", place / "usr"
    files = [write(private / name) for name in ("a", "b", "deep/c")]
    system.mkdir(mode=0o755)
    inward = system / "link"
    inward.symlink_to(private / "a")
    sibling = write(place / "mechanic/file")
    around = f"{system}/../me/b"
    limits = bounds(str(private)) if where == "home" else bounds(directory=str(private))
    chosen, notes = choose(DiskFiles(), [*files, str(inward), around, sibling], limits)
    assert chosen == (sibling,)
    which = "in the working directory" if where == "directory" else f"under {private}"
    assert notes == (
        (
            f"5 files {which} were left out ({private}/a): files there may be private; "
            "add what is needed with --add PATH"
        ),
    )


def test_a_private_place_is_known_by_its_other_name_too(place: Path) -> None:
    file = write(place / "disk/me/file")
    (place / "home").symlink_to("disk")
    limits = bounds(str(place / "home/me"))
    assert choose(DiskFiles(), [file, f"{place}/home/me/file"], limits)[0] == ()


def test_a_link_out_of_a_private_place_is_left_out(place: Path) -> None:
    file = write(place / "usr/file")
    (place / "me").mkdir()
    link = place / "me/link"
    link.symlink_to(file)
    assert choose(DiskFiles(), [str(link), file], bounds(str(place / "me")))[0] == (file,)


@pytest.mark.parametrize("where", ["/tmp", "/var/tmp"])
def test_homes_and_temporary_places_are_left_out_for_everybody(where: str) -> None:
    with tempfile.NamedTemporaryFile(dir=where) as file:
        chosen, [note] = choose(DiskFiles(), [file.name], bounds())
    assert chosen == ()
    assert note.startswith(f"1 file under {where} was left out ({file.name}): files there are temporary;")
    assert set(recording_filter.PRIVATE) == {"/root", "/home"}
    assert {"/tmp", "/var/tmp", "/run", "/var/run", "/var/log"} <= set(recording_filter.TEMPORARY)


@pytest.mark.parametrize("everything", [bounds("/"), bounds(directory="/")])
def test_the_root_as_home_or_working_directory_does_not_hide_everything(place: Path, everything: Bounds) -> None:
    file = write(place / "file")
    assert choose(DiskFiles(), [file], everything) == ((file,), ())


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o751, 0o000])
def test_what_not_everybody_may_read_is_left_out(place: Path, mode: int) -> None:
    guarded, link = write(place / "key", mode), place / "link"
    link.symlink_to("key")
    chosen, notes = choose(DiskFiles(), [guarded, str(link)], bounds())
    assert chosen == ()
    assert notes == (
        (
            f"2 files that not everybody may read were left out ({guarded}): it may be secret; "
            "add what is needed with --add PATH"
        ),
    )


def test_what_lies_in_a_directory_that_is_not_everybodys_is_left_out(place: Path) -> None:
    guarded = write(place / "private/deep/key")
    (place / "private").chmod(0o710)
    chosen, [note] = choose(DiskFiles(), [guarded], bounds())
    assert (chosen, "not everybody" in note) == ((), True)
    (place / "private").chmod(0o711)
    assert choose(DiskFiles(), [guarded], bounds()) == ((guarded,), ())


def test_results_are_left_out(place: Path) -> None:
    old, since = write(place / "old"), time.time_ns()
    time.sleep(0.02)
    new, moved = write(place / "new"), place / "moved"
    Path(write(place / "work/x")).rename(moved)
    os.utime(moved, (1, 1))
    chosen, [note] = choose(DiskFiles(), [old, new, str(moved)], bounds(since=since))
    assert chosen == (old,)
    assert note.startswith("2 files that the command made or changed were left out")
    # In a private place nobody has to hear of them.
    assert choose(DiskFiles(), [new], bounds(str(place), since=since)) == ((), ())


def test_the_recordings_own_files_are_left_out_without_a_word(place: Path) -> None:
    assert choose(DiskFiles(), [write(place / "own/trace")], bounds(own=(f"{place}/own",))) == ((), ())


def test_a_name_that_is_no_text_can_be_told(place: Path) -> None:
    name = os.fsdecode(os.fsencode(place / "me") + b"/n\xff\n")
    write(Path(name))
    [note] = choose(DiskFiles(), [name], bounds(str(place / "me")))[1]
    assert "\\xff" in note.encode().decode()


def test_directories_are_kept_out_of_private_places_too(place: Path) -> None:
    for name in ("usr", "me", "guarded"):
        (place / name).mkdir()
        (place / name).chmod(0o755 if name != "guarded" else 0o750)
    file = write(place / "file")
    asked = [f"{place}/{name}" for name in ("usr/", "usr/.", "me", "guarded", "none")]
    assert choose_directories(DiskFiles(), [*asked, file, "/proc", "/proc/self", "/tmp"], bounds(f"{place}/me")) == (
        f"{place}/usr",
    )


# ---- strace's log ----


def strace(tmp_path: Path, *lines: str, mark: bool = True) -> tuple[list[str], list[str], list[str]]:
    """Files, executed files and directories of a log."""
    log = tmp_path / "log"
    start = f'1 openat(AT_FDCWD</w>, "{START}", O_RDONLY) = 3<{START}>'
    text = "\n".join([start, *lines] if mark else lines) + "\n"
    log.write_bytes(text.encode("latin-1"))
    seen = Seen()
    assert read_strace(here.machine(directory=str(Path.cwd())), str(log), START, seen) is mark
    return [path for path in seen.files if path != START], list(seen.executed), list(seen.directories)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('1 openat(AT_FDCWD</w>, "/a", O_RDONLY|O_CLOEXEC) = 3</a>', "/a"),
        ('1 openat(AT_FDCWD</w>, "a/b", O_RDONLY) = 3</w/a/b>', "/w/a/b"),
        ('1 openat(5</x y>, "a", O_RDONLY) = 3</x y/a>', "/x y/a"),
        ('1 openat(5</x>(deleted), "a", O_RDONLY) = 3</x/a>', "/x/a"),
        ('1 openat2(AT_FDCWD</w>, "/a", {flags=O_RDONLY, resolve=0}, 24) = 3</a>', "/a"),
        ('1 access("/a", R_OK)                = 0', "/a"),
        ('1 readlink("/a", ""..., 4095) = 12', "/a"),
        ('1 newfstatat(AT_FDCWD</w>, "/a", {st_mode=S_IFREG|0644, st_size=0, ...}, 0) = 0', "/a"),
        ('1 statx(AT_FDCWD</w>, "/a", AT_STATX_SYNC_AS_STAT, STATX_ALL, {stx_mask=0x1}) = 0', "/a"),
        ('12345   stat("/a", {st_mode=S_IFREG}) = 0', "/a"),
        (r'1 stat("/a\"b\\c\n\t\r\v\f\1x\0012\377\303\251", {}) = 0', '/a"b\\c\n\t\r\v\f\x01x\x012\udcffé'),
        (r'1 stat("/\x61\x0a", {}) = 0', "/a\n"),
        ('1 stat("/a) = -1 ENOENT (x)", {}) = 0', "/a) = -1 ENOENT (x)"),
        ('1 openat(AT_FDCWD</w>, "/a) = -1 E (x)", O_RDONLY) = 3</a) = -1 E (x)>', "/a) = -1 E (x)"),
        (r'1 openat(5</x\76, \42y\42>, "a", O_RDONLY) = 3</x\76, \42y\42/a>', '/x>, "y"/a'),
        ('1 openat(AT_FDCWD</w>, "/proc/self/cwd/a", O_RDONLY) = 3</w/a>', "/w/a"),
        ('1 openat(AT_FDCWD</w>, "/dev/fd/9", O_RDONLY) = 3</x/script>', "/x/script"),
    ],
)
def test_names_are_read(tmp_path: Path, line: str, found: str) -> None:
    assert strace(tmp_path, line) == ([found], [], [])


@pytest.mark.parametrize(
    "line",
    [
        '1 openat(AT_FDCWD</w>, "/a", O_RDONLY) = -1 ENOENT (No such file or directory)',
        '1 openat(AT_FDCWD</w>, "/a", O_RDONLY) = -1 EACCES (Permission denied)',
        '1 openat(AT_FDCWD</w>, "/a", O_RDONLY) = ?',
        '1 execve("/a", [...], 0x7ff /* 39 vars */) = -1 ENOEXEC (Exec format error)',
        '1 newfstatat(3</a>, "", {st_mode=S_IFREG}, AT_EMPTY_PATH) = 0',
        "1 openat(AT_FDCWD</w>, NULL, O_RDONLY) = 3</a>",
        '1 openat(3<socket:[12]>, "a", O_RDONLY) = 4</a>',
        '1 openat(3, "a", O_RDONLY) = 4</a>',
        '1 unlink("/a") = 0',
        '1 rename("/a", "/b") = 0',
        '1 mkdir("/a", 0777) = 0',
        '1 stat("/a", {st_mode=S_IFREG',
        "1 +++ exited with 0 +++",
        "1 --- SIGCHLD {si_signo=SIGCHLD, si_status=0} ---",
        "[ Process PID=1 runs in 32 bit mode. ]",
        "",
        "\0\xff",
    ],
)
def test_what_failed_or_only_changed_is_not_read(tmp_path: Path, line: str) -> None:
    assert strace(tmp_path, line) == ([], [], [])


def test_calls_that_were_interrupted_are_joined(tmp_path: Path) -> None:
    lines = [
        '1 openat(AT_FDCWD</w>, "/a",  <unfinished ...>',
        '2 openat(AT_FDCWD</w>, "/b", O_RDONLY <unfinished ...>',
        "1 <... openat resumed>O_RDONLY) = 3</a>",
        "2 <... openat resumed>) = -1 ENOENT (No such file or directory)",
        "3 <... openat resumed>) = 3</lost>",
        '4 stat("/never", <unfinished ...>',
    ]
    assert strace(tmp_path, *lines)[0] == ["/a"]


def test_a_thread_that_becomes_another_program_is_executed(tmp_path: Path) -> None:
    lines = [
        '2 execve("/bin/echo", [...], 0x7ff /* 38 vars */ <pid changed to 1 ...>',
        "1 +++ superseded by execve in pid 2 +++",
        "1 <... execve resumed>) = -1 (errno 18446744073709551595)",
        '3 execveat(4</bin/true>, "", [...], 0x7ff, AT_EMPTY_PATH) = 0',
    ]
    assert strace(tmp_path, *lines)[1] == ["/bin/echo", "/bin/true"]


def test_relative_names_follow_each_process(tmp_path: Path) -> None:
    lines = [
        '1 openat(AT_FDCWD</w>, "/a", O_RDONLY) = 3</a>',
        '1 chdir("/p") = 0',
        "1 vfork( <unfinished ...>",
        '2 access("by-child", F_OK) = 0',
        '2 chdir("deeper") = 0',
        '2 execve("./program", [...], 0x7ff) = 0',
        "1 <... vfork resumed>) = 2",
        '1 access("by-parent", F_OK) = 0',
        "1 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, stack=0x1} => {parent_tid=[3]}, 88) = 3",
        "3 fchdir(5</q>) = 0",
        '1 access("by-thread", F_OK) = 0',
        '1 chdir("..") = 0',
        '1 access("x", F_OK) = 0',
    ]
    files, executed, _ = strace(tmp_path, *lines)
    assert files == ["/a", "/p/by-child", "/p/deeper/./program", "/p/by-parent", "/q/by-thread", "/x"]
    assert executed == ["/p/deeper/./program"]


def test_directories_that_were_listed_have_the_name_asked_for(tmp_path: Path) -> None:
    lines = [
        '1 openat(AT_FDCWD</w>, "/lib/x", O_RDONLY|O_DIRECTORY) = 3</usr/lib/x>',
        "1 getdents64(3</usr/lib/x>, 0x55 /* 126 entries */, 32768) = 4232",
        "1 getdents64(3</usr/lib/x>, 0x55 /* 0 entries */, 32768) = 0",
        "1 getdents64(4</handed/over>, 0x55 /* 3 entries */, 32768) = 42",
    ]
    assert strace(tmp_path, *lines)[2] == ["/lib/x", "/handed/over"]


def test_nothing_counts_before_the_mark(tmp_path: Path) -> None:
    assert strace(tmp_path, '1 access("/a", F_OK) = 0', mark=False) == ([], [], [])


# ---- the runtime's trace ----


def trace(tmp_path: Path, *lines: str) -> tuple[bool, list[str], list[str], list[str]]:
    """Whether the mark was found; files, executed files and directories of a trace."""
    path = tmp_path / "trace"
    path.write_bytes("".join(f"{line}\n" for line in lines).replace(" ", "\t").encode("latin-1"))
    seen = Seen()
    marked = read_trace(DiskFiles(), str(path), START, seen)
    return marked, list(seen.files), list(seen.executed), list(seen.directories)


MARK = f"1 lookup nowhere open64 {START}"


def test_records_of_a_trace_are_read(tmp_path: Path) -> None:
    found = trace(
        tmp_path,
        "1 lookup host open64 /before",
        MARK,
        "1 lookup host stat64 /a\\x20\\x5c\\x0a\xff",
        "1 lookup nowhere stat64 /later",
        "1 lookup host opendir /d",
        "1 lookup host open64 /usr",
        "1 lookup host unlink /x",
        "1 lookup host rename /x",
        "1 lookup host bindtextdomain /x",
        "1 lookup host dlopen relative",
        "1 exec host /nowhere/sh",
        "1 exec host /bin/sh",
        "2 object /lib/x.so",
        "x object /no",
        "3",
        "",
    )
    assert found == (True, ["/a \\\n\udcff", "/later", "/bin/sh", "/lib/x.so"], ["/bin/sh"], ["/d", "/usr"])


def test_the_shells_own_objects_are_not_the_commands(tmp_path: Path) -> None:
    found = trace(tmp_path, "1 start ", MARK, "1 object /shell.so", "1 start ", "1 object /program.so")
    assert found[1] == ["/program.so"]


def test_a_trace_without_the_mark_is_none(tmp_path: Path) -> None:
    assert trace(tmp_path, "1 start ", "1 lookup host open64 /a") == (False, [], [], [])
