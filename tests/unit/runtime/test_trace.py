"""The runtime's trace, read from programs that are not believed."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambundle.runtime import trace
from lambundle.runtime.limits import RECORD_MAX
from lambundle.runtime.trace import Execution, Lookup, MappedObject, ProgramStart, Record, TraceReader, Variable


def read(*lines: str) -> list[Record]:
    """Read records written with blanks for tabs; the first word is the process."""
    return TraceReader().feed("".join(line.replace(" ", "\t") + "\n" for line in lines).encode())


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("7 start /b/root/usr/bin/x", ProgramStart(7, "/b/root/usr/bin/x")),
        ("7 start ", ProgramStart(7, "")),
        ("7 lookup nowhere open /etc/x", Lookup(7, "nowhere", "open", "/etc/x")),
        ("7 env unset HOME", Variable(7, "HOME", is_set=False)),
        ("7 env set PATH", Variable(7, "PATH", is_set=True)),
        ("7 exec host /bin/ls", Execution(7, "host", "/bin/ls")),
        ("2147483647 object /lib64/libc.so.6", MappedObject(2147483647, "/lib64/libc.so.6")),
        ("1 object /a\\x09b\\x0a\\x5cc\\xff", MappedObject(1, "/a\tb\n\\c" + os.fsdecode(b"\xff"))),
    ],
)
def test_every_kind_of_record_is_read(line: str, record: Record) -> None:
    assert read(line) == [record]


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
        f"{'0' * 4400} start /a",
        f"1 object /{'x' * RECORD_MAX}",
    ],
)
def test_what_is_no_record_is_passed_over(line: str) -> None:
    assert read(line, "2 start /a") == [ProgramStart(2, "/a")]


def test_the_longest_record_that_the_runtime_writes_is_read() -> None:
    name = "x" * (RECORD_MAX - len("1 object /\n"))
    assert read(f"1 object /{name}") == [MappedObject(1, f"/{name}")]
    assert read(f"1 object /{name}x") == []


def test_a_line_without_its_end_is_no_record() -> None:
    assert TraceReader().feed(b"1\tstart\t/a\n1\tstart\t/b") == [ProgramStart(1, "/a")]


def test_a_line_without_end_takes_no_memory_and_its_end_is_no_record() -> None:
    reader = TraceReader()
    for _ in range(200):
        assert reader.feed(b"x" * 4096) == []
        assert len(reader._rest) <= RECORD_MAX  # noqa: SLF001
    assert reader.feed(b"\t\n1\tstart\t/a\n") == [ProgramStart(1, "/a")]


def test_a_script_is_remembered_until_its_interpreter_starts() -> None:
    found = read(
        "1 lookup bundle execve /usr/lib/git-core/git-sh",
        "1 lookup bundle execve /usr/bin/bash",
        "1 exec bundle /usr/bin/bash",
        "1 lookup host execve /bin/ls",
        "1 exec host /bin/ls",
    )
    scripts = [record.script for record in found if isinstance(record, Execution)]
    assert scripts == ["/usr/lib/git-core/git-sh", None]


def test_scripts_of_many_processes_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_SCRIPTS_MAX", 2)
    lookups = [f"{process} lookup bundle execve /script-{process}" for process in (1, 2, 3)]
    found = read(*lookups, *[f"{process} exec bundle /bin/sh" for process in (1, 2, 3)])
    scripts = [record.script for record in found if isinstance(record, Execution)]
    assert scripts == [None, "/script-2", "/script-3"]


PIECES = st.sampled_from([b"1", b"\t", b"\n", b"start", b"lookup\thost\topen\t/a", b"exec\tbundle\t/b", b"\\x0a"])


@given(st.lists(st.binary(max_size=20) | PIECES), st.integers(1, 50))
def test_whatever_comes_is_read_the_same_in_any_pieces(made: list[bytes], size: int) -> None:
    data = b"".join(made)
    parts = TraceReader()
    found = [record for at in range(0, len(data), size) for record in parts.feed(data[at : at + size])]
    assert found == TraceReader().feed(data)
