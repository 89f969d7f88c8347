r"""The runtime's trace: what it writes where ``LAMBUNDLE_TRACE`` names a file, and the one reader of it.

One line a record, its fields separated by tabs; bytes below 32 and backslashes are ``\xHH``::

    PID start  PROGRAM                   real path of a bundled program that begins; empty for one that is not bundled
    PID lookup WHERE FUNCTION PATH       bundle, host or nowhere; PATH is absolute, as FUNCTION of libc was asked for it
    PID exec   WHERE PATH                bundle, static (of the bundle, without a loader of ours) or host
    PID env    STATE NAME                set or unset: a variable that getenv was asked for, once in a process
    PID object PATH                      a shared object that was mapped when the process ended or became another

A trace comes from programs that are not believed: lines that are no records are passed over, and what the reader
remembers is bounded.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TypeAlias

from lambundle.runtime.limits import RECORD_MAX

VARIABLE = "LAMBUNDLE_TRACE"
"""The variable that tells the runtime where to write."""

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_PROCESS = re.compile(rb"[0-9]{1,10}")
_SCRIPTS_MAX = 4096
"""Processes whose script is remembered at the same time."""


@dataclass(frozen=True, slots=True)
class ProgramStart:
    """A program that began: its real path in the bundle, empty when it is not the bundle's."""

    process: int
    program: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """A path that a program asked ``operation``, a function of libc, for.

    ``where`` is ``bundle``, ``host`` or ``nowhere``; ``path`` is absolute, as asked for.
    """

    process: int
    where: str
    operation: str
    path: str


@dataclass(frozen=True, slots=True)
class Execution:
    """A program that another one started.

    ``where`` is ``bundle``, ``static`` (of the bundle, without a loader of ours) or ``host``. ``script`` is the
    bundle's script that it interprets, if it was started for one.
    """

    process: int
    where: str
    path: str
    script: str | None = None


@dataclass(frozen=True, slots=True)
class MappedObject:
    """A shared object that was mapped when a process ended or became another program."""

    process: int
    path: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that getenv was asked for, and whether it was set."""

    process: int
    name: str
    is_set: bool


Record: TypeAlias = ProgramStart | Lookup | Execution | MappedObject | Variable


@dataclass(slots=True)
class TraceReader:
    """Reads a trace as it comes, block by block."""

    _rest: bytes = b""
    _script: dict[int, str] = field(default_factory=dict)

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes of the trace; returns the records that end in them."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:RECORD_MAX]  # enough to tell that the line is too long
        return [record for line in lines if (record := self._read(line)) is not None]

    def _read(self, line: bytes) -> Record | None:
        number, *fields = line.split(b"\t")
        if len(line) >= RECORD_MAX or not fields or not _PROCESS.fullmatch(number):
            return None
        return self._record(int(number), [_text(item) for item in fields])

    def _record(self, process: int, fields: list[str]) -> Record | None:
        match fields:
            case ["start", program]:
                return ProgramStart(process, program)
            case ["lookup", "bundle" | "host" | "nowhere" as where, operation, path]:
                self._follow(process, where, operation, path)
                return Lookup(process, where, operation, path)
            case ["exec", "bundle" | "static" | "host" as where, path]:
                return Execution(process, where, path, self._script.pop(process, None))
            case ["object", path]:
                return MappedObject(process, path)
            case ["env", "set" | "unset" as state, name]:
                return Variable(process, name, state == "set")
            case _:
                return None

    def _follow(self, process: int, where: str, operation: str, path: str) -> None:
        """Remember a script: the runtime looks it up, then its interpreter, and then says what it starts."""
        if operation != "execve" or where != "bundle" or process in self._script:
            return
        if len(self._script) >= _SCRIPTS_MAX:
            del self._script[next(iter(self._script))]
        self._script[process] = path


def _text(field_: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), field_))
