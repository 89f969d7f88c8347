"""Which machine a bundle is for, and which of its files are for another one on purpose."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING

from lambundle.target import ARCHITECTURES, MACHINES

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from lambundle.elf.headers import ElfFile

_OTHERS = r"armhf|armv\d\w*|ia32|i[3-6]86|ppc64\w*|powerpc\w*|s390x?|riscv\w*|mips\w*|loong\w*|sparc\w*"
_SYSTEMS = r"linuxmusl|musl|android|darwin|win32|freebsd"
_KNOWN = "|".join(sorted((name for item in ARCHITECTURES.values() for name in item.spellings), key=len, reverse=True))
_MACHINE = re.compile(rf"(?<![a-z0-9])({_KNOWN}|{_OTHERS}|{_SYSTEMS})(?![a-z0-9])", re.IGNORECASE)


def machine_name(elf: ElfFile) -> str:
    """Name of an ELF file's machine as in ``uname -m``; its number where Lambda has no such machine."""
    return MACHINES.get(elf.machine, f"ELF machine {elf.machine}")


def is_meant_for_others(path: str, machine: str) -> bool:
    """Whether a directory in ``path`` is named after another machine or system than ``machine``.

    Packages with parts for every system keep them in such directories and choose one when they run.
    """
    found = {match.lower() for match in _MACHINE.findall(posixpath.dirname(path))}
    return bool(found - (ARCHITECTURES[machine].spellings if machine in ARCHITECTURES else frozenset()))


def has_twin_for_glibc(path: str, paths: Container[str]) -> bool:
    """Whether a file for musl lies beside the same for glibc, from which the host's will be chosen."""
    directory, slash, name = path.rpartition("/")
    twins = {name.replace("musl", "glibc"), name.replace("musl", "gnu"), name.replace(".musl", "")} - {name}
    return any(f"{directory}{slash}{twin}" in paths for twin in twins)


def most_common_machine(elves: Mapping[str, ElfFile]) -> str | None:
    """Machine of most files, those with no machine in their directories' names first; None if there are none."""
    plain = [elf for path, elf in elves.items() if not _MACHINE.search(posixpath.dirname(path))]
    counted = Counter(map(machine_name, plain or elves.values()))
    return counted.most_common(1)[0][0] if counted else None
