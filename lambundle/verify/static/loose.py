"""Closure of what lambundle did not pack: programs and libraries that the host's own loader has to start.

What they need is inside, or the host has it for certain, in a version that is not newer than the host's. A shared
object beside a bundle of lambundle may also be loaded by that bundle's programs (a wheel beside a packed Python).
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.target import ARCHITECTURES, GLIBC, HOST_LIBRARIES, HOST_VERSIONS
from lambundle.verify.static.bundled import lacking_versions
from lambundle.verify.static.linkage import names_of
from lambundle.verify.static.machine import has_twin_for_glibc, is_meant_for_others, machine_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lambundle.elf.headers import ElfFile
    from lambundle.verify.static.bundled import LinkageFindings
    from lambundle.verify.static.facts import StaticFacts

HOST_GLIBC = f"{GLIBC[0]}.{GLIBC[1]}"
TOO_NEW = f"build it where glibc is {HOST_GLIBC} or older (Amazon Linux 2023), or pack it with lambundle, libc and all"
NOT_THERE = "put the library into lib/ of the zip, or pack the program with lambundle, which brings all it needs"
NO_LOADER = "build it for glibc, or pack it with lambundle, which brings its own loader"
OTHER_BUILD = "put the library into the zip that it was built with, or pack the program with lambundle"

_RELR = "GLIBC_ABI_DT_RELR"  # since glibc 2.36: the file needs a loader that knows DT_RELR
_VERSION = re.compile(r"([A-Z]+_)(\d+(?:\.\d+)*)")


def check_loose(facts: StaticFacts, findings: LinkageFindings) -> None:
    """Add to ``findings`` what the files outside lambundle's directories miss on the host.

    Raise EntangledError when that has no end.
    """
    machine = facts.machine or ""
    every = facts.loose_elves
    elves = {
        path: elf
        for path, elf in every.items()
        if machine_name(elf) == machine
        and not is_meant_for_others(path, machine)
        and not has_twin_for_glibc(path, every)
    }
    if not elves:
        return
    checker = _LooseChecker(facts, elves, findings)
    for path, elf in sorted(elves.items()):
        checker.check(path, elf)


class _LooseChecker:
    def __init__(self, facts: StaticFacts, elves: Mapping[str, ElfFile], findings: LinkageFindings) -> None:
        self._facts = facts
        self._elves = elves
        self._findings = findings
        self._named = names_of(facts.tree, elves)
        self._elsewhere = {posixpath.basename(member.path) for other in facts.others for member in other}

    def check(self, path: str, elf: ElfFile) -> None:
        """Check one program or shared object."""
        if elf.is_program:
            self._findings.programs += 1
        elif elf.dynamic:
            self._findings.libraries += 1
        if elf.is_program and elf.interpreter is not None:
            self._interpreter(path, elf)
        inside: dict[str, Sequence[ElfFile]] = {}
        for soname in elf.needed:
            name = posixpath.basename(soname)
            found = self._providers(name, elf)
            self._facts.steps.take(1 + len(found))
            if found:
                inside[soname] = found
            elif name not in HOST_LIBRARIES and name not in self._elsewhere:
                self._fault(f"{path} needs {soname}, which is neither inside nor certain to be on Lambda", NOT_THERE)
        for soname, version in lacking_versions(elf, inside):
            self._fault(f"{path} needs {version}, which the {soname} inside does not define", OTHER_BUILD)
        for soname, versions in elf.version_needs:
            if soname not in inside and posixpath.basename(soname) not in self._elsewhere:
                self._host_versions(path, versions)

    def _providers(self, name: str, elf: ElfFile) -> list[ElfFile]:
        found = [self._elves[path] for path in self._named.get(name, ())]
        if elf.is_program:
            return found
        for linkage in self._facts.linkages:
            contents = (self._facts.contents[path] for path in linkage.named.get(name, ()))
            found += [content.elf for content in contents if content.elf is not None]
        return found

    def _interpreter(self, path: str, elf: ElfFile) -> None:
        interpreter = elf.interpreter or ""
        machine = ARCHITECTURES.get(machine_name(elf))
        below = interpreter.removeprefix(f"{self._facts.mount}/")
        if (
            (machine is not None and interpreter == machine.interpreter)
            or (below != interpreter and self._facts.mounted.member(below) is not None)
            or posixpath.basename(interpreter) in self._named  # started by hand: ld.so PROGRAM
        ):
            return
        self._fault(f"{path} asks for the loader {interpreter}, which Lambda does not have", NO_LOADER)

    def _host_versions(self, path: str, versions: Sequence[str]) -> None:
        newest: dict[str, tuple[tuple[int, ...], str]] = {}
        for version, number, host in _beyond_host(versions):
            newest[host] = max(newest.get(host, (number, version)), (number, version))
        for host, (_, version) in newest.items():
            self._fault(f"{path} needs {version}, Lambda has {host}", TOO_NEW)

    def _fault(self, text: str, hint: str) -> None:
        self._findings.faults[text] = hint


def _beyond_host(versions: Sequence[str]) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Versions that are newer than the host's: name, number, and the host's own."""
    for version in versions:
        if version == _RELR:
            yield "GLIBC_2.36 (its relocations are packed, DT_RELR)", (2, 36), HOST_GLIBC
            continue
        match = _VERSION.fullmatch(version)
        limit = HOST_VERSIONS.get(match[1]) if match else None
        if match is None or limit is None:
            continue
        number = tuple(int(part) for part in match[2].split("."))
        if number > limit:
            yield version, number, ".".join(map(str, limit))
