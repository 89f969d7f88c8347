"""What a bundled program sees of itself, and where it is, by ways that only some programs take."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.runtime.worlds import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Worlds
    from tests.runtime.worlds import World


def view(world: World, *arguments: str | Path, env: dict[str, str] | None = None) -> list[str]:
    """Return the lines of the program ``view``."""
    return world.run("view", *arguments, env=env).out.splitlines()


def said(lines: list[str]) -> dict[str, str]:
    """Return the lines that name what they say."""
    return dict(line.split(": ", 1) for line in lines)


def test_own_executable_by_every_spelling(world: World) -> None:
    found = said(view(world, "exe"))
    assert found.pop("no link") == f"errno {errno.ENOENT}"
    assert found.pop("links") == "1 1 1"
    assert set(found.values()) == {str(world.in_bundle(world.programs / "view"))}
    assert len(found) == 14


def test_kernel_shows_the_programs_own_command_line(world: World) -> None:
    words = ["", "two words", "--argv0", "x" * 5000]
    native = run([world.native / "view", "line", *words], env=world.env).out.splitlines()
    inside = view(world, "line", *words)
    assert native[0] == f"[{world.native}/view]"
    assert inside == [f"[{world.programs}/view]", *native[1:]]


@pytest.mark.parametrize("name", ["n", "-login", "name with blanks", "long" * 2000])
def test_name_of_any_length_is_the_first_word_of_the_command_line(world: World, name: str) -> None:
    report = world.report("execve", world.data / "report", name, "argument")
    assert report["argv"] == [name, "argument"]
    assert report["command line"] == [name, "argument"]


def test_auxiliary_vector_is_as_the_kernel_would_make_it(world: World) -> None:
    native = run([world.native / "view", "vector"], env=world.env).out.splitlines()
    assert view(world, "vector") == native
    assert {line.rsplit(" ", 1)[1] for line in native} == {"1"}


def test_another_process_sees_the_command_line(glibc: World) -> None:
    command = [str(part) for part in (glibc.launcher("odd"), "cat", "/dev/stdin", "an argument")]
    with subprocess.Popen(command, env=dict(glibc.env), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        expected = f"{glibc.programs}/odd\0cat\0/dev/stdin\0an argument\0"
        path = f"/proc/{process.pid}/cmdline"
        for _ in range(200):
            with open(path, encoding="utf-8") as file:  # noqa: PTH123
                line = file.read()
            if line == expected:
                break
            time.sleep(0.01)
        process.communicate()
    assert line == expected


def test_working_directory_has_its_name_at_home(world: World) -> None:
    directory = f"{world.data}/only/bundle"
    found = said(view(world, "cwd", directory, "file"))
    names = ["getcwd", "allocated", "name", "realpath", "link", "raw"]
    if world.name != "musl":
        names.append("old")
    assert {name: found[name] for name in names} == dict.fromkeys(names, directory)
    assert found["realpath of a file"] == f"{directory}/file"
    assert (found["too small"], found["no room"]) == (f"errno {errno.ERANGE}", f"errno {errno.EINVAL}")
    assert found["served again"] == "0"


def test_working_directory_that_the_bundle_does_not_serve_keeps_its_name(world: World) -> None:
    native = run([world.native / "view", "cwd", "/tmp", "."], env=world.env).out
    assert world.run("view", "cwd", "/tmp", ".").out == native
    for directory in (str(world.root), str(world.bundle)):
        assert said(view(world, "cwd", directory, "."))["getcwd"] == directory


@pytest.mark.parametrize("who", ["bundle", "host"])
def test_relative_path_is_on_both_sides(world: World, who: str) -> None:
    only = f"only/{who}/file"
    places: list[tuple[str | Path, str]] = [
        ("/", f"{world.data}/{only}"[1:]),
        (world.data, only),
        (world.data / "plug/in", f"./../..//{only}"),
    ]
    for directory, name in places:
        lines = view(world, "relative", directory, name)
        assert lines == [
            *3 * [f"content: {who}"],
            "0 0",
            *2 * [f"content: {who}"],
            "0 0 0",
            f"realpath: {world.data}/{only}",
            f"link: errno {errno.EINVAL}",
            "3" if who == "bundle" else "4",
        ], lines


def test_relative_path_that_nobody_has_is_not_found(world: World) -> None:
    lines = view(world, "relative", world.data, "only/nobody/file")
    assert lines[-3:] == [f"realpath: errno {errno.ENOENT}", f"link: errno {errno.ENOENT}", "-1"]
    assert set(lines[:-3]) == {f"content: errno {errno.ENOENT}", "-1 -1", "-1 -1 -1"}


@pytest.mark.parametrize("name", ["glibc", "old-loader", "glibc-2.31", "sanitized"])
def test_fts_names_what_it_was_asked_for(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    for top in (world.data / "plug", world.in_bundle(world.data / "plug")):
        lines = view(world, "walk", top)
        entries = [line.split(" ") for line in lines if not line.startswith(" ")]
        paths = sorted({path for _, path, *_ in entries})
        below = world.in_bundle(world.data / "plug").rglob("*")
        assert paths == sorted([str(top), *(f"{top}{str(path).partition('/data/plug')[2]}" for path in below)])
        assert all(path == access and rest == ["1", "0"] for _, path, access, *rest in entries), lines
        assert [line for line in lines if line.startswith(" ")].count("  libhidden.so") == 1


@pytest.mark.parametrize("name", ["glibc", "musl", "old-loader", "glibc-2.31"])  # libasan itself knows no GLOB_DOOFFS
def test_glob_finds_what_the_bundle_has(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    patterns = [f"{world.data}/o?ly/bundle/f*", f"{world.data}/nothing*", f"{world.data}/*/both", "/pro[c]/self"]
    lines = view(world, "glob", *patterns)
    assert lines[:5] == ["0", "0", "0", "0", f"{world.data}/only/bundle/file"]
    assert lines[5] == patterns[1]
    assert {f"{world.data}/files/both", f"{world.data}/directories/both/"} <= set(lines)
    assert lines[-1] in ("/proc/self", "/proc/self/")
    assert not [line for line in lines if str(world.root) in line]


def test_words_are_expanded_to_files_of_the_bundle(world: World) -> None:
    only = f"{world.data}/only/bundle"
    lines = view(world, "words", f"{only}/f*", f"'{only}/f*' $HERE \"$HERE\" \\*", f"{only}/x* ~+/? a\\ b")
    assert lines == [
        *3 * ["0"],
        f"[{only}/file]",
        f"[{only}/f*]",
        "[a]",
        "[variable]",
        "[a variable]",
        "[*]",
        f"[{only}/x*]",
        *lines[10:-2],
        "[a b]",
        "1",
    ]


def test_catalogue_is_found_by_its_path_and_by_its_name(world: World) -> None:
    assert view(world, "message", world.data / "catalogues/de/odd.cat", "C") == ["guten Tag"]
    places = f"/nowhere/%N:{world.data}/catalogues/%l/%N.cat"
    found = {"NLSPATH": places, "LANG": "de_DE.UTF-8"}
    assert view(world, "message", "odd", "C", env=found) == ["guten Tag"]
    assert view(world, "message", "odd", "C", env={"NLSPATH": places, "LANG": "C"}) == [f"errno {errno.ENOENT}"]


@pytest.mark.parametrize(("name", "target"), [("file", "{}/report"), ("relative", "../report")])
def test_link_has_the_size_that_it_has_at_home(world: World, name: str, target: str) -> None:
    expected = str(len(target.format(world.data)))
    assert view(world, "link-size", world.data / "absolute" / name) == 4 * [expected]
    # The kernel's own is longer for an absolute one.
    inside = world.in_bundle(world.data / "absolute" / name)
    assert (os.lstat(inside).st_size == int(expected)) == (name == "relative")
