"""Our reader against LIEF, over every ELF file of the machine."""

from __future__ import annotations

import os
import stat
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from lambundle.errors import LambundleError
from tests.here import is_elf, read_elf

if TYPE_CHECKING:
    from lambundle.elf.headers import ElfFile

pytestmark = pytest.mark.integration

TOPS = ("/usr/bin", "/usr/lib", "/usr/sbin", "/usr/libexec", "/usr/local")


def _elf_files() -> list[str]:
    """Every ELF file below the usual places, once each, however many names it has."""
    found: dict[tuple[int, int], str] = {}
    for top in TOPS:
        for directory, _, names in os.walk(top):
            for name in names:
                path = Path(directory, name)
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and is_elf(path):
                    found.setdefault((status.st_dev, status.st_ino), str(path))
    return sorted(found.values())


def _lief_facts(path: str) -> dict[str, Any] | None:
    """Ask LIEF for what our reader tells; None if it cannot parse the file."""
    import lief

    lief.logging.disable()
    config = lief.ELF.ParserConfig()
    config.parse_relocations = False
    config.parse_dyn_symbols = False
    config.parse_symtab_symbols = False
    config.parse_notes = False
    config.parse_overlay = False
    binary = lief.ELF.parse(path, config)
    if binary is None:
        return None
    header = binary.header
    tags = lief.ELF.DynamicEntry.TAG
    entries: dict[str, Any] = {}
    needed: list[str] = []
    # Each tag has a class of its own, with the attributes used here; the stubs know only their base.
    for entry in cast("list[Any]", binary.dynamic_entries):
        with warnings.catch_warnings():
            # A tag that LIEF has no name for (MIPS and GNU number some alike) is none that is asked for here.
            warnings.simplefilter("ignore", RuntimeWarning)
            tag = entry.tag
        if tag == tags.NEEDED:
            needed.append(entry.name)
        elif tag == tags.SONAME:
            entries["soname"] = entry.name
        elif tag == tags.RPATH:
            entries["rpath"] = entry.rpath
        elif tag == tags.RUNPATH:
            entries["runpath"] = entry.runpath
        elif tag == tags.FLAGS:
            entries["flags"] = entry.value
        elif tag == tags.FLAGS_1:
            entries["flags_1"] = entry.value
    return {
        "bits": 32 if header.identity_class == lief.ELF.Header.CLASS.ELF32 else 64,
        "little": header.identity_data == lief.ELF.Header.ELF_DATA.LSB,
        "machine": int(header.machine_type.value),
        "type": int(header.file_type.value),
        "entry": header.entrypoint,
        "interpreter": binary.interpreter if binary.has_interpreter else None,
        "needed": tuple(needed),
        "soname": entries.get("soname"),
        "rpath": entries.get("rpath"),
        "runpath": entries.get("runpath"),
        "flags": entries.get("flags", 0),
        "flags_1": entries.get("flags_1", 0),
        "version_needs": {
            (need.name, aux.name) for need in binary.symbols_version_requirement for aux in need.get_auxiliary_symbols()
        },
        "version_defs": {
            definition.auxiliary_symbols[0].name
            for definition in binary.symbols_version_definition
            if not definition.flags & 1
        },
    }


def _our_facts(elf: ElfFile) -> dict[str, Any]:
    names = ["bits", "little", "machine", "type", "entry", "interpreter", "needed", "soname"]
    names += ["rpath", "runpath", "flags", "flags_1"]
    facts: dict[str, Any] = {name: getattr(elf, name) for name in names}
    facts["version_needs"] = {(file, version) for file, versions in elf.version_needs for version in versions}
    facts["version_defs"] = set(elf.version_defs)
    return facts


def _compare(path: str) -> str | None:
    """Say what differs for one file, None if nothing does; ``unread`` if LIEF cannot tell."""
    try:
        ours = _our_facts(read_elf(path))
    except LambundleError as error:
        return f"{path}: ours cannot read it: {error}"
    theirs = _lief_facts(path)
    if theirs is None:
        return "unread"
    wrong = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    return f"{path}: {wrong}" if wrong else None


def test_every_elf_file_of_the_machine_reads_as_lief_reads_it() -> None:
    paths = _elf_files()
    assert len(paths) > 50
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(_compare, paths, chunksize=32))
    assert [answer for answer in answers if answer not in {None, "unread"}] == []
    assert answers.count(None) > 0.95 * len(paths)
