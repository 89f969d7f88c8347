r"""The reader of the runtime's trace, which is written to the file in ``LAMBUNDLE_TRACE``.

A record is a line of fields separated by tabs; bytes below 32 and backslashes are ``\xHH``::

    PID start  PROGRAM                   real path of a bundled program that starts; empty for any other
    PID lookup WHERE FUNCTION PATH       bundle, host or nowhere; PATH is the absolute argument of libc's FUNCTION
    PID exec   WHERE PATH                bundle, static (of the bundle, without a loader) or host
    PID env    STATE NAME                set or unset: a variable read with getenv, once in a process
    PID object PATH                      a shared object mapped when the process ended or called exec

A trace is untrusted: invalid lines are ignored, and the reader's memory is bounded.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TypeAlias

from lambundle.runtime.limits import RECORD_MAX

VARIABLE = "LAMBUNDLE_TRACE"
"""The variable with the path of the trace."""

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_PROCESS = re.compile(rb"[0-9]{1,10}")
_SCRIPTS_MAX = 4096
"""Most processes whose script is remembered."""


@dataclass(frozen=True, slots=True)
class ProgramStart:
    """The start of a program: its real path in the bundle, empty for a program of the host."""

    process: int
    program: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """A call of ``operation``, a function of libc, with an absolute ``path``.

    ``where`` it was found is ``bundle``, ``host`` or ``nowhere``.
    """

    process: int
    where: str
    operation: str
    path: str


@dataclass(frozen=True, slots=True)
class Execution:
    """A program started by another.

    ``where`` is ``bundle``, ``static`` (of the bundle, without a loader) or ``host``. ``script`` is the bundle's script
    that it interprets, if any.
    """

    process: int
    where: str
    path: str
    script: str | None = None


@dataclass(frozen=True, slots=True)
class MappedObject:
    """A shared object mapped when a process ended or called exec."""

    process: int
    path: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable read with getenv, and whether it was set."""

    process: int
    name: str
    is_set: bool


Record: TypeAlias = ProgramStart | Lookup | Execution | MappedObject | Variable


@dataclass(slots=True)
class TraceReader:
    """Reads a trace block by block."""

    _rest: bytes = b""
    _script: dict[int, str] = field(default_factory=dict)

    def feed(self, data: bytes) -> list[Record]:
        """Read the next bytes of the trace; return the records that end in them."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:RECORD_MAX]  # enough to recognise a line that is too long
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
        """Remember a script: the runtime looks it up, then its interpreter, then writes the execution."""
        if operation != "execve" or where != "bundle" or process in self._script:
            return
        if len(self._script) >= _SCRIPTS_MAX:
            del self._script[next(iter(self._script))]
        self._script[process] = path


def _text(field_: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), field_))
