"""The trace of a run, and the pipe that it comes through."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lambundle.runtime.trace import Execution, Lookup, MappedObject, ProgramStart, Variable
from lambundle.verify.run import tracing
from lambundle.verify.run.trace import Trace, TraceCollector
from tests.unit.verify.made import trace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


def test_every_kind_of_record_is_kept() -> None:
    found = trace(
        "7 start /b/root/usr/bin/x",
        "7 lookup nowhere open /etc/x",
        "7 env unset HOME",
        "7 env set PATH",
        "7 exec host /bin/ls",
        "8 object /lib64/libc.so.6",
    )
    assert found.starts == (ProgramStart(7, "/b/root/usr/bin/x"),)
    assert found.lookups == (Lookup(7, "nowhere", "open", "/etc/x"),)
    assert found.variables == (Variable(7, "HOME", is_set=False), Variable(7, "PATH", is_set=True))
    assert found.executions == (Execution(7, "host", "/bin/ls"),)
    assert found.objects == (MappedObject(8, "/lib64/libc.so.6"),)
    assert found.is_whole
    assert found.program_of(7) == "/b/root/usr/bin/x"
    assert found.program_of(8) == ""


def test_a_process_that_becomes_another_program_is_the_last() -> None:
    assert trace("7 start /a", "7 start /b").program_of(7) == "/b"


def test_the_same_record_is_kept_once() -> None:
    assert len(trace(*["1 lookup host open /a"] * 3).lookups) == 1


def test_more_records_than_are_kept_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambundle.verify.run.trace.RECORDS_MAX", 2)
    found = trace("1 start /a", "1 start /b", "1 start /b")
    assert found.is_whole
    found = trace("1 start /a", "1 start /b", "1 start /c")
    assert len(found.starts) == 2
    assert not found.is_whole


# ---- the pipe ----


def test_the_pipe_takes_what_several_writers_write(tmp_path: Path) -> None:
    pipe = tmp_path / "trace"
    tracing.make_pipe(pipe)
    with tracing.receiving(pipe) as receiver:
        for name in "ab":
            with (pipe / "trace").open("ab", buffering=0) as writer:
                writer.write(f"1\tstart\t/{name}\n".encode())
        assert receiver.trace().starts == (ProgramStart(1, "/a"), ProgramStart(1, "/b"))


def test_the_pipe_takes_more_than_it_holds(tmp_path: Path) -> None:
    pipe = tmp_path / "trace"
    tracing.make_pipe(pipe)
    with tracing.receiving(pipe) as receiver:
        with (pipe / "trace").open("ab", buffering=0) as writer:
            for number in range(5000):
                writer.write(f"1\tlookup\thost\topen\t/{number:0100}\n".encode())
        assert len(receiver.trace().lookups) == 5000


def test_nothing_written_is_an_empty_trace(tmp_path: Path) -> None:
    pipe = tmp_path / "trace"
    tracing.make_pipe(pipe)
    with tracing.receiving(pipe) as receiver:
        assert receiver.trace() == Trace()
    descriptors = len(os.listdir("/proc/self/fd"))
    with tracing.receiving(pipe):  # ended by an exception, as it were
        pass
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_nobody_may_put_a_file_beside_the_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "trace"
    tracing.make_pipe(pipe)
    assert pipe.stat().st_mode & 0o022 == 0
    assert (pipe / "trace").stat().st_mode & 0o777 == 0o622


class _Counted(tuple[ProgramStart, ...]):
    """Starts that count how often they are looked through."""

    __slots__ = ()
    times = 0

    def __iter__(self) -> Iterator[ProgramStart]:
        type(self).times += 1
        return super().__iter__()


def test_the_programs_of_all_processes_are_found_in_one_look_at_the_starts() -> None:
    found = Trace(starts=_Counted(ProgramStart(number, f"/bin/{number}") for number in range(100)))
    assert [found.program_of(number) for number in range(101)] == [*(f"/bin/{number}" for number in range(100)), ""]
    assert _Counted.times == 1


def test_the_text_of_all_records_has_a_bound() -> None:
    collector = TraceCollector(_left=100_000)
    for number in range(1000):
        collector.feed(b"%d\tlookup\tnowhere\topen\t/%d%s\n" % (number + 1, number, b"x" * 1000))
    trace = collector.trace()
    assert 99 <= len(trace.lookups) <= 101
    assert not trace.is_whole
