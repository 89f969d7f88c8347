"""What the runtime's trace says of a run: who started, what was looked up, started, mapped and asked for.

The format is the runtime's (``runtime/src/README.md``). A trace comes from programs that are not believed: lines
that are no records are passed over, and what is kept of them is bounded.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property

LINE_MAX = 4 * 4096 + 1024
"""Bytes of the longest record: a path of PATH_MAX bytes, each of which may be written as four."""
RECORDS_MAX = 500_000
"""Different records that are kept of one run; a browser leaves some ten thousand."""

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_PROCESS_MAX = 1 << 31


@dataclass(frozen=True, slots=True)
class ProgramStart:
    """A bundled program that began: its real path in the bundle."""

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
    """A program that a bundled program started.

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


@dataclass(frozen=True)
class Trace:
    """The different records of a run, each kind in the order in which they came.

    ``is_whole`` is false when there were more than are kept.
    """

    starts: tuple[ProgramStart, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    executions: tuple[Execution, ...] = ()
    objects: tuple[MappedObject, ...] = ()
    variables: tuple[Variable, ...] = ()
    is_whole: bool = True

    def program_of(self, process: int) -> str:
        """The program that a process was last; empty when it left no start."""
        return self._programs.get(process, "")

    @cached_property
    def _programs(self) -> dict[int, str]:
        return {start.process: start.program for start in self.starts}


Record = ProgramStart | Lookup | Execution | MappedObject | Variable


@dataclass(slots=True)
class TraceParser:
    """Takes a trace as it comes, block by block."""

    _rest: bytes = b""
    _seen: dict[Record, None] = field(default_factory=dict)
    _script: dict[int, str] = field(default_factory=dict)
    _is_whole: bool = True

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the trace."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_MAX:
            self._rest = b""
        for line in lines:
            self._take(line)

    def trace(self) -> Trace:
        """Everything taken so far; a last line without its end is no record."""
        records = list(self._seen)
        return Trace(
            starts=tuple(record for record in records if isinstance(record, ProgramStart)),
            lookups=tuple(record for record in records if isinstance(record, Lookup)),
            executions=tuple(record for record in records if isinstance(record, Execution)),
            objects=tuple(record for record in records if isinstance(record, MappedObject)),
            variables=tuple(record for record in records if isinstance(record, Variable)),
            is_whole=self._is_whole,
        )

    def _take(self, line: bytes) -> None:
        number, *fields = line.split(b"\t")
        if len(line) > LINE_MAX or not fields or not number.isdigit() or int(number[:11]) > _PROCESS_MAX:
            return
        record = self._record(int(number), [_text(item) for item in fields])
        if record is None:
            return
        if len(self._seen) >= RECORDS_MAX and record not in self._seen:
            self._is_whole = False
            return
        self._seen.setdefault(record)

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
        if operation != "execve" or where == "nowhere":
            return
        if process in self._script:
            return  # the interpreter of the script that came before
        if where == "bundle":
            self._script[process] = path


def _text(field_: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), field_))
