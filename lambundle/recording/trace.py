"""Recording with lambundle's preloaded runtime, which sees calls of libc's functions.

Used if strace is not installed or ptrace not allowed.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle import runtime
from lambundle.elf.headers import read_elf
from lambundle.errors import LambundleError, RecordingError
from lambundle.machine import here
from lambundle.recording import shell
from lambundle.recording.method import Method
from lambundle.runtime.trace import VARIABLE, Execution, Lookup, MappedObject, ProgramStart, TraceReader, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.machine import Files, Machine
    from lambundle.recording.seen import Seen
    from lambundle.runtime.trace import Record

_BLOCK = 1 << 16
_LISTING = re.compile(r"opendir|scandir(at)?(64)?|n?ftw(64)?|fts(64)?_open|glob(64)?")
_CHANGING = re.compile(
    r"(un)?link(at)?|symlink(at)?|remove|rmdir|(l|re)?move.*|rename.*|mk.*|__xmk.*|creat(64)?|truncate(64)?|chdir"
    r"|[lf]?ch(mod|own)(at)?|[lf]?utime.*|l?(set|remove)xattr|bindtextdomain|posix_spawn_file_actions_addchdir_np"
)


def runtime_recorder(machine: Machine, own: str) -> Runtime:
    """Return a recorder with its files in ``own``. Raises RecordingError if the runtime is missing."""
    try:
        libc = "musl" if "ld-musl" in (read_elf(machine.files, shell.PATH).interpreter or "") else "glibc"
        library = str(runtime.library(os.uname().machine, libc))
    except LambundleError as error:
        raise RecordingError(
            f"neither strace nor lambundle's runtime can be used: {error.message}", hint="install strace"
        ) from error
    if re.search(r"[ :]", library):  # separators in LD_PRELOAD
        link = Path(own, "runtime.so")
        link.symlink_to(library)
        library = str(link)
    return Runtime(machine, own, library, libc)


@dataclass(slots=True)
class Runtime:
    """A recorder with the runtime's trace."""

    machine: Machine
    own: str
    library: str
    libc: str
    method: Method = Method.RUNTIME
    _count: int = 0

    def run(self, command: str, start: str, seen: Seen) -> int:
        """Run a command; return its exit status. Raises RecordingError."""
        self._count += 1
        trace = os.path.join(self.own, f"trace.{self._count}")
        others = self.machine.variables.get("LD_PRELOAD")
        preload = f"{self.library}:{others}" if others else self.library
        environment = {**self.machine.variables, "LD_PRELOAD": preload, VARIABLE: trace}
        with shell.started(shell.arguments(command, start), environment) as process:
            process.wait()
        try:
            marked = read_trace(here().files, trace, start, seen)
        except OSError as error:
            raise shell.nothing_recorded(command, "install strace, or allow ptrace") from error
        if not marked:
            raise shell.nothing_recorded(command, "install strace, or allow ptrace")
        return shell.status(process.returncode)

    def notes(self, seen: Seen) -> tuple[str, ...]:
        """Return a note for each program whose files were not seen."""
        files = here().files
        notes = []
        for path in sorted(seen.executed):
            why = _unseen(files, path, self.libc)
            if why is not None:
                name = os.fsencode(path).decode("utf-8", "backslashreplace")
                notes.append(f"{name} {why}: the files that it uses were not seen; record it with strace")
        return tuple(notes)


def _unseen(files: Files, path: str, libc: str) -> str | None:
    """Return why the runtime is not loaded into a program, or None."""
    try:
        mode, elf = files.stat(path).st_mode, read_elf(files, path)
    except (OSError, LambundleError):
        return None
    if elf.interpreter is None:
        return "is a static program"
    if ("ld-musl" in elf.interpreter) != (libc == "musl"):
        return "is built for another libc"
    return "is set-user-ID or set-group-ID" if mode & (stat.S_ISUID | stat.S_ISGID) else None


def read_trace(files: Files, trace: str, start: str, seen: Seen) -> bool:
    """Read a trace into ``seen``, from where ``start`` is opened; return whether it is. Raises OSError."""
    shell = -1
    marked = False
    for record in _records(trace):
        if not marked:
            marked, shell = isinstance(record, Lookup) and record.path == start, record.process
        elif isinstance(record, ProgramStart) and record.process == shell:
            shell = -1  # the shell has called exec for its last command
        elif not isinstance(record, MappedObject) or record.process != shell:
            _take_record(files, seen, record)
    return marked


def _records(trace: str) -> Iterator[Record]:
    reader = TraceReader()
    with Path(trace).open("rb") as file:
        while block := file.read(_BLOCK):
            yield from reader.feed(block)


def _take_record(files: Files, seen: Seen, record: Record) -> None:
    # Missing files are recorded too: candidates on PATH, and files made later.
    match record:
        case ProgramStart() | Variable():
            pass
        case _ if not record.path.startswith("/"):  # its directory is unknown
            pass
        case Execution(path=path):
            if files.is_executable(path):
                seen.execute(path)
        case MappedObject(path=path):
            seen.files[path] = None
        case Lookup(operation=operation, path=path) if not _CHANGING.fullmatch(operation):
            if _LISTING.fullmatch(operation) or (operation.startswith("open") and files.is_directory(path)):
                seen.directories[path] = None
            else:
                seen.files[path] = None
