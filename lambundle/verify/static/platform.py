"""platform: one machine, the one that was asked for, and no newer processor than Lambda's oldest.

Files of other machines are often just data: firmware, libraries for cross-compiling, prebuilt add-ons for every system.
They count where something will load or start them: what programs load, programs, libraries outside lambundle's
directories; not where a directory's name says for which machine they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambundle.elf.headers import EM_X86_64
from lambundle.target import MACHINES
from lambundle.verify.static.machine import is_meant_for_others, machine_name
from lambundle.verify.static.outcome import count, failed, passed, skipped
from lambundle.verify.static.steps import EntangledError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.elf.headers import ElfFile
    from lambundle.verify.model import Check
    from lambundle.verify.static.facts import StaticFacts
    from lambundle.verify.static.linkage import Linkage

NAME = "platform"
OTHER_MACHINE = (
    "pack or build it on the machine that the function is for, or choose the function's architecture to match"
)
TOO_NEW = "use a build for x86-64-v2 or the baseline: some of Lambda's machines have no more"

_BEYOND_V2 = ~0b11  # GNU_PROPERTY_X86_ISA_1_NEEDED: baseline is bit 0, v2 bit 1 (x86-64 psABI)
_LEVELS = {2: "x86-64-v3", 3: "x86-64-v4"}
_CHOSEN_BY_PROCESSOR = re.compile(r"/(glibc-hwcaps|haswell|avx2|avx512\w*|x86-64-v[34])/")


def check(facts: StaticFacts) -> Check:
    """Check the machine of everything that will be loaded or started."""
    if facts.untold:
        return skipped(NAME, facts.untold)
    wanted = facts.machine
    if wanted is None:
        return passed(NAME, "it holds no ELF program and no library")
    try:
        counted = dict(_counted(facts, wanted))
    except EntangledError:
        return skipped(NAME, "not looked at: see closure")
    others = [
        f"{path} is for {machine_name(elf)}, not {wanted}" for path, elf in counted.items() if _differs(elf, wanted)
    ]
    if others:
        return failed(NAME, others, OTHER_MACHINE)
    newer = [f"{path} needs {_level(elf)}" for path, elf in counted.items() if _is_too_new(path, elf)]
    if newer:
        return failed(NAME, newer, TOO_NEW)
    # aarch64 has no such note: its properties, BTI and PAC, are no-operations on machines without them.
    level = ", none needs more than x86-64-v2" if wanted == "x86_64" else ""
    return passed(NAME, f"{count(len(counted), 'ELF file')} for {wanted}{level}")


def _differs(elf: ElfFile, machine: str) -> bool:
    return machine_name(elf) != machine


def _counted(facts: StaticFacts, wanted: str) -> Iterator[tuple[str, ElfFile]]:
    for linkage in facts.linkages:
        yield from _counted_of(facts, linkage)
    loose = facts.loose_elves
    chosen = {path: elf for path, elf in loose.items() if not is_meant_for_others(path, wanted)}
    yield from (chosen or loose).items()


def _counted_of(facts: StaticFacts, linkage: Linkage) -> Iterator[tuple[str, ElfFile]]:
    """ELF files that launchers start or programs load, the runtime, and helpers of another machine."""
    bundle = linkage.bundle
    machine = bundle.manifest.packed_on.machine
    paths = [bundle.root + program.real for program in bundle.manifest.programs]
    paths += [place for files in linkage.scopes.values() for file in files if (place := linkage.disk.place(file.path))]
    paths += [
        place
        for missing in linkage.missing
        for looked in missing.looked_in
        if looked.path is not None and (place := linkage.disk.place(looked.path))
    ]
    paths += [path for path in facts.contents if path.startswith(f"{bundle.path}/runtime/")]
    paths += [
        entry.path
        for entry in bundle.manifest.entries
        if entry.mode & 1 and _is_foreign_helper(facts, entry.path, machine)
    ]
    for path in dict.fromkeys(paths):
        content = facts.contents.get(path)
        if content is not None and content.elf is not None:
            yield path, content.elf


def _is_foreign_helper(facts: StaticFacts, path: str, machine: str) -> bool:
    """Whether a program is for Lambda's other machine: 32-bit ones, say, may have their use as data."""
    content = facts.contents.get(path)
    elf = content.elf if content else None
    return (
        elf is not None
        and elf.is_program
        and elf.machine in MACHINES
        and _differs(elf, machine)
        and not is_meant_for_others(path, machine)
    )


def _is_too_new(path: str, elf: ElfFile) -> bool:
    return elf.machine == EM_X86_64 and bool(elf.isa_needed & _BEYOND_V2) and not _CHOSEN_BY_PROCESSOR.search(path)


def _level(elf: ElfFile) -> str:
    return _LEVELS.get(elf.isa_needed.bit_length() - 1, "a newer level than x86-64-v4")
