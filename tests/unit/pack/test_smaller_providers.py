"""A library of the alternatives system: the machine's choice, and a smaller provider where only so a bundle fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from tests.unit.pack.test_excluded import DT_NEEDED, ET_DYN, ET_EXEC, LOADER
from tests.unit.test_elf import make_elf

if TYPE_CHECKING:
    from lambundle.pack.request import Plan

DT_SONAME = 14
LIB = "/usr/lib"
LINK, CHOSEN, OTHER = f"{LIB}/libsolve.so.3", f"{LIB}/fast/libsolve.so.3", f"{LIB}/plain/libsolve.so.3"
CORE = f"{LIB}/libcore.so.1"
LARGE = 263_000_000


def library(soname: bytes, *needed: bytes) -> bytes:
    return make_elf(type_=ET_DYN, dynamic=[(DT_SONAME, soname), *((DT_NEEDED, name) for name in needed)])


def packed(
    size: int = LARGE,
    mode: str = "auto",
    other: bytes = library(b"libsolve.so.3"),
    more: tuple[str, ...] = (),
    library_path: tuple[str, ...] = (),
) -> Plan:
    """Pack a program that needs libsolve; the fast provider needs libcore, of ``size`` bytes."""
    needs = [(DT_NEEDED, b"libsolve.so.3"), (DT_NEEDED, b"libc.so.6")]
    tool = make_elf(type_=ET_EXEC, entry=1, interpreter=LOADER.encode(), dynamic=needs)
    shell = make_elf(type_=ET_EXEC, entry=1, interpreter=LOADER.encode(), dynamic=needs[1:])
    files: dict[str, bytes | str] = {
        "/usr/bin/tool": tool,
        "/usr/bin/sh": shell,
        CHOSEN: library(b"libsolve.so.3", b"libcore.so.1"),
        OTHER: other,
        CORE: library(b"libcore.so.1"),
        f"{LIB}/libc.so.6": library(b"libc.so.6"),
        f"{LIB}/ld-2.36.so": library(b"ld-linux-x86-64.so.2"),
        "/var/lib/dpkg/alternatives/libsolve.so.3": f"{mode}\n{LINK}\n\n{CHOSEN}\n100\n{OTHER}\n10\n\n",
        **dict.fromkeys(more, b""),
    }
    links = {
        "/lib": "usr/lib",
        "/bin": "usr/bin",
        LOADER: "../usr/lib/ld-2.36.so",
        LINK: "/etc/alternatives/libsolve.so.3",
        "/etc/alternatives/libsolve.so.3": CHOSEN,
    }
    machine = Machine(MemoryFiles(files, links=links, sizes={CORE: size}), {"PATH": "/usr/bin"})
    return make_plan(Request(machine=machine, programs=("tool",), library_path=library_path))


def solvers(plan: Plan) -> list[str]:
    root = f"lambundle/{plan.manifest.name}/root"
    paths = [entry.path.removeprefix(root) for entry in plan.manifest.entries]
    return [path for path in paths if path in {CHOSEN, OTHER, CORE}]


def test_over_the_quota_a_smaller_provider_takes_the_place_of_the_machines_choice_and_is_told() -> None:
    plan = packed()
    assert solvers(plan) == [OTHER]
    [note] = [note for note in plan.notes if "libsolve" in note]
    assert note.endswith(f"--library-path {LIB}/fast brings it")
    assert f"{LIB}/plain" in note


def test_a_bundle_that_fits_has_the_machines_choice() -> None:
    plan = packed(size=1_000_000)
    assert solvers(plan) == [CHOSEN, CORE]
    assert not [note for note in plan.notes if "libsolve" in note]


@pytest.mark.parametrize(
    ("mode", "other", "more"),
    [
        ("manual", library(b"libsolve.so.3"), ()),  # a person chose
        ("auto", library(b"libsolve.so.4"), ()),
        ("auto", b"no library", ()),
        ("auto", library(b"libsolve.so.3"), (f"{LIB}/plain/libother.so.1",)),  # searched first, it would come too
    ],
)
def test_what_a_person_chose_stays_and_what_is_another_library_is_no_provider(
    mode: str, other: bytes, more: tuple[str, ...]
) -> None:
    assert solvers(packed(mode=mode, other=other, more=more)) == [CHOSEN, CORE]


def test_the_flag_of_the_note_brings_the_machines_choice() -> None:
    assert solvers(packed(library_path=(f"{LIB}/fast",))) == [CHOSEN, CORE]


def test_a_provider_that_is_no_smaller_does_not_take_the_place() -> None:
    assert solvers(packed(other=library(b"libsolve.so.3", b"libcore.so.1"))) == [CHOSEN, CORE]
