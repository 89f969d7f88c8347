"""Recording: runs a command of the user's here and says which files it used.

Two methods. ``strace`` sees every program, static ones too, and what libc opens by itself; it needs to be
installed and ptrace to be allowed. Where it is not, lambundle's own runtime is preloaded and writes its trace
(``runtime/src/trace.c``); it sees what passes libc's functions, and the recording says what that leaves out.

Nothing recorded is taken blindly: ``choose`` keeps what may be private, temporary or the host's own out.
"""

from __future__ import annotations

import os
import posixpath
import pwd
import re
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from lambundle import runtime
from lambundle.elf import read_elf
from lambundle.errors import LambundleError, RecordingError
from lambundle.mirror import HOST_FILES, KERNEL_TREES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SHELL = "/bin/sh"

TEMPORARY = ("/tmp", "/var/tmp", "/run", "/var/run", "/var/log")  # noqa: S108
"""Nothing that lies here lasts, and some of it is nobody else's business."""

PRIVATE = ("/root", "/home")
"""Homes, whoever the user is."""

HOST_ONLY = HOST_FILES | {
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/security/opasswd",
    "/etc/shadow-",
    "/etc/subgid",
    "/etc/subuid",
    "/usr/lib/locale/locale-archive",  # large, and a bundle has a locale of its own
}
"""Left to the host without a word: every program looks at some of them, and none belongs into a bundle."""

LINGER = 2.0
"""Seconds for which processes in the background may outlive their command under strace."""

SHEBANG_MAX = 256
"""Bytes of the first line that Linux reads (BINPRM_BUF_SIZE)."""

NESTED_SCRIPTS = 5
"""Scripts interpreted by scripts that Linux follows."""

_OTHERS_READ, _OTHERS_SEARCH = stat.S_IROTH, stat.S_IXOTH
_CLOCK_TICK = 0.02
"""Longer than the kernel's clock for time stamps stands still."""


class Method(StrEnum):
    """How a command is recorded."""

    STRACE = "strace"
    RUNTIME = "runtime"


@dataclass(frozen=True, slots=True)
class Recording:
    """What commands used, sorted: absolute paths as they were asked for, links and ``..`` not resolved.

    ``files`` were opened, looked at, executed or mapped, and are regular files or links that lead
    somewhere; ``executed``, part of ``files``, are the programs, scripts and scripts' interpreters;
    ``directories`` were listed. ``status`` is each command's, as a shell gives it (128 + N for a signal).
    ``notes`` say what could not be seen, and what was left out and why.
    """

    files: tuple[str, ...]
    directories: tuple[str, ...]
    executed: tuple[str, ...]
    status: tuple[int, ...]
    notes: tuple[str, ...]
    method: Method


def record(commands: Sequence[str], *, home: Path | None = None, method: Method | None = None) -> Recording:
    """Run shell commands, one after the other, in the current directory, and say which files they used.

    They have the user's environment, stdin and stderr; their stdout goes to stderr too, since ours is for
    answers. ``home`` is the directory that is private beside the usual ones: the user's, unless given.
    ``method`` is chosen by what this machine allows unless it is given.

    A command that fails is no error here: see ``status``. Raises RecordingError where a command cannot be
    started, nothing is recorded of it, or the method asked for does not work.
    """
    with tempfile.TemporaryDirectory(prefix="lambundle-record-") as own:
        start = Path(own, "start")
        start.touch()
        time.sleep(_CLOCK_TICK)  # what the command makes gets a later time stamp than `start`
        recorder, notes = _recorder(method, own)
        seen = _Seen()
        status = tuple(recorder.run(command, str(start), seen) for command in commands)
        _add_interpreters(seen)
        homes = _homes() if home is None else (str(home),)
        bounds = Bounds(str(Path.cwd()), homes, (own, str(runtime.BUILT)), start.stat().st_ctime_ns)
        files, left_out = choose(seen.files, bounds)
        directories = choose_directories(seen.directories, bounds)
    chosen = frozenset(files)
    return Recording(
        files=files,
        directories=directories,
        executed=tuple(sorted(chosen.intersection(map(_tidy, seen.executed)))),
        status=status,
        notes=(*notes, *recorder.notes(seen), *left_out),
        method=recorder.method,
    )


def _homes() -> tuple[str, ...]:
    homes = {os.environ.get("HOME", "")}
    with suppress(KeyError):  # a user whom nobody knows, as in many containers
        homes.add(pwd.getpwuid(os.getuid()).pw_dir)
    return tuple(sorted(home for home in homes if home.startswith("/")))


class _Seen:
    """Everything that was seen of the commands; dictionaries keep the order and forget repetitions."""

    def __init__(self) -> None:
        self.files: dict[str, None] = {}
        self.directories: dict[str, None] = {}
        self.executed: dict[str, None] = {}

    def execute(self, path: str) -> None:
        self.files[path] = self.executed[path] = None


# ---- which of it to take ----


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a recording must keep out, beside what is the same for everybody.

    ``directory`` is the working directory, ``homes`` the user's, ``own`` the places of the recording itself.
    A file whose status changed after ``since`` (``st_ctime_ns``) is a result of the command.
    """

    directory: str
    homes: tuple[str, ...]
    own: tuple[str, ...] = ()
    since: int = 1 << 63


class _Group(NamedTuple):
    """Files left out for one reason: which, and why."""

    which: str
    why: str


_MADE = _Group("that the command made or changed", "it is a result")
_GUARDED = _Group("that not everybody may read", "it may be secret")


def choose(paths: Iterable[str], bounds: Bounds) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of recorded paths, those that a bundle may hold, sorted; and a note for each group that was left out.

    No note is made of what is no file, or is never a bundle's: the kernel's trees, the host's own files.
    """
    chooser = _Chooser(bounds)
    chosen: set[str] = set()
    groups: dict[_Group, list[str]] = {}
    for path in sorted(set(map(_tidy, paths))):
        verdict = chooser.judge(path)
        if verdict is True:
            chosen.add(path)
        elif verdict is not False:
            groups.setdefault(verdict, []).append(path)
    return tuple(sorted(chosen)), tuple(_note(group, groups[group]) for group in sorted(groups))


def choose_directories(paths: Iterable[str], bounds: Bounds) -> tuple[str, ...]:
    """Of directories that were listed, those that a bundle may hold, sorted."""
    chooser = _Chooser(bounds)
    return tuple(path for path in sorted(set(map(_tidy, paths))) if chooser.judge_directory(path))


def _tidy(path: str) -> str:
    """The same path without empty components and ``.``; ``..`` stays, as it means something behind a link."""
    return "/" + "/".join(name for name in path.split("/") if name not in ("", "."))


def _note(group: _Group, paths: Sequence[str]) -> str:
    example = os.fsencode(paths[0]).decode("utf-8", "backslashreplace")
    count = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    were = "was left out" if len(paths) == 1 else "were left out"
    return f"{count} {group.which} {were} ({example}): {group.why}; add what is needed with --add PATH"


def _below(path: str, root: str) -> bool:
    # Of "/" as a home or the working directory only its own files count: else nothing would be left.
    return posixpath.dirname(path) == "/" if root == "/" else path == root or path.startswith(f"{root}/")


class _Chooser:
    """Judges paths, each by its name and by where its links lead: neither may be a place to keep out of."""

    def __init__(self, bounds: Bounds) -> None:
        self._since = bounds.since
        self._silent = _both_names((*KERNEL_TREES, *bounds.own))
        self._roots: dict[str, _Group] = {}
        self._searchable: dict[str, bool] = {"/": True}
        private = "what lies there may be private"
        self._keep_out(bounds.directory, _Group("in the working directory", private))
        for root in (*bounds.homes, *PRIVATE):
            self._keep_out(root, _Group(f"under {root}", private))
        for root in TEMPORARY:
            self._keep_out(root, _Group(f"under {root}", "what lies there does not last"))

    def _keep_out(self, root: str, group: _Group) -> None:
        for name in _both_names((root,)):
            self._roots.setdefault(name, group)

    def judge(self, path: str) -> bool | _Group:
        """Whether to take a file, or the group with which it is left out."""
        try:
            return self._judge(path, os.lstat(path), os.stat(path))
        except (OSError, ValueError):
            return False  # gone again, or a link that leads nowhere

    def _judge(self, path: str, here: os.stat_result, status: os.stat_result) -> bool | _Group:
        is_link = stat.S_ISLNK(here.st_mode)
        if not stat.S_ISREG(status.st_mode) and not (is_link and stat.S_ISDIR(status.st_mode)):
            return False
        names = _both_names((path,))
        if self._is_of_the_host(names):
            return False
        root = self._root_of(names)
        if max(here.st_ctime_ns, status.st_ctime_ns if stat.S_ISREG(status.st_mode) else 0) > self._since:
            return _MADE if root is None else False
        if root is not None:
            return root
        return True if self._everybody_reads(os.path.realpath(path), status.st_mode) else _GUARDED

    def judge_directory(self, path: str) -> bool:
        """Whether a directory may be spoken of."""
        names = _both_names((path,))
        if self._is_of_the_host(names) or self._root_of(names) is not None:
            return False
        try:
            mode = os.stat(path).st_mode
            return stat.S_ISDIR(mode) and self._everybody_reads(os.path.realpath(path), mode)
        except OSError:
            return False

    def _is_of_the_host(self, names: Iterable[str]) -> bool:
        return any(name in HOST_ONLY or any(_below(name, tree) for tree in self._silent) for name in names)

    def _root_of(self, names: Sequence[str]) -> _Group | None:
        return next((group for root, group in self._roots.items() if any(_below(name, root) for name in names)), None)

    def _everybody_reads(self, real: str, mode: int) -> bool:
        return bool(mode & _OTHERS_READ) and self._everybody_searches(posixpath.dirname(real))

    def _everybody_searches(self, directory: str) -> bool:
        known = self._searchable.get(directory)
        if known is None:
            known = bool(os.stat(directory).st_mode & _OTHERS_SEARCH) and self._everybody_searches(
                posixpath.dirname(directory)
            )
            self._searchable[directory] = known
        return known


def _both_names(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for path in paths for name in (os.path.normpath(path), os.path.realpath(path))))


# ---- what the kernel opens when it starts a program ----


def _add_interpreters(seen: _Seen) -> None:
    """Add scripts' interpreters and programs' loaders: the kernel opens them, so no method sees it."""
    for path in list(seen.executed):
        at = path
        for _ in range(NESTED_SCRIPTS):
            interpreter = _shebang(at)
            if interpreter is None:
                break
            seen.execute(at := interpreter)
        loader = _loader(at)
        if loader is not None:
            seen.files[loader] = None


def _shebang(path: str) -> str | None:
    """The interpreter that the kernel starts for a script: ``env`` itself where the script says so."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(SHEBANG_MAX)
    except OSError:
        return None
    words = head[2:].partition(b"\n")[0].split() if head.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words and words[0].startswith(b"/") else None


def _loader(path: str) -> str | None:
    try:
        return read_elf(path).interpreter
    except LambundleError:
        return None  # a script without a first line, for example


# ---- running ----


_Recorder: TypeAlias = "_Strace | _Runtime"

_UNSEEN = (
    "recorded with lambundle's runtime, which does not see what libc opens by itself (locales, character sets, name "
    "service), static programs, what is started with an emptied environment, and what goes on after the command"
)


def _recorder(method: Method | None, own: str) -> tuple[_Recorder, tuple[str, ...]]:
    """The way to record, and notes on why it is not the better one."""
    if method is Method.RUNTIME:
        return _runtime_recorder(own), (_UNSEEN,)
    command, obstacle = _usable_strace(own)
    if command:
        return _Strace(own, command), ()
    if method is Method.STRACE:
        raise RecordingError(f"strace cannot be used: {obstacle}", hint="install strace, or allow ptrace")
    return _runtime_recorder(own), (f"{obstacle}: {_UNSEEN}",)


def _script(command: str, start: str) -> str:
    # Opening `start` marks where the shell's own beginning ends: the shell is our means, not the command's.
    # On a line of its own, so that the mark is there even if the command cannot be parsed.
    return f":<{shlex.quote(start)}\n{command}"


def _start(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(arguments, stdout=2, env=environment)
    except (OSError, ValueError) as error:
        raise RecordingError(f"{arguments[0]} cannot be started: {error}") from error


def _shell_status(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode


def _nothing_recorded(command: str, method: Method) -> RecordingError:
    hint = "install strace, or allow ptrace" if method is Method.RUNTIME else "see what strace says above"
    return RecordingError(f"nothing could be recorded of: {command}", hint=hint)


# ---- strace ----

_STRACE_OPTIONS = (
    "-f",
    "-q",
    "-y",
    "-s0",  # of contents nothing is wanted; names are written in full whatever this says
    # What is mapped was opened before, so mmap, which is frequent, is not asked for.
    "-etrace=file,?fork,?vfork,?clone,?clone3,fchdir,?getdents,getdents64",
)


def _usable_strace(own: str) -> tuple[tuple[str, ...], str]:
    """The beginning of a command line that traces, or none and what is in the way."""
    program = shutil.which("strace")
    if program is None:
        return (), "strace is not installed"
    obstacle = ""
    for quick in ("--seccomp-bpf", None):  # without it every system call stops the program
        command = (program, *((quick,) if quick else ()), *_STRACE_OPTIONS)
        log = Path(own, "probe")
        try:
            probe = subprocess.run(
                (*command, "-o", str(log), SHELL, "-c", ":"), check=False, capture_output=True, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return (), f"strace does not work here ({error})"
        if probe.returncode == 0 and log.exists() and b"execve(" in log.read_bytes():
            return command, ""
        said = probe.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        obstacle = f"strace does not work here ({said[0] if said else f'exit status {probe.returncode}'})"
    return (), obstacle


@dataclass(slots=True)
class _Strace:
    """Records with strace, whose beginning of a command line is ``command``."""

    own: str
    command: tuple[str, ...]
    method: Method = Method.STRACE
    _ended: list[str] = field(default_factory=list)
    _count: int = 0

    def run(self, command: str, start: str, seen: _Seen) -> int:
        """Run a command; returns its status."""
        self._count += 1
        log = os.path.join(self.own, f"strace.{self._count}")
        with _start((*self.command, "-o", log, SHELL, "-c", _script(command, start))) as process:
            self._ended += _await(process, log)
        try:
            marked = read_strace(log, start, seen)
        except OSError as error:
            raise _nothing_recorded(command, self.method) from error
        if not marked:
            raise _nothing_recorded(command, self.method)
        return _shell_status(process.returncode)

    def notes(self, _seen: _Seen) -> tuple[str, ...]:
        """What has to be said of the commands."""
        if not self._ended:
            return ()
        names = ", ".join(dict.fromkeys(self._ended))
        return (f"{names} went on in the background and was ended {LINGER:g} s after the command",)


def _await(process: subprocess.Popen[bytes], log: str) -> list[str]:
    """Wait for strace; returns the names of processes that had to be ended.

    strace waits for everything that was started, and a daemon never ends. It cannot be left alone either:
    strace's filter stays with it and makes its system calls fail.
    """
    main: int | None = None
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
            return []
        main = _first_process(log) if main is None else main
        if main is not None and _tracer(main) != process.pid:
            break
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=LINGER)
        return []
    names = _signal_traced(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=LINGER)
        return names
    _signal_traced(process.pid, signal.SIGKILL)
    return names


def _first_process(log: str) -> int | None:
    with suppress(OSError, ValueError, IndexError), Path(log).open("rb") as file:
        return int(file.readline().split()[0])
    return None


def _tracer(process: int | str) -> int | None:
    with suppress(OSError, ValueError), Path(f"/proc/{process}/status").open("rb") as file:
        return next((int(line.split()[1]) for line in file if line.startswith(b"TracerPid:")), None)
    return None


def _signal_traced(tracer: int, number: signal.Signals) -> list[str]:
    names = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        if _tracer(process) == tracer:
            with suppress(OSError):  # it may just have ended
                names.append(Path(f"/proc/{process}/comm").read_text(errors="backslashreplace").strip())
                os.kill(int(process), number)
    return names


# ---- strace's log ----

_LINE = re.compile(rb"(\d+) +(.*?)\n?", re.DOTALL)
_RESUMED = re.compile(rb"<\.\.\. (\w+) resumed>")
_UNFINISHED = re.compile(rb"\s*<unfinished \.\.\.>$")
_CHANGED = re.compile(rb"\s*<pid changed to \d+ \.\.\.>$")
_CALL = re.compile(
    rb"(\w+)\((.*)\) += (-?\d+)(?:<([^>\\]*(?:\\.[^>\\]*)*)>(?:\(deleted\))?)?(?: \([^)]*\))?$",
    re.DOTALL,
)
_FAILED = re.compile(rb"\) += (?:-1 E|\?)")
_NAME = re.compile(
    rb'(?:(AT_FDCWD|\d+)(?:<([^>\\]*(?:\\.[^>\\]*)*)>)?(?:\(deleted\))?, )?"([^"\\]*(?:\\.[^"\\]*)*)"',
    re.DOTALL,
)
_DESCRIPTOR = re.compile(rb"\d+<([^>\\]*(?:\\.[^>\\]*)*)>")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a", b"b": b"\b", b"e": b"\x1b"}

_KERNEL_NAMES = tuple(f"{tree}/" for tree in KERNEL_TREES)
_FORKS = frozenset({b"fork", b"vfork", b"clone", b"clone3"})
_EXECS = frozenset({b"execve", b"execveat"})
_LISTS = frozenset({b"getdents", b"getdents64"})
_READS = _EXECS | {
    b"open", b"openat", b"openat2", b"uselib", b"open_tree", b"name_to_handle_at",
    b"stat", b"stat64", b"lstat", b"lstat64", b"newfstatat", b"fstatat64", b"statx", b"oldstat", b"oldlstat",
    b"access", b"faccessat", b"faccessat2", b"readlink", b"readlinkat",
    b"getxattr", b"lgetxattr", b"listxattr", b"llistxattr",
}  # fmt: skip
"""Calls that look at a file; the others of strace's class only change, and what they change is a result."""


def _unescaped(text: bytes) -> str:
    if b"\\" not in text:
        return os.fsdecode(text)

    def character(match: re.Match[bytes]) -> bytes:
        hexadecimal, octal, letter = match.groups()
        if letter is not None:
            return _LETTERS.get(letter, letter)
        return bytes([int(hexadecimal, 16) if hexadecimal is not None else int(octal, 8) & 255])

    return os.fsdecode(_ESCAPE.sub(character, text))


class _Call(NamedTuple):
    """A system call that succeeded. ``line`` is where it begins, ``path`` what its result stands for."""

    line: int
    process: int
    name: bytes
    arguments: bytes
    result: int
    path: bytes | None


def _calls(log: str, *words: bytes) -> Iterator[_Call]:
    """The calls of a log that succeeded, in the order in which they ended; only those with one of ``words``."""
    unfinished: dict[int, tuple[int, bytes]] = {}
    with Path(log).open("rb") as file:
        for number, line in enumerate(file):
            match = None if words and not any(word in line for word in words) else _LINE.fullmatch(line)
            if match is None:
                continue
            process, text, begun = int(match[1]), match[2], number
            resumed = _RESUMED.match(text)
            if resumed is not None:
                begun, head = unfinished.pop(process, (number, b""))
                text = head + text[resumed.end() :]
            if text.endswith(b"...>"):
                waits = _UNFINISHED.search(text)
                if waits is not None:
                    unfinished[process] = begun, text[: waits.start()]
                    continue
                # A thread became another program, which only happens when exec succeeds.
                text = _CHANGED.sub(b") = 0", text)
            if _FAILED.search(text, max(0, len(text) - 120)) and text.endswith((b")", b"?")):
                continue
            call = _CALL.fullmatch(text)
            if call is not None and int(call[3]) >= 0:
                yield _Call(begun, process, call[1], call[2], int(call[3]), call[4])


class _Directory:
    """A working directory; threads share one."""

    def __init__(self, path: str) -> None:
        self.path = path


def read_strace(log: str, start: str, seen: _Seen) -> bool:
    """Read a log into ``seen``, from the point where ``start`` was opened; False when that never happened."""
    forks = [call for call in _calls(log, b"fork", b"clone") if call.name in _FORKS]
    return _StraceReader(forks, start, seen).read(log)


class _StraceReader:
    """Follows the processes of a log: what a relative name means depends on where each one is.

    A child may be seen before its parent's fork has ended, so the forks are known beforehand, by the line in
    which they begin: the child is then where its parent is.
    """

    def __init__(self, forks: Iterable[_Call], start: str, seen: _Seen) -> None:
        self._forks = sorted(forks, key=lambda call: call.line, reverse=True)
        self._start = start
        self._seen = seen
        self._marked = False
        self._at: dict[int, _Directory] = {}
        self._listable: dict[bytes, str] = {}
        self._initial = str(Path.cwd())

    def read(self, log: str) -> bool:
        for call in _calls(log):
            while self._forks and self._forks[-1].line <= call.line:
                self._fork(self._forks.pop())
            self._take(call)
        return self._marked

    def _directory(self, process: int) -> _Directory:
        return self._at.setdefault(process, _Directory(self._initial))

    def _fork(self, call: _Call) -> None:
        parent = self._directory(call.process)
        self._at[call.result] = parent if b"CLONE_FS" in call.arguments else _Directory(parent.path)

    def _take(self, call: _Call) -> None:
        if call.name in _LISTS:
            self._list(call)
        elif call.name == b"fchdir":
            match = _DESCRIPTOR.match(call.arguments)
            if match is not None:
                self._directory(call.process).path = _unescaped(match[1])
        elif call.name == b"chdir":
            path = self._path(call)
            if path is not None:
                # Where the kernel says it is: `..` from there does not go back through a link.
                self._directory(call.process).path = os.path.realpath(path)
        elif call.name in _READS:
            path = self._path(call)
            if path is not None:
                self._look(call, path)

    def _path(self, call: _Call) -> str | None:
        match = _NAME.match(call.arguments)
        if match is None:
            return None
        where, directory, name = match.groups()
        at = self._directory(call.process)
        if where == b"AT_FDCWD" and directory is not None:
            at.path = _unescaped(directory)  # strace asked the kernel
        path = _unescaped(name)
        if path.startswith("/"):
            return path
        base = at.path if where in (None, b"AT_FDCWD") else None if directory is None else _unescaped(directory)
        if base is None or not base.startswith("/"):
            return None
        if path:
            return posixpath.join(base, path)
        return base if call.name in _EXECS else None  # an open file by itself, which fexecve starts

    def _look(self, call: _Call, path: str) -> None:
        if path == self._start:
            self._marked = True
        if not self._marked:
            return
        if call.path is not None:
            if path.startswith(_KERNEL_NAMES):
                path = _unescaped(call.path)  # /dev/fd/3, /proc/self/cwd/…: a file by another name
            if call.path not in self._listable:
                self._listable[call.path] = path
        if call.name in _EXECS:
            self._seen.execute(path)
        else:
            self._seen.files[path] = None

    def _list(self, call: _Call) -> None:
        match = _DESCRIPTOR.match(call.arguments)
        if match is not None and self._marked:
            self._seen.directories[self._listable.get(match[1]) or _unescaped(match[1])] = None


# ---- the runtime's trace ----

_TRACE_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_LISTING = re.compile(r"opendir|scandir(at)?(64)?|n?ftw(64)?|fts(64)?_open|glob(64)?")
_CHANGING = re.compile(
    r"(un)?link(at)?|symlink(at)?|remove|rmdir|(l|re)?move.*|rename.*|mk.*|__xmk.*|creat(64)?|truncate(64)?|chdir"
    r"|[lf]?ch(mod|own)(at)?|[lf]?utime.*|l?(set|remove)xattr|bindtextdomain|posix_spawn_file_actions_addchdir_np"
)


def _runtime_recorder(own: str) -> _Runtime:
    try:
        libc = "musl" if "ld-musl" in (read_elf(SHELL).interpreter or "") else "glibc"
        library = str(runtime.library(os.uname().machine, libc))
    except LambundleError as error:
        raise RecordingError(
            f"neither strace nor lambundle's runtime can be used: {error.message}", hint="install strace"
        ) from error
    if re.search(r"[ :]", library):  # what separates the names in LD_PRELOAD
        link = Path(own, "runtime.so")
        link.symlink_to(library)
        library = str(link)
    return _Runtime(own, library, libc)


@dataclass(slots=True)
class _Runtime:
    """Records with the runtime's trace."""

    own: str
    library: str
    libc: str
    method: Method = Method.RUNTIME
    _count: int = 0

    def run(self, command: str, start: str, seen: _Seen) -> int:
        """Run a command; returns its status."""
        self._count += 1
        trace = os.path.join(self.own, f"trace.{self._count}")
        others = os.environ.get("LD_PRELOAD")
        preload = f"{self.library}:{others}" if others else self.library
        environment = {**os.environ, "LD_PRELOAD": preload, "LAMBUNDLE_TRACE": trace}
        with _start((SHELL, "-c", _script(command, start)), environment) as process:
            process.wait()
        try:
            marked = read_trace(trace, start, seen)
        except OSError as error:
            raise _nothing_recorded(command, self.method) from error
        if not marked:
            raise _nothing_recorded(command, self.method)
        return _shell_status(process.returncode)

    def notes(self, seen: _Seen) -> tuple[str, ...]:
        """Name the programs whose files were not seen."""
        notes = []
        for path in sorted(seen.executed):
            why = _unseen(path, self.libc)
            if why is not None:
                name = os.fsencode(path).decode("utf-8", "backslashreplace")
                notes.append(f"{name} {why}: what it uses was not seen; record it with strace")
        return tuple(notes)


def _unseen(path: str, libc: str) -> str | None:
    """Why the runtime is not loaded into a program, or None."""
    try:
        mode, elf = os.stat(path).st_mode, read_elf(path)
    except (OSError, LambundleError):
        return None
    if elf.interpreter is None:
        return "is a static program"
    if ("ld-musl" in elf.interpreter) != (libc == "musl"):
        return "is built for another libc"
    return "has the rights of another user" if mode & (stat.S_ISUID | stat.S_ISGID) else None


def read_trace(trace: str, start: str, seen: _Seen) -> bool:
    """Read a trace into ``seen``, from the point where ``start`` was opened; False when that never happened."""
    shell = -1
    marked = False
    with Path(trace).open("rb") as file:
        for line in file:
            process, _, rest = line.rstrip(b"\n").partition(b"\t")
            kind, *fields = rest.split(b"\t")
            if not fields or not process.isdigit():
                continue
            path = os.fsdecode(_TRACE_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), fields[-1]))
            if not marked:
                marked, shell = path == start, int(process)
            elif kind == b"start" and int(process) == shell:
                shell = -1  # it became the command's last program
            elif kind != b"object" or int(process) != shell:
                _take_record(seen, kind, os.fsdecode(b"".join(fields[1:2])), path)
    return marked


def _take_record(seen: _Seen, kind: bytes, operation: str, path: str) -> None:
    # What does not exist is recorded too: candidates of PATH before the right one, and files not yet made.
    if not path.startswith("/"):
        return
    if kind == b"exec":
        if os.path.isfile(path) and os.access(path, os.X_OK):
            seen.execute(path)
    elif kind == b"object":
        seen.files[path] = None
    elif kind == b"lookup" and not _CHANGING.fullmatch(operation):
        if _LISTING.fullmatch(operation) or (operation.startswith("open") and Path(path).is_dir()):
            seen.directories[path] = None
        else:
            seen.files[path] = None
