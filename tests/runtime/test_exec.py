"""Starting programs from a bundled program: what the kernel would do at home."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from tests.runtime.worlds import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Worlds
    from tests.runtime.worlds import World

HOWS = (
    "execve",
    "execv",
    "execvp",
    "execvpe",
    "execl",
    "execlp",
    "execle",
    "fexecve",
    "syscall",
    "execveat",
    "execveat-descriptor",
    "execveat-directory",
    "posix_spawn",
    "posix_spawnp",
    "vfork",
    "self-execve",
)
BY_DESCRIPTOR = ("fexecve", "execveat-descriptor", "execveat-directory")
FAILED = 100
"""What ``run`` adds to the errno of a start that failed."""


@pytest.mark.parametrize("how", HOWS)
def test_program_of_the_bundle_starts_with_its_name_and_the_runtime(world: World, how: str) -> None:
    report = world.report(how, world.data / "report", "a name", "two words")
    assert report["who"] == "in bundle"
    assert report["argv"] == ["a name", "two words"]
    assert report["exe"] == str(world.in_bundle(world.data / "report"))


@pytest.mark.parametrize("how", [how for how in HOWS if how not in BY_DESCRIPTOR])
def test_script_of_the_bundle_starts_through_the_bundles_shell(world: World, how: str) -> None:
    report = world.report(how, world.data / "script", "ignored", "an argument")
    assert report["who"] == "in bundle"
    assert report["argv"] == [f"{world.data}/report", "script", f"{world.data}/script", "an argument"]


@pytest.mark.parametrize("how", BY_DESCRIPTOR)
def test_script_started_by_descriptor_has_its_full_name(world: World, how: str) -> None:
    report = world.report(how, world.data / "script", "ignored", "an argument")
    full_name = str(world.in_bundle(world.data / "script"))
    assert report["argv"] == [f"{world.data}/report", "script", full_name, "an argument"]
    assert not [variable for variable in report["env"] if variable.startswith(("LD_PRELOAD", "LAMBUNDLE"))]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("program", ["static", "static-pie"])
def test_static_program_of_the_bundle_starts_without_the_loader(glibc: World, how: str, program: str) -> None:
    report = glibc.report(how, glibc.data / program, "a name", "x")
    assert (report["who"], report["argv"]) == (program, ["a name", "x"])
    assert report["exe"] == str(glibc.in_bundle(glibc.data / program))


@pytest.mark.parametrize("how", HOWS)
def test_program_of_the_host_starts_natively(world: World, how: str) -> None:
    report = world.report(how, world.host_report, "a name", "x")
    assert (report["who"], report["argv"]) == ("on host", ["a name", "x"])
    assert report["exe"] == str(world.host_report)
    assert report["comm"] == "report"


def test_shebang_has_one_argument_with_its_blanks(world: World) -> None:
    report = world.report("execve", world.data / "argument", "ignored", "x")
    assert report["argv"] == [f"{world.data}/report", "one argument", f"{world.data}/argument", "x"]


def test_interpreter_may_be_a_script(world: World) -> None:
    report = world.report("execve", world.data / "nested", "ignored", "x")
    argument, nested = f"{world.data}/argument", f"{world.data}/nested"
    assert report["argv"] == [f"{world.data}/report", "one argument", argument, "second", nested, "x"]


@pytest.mark.parametrize("depth", [4, 5, 6])
def test_scripts_nest_as_deep_as_the_kernel_lets_them(glibc: World, depth: int) -> None:
    script = glibc.data / f"depth-{depth}"
    inside = glibc.run("run", "execve", script, "x", "last", status=None)
    for level in range(1, 7):  # the same for the kernel
        source = glibc.in_bundle(glibc.data / f"depth-{level}")
        (glibc.data / source.name).write_bytes(source.read_bytes())
        (glibc.data / source.name).chmod(0o755)
    try:
        native = run([glibc.native / "run", "execve", script, "x", "last"], status=None)
    finally:
        for level in range(1, 7):
            (glibc.data / f"depth-{level}").unlink()
    assert (inside.status, inside.out.replace(str(glibc.root), "")) == (native.status, native.out)
    assert (native.status == 0) == (depth < 6)


def test_env_in_a_shebang_finds_the_bundles_program(world: World) -> None:
    done = world.run("run", "execve", world.data / "env", "ignored", "x")
    assert done.out == f"env {world.data}/env x\n"


def test_env_splits_its_argument(world: World) -> None:
    done = world.run("run", "execve", world.data / "env-split", "ignored", "x")
    words = done.out.split()
    assert words[:2] + words[3:] == ["split", f"{world.data}/env-split", "x"]
    assert set("eu") <= set(words[2])


@pytest.mark.parametrize(
    ("script", "arguments"),
    [("hosted", []), ("hosted-nested", ["hosted"])],
)
def test_interpreter_of_the_host_gets_a_name_that_it_can_open(world: World, script: str, arguments: list[str]) -> None:
    report = world.report("execve", world.data / script, "ignored", "x")
    expected = [str(world.in_bundle(world.data / name)) for name in (*arguments, script)]
    assert report["who"] == "on host"
    assert report["argv"] == [str(world.host_report), *expected, "x"]


def test_static_interpreter_gets_a_name_that_it_can_open(world: World) -> None:
    report = world.report("execve", world.data / "static-interpreter", "ignored", "x")
    script = str(world.in_bundle(world.data / "static-interpreter"))
    assert report["who"] == "static"
    assert report["argv"] == [f"{world.data}/static", "word", script, "x"]


@pytest.mark.parametrize(
    ("how", "name", "number"),
    [
        (how, name, number)
        for how in ("execve", "posix_spawn", "syscall", "execvp", "posix_spawnp")
        for name, number in [
            ("not-executable", errno.EACCES),
            ("directories", errno.EACCES),
            ("missing", errno.ENOENT),
            ("lost", errno.ENOENT),
        ]
    ]
    + [
        (how, name, errno.ENOEXEC)
        for how in ("execve", "posix_spawn", "syscall")
        for name in ("no-header", "empty-header", "empty", "too-long")
    ],
)
def test_failure_to_start_has_the_kernels_reason(glibc: World, how: str, name: str, number: int) -> None:
    done = glibc.run("run", how, glibc.data / name, "x", status=None)
    assert (done.out, done.status) == ("", FAILED + number)


@pytest.mark.parametrize("how", ["execvp", "execvpe", "execlp"])
def test_file_without_header_is_given_to_the_shell_as_the_libc_does(world: World, how: str) -> None:
    done = world.run("run", how, world.data / "no-header", "x", "y", status=None)
    if world.name == "musl":
        assert (done.out, done.status) == ("", FAILED + errno.ENOEXEC)
    else:
        assert done.out == f"plain {world.data}/no-header y\n"


def test_pipe_that_looks_like_a_program_does_not_block(glibc: World) -> None:
    pipe = glibc.data / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o755)
    assert glibc.run("run", "execve", pipe, "x", status=None).status == FAILED + errno.EACCES


def test_no_arguments_at_all_become_one_empty_name(world: World) -> None:
    report = world.report("no-arguments", world.data / "report")
    assert (report["argc"], report["argv"]) == (1, [""])


def test_relative_path_below_the_bundle(world: World) -> None:
    inside = world.in_bundle(world.data)
    done = world.run("run", "execve", "./report", "x", cwd=inside)
    assert done.report["exe"] == str(inside / "report")


@pytest.mark.parametrize("how", ["posix_spawnp", "execvp"])
def test_search_skips_what_cannot_be_started(glibc: World, tmp_path: Path, how: str) -> None:
    (tmp_path / "directory/whoami").mkdir(parents=True)
    (tmp_path / "text").mkdir()
    (tmp_path / "text/whoami").touch(mode=0o644)
    (tmp_path / "link").mkdir()
    (tmp_path / "link/whoami").symlink_to(glibc.data / "programs/host")
    path = f"/nowhere:{tmp_path}/directory:{tmp_path}/text:{tmp_path}/link"
    assert glibc.run("run", how, "whoami", "x", env={"PATH": path}).out == "host\n"
    path = path.rpartition(":")[0]
    done = glibc.run("run", how, "whoami", "x", env={"PATH": path}, status=None)
    assert done.status == FAILED + errno.EACCES
    assert glibc.run("run", how, "", "x", status=None).status == FAILED + errno.ENOENT


@pytest.mark.parametrize("how", ["posix_spawnp", "execvp", "execlp"])
def test_search_finds_the_bundles_program_first(world: World, how: str) -> None:
    path = {"PATH": f"/nowhere:{world.data}/programs"}
    assert world.run("run", how, "both", "x", env=path).out == "bundle\n"
    assert world.run("run", how, "host", "x", env=path).out == "host\n"


def test_path_that_is_relative_to_where_the_child_goes(world: World) -> None:
    assert world.run("odd", "spawn-in", world.host_report.parent, "./report").report["who"] == "on host"


@pytest.mark.parametrize("how", ["vfork", "posix_spawn"])
def test_many_arguments_between_vfork_and_exec(world: World, how: str) -> None:
    arguments = [f"argument {number}" for number in range(20_000)]
    report = world.report(how, world.data / "report", *arguments)
    assert report["argv"] == arguments


def test_threads_start_programs_and_open_files(world: World) -> None:
    program = world.in_bundle("/bin/sh").resolve()
    command = f"{world.data}/programs/bundle"
    done = world.run("odd", "threads", command, world.data / "files/bundle", str(program), "-c", "exit 0")
    assert (done.out, done.err) == ("0 mistakes, enough rounds\n", "")


@pytest.mark.parametrize(
    ("how", "out", "status"),
    [("system", "bundle\n", 5), ("popen-r", "bundle\n", 5), ("popen-re", "bundle\n", 5)],
)
def test_shell_commands_run_in_the_bundle(world: World, how: str, out: str, status: int) -> None:
    done = world.run("run", how, f"{world.data}/programs/bundle; exit {status}", status=status)
    assert done.out == out


@pytest.mark.parametrize("how", ["popen-w", "popen-we"])
def test_popen_writes_to_the_command(world: World, how: str) -> None:
    done = world.run("run", how, 'read one; read two; echo "$two $one"; exit 4', status=4)
    assert done.out == "two one\n"


@pytest.mark.parametrize("name", ["glibc", "musl", "glibc-2.31"])
@pytest.mark.parametrize("what", ["modes", "signals"])
def test_system_and_popen_behave_as_libcs_own(worlds: Worlds, name: str, what: str) -> None:
    world = worlds(name)
    inside, native = world.run("odd", what), run([world.native / "odd", what])
    if name == "musl" and what == "modes":  # it takes any mode that begins well
        assert "rw: no 22" in inside.out
        return
    assert (inside.out, inside.err) == (native.out, native.err)
