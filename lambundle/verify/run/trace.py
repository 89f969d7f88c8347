"""The runtime's trace of a run: the different records, as many as are kept (``lambundle.runtime.trace``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from lambundle.runtime.trace import Execution, Lookup, MappedObject, ProgramStart, Record, TraceReader, Variable

RECORDS_MAX = 500_000
"""Different records that are kept of one run; a browser leaves some ten thousand."""
TEXT_MAX = 32 << 20
"""Characters of all records that are kept: one may have kilobytes, and a run may write without end."""


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


@dataclass(slots=True)
class TraceCollector:
    """Takes a trace as it comes, block by block."""

    _reader: TraceReader = field(default_factory=TraceReader)
    _seen: dict[Record, None] = field(default_factory=dict)
    _is_whole: bool = True
    _left: int = TEXT_MAX

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the trace."""
        for record in self._reader.feed(data):
            if record in self._seen:
                continue
            if len(self._seen) >= RECORDS_MAX or self._left < 0:
                self._is_whole = False
                continue
            self._left -= _text_of(record)
            self._seen[record] = None

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


def _text_of(record: Record) -> int:
    """Return how many characters a record keeps."""
    match record:
        case ProgramStart():
            return len(record.program)
        case Variable():
            return len(record.name)
        case Lookup():
            return len(record.path) + len(record.operation)
        case Execution():
            return len(record.path) + len(record.script or "")
        case MappedObject():
            return len(record.path)
