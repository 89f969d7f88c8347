"""Our reader of dynamic symbols against LIEF, over libraries and programs of the machine."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from lambundle.verify.static.symbols import Budget, Symbols, read_symbols
from tests.here import is_elf, read_elf

pytestmark = pytest.mark.integration

TOPS = ("/usr/bin", "/usr/lib")
SHARE = 250  # files; LIEF takes a tenth of a second for each
LARGEST = 4 << 20


def _elf_files() -> list[str]:
    """ELF files of all kinds and places, as many as there is time for, the same on every run."""
    found = []
    for top in TOPS:
        for directory, _, names in os.walk(top):
            paths = (Path(directory, name) for name in names)
            found += [str(path) for path in paths if not path.is_symlink() and path.is_file() and is_elf(path)]
    found = sorted(path for path in found if Path(path).stat().st_size <= LARGEST)
    return found[:: max(1, len(found) // SHARE)]


def _bytes(name: str | bytes) -> bytes:
    return name if isinstance(name, bytes) else name.encode()


def _lief_symbols(path: str) -> Symbols | None:
    import lief

    lief.logging.disable()
    config = lief.ELF.ParserConfig()
    config.parse_relocations = False
    config.parse_symtab_symbols = False
    config.parse_notes = False
    config.parse_overlay = False
    binary = lief.ELF.parse(path, config)
    if binary is None:
        return None
    versions = {
        _bytes(definition.auxiliary_symbols[0].name)
        for definition in binary.symbols_version_definition
        if not definition.flags & 1
    }
    wanted, given = set(), set()
    for symbol in binary.dynamic_symbols:
        name = _bytes(symbol.name)
        if symbol.binding == lief.ELF.Symbol.BINDING.LOCAL or not name:
            continue
        auxiliary = None if symbol.symbol_version is None else symbol.symbol_version.symbol_version_auxiliary
        version = None if auxiliary is None else _bytes(auxiliary.name)
        if symbol.shndx == 0:
            if symbol.binding != lief.ELF.Symbol.BINDING.WEAK:
                wanted.add(name if version is None else name + b"@" + version)
            continue
        given.add(name)
        if version in versions:
            given.add(name + b"@" + (version or b""))
    return Symbols(frozenset(wanted), frozenset(given), bool(versions))


def _compare(path: str) -> str | None:
    """Say what differs for one file, None if nothing does; ``unread`` if LIEF cannot tell."""
    elf = read_elf(path)
    if not elf.dynamic or elf.bits != 64 or not elf.little:
        return "unread"
    theirs = _lief_symbols(path)
    if theirs is None:
        return "unread"
    ours = read_symbols(Path(path).read_bytes(), Budget()) or Symbols(frozenset(), frozenset(), versioned=False)
    if ours == theirs:
        return None
    return f"{path}: wanted {ours.wanted ^ theirs.wanted}, given {ours.given ^ theirs.given}, {ours.versioned}"


def test_symbols_and_their_versions_are_those_that_lief_reads() -> None:
    paths = _elf_files()
    assert len(paths) > 50
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(_compare, paths, chunksize=8))
    assert [answer for answer in answers if answer not in {None, "unread"}] == []
    assert answers.count(None) > 0.5 * len(paths)
