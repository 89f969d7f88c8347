"""--exclude says which pattern does nothing, and which program will not start; what size prints can be pasted."""

from __future__ import annotations

import pytest

from lambundle.gather.exclusions import Exclusions, near
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from tests.unit.machines import machine
from tests.unit.test_elf import make_elf

ET_EXEC, ET_DYN, DT_NEEDED = 2, 3, 1
LOADER = "/lib64/ld-linux-x86-64.so.2"


def about_exclude(plan_notes: tuple[str, ...]) -> list[str]:
    return [note for note in plan_notes if "--exclude" in note]


def notes(family: str, *exclude: str, program: str = "jq", add: tuple[str, ...] = ()) -> list[str]:
    plan = make_plan(Request(machine=machine(family), programs=(program,), exclude=exclude, add=add))
    return about_exclude(plan.notes)


def small(extra: dict[str, bytes] | None = None, links: dict[str, str] | None = None) -> Machine:
    """Return a machine with one program that needs liba, which needs libb."""

    def library(*needed: bytes) -> bytes:
        return make_elf(type_=ET_DYN, dynamic=[(DT_NEEDED, name) for name in needed])

    tool = make_elf(
        type_=ET_EXEC,
        entry=1,
        interpreter=LOADER.encode(),
        dynamic=[(DT_NEEDED, b"liba.so.1"), (DT_NEEDED, b"libc.so.6")],
    )
    shell = make_elf(type_=ET_EXEC, entry=1, interpreter=LOADER.encode(), dynamic=[(DT_NEEDED, b"libc.so.6")])
    files = {
        "/usr/bin/tool": tool,
        "/usr/bin/sh": shell,
        "/usr/lib/liba.so.1.0": library(b"libb.so.1"),
        "/usr/lib/libb.so.1": library(),
        "/usr/lib/libc.so.6": library(),
        "/usr/lib/ld-2.36.so": library(),
        "/usr/share/tool/data": b"x",
    }
    found = {
        "/lib": "usr/lib",
        "/bin": "usr/bin",
        "/usr/lib/liba.so.1": "liba.so.1.0",
        LOADER: "../usr/lib/ld-2.36.so",
    }
    return Machine(MemoryFiles(files | (extra or {}), links=found | (links or {})), {"PATH": "/usr/bin"})


def of_tool(*exclude: str, add: tuple[str, ...] = ("/usr/share/tool",)) -> list[str]:
    plan = make_plan(Request(machine=small(), programs=("tool",), exclude=exclude, add=add))
    return about_exclude(plan.notes)


@pytest.mark.parametrize(
    ("pattern", "lost"),
    [
        ("libb*", "libb.so.1, needed by liba.so.1"),
        ("libb.so.1", "libb.so.1, needed by liba.so.1"),
        ("/usr/lib/libb.so.1", "libb.so.1, needed by liba.so.1"),
        ("liba.so.1.0", "liba.so.1, needed by tool"),
        ("/lib/liba*", "liba.so.1, needed by tool"),
        ("libc.so.6", "libc.so.6, needed by tool"),
        ("ld-linux*", "/lib64/ld-linux-x86-64.so.2, its loader"),
    ],
)
def test_a_program_that_will_not_start_is_named_with_the_library(pattern: str, lost: str) -> None:
    assert f"tool will not start: --exclude {pattern!r} leaves out {lost}" in of_tool(pattern)


def test_many_libraries_of_one_pattern_are_one_note() -> None:
    [note] = notes("debian", "lib[!c]*.so.*", program="ffmpeg")
    assert note.startswith("ffmpeg will not start: --exclude 'lib[!c]*.so.*' leaves out ")
    assert note.count(" and ") == 1


def test_a_library_that_stands_in_is_enough() -> None:
    extra = {"/opt/stub/libb.so.1": make_elf(type_=ET_DYN)}
    request = Request(
        machine=small(extra), programs=("tool",), exclude=("/usr/lib/libb.so.1",), add=("/opt/stub/libb.so.1",)
    )
    assert about_exclude(make_plan(request).notes) == []


def test_nothing_is_said_of_a_library_that_only_an_optional_file_needs() -> None:
    extra = {"/usr/share/tool/plugin.so": make_elf(type_=ET_DYN, dynamic=[(DT_NEEDED, b"libextra.so.1")])}
    request = Request(
        machine=small(extra | {"/usr/lib/libextra.so.1": make_elf(type_=ET_DYN)}),
        programs=("tool",),
        exclude=("libextra*",),
        add=("/usr/share/tool",),
    )
    assert about_exclude(make_plan(request).notes) == []


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("zzz", ""),
        ("LIBB", "libb.so.1"),
        ("libb", "libb.so.1"),
        ("*/libb.so.1.gz", ""),
        ("usr/share/tool/data", "/usr/share/tool/data"),
    ],
)
def test_a_pattern_that_matches_nothing_is_told(pattern: str, meant: str) -> None:
    [note] = [note for note in of_tool(pattern) if "matches nothing" in note]
    assert note.startswith(f"--exclude {pattern!r} matches nothing of this bundle")
    assert meant in note


@pytest.mark.parametrize("pattern", ["data", "/usr/share/tool", "/usr/share/tool/", "/usr/share/*/data", "d[a]ta"])
def test_a_pattern_that_leaves_out_a_file_is_not_remarked(pattern: str) -> None:
    plan = make_plan(Request(machine=small(), programs=("tool",), exclude=(pattern,), add=("/usr/share/tool",)))
    assert about_exclude(plan.notes) == []
    assert not [entry for entry in plan.manifest.entries if entry.path.endswith("/data")]


def test_each_of_two_patterns_for_the_same_file_has_matched() -> None:
    assert of_tool("data", "dat*") == []


def test_links_of_the_directories_in_a_pattern_are_followed() -> None:
    files = MemoryFiles({"/usr/lib/libz.so.1": b""}, links={"/lib": "usr/lib"})
    assert Exclusions(("/lib/libz*",), files).path("/usr/lib/libz.so.1")
    assert not Exclusions(("/lib*/libz.so.2",), files).path("/usr/lib/libz.so.1")


def test_near_names_are_few_and_the_shortest_first() -> None:
    paths = [f"/usr/lib/libfoo{letters}.so" for letters in ("", "bar", "bazzz", "quux")]
    assert near("libfoo", paths) == ["libfoo.so", "libfoobar.so", "libfooquux.so"]
    assert near("libfoobaz.so", paths)[0] in ("libfoobar.so", "libfoobazzz.so")
    assert near("/usr/lib/libfoo*", paths)[0] == "/usr/lib/libfoo.so"
    assert near("nothing alike", paths) == []
