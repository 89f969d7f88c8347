"""LAMBUNDLE_TRACE: what it records, and that nothing else changes."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lambundle.runtime.trace import TraceReader
from tests.bareroot import UnavailableError
from tests.runtime.conftest import unavailable
from tests.runtime.worlds import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.worlds import Result, World

LIBC = {"musl": "ld-musl"}


@dataclass(frozen=True, slots=True)
class Traced:
    """A run and the records that it left: process, kind, fields."""

    result: Result
    records: list[tuple[int, str, tuple[str, ...]]]

    def fields(self, kind: str) -> list[tuple[str, ...]]:
        """Return the fields of all records of a kind."""
        return [fields for _, found, fields in self.records if found == kind]

    def objects(self, process: int) -> list[str]:
        """Return the shared objects that a process had at its end."""
        return [fields[0] for number, kind, fields in self.records if kind == "object" and number == process]


def read_trace(path: Path) -> list[tuple[int, str, tuple[str, ...]]]:
    """Return the records of a trace file."""
    records = []
    for line in path.read_text().splitlines():
        process, kind, *fields = line.split("\t")
        records.append((int(process), kind, tuple(fields)))
    return records


def traced(world: World, trace: Path, *arguments: str | Path, status: int | None = 0) -> Traced:
    """Run a program of the bundle with a trace."""
    assert not trace.exists()
    result = world.run(*map(str, arguments), env={"LAMBUNDLE_TRACE": str(trace)}, status=status)
    found = read_trace(trace)
    assert len(TraceReader().feed(trace.read_bytes())) == len(found), "a line that the reader does not know"
    return Traced(result, found)


def test_lookups_say_where_each_file_was(world: World, tmp_path: Path) -> None:
    paths = {
        "bundle": world.data / "files/bundle",
        "host": world.data / "files/host",
        "nowhere": world.data / "files/neither",
    }
    for where, path in paths.items():
        found = traced(world, tmp_path / where, "odd", "cat", path)
        assert (where, "open", str(path)) in found.fields("lookup")
    inside = world.in_bundle(paths["bundle"])
    assert ("bundle", "open", str(inside)) in traced(world, tmp_path / "i", "odd", "cat", inside).fields("lookup")
    missing = world.in_bundle("/no")
    assert ("nowhere", "open", str(missing)) in traced(world, tmp_path / "m", "odd", "cat", missing).fields("lookup")


def test_program_and_what_it_starts_are_recorded(world: World, tmp_path: Path) -> None:
    report, static = world.data / "report", world.data / "static"
    found = traced(world, tmp_path / "1", "run", "execve", report, "name")
    inside = str(world.in_bundle(report))
    assert found.fields("start") == [(str(world.in_bundle(world.programs / "run")),), (inside,)]
    assert found.fields("exec") == [("bundle", inside)]
    found = traced(world, tmp_path / "2", "run", "execve", static, "name")
    assert found.fields("exec") == [("static", str(world.in_bundle(static)))]
    found = traced(world, tmp_path / "3", "run", "posix_spawn", world.host_report, "name")
    assert found.fields("exec") == [("host", str(world.host_report))]


@pytest.mark.parametrize("how", ["exit", "_exit", "_Exit", "return"])
def test_objects_are_recorded_at_every_end(world: World, tmp_path: Path, how: str) -> None:
    found = traced(world, tmp_path / "trace", "odd", "end", how, status=3)
    [process] = {number for number, _, _ in found.records}
    objects = found.objects(process)
    assert any(os.path.basename(path).startswith(LIBC.get(world.name, "libc.so.6")) for path in objects)
    assert len(objects) == len(set(objects))
    assert all(path.startswith(f"{world.bundle}/") for path in objects)


def test_variables_that_were_asked_for_are_recorded_once(world: World, tmp_path: Path) -> None:
    found = traced(world, tmp_path / "trace", "odd", "variables", "PATH", "NOT_SET", "PATH", "a\tb")
    assert found.result.out.split("\n")[2:4] == ["(unset)", "(unset)"]
    asked = [fields for fields in found.fields("env") if fields[1] in {"PATH", "NOT_SET", "a\\x09b"}]
    assert asked == [("set", "PATH"), ("unset", "NOT_SET"), ("unset", "a\\x09b")]


def test_variables_have_their_values_with_and_without_a_trace(world: World, tmp_path: Path) -> None:
    arguments = ("odd", "variables", "PATH", "LANG", "LAMBUNDLE", "")
    plain = world.run(*arguments).out
    assert plain == traced(world, tmp_path / "trace", *arguments).result.out
    assert plain.split("\n")[:2] == [world.env["PATH"]] * 2
    assert plain.count("(unset)") == 4


def test_plugin_is_among_the_objects(world: World, tmp_path: Path) -> None:
    plugin = world.data / "plugins/bundle"
    found = traced(world, tmp_path / "trace", "odd", "load", plugin, "whoami")
    assert (str(world.in_bundle(plugin)),) in found.fields("object")


def test_objects_are_recorded_before_the_process_becomes_another(world: World, tmp_path: Path) -> None:
    found = traced(world, tmp_path / "trace", "odd", "end", "exec", status=0)
    kinds = [kind for _, kind, _ in found.records]
    assert len({number for number, _, _ in found.records}) == 1
    first, second = [place for place, kind in enumerate(kinds) if kind == "start"]
    assert "object" in kinds[first:second]
    assert "object" in kinds[second:]


def test_child_records_its_own_end(world: World, tmp_path: Path) -> None:
    found = traced(world, tmp_path / "trace", "odd", "end", "fork", status=3)
    child = int(found.result.out)
    parents = {number for number, kind, _ in found.records if kind == "object"} - {child}
    assert len(parents) == 1
    assert found.objects(child) == found.objects(parents.pop())


def test_child_of_vfork_does_not_claim_its_parents_objects(world: World, tmp_path: Path) -> None:
    found = traced(world, tmp_path / "trace", "odd", "end", "vfork", status=3)
    assert found.objects(int(found.result.out)) == []


def test_names_with_odd_characters_are_escaped(world: World, tmp_path: Path) -> None:
    found = traced(world, tmp_path / "trace", "odd", "change", world.data / "directories/host")
    operation = "access"
    assert ("nowhere", operation, "/odd\\x09na\\x0ame\\x5cx") in found.fields("lookup")
    # A relative name is recorded below the directory that the program was in.
    assert ("nowhere", operation, f"{world.data}/directories/host/relative") in found.fields("lookup")


def test_trace_file_may_be_relative_to_where_the_program_started(world: World, tmp_path: Path) -> None:
    world.run("odd", "change", "/usr", env={"LAMBUNDLE_TRACE": "trace here"}, cwd=tmp_path)
    assert os.listdir(tmp_path) == ["trace here"]
    kinds = {kind for _, kind, _ in read_trace(tmp_path / "trace here")}
    assert {"start", "lookup", "object"} <= kinds


@pytest.mark.parametrize("trace", ["/nowhere/trace", "/", "", "/dev/full"])
def test_trace_that_cannot_be_written_is_ignored(world: World, trace: str) -> None:
    plain = world.run("run", "popen-r", f"exec {world.data}/programs/bundle")
    assert world.run("run", "popen-r", f"exec {world.data}/programs/bundle", env={"LAMBUNDLE_TRACE": trace}) == plain


@pytest.mark.parametrize(
    "arguments",
    [
        ("odd", "cat", "{data}/files/both"),
        ("odd", "list", "{data}/directories/both"),
        ("odd", "null"),
        ("odd", "change", "/"),
        ("odd", "modes"),
        ("odd", "signals"),
        ("run", "execve", "{data}/nested", "x", "y"),
        ("run", "execvp", "{data}/no-header", "x", "y"),
        ("run", "execve", "{data}/lost", "x"),
        ("run", "popen-w", "cat"),
    ],
)
def test_program_does_the_same_with_a_trace(glibc: World, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    filled = [argument.format(data=glibc.data) for argument in arguments]
    plain = glibc.run(*filled, status=None)
    found = traced(glibc, tmp_path / "trace", *filled, status=None)
    told = f"LAMBUNDLE_TRACE={tmp_path}/trace"
    assert found.result.status == plain.status
    assert found.result.err == plain.err
    assert found.result.out.replace(f'"{told}",', "").replace(f',"{told}"', "") == plain.out or told in found.result.out


def test_child_with_an_empty_environment_is_traced_too(world: World, tmp_path: Path) -> None:
    found = traced(world, tmp_path / "trace", "run", "no-environment", world.data / "report", "name")
    assert (str(world.in_bundle(world.data / "report")),) in found.fields("start")


def test_without_a_trace_a_lookup_costs_one_system_call(glibc: World, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        unavailable(UnavailableError("strace is not installed"))
    path, log = glibc.data / "files/bundle", tmp_path / "log"
    run(["strace", "-f", "-o", log, glibc.launcher("odd"), "cat", path])
    calls = [line for line in log.read_text().splitlines() if str(path) in line and "execve" not in line]
    assert len(calls) == 2, calls  # one asks whether the bundle has it, one opens it
    assert "O_APPEND" not in log.read_text()
