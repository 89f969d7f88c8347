"""Starts with little to start with, of copies, and of the host's programs with names of the bundle."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambundle import runtime
from tests.runtime.worlds import PROGRAMS, compile_c, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.worlds import World

FAILED = 100
STACKS = ("thread-16384", "clone-8192")


@pytest.fixture
def copy(outside_tmp: Path) -> Path:
    """Return a path outside the bundle for a copy of a program."""
    path = outside_tmp / "copies/copy"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    return path


# --- with little to start with


@pytest.mark.parametrize("stack", [*STACKS, "thread-20480", "clone-6144"])
def test_a_small_stack_is_enough_to_start_a_program(world: World, stack: str) -> None:
    if world.name == "sanitized":
        stack = {"thread": "thread-65536", "clone": "clone-65536"}[stack.partition("-")[0]]
    assert world.run("narrow", stack, world.data / "programs/bundle").out == "bundle\n"


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("how", ["script", "nested", "PATH", "not there", "host"])
def test_a_small_stack_is_enough_for_every_kind_of_program(glibc: World, stack: str, how: str) -> None:
    path = {"PATH": f"/nowhere:{glibc.data}/programs"}
    if how == "PATH":
        assert glibc.run("narrow", stack, "bundle", env=path).out == "bundle\n"
    elif how == "not there":
        assert glibc.run("narrow", stack, "not-there", env=path, status=None).status == FAILED + 2
    elif how == "host":
        assert glibc.run("narrow", stack, glibc.host_report).report["who"] == "on host"
    else:
        assert glibc.run("narrow", stack, glibc.data / how).report["who"] == "in bundle"


@pytest.mark.parametrize("stack", STACKS)
def test_a_small_stack_is_enough_while_a_trace_is_written(glibc: World, tmp_path: Path, stack: str) -> None:
    trace = tmp_path / "trace"
    done = glibc.run("narrow", stack, glibc.data / "script", env={"LAMBUNDLE_TRACE": str(trace)})
    assert done.report["who"] == "in bundle"
    assert f"exec\tbundle\t{glibc.in_bundle(glibc.data / 'report')}" in trace.read_text()


def test_children_that_became_programs_leave_no_memory_behind(world: World) -> None:
    done = world.run("narrow", "often", world.data / "programs/bundle")
    assert done.out.replace("bundle\n", "") == "0 more\n"


def test_a_small_stack_of_a_signal_is_enough_to_open_a_file(world: World) -> None:
    room = "65536" if world.name == "sanitized" else "1536"
    assert world.run("narrow", f"signal-{room}", world.data / "files/bundle").status == 0


def test_the_loader_is_told_where_the_runtime_is(glibc: World) -> None:
    done = glibc.run("run", "execve", glibc.data / "report", "name", env={"LD_DEBUG": "libs"})
    assert done.report["who"] == "in bundle"
    searches = [line for line in done.err.splitlines() if f"find library={runtime.soname('glibc')}" in line]
    assert len(searches) == 1, "by its launcher alone"


@pytest.mark.parametrize("how", ["full", "full-exec"])
def test_a_full_table_of_descriptors_is_no_hindrance(world: World, how: str) -> None:
    if world.name == "musl" and how == "full":  # its posix_spawn needs a pipe
        how = "full-exec"
    report = world.run("narrow", how, world.data / "report", "x").report
    assert report["who"] == "in bundle"
    assert report["exe"] == str(world.in_bundle(world.data / "report"))
    assert world.run("narrow", how, world.data / "nested").report["who"] == "in bundle"
    assert world.run("narrow", how, world.host_report).report["who"] == "on host"
    assert world.run("narrow", how, world.data / "not-there", status=None).status == FAILED + 2


def test_the_heap_of_a_program_at_a_fixed_address_is_behind_it(world: World) -> None:
    native = run([world.native / "fixed"], env=world.env)
    assert "heap behind it: yes" in native.out
    if world.name == "musl":  # its loader has used the heap before
        native = replace(native, out=native.out.replace("behind it: yes", "behind it: no"))
    assert world.run("fixed").out == native.out
    assert world.run("run", "posix_spawn", world.programs / "fixed", "x").out == native.out


# --- copies


COPIES = ("copy", "copy-spawn", "memory", "memory-path", "memory-spawn", "memory-execveat", "own", "parent")


@pytest.mark.parametrize("how", COPIES)
def test_a_program_starts_itself_anew(world: World, copy: Path, how: str) -> None:
    only_in_bundle = world.data / "files/bundle"
    said = world.run("again", how, only_in_bundle, copy).out.splitlines()
    assert said[1:] == ["comm a name", "argument a name", "argument say", f"argument {only_in_bundle}", "file yes"]
    if how.startswith("copy"):
        assert said[0] == f"exe {copy} opens yes"
    elif how in ("own", "parent"):
        assert said[0] == f"exe {world.in_bundle(world.programs / 'again')} opens yes"


def test_a_copy_of_another_program_of_the_bundle_starts(world: World, copy: Path) -> None:
    report = world.run("again", "copy-of", "x", copy, world.programs / "report").report
    assert (report["exe"], report["execfn"], report["argv"]) == (str(copy), str(copy), ["a name", "say", "x"])
    shutil.copy(world.in_bundle(world.programs / "report"), copy)
    assert world.report("execve", copy, "a name", "x")["argv"] == ["a name", "x"]


def test_a_program_of_the_host_is_no_copy(world: World, copy: Path) -> None:
    shutil.copy(world.host_report, copy)
    report = world.report("execve", copy, "a name", "x")
    assert (report["who"], report["exe"], report["walked execfn"]) == ("on host", str(copy), str(copy))
    assert report["comm"] == run([copy], env=world.env).report["comm"]  # the kernel's, not the first argument's


def test_a_program_that_differs_in_its_headers_is_no_copy(glibc: World, copy: Path) -> None:
    program = bytearray(glibc.in_bundle(glibc.programs / "report").read_bytes())
    program[40] ^= 1  # e_shoff, which nobody reads to start it
    copy.write_bytes(program)
    copy.chmod(0o755)
    assert glibc.report("execve", copy, "a name")["comm"] == "copy"
    (glibc.bundle / "runtime/programs").rename(glibc.bundle / "away")
    try:
        shutil.copy(glibc.in_bundle(glibc.programs / "report"), copy)
        assert glibc.report("execve", copy, "a name")["comm"] == "copy"
    finally:
        (glibc.bundle / "away").rename(glibc.bundle / "runtime/programs")


def test_a_program_whose_loader_only_the_bundle_has_starts_through_it(glibc: World, copy: Path) -> None:
    loader = "/lambundle-test-no-such/ld.so"
    there = glibc.in_bundle(loader)
    there.parent.mkdir(exist_ok=True)
    shutil.copy(next(glibc.root.glob("lib*/ld-linux-*")), there)
    compile_c(["gcc"], copy, PROGRAMS / "report.c", flags=['-DWHO="made here"', f"-Wl,--dynamic-linker={loader}"])
    report = glibc.report("execve", copy, "a name", "x")
    assert (report["who"], report["argv"], report["exe"]) == ("made here", ["a name", "x"], str(copy))


# --- names


@pytest.mark.parametrize("how", ["execve", "posix_spawn", "vfork", "execvp", "syscall"])
def test_a_program_of_the_host_gets_names_that_it_can_open(world: World, how: str) -> None:
    only, both, host = (world.data / "files" / name for name in ("bundle", "both", "host"))
    others = (both, host, f"-I{only}", f"{only},{only}", f"--file={both}", "a=/b=/c", "=", "", "/nowhere/at/all")
    report = world.report(how, world.host_report, only, only, f"--file={only}", f"if={only}", *others)
    there = world.in_bundle(only)
    assert report["argv"] == [str(only), str(there), f"--file={there}", f"if={there}", *map(str, others)]
    assert world.run("run", how, "/bin/cat", "cat", only).out == "bundle\n"


@pytest.mark.parametrize("how", ["execve", "posix_spawn", "vfork"])
def test_many_names_and_a_long_one(world: World, how: str) -> None:
    only = world.data / "files/bundle"
    roundabout = f"{world.data}/{'files/../' * 300}files/bundle"
    report = world.report(how, world.host_report, "x", *[only] * 3000, roundabout)
    there = str(world.in_bundle(only))
    assert report["argv"] == ["x", *[there] * 3000, f"{world.root}{roundabout}"]


def test_a_static_program_gets_names_that_it_can_open(glibc: World) -> None:
    only = glibc.data / "files/bundle"
    report = glibc.report("execve", glibc.data / "static", "a name", only, "/dev/null")
    assert report["argv"] == ["a name", str(glibc.in_bundle(only)), "/dev/null"]


def test_a_program_of_the_bundle_keeps_the_names(world: World) -> None:
    only = world.data / "files/bundle"
    assert world.report("execve", world.data / "report", "a name", only)["argv"] == ["a name", str(only)]


def test_shell_commands_give_the_hosts_programs_names_that_they_can_open(world: World) -> None:
    only = world.data / "files/bundle"
    assert (
        world.run("run", "system", f"/bin/cat {only} && cd {world.data}/files && /bin/cat bundle").out == "bundle\n" * 2
    )


# --- scripts


@pytest.fixture
def scripts(glibc: World) -> Path:
    """Return a directory that the bundle and the host both have, for scripts of the bundle."""
    directory = glibc.data / "scripts"
    for side in (directory, glibc.in_bundle(directory)):
        (side / "bin").mkdir(parents=True, exist_ok=True)
    return directory


def write_script(world: World, path: Path, text: str) -> Path:
    """Write a script that only the bundle has; return its path on the packing machine."""
    there = world.in_bundle(path)
    there.write_text(text)
    there.chmod(0o755)
    return path


@pytest.mark.parametrize("interpreter", ["bin/report", "./bin/report", "../scripts/bin/report"])
def test_a_relative_interpreter_is_below_the_working_directory(glibc: World, scripts: Path, interpreter: str) -> None:
    inside = glibc.in_bundle(scripts)
    shutil.copy(glibc.in_bundle(glibc.data / "report"), inside / "bin/report")
    script = write_script(glibc, scripts / "relative", f"#!{interpreter} one argument\n")
    report = glibc.run("run", "execve", script, "x", "y", cwd=inside).report
    assert report["who"] == "in bundle"
    assert report["argv"] == [interpreter, "one argument", str(script), "y"]
    assert glibc.run("run", "execve", script, "x", status=None).status == FAILED + 2


@pytest.mark.parametrize("how", ["execvp", "posix_spawnp", "system"])
def test_a_script_that_hands_on_to_another_interpreter(glibc: World, scripts: Path, how: str) -> None:
    """As pip and uv write it where the path of Python is too long for a shebang."""
    text = f"""#!/bin/sh\n'''exec' "{glibc.data}/report" "$0" "$@"\n' '''\n"""
    script = write_script(glibc, scripts / "handed-on", text)
    report = glibc.run("run", how, *([f"{script} 'y z'"] if how == "system" else [script, "x", "y z"])).report
    assert report["who"] == "in bundle"
    assert report["argv"] == [f"{glibc.data}/report", str(script), "y z"]


@pytest.mark.parametrize(
    ("line", "arguments", "variables"),
    [
        ("-S report \"two words\" 'three more words'", ["two words", "three more words"], ["A=0"]),
        ('-S A=1 B="2 3" report x', ["x"], ["A=1", "B=2 3"]),
        ("-iS PATH={data} report x", ["x"], []),
        ("-vS report x", ["x"], ["A=0"]),
        ("--split-string=report x", ["x"], ["A=0"]),
        ("-S -u A report x", ["x"], []),
        (r"-S report a\_b \"c\" \cd", ["a", "b", '"c"'], ["A=0"]),
        ("-S report ${{A}} x", ["0", "x"], ["A=0"]),
        ("-S -- report x # comment", ["x"], ["A=0"]),
        ("-S {data}/report x", ["x"], ["A=0"]),
        ("-S -C / report x", ["x"], ["A=0"]),
    ],
)
def test_env_of_the_bundle_splits_a_shebang(
    glibc: World, scripts: Path, line: str, arguments: list[str], variables: list[str]
) -> None:
    assert glibc.in_bundle("/usr/bin/env").exists()
    script = write_script(glibc, scripts / "by-env", f"#!/usr/bin/env {line.format(data=glibc.data)}\n")
    env = {"PATH": f"{glibc.data}:/usr/bin:/bin", "A": "0"}
    report = glibc.run("run", "execve", script, "x", "last", env=env).report
    assert report["who"] == "in bundle"
    assert report["argv"][1:] == [*arguments, str(script), "last"]
    assert sorted(variable for variable in report["env"] if variable[:2] in ("A=", "B=")) == variables
