"""LD_PRELOAD with paths of the packing machine: the bundle's libraries are loaded, the host's programs get none."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.runtime.worlds import run

if TYPE_CHECKING:
    from tests.runtime.conftest import Worlds
    from tests.runtime.worlds import Result, World

HOWS = ("execve", "execv", "execvp", "execl", "vfork", "posix_spawn", "posix_spawnp", "syscall", "no-arguments")
GLIBCS = ("glibc", "old-loader", "glibc-2.31", "sanitized")


def loaded(done: Result, who: str = "plain") -> int:
    """In how many processes the library was loaded."""
    return done.err.splitlines().count(f"preloaded {who}")


def preloads(done: Result) -> list[str]:
    """What the reporting program has in its environment."""
    return [item for item in done.report["env"] if item.startswith("LD_PRELOAD")]


def library(world: World) -> str:
    return f"{world.data}/preload/libsays.so"


def test_launched_program_has_the_library_and_the_name_that_it_was_given(world: World) -> None:
    done = world.run("report", env={"LD_PRELOAD": library(world)})
    assert loaded(done) == 1
    assert preloads(done) == [f"LD_PRELOAD={library(world)}"]


@pytest.mark.parametrize("how", HOWS)
def test_started_program_has_it_too(world: World, how: str) -> None:
    done = world.run("run", how, world.data / "report", "name", env={"LD_PRELOAD": library(world)})
    assert loaded(done) == 2
    assert preloads(done) == [f"LD_PRELOAD={library(world)}"]


@pytest.mark.parametrize("name", GLIBCS)
@pytest.mark.parametrize("how", ["system", "popen-r"])
def test_shell_sets_it_for_one_command(worlds: Worlds, name: str, how: str) -> None:
    world = worlds(name)
    done = world.run("run", how, f"LD_PRELOAD={library(world)} {world.data}/report name; {world.data}/report name >&2")
    assert loaded(done) == 1
    assert preloads(done) == [f"LD_PRELOAD={library(world)}"]


@pytest.mark.parametrize("separator", [":", " ", "::", " : "])
def test_list_is_kept_and_each_of_it_loaded_in_its_order(world: World, separator: str) -> None:
    other = f"{world.data}/preload/lib/../../plug/in/libhidden.so"
    value = separator.join(["/nowhere/libgone.so", other, library(world)])
    done = world.run("run", "execve", world.data / "report", "name", env={"LD_PRELOAD": value})
    assert loaded(done) == 2
    [said] = preloads(done)
    assert re.split("[ :]+", said) == re.split("[ :]+", f"LD_PRELOAD={value}")


@pytest.mark.parametrize("name", GLIBCS)
def test_token_is_expanded_as_the_loader_does(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    value = f"{world.data}/preload/$LIB/libsays.so"
    done = world.run("run", "execve", world.data / "report", "name", env={"LD_PRELOAD": value})
    assert loaded(done, "token") == 2
    assert len(preloads(done)) == 1


def test_program_of_the_host_gets_what_the_host_has(world: World) -> None:
    given = f"{library(world)}:/nowhere/libgone.so"
    done = world.run("run", "execve", world.host_report, "name", env={"LD_PRELOAD": given})
    assert loaded(done) == 1
    assert preloads(done) == ["LD_PRELOAD=/nowhere/libgone.so"]
    done = world.run("run", "execve", world.host_report, "name", env={"LD_PRELOAD": library(world)})
    assert (loaded(done), preloads(done)) == (1, [])


@pytest.mark.parametrize("name", GLIBCS)
def test_path_inside_the_bundle_is_left_alone_and_not_for_the_host(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    given = {"LD_PRELOAD": str(world.in_bundle(library(world)))}  # the launcher's shell may load it too
    assert loaded(world.run("run", "execve", world.data / "report", "name", env=given)) >= 2
    assert preloads(world.run("run", "execve", world.host_report, "name", env=given)) == []


def test_launcher_has_no_error_where_nothing_is_to_be_preloaded(world: World) -> None:
    for value in (":", " : "):
        done = world.run("report", env={"LD_PRELOAD": value})
        assert (loaded(done), preloads(done)) == (0, [f"LD_PRELOAD={value}"])


@pytest.mark.parametrize(
    "value",
    [
        "/" + "x" * 100_000,
        "/usr/lib/libgone.so:" * 2000,
        "/x" * 2040,
        "/../..:/:/tmp:relative/../x",
        "$LIB:/$LIB:/$LIB/:${LIB}/x:/a/$LIB/b/$LIB/c:$ORIGIN/x",
        "/ / / : / :",
    ],
    ids=["long", "many", "near the limit", "dots", "tokens", "separators"],
)
def test_list_of_any_shape(world: World, value: str) -> None:
    done = world.run("run", "execve", world.data / "report", "name", env={"LD_PRELOAD": value})
    assert done.report["who"] == "in bundle"


def test_bundle_in_a_directory_with_a_blank_searches_for_the_name(worlds: Worlds) -> None:
    world = worlds("glibc")
    moved = world.top / "with a blank"
    shutil.copytree(world.unpacked, moved, symlinks=True)
    env = {**world.env, "LD_PRELOAD": f"{world.data}/plug/in/libhidden.so", "LD_LIBRARY_PATH": f"{world.data}/plug/in"}
    done = run([moved / "bin/run", "execve", world.data / "report", "name"], env=env)
    assert done.report["who"] == "in bundle"
