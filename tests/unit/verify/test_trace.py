"""The runtime's trace, read from programs that are not believed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambundle.verify.run import tracing
from lambundle.verify.run.trace import (
    LINE_MAX,
    Execution,
    Lookup,
    MappedObject,
    ProgramStart,
    Trace,
    TraceParser,
    Variable,
)
from tests.unit.verify.made import trace

if TYPE_CHECKING:
    from pathlib import Path


def test_every_kind_of_record_is_read() -> None:
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


def test_escapes_are_undone() -> None:
    assert trace("1 lookup host open /a\\x09b\\x0a\\x5cc\\xff").lookups[0].path == "/a\tb\n\\c" + os.fsdecode(b"\xff")


def test_the_same_record_is_kept_once() -> None:
    assert len(trace(*["1 lookup host open /a"] * 3).lookups) == 1


def test_a_script_is_remembered_until_its_interpreter_starts() -> None:
    found = trace(
        "1 lookup bundle execve /usr/lib/git-core/git-sh",
        "1 lookup host execve /usr/bin/bash",
        "1 exec host /usr/bin/bash",
        "1 lookup host execve /bin/ls",
        "1 exec host /bin/ls",
    )
    assert [item.script for item in found.executions] == ["/usr/lib/git-core/git-sh", None]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x start /a",
        "1",
        "1 start",
        "1 start /a /b",
        "1 lookup elsewhere open /a",
        "1 lookup host open",
        "1 exec nowhere /a",
        "1 env maybe X",
        "1 nonsense /a",
        "99999999999999 start /a",
        f"1 object /{'x' * LINE_MAX}",
    ],
)
def test_what_is_no_record_is_passed_over(line: str) -> None:
    assert trace(line, "2 start /a") == trace("2 start /a")


def test_a_line_without_its_end_is_no_record() -> None:
    parser = TraceParser()
    parser.feed(b"1\tstart\t/a\n1\tstart\t/b")
    assert parser.trace().starts == (ProgramStart(1, "/a"),)


def test_a_line_without_end_takes_no_memory() -> None:
    parser = TraceParser()
    for _ in range(200):
        parser.feed(b"x" * 4096)
    parser.feed(b"\n1\tstart\t/a\n")
    assert parser.trace().starts == (ProgramStart(1, "/a"),)


def test_more_records_than_are_kept_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambundle.verify.run.trace.RECORDS_MAX", 2)
    found = trace("1 start /a", "1 start /b", "1 start /b")
    assert found.is_whole
    found = trace("1 start /a", "1 start /b", "1 start /c")
    assert len(found.starts) == 2
    assert not found.is_whole


@given(st.binary(max_size=300), st.integers(1, 50))
def test_whatever_comes_is_read_the_same_in_any_pieces(data: bytes, size: int) -> None:
    whole, parts = TraceParser(), TraceParser()
    whole.feed(data)
    for at in range(0, len(data), size):
        parts.feed(data[at : at + size])
    assert whole.trace() == parts.trace()


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
