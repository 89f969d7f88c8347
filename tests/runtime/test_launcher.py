"""The shell script that starts a bundled program."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.bareroot import UnavailableError
from tests.runtime.conftest import unavailable
from tests.runtime.worlds import HOST_ENVIRONMENT, PROGRAMS, World, compile_c, pack, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Worlds

SHELLS = (("bash",), ("bash", "--posix"), ("dash",), ("busybox", "sh"))
ARGUMENTS = ("", " ", "*", "a\nb", "-n", "--", "$HOME", "'", '"', "\\", "ümlaut", "a  b", "--argv0", "~")


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """Return the command of one shell after the other."""
    found = shutil.which(request.param[0])
    if found is None:
        unavailable(UnavailableError(f"{request.param[0]} is not installed"))
    return [found, *request.param[1:]]


@pytest.mark.parametrize("name", ["glibc", "old-loader", "musl"])
def test_arguments_arrive_under_every_shell(worlds: Worlds, shell: list[str], name: str) -> None:
    world = worlds(name)
    report = run([*shell, world.launcher("report"), *ARGUMENTS]).report
    assert report["argv"] == [f"{world.programs}/report", *ARGUMENTS]
    assert report["exe"] == str(world.in_bundle(world.programs / "report"))


def test_first_line_may_name_another_shell(glibc: World, shell: list[str]) -> None:
    copy = glibc.unpacked / "bin" / f"report-{'-'.join(shell[0].split('/'))}{len(shell)}"
    text = glibc.launcher("report").read_text()
    copy.write_text(text.replace("#!/bin/sh\n", f"#!/usr/bin/env -S {' '.join(shell)}\n", 1))
    copy.chmod(0o755)
    assert run([copy, "x"]).report["argv"] == [str(copy), "x"]


def test_static_program(outside_tmp: Path, shell: list[str]) -> None:
    world = World("static", outside_tmp / "static")
    if not world.unpacked.exists():
        compile_c(["gcc"], world.programs / "report", PROGRAMS / "report.c", flags=["-static"])
        pack([str(world.programs / "report")], world.unpacked)
    report = run([*shell, world.launcher("report"), *ARGUMENTS]).report
    exe = str(world.in_bundle(world.programs / "report"))
    assert report["argv"] == [exe, *ARGUMENTS]
    assert report["exe"] == exe
    assert not (world.bundle / "runtime").exists()


def test_relative_paths(glibc: World, shell: list[str]) -> None:
    expected = str(glibc.in_bundle(glibc.programs / "report"))
    for directory, path in [
        (glibc.unpacked / "bin", "./report"),
        (glibc.unpacked / "bin", "report"),
        (glibc.unpacked, "bin/report"),
        (glibc.unpacked / "lambundle", "../bin/report"),
        (glibc.unpacked, "./lambundle/..//bin/./report"),
    ]:
        assert run([*shell, path], cwd=directory).report["exe"] == expected
    root = os.path.relpath(glibc.launcher("report"), "/")
    assert run([*shell, root], cwd="/").report["exe"] == expected


def test_started_by_name_from_the_search_path(glibc: World, shell: list[str]) -> None:
    for entry in (str(glibc.unpacked / "bin"), "bin", "./bin", "bin/"):
        done = run([*shell, "-c", "report x"], env={"PATH": f"{entry}:/usr/bin"}, cwd=glibc.unpacked)
        assert done.report["argv"] == [f"{glibc.programs}/report", "x"]


def test_through_symbolic_links(glibc: World, shell: list[str], tmp_path: Path) -> None:
    absolute, relative, chain = (tmp_path / name for name in ("absolute", "relative", "chain"))
    absolute.symlink_to(glibc.launcher("report"))
    relative.symlink_to(os.path.relpath(glibc.launcher("report"), tmp_path))
    (tmp_path / "directory").symlink_to(glibc.unpacked / "bin")
    chain.symlink_to("directory/../bin/report")
    second = tmp_path / "deep" / "second"
    second.parent.mkdir()
    second.symlink_to("../absolute")
    expected = str(glibc.in_bundle(glibc.programs / "report"))
    for link in (absolute, relative, chain, second, tmp_path / "directory/report"):
        report = run([*shell, link, "x"]).report
        assert report["exe"] == expected
        # Under another name it is that name: some programs are several.
        name = f"{glibc.programs}/report" if link.name == "report" else str(link)
        assert report["argv"] == [name, "x"]
        assert report["comm"] == link.name
        assert run([*shell, os.path.relpath(link, tmp_path)], cwd=tmp_path).report["exe"] == expected


@pytest.mark.parametrize(
    "name", ["a b", 'it\'s "quoted"', "üñí 漢字", "$HOME `x` *", "-n", "back\\slash", "tab\tline\nend"]
)
@pytest.mark.parametrize("world_name", ["glibc", "old-loader"])
def test_path_with_odd_characters(
    worlds: Worlds, shell: list[str], outside_tmp: Path, name: str, world_name: str
) -> None:
    world = worlds(world_name)
    top = outside_tmp / "odd paths" / world_name / name
    if not top.exists():
        shutil.copytree(world.unpacked, top, symlinks=True)
    root = f"{top}/lambundle/tested/root"
    report = run([*shell, top / "bin/report"]).report
    assert report["exe"] == f"{root}{world.programs}/report"
    done = run([*shell, top / "bin/run", "system", f"exec {world.data}/programs/bundle"])
    assert done.out == "bundle\n"


@pytest.mark.parametrize("character", [":", ";"])
def test_path_that_the_loader_cannot_take(glibc: World, shell: list[str], tmp_path: Path, character: str) -> None:
    link = tmp_path / f"a{character}b"
    link.symlink_to(glibc.unpacked)
    done = run([*shell, link / "bin/report"], status=126)
    assert done.out == ""
    assert "cannot take a path with a colon or a semicolon" in done.err
    assert str(link) in done.err


@pytest.mark.parametrize("name", ["glibc", "old-loader", "musl"])
def test_nothing_in_the_environment(worlds: Worlds, shell: list[str], name: str, tmp_path: Path) -> None:
    world = worlds(name)
    link = tmp_path / "link"
    link.symlink_to(world.launcher("report"))
    for path in (world.launcher("report"), link):
        assert run([*shell, path], env={}).report["exe"] == str(world.in_bundle(world.programs / "report"))


def test_own_variables_do_not_reach_the_program(world: World) -> None:
    report = world.run("report").report
    assert not [variable for variable in report["env"] if variable.lower().startswith("lambundle")]


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({}, "/tmp"),
        ({"HOME": "/home/me"}, "/home/me"),
        ({"HOME": ""}, ""),
        ({"HOME": "/home/me", "LAMBUNDLE_HOME": "/mnt/it"}, "/home/me"),
        ({"LAMBUNDLE_HOME": "/mnt/a b $x"}, "/mnt/a b $x"),
        ({"LAMBUNDLE_HOME": ""}, "/tmp"),
        ({"LAMBUNDLE_HOME": "none"}, None),
    ],
)
def test_home_is_where_something_can_be_written_unless_the_user_says_where(
    glibc: World, shell: list[str], given: dict[str, str], seen: str | None
) -> None:
    report = run([*shell, glibc.launcher("report")], env=given).report
    expected = [] if seen is None else [f"HOME={seen}"]
    for array in ("env", "main env"):
        assert [variable for variable in report[array] if variable.startswith("HOME=")] == expected


def test_home_of_every_kind_of_program_and_of_what_it_starts(world: World) -> None:
    assert "HOME=/tmp" in world.run("report").report["env"]
    for started in ("report", "static", "script"):
        assert "HOME=/tmp" in world.report("execv", world.data / started)["env"]
    assert "HOME=/tmp" in world.report("execv", world.host_report)["env"]
    assert world.run("run", "system", "echo $HOME").out == "/tmp\n"


def test_standard_input_is_the_programs(world: World, shell: list[str]) -> None:
    text = "first line\nsecond line\n" * 5000
    assert run([*shell, world.launcher("odd"), "cat"], env=world.env, stdin=text).out == text


@pytest.mark.parametrize("status", [0, 1, 37, 126, 127, 255])
def test_exit_status_is_the_programs(world: World, status: int) -> None:
    assert world.run("report", env={"REPORT_STATUS": str(status)}, status=status).err == ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1])
def test_signal_that_ends_the_program_is_seen(glibc: World, shell: list[str], number: signal.Signals) -> None:
    assert run([*shell, glibc.launcher("odd"), "kill", str(int(number))], status=-number).out == ""


def test_signal_reaches_the_program_itself(glibc: World) -> None:
    with subprocess.Popen(
        [glibc.launcher("odd"), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(HOST_ENVIRONMENT)
    ) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == -signal.SIGTERM


def test_moved_away_from_its_bundle(glibc: World, shell: list[str], tmp_path: Path) -> None:
    shutil.copy(glibc.launcher("report"), tmp_path / "report")
    done = run([*shell, tmp_path / "report"], status=127)
    assert done.out == ""
    where = f"{tmp_path}/../lambundle/tested"
    assert done.err == f"{tmp_path}/report: its bundle is not at {where}: unpack the whole zip, with its links\n"


def test_two_bundles_in_one_directory(glibc: World, outside_tmp: Path) -> None:
    second = World("second", outside_tmp / "second")
    second.data.mkdir(parents=True)
    (second.data / "file").write_text("second\n")
    for name in ("other-odd", "other-report"):
        source = PROGRAMS / f"{name.removeprefix('other-')}.c"
        compile_c(["gcc"], second.programs / name, source, flags=["-ldl"])
    programs = [str(second.programs / name) for name in ("other-odd", "other-report")]
    pack(programs, second.unpacked, add=[second.data], name="second")
    shutil.rmtree(second.data)
    both = outside_tmp / "both"
    shutil.copytree(glibc.unpacked, both, symlinks=True)
    shutil.copytree(second.unpacked, both, symlinks=True, dirs_exist_ok=True)

    first_file = glibc.data / "files/bundle"
    assert run([both / "bin/odd", "cat", first_file]).out == "bundle\n"
    assert run([both / "bin/other-odd", "cat", second.data / "file"]).out == "second\n"
    assert run([both / "bin/odd", "cat", second.data / "file"]).out == "errno 2\n"
    assert run([both / "bin/other-odd", "cat", first_file]).out == "errno 2\n"
    # One starts the other, and gives it nothing of its own.
    started = run([both / "bin/run", "execvp", "other-report", "x", "y"], env={"PATH": str(both / "bin")}).report
    alone = run([both / "bin/other-report", "y"], env={"PATH": str(both / "bin")}).report
    assert started == {**alone, "exe": started["exe"], "env": started["env"], "main env": started["main env"]} | {
        key: started[key] for key in alone if key.startswith("exe of")
    }
    assert started["exe"] == alone["exe"]
    assert sorted(started["env"]) == sorted(alone["env"])
