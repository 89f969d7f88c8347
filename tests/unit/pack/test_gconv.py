"""The list of converters in a bundle names those that are in it."""

from __future__ import annotations

from lambundle.bundle.model import Reason
from lambundle.gather.gathering import Gathering
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.gconv import add_converters, list_converters
from tests.unit.test_elf import make_elf

TOP = "/usr/lib/x86_64-linux-gnu/gconv"
WHY = Reason("facility", None, "conversion")
LIST = """\
# comment
alias\tISO-IR-100//\tISO-8859-1//
module\tISO-8859-1//\tINTERNAL\tISO8859-1\t1
module\tINTERNAL\tISO-8859-1//\tISO8859-1\t1
"""
EXTRA = """\
alias CP949// UHC//
alias MSCP949// UHC//
module UHC// INTERNAL UHC 1
module INTERNAL UHC// UHC 1
module ABSENT// INTERNAL ABSENT 1
broken
"""


def gathering(directory: str = TOP, machine: int = 62) -> Gathering:
    library = make_elf(type_=3, machine=machine, dynamic=[(21, 0)])
    content: dict[str, bytes | str] = {
        f"{directory}/gconv-modules": LIST,
        f"{directory}/gconv-modules.d/extra.conf": EXTRA,
        f"{directory}/ISO8859-1.so": library,
        f"{directory}/UHC.so": library,
    }
    return Gathering(Machine(MemoryFiles(content)), "x86_64", (), ())


def made(found: Gathering) -> str | None:
    entries = {entry.path: entry for entry in found.mirror.entries("")}
    content = entries[f"{TOP}/gconv-modules"].content
    return None if content is None else content.decode()


def test_a_part_of_the_converters_has_a_part_of_the_list_and_a_note() -> None:
    found = gathering()
    found.mirror.add(f"{TOP}/UHC.so", WHY)
    assert list_converters(found, tell=True) == {"GCONV_PATH": f"@{TOP}"}
    assert (made(found) or "").splitlines() == [
        "alias CP949// UHC//",
        "alias MSCP949// UHC//",
        "module UHC// INTERNAL UHC 1",
        "module INTERNAL UHC// UHC 1",
    ]
    assert f"--add {TOP}" in found.notes[0]
    assert found.notes[0].startswith("1 of 2 converters")


def test_all_converters_have_the_machines_own_list() -> None:
    found = gathering()
    found.mirror.add_tree(TOP, WHY)
    assert list_converters(found, tell=True) == {"GCONV_PATH": f"@{TOP}"}
    assert made(found) is None
    assert f"{TOP}/gconv-modules.d/extra.conf" in found.mirror.files()
    assert found.notes == []


def test_without_converters_there_is_no_variable() -> None:
    found = gathering()
    assert list_converters(found, tell=True) == {}
    assert found.notes == []


def test_converters_of_another_architecture_are_not_the_bundles() -> None:
    found = gathering(machine=183)
    found.mirror.add_tree(TOP, WHY)
    assert list_converters(found, tell=True) == {}


def test_a_character_set_is_found_by_its_alias() -> None:
    found = gathering()
    add_converters(found, {"CP949", "unknown"}, WHY)
    assert found.mirror.files() == [f"{TOP}/UHC.so"]
