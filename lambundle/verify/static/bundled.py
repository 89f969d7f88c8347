"""Closure of the bundles of lambundle: libraries by the loader's own rules, symbol versions, symbols."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.elf.environment import environment_for
from lambundle.elf.loader import Found, Requester, search
from lambundle.verify.static.steps import SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lambundle.elf.closure import LoadedFile, Missing
    from lambundle.elf.headers import ElfFile
    from lambundle.verify.static.contents import Content
    from lambundle.verify.static.linkage import Linkage
    from lambundle.verify.static.steps import Steps
    from lambundle.verify.static.symbols import Symbols

STARTED = frozenset({"program", "interpreter", "shell"})
"""Kinds of reasons of programs that pack takes only with all their libraries; others may have missed some there."""

LOST = "it was lost since lambundle packed it: upload the zip that pack wrote, or pack again (--add FILE brings a file)"
MISPLACED = "a link or the runtime's configuration was lost: upload the zip that pack wrote, or pack again"
OTHER_BUILD = "a library was replaced by another build of it: pack again, so that all are of one machine"


@dataclass(slots=True)
class LinkageFindings:
    """The result: ``faults``, each with what to do, fail the check; ``notes`` do not.

    ``programs`` and ``libraries`` are how many were looked at, ``symbols`` how many wanted symbols were looked up.
    """

    faults: dict[str, str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    programs: int = 0
    libraries: int = 0
    symbols: int = 0


def check_linkage(linkage: Linkage, contents: Mapping[str, Content], steps: Steps, findings: LinkageFindings) -> None:
    """Add to ``findings`` what programs and plug-ins of one bundle miss in it; raise EntangledError without end."""
    checker = _LinkageChecker(linkage, contents, steps, findings)
    findings.programs += len(linkage.scopes)
    loaded = {file.real for files in linkage.scopes.values() for file in files}
    findings.libraries += len(loaded - linkage.scopes.keys()) + len(linkage.plugins)
    checker.libraries()
    for program, files in linkage.scopes.items():
        checker.versions(files)
        checker.symbols(program, files)
    for plugin in linkage.plugins:
        checker.plugin(plugin)


def lacking_versions(elf: ElfFile, providers: Mapping[str, Sequence[ElfFile]]) -> Iterator[tuple[str, str]]:
    """Give (soname, version) for every version that ``elf`` requires and none of the providers of that name defines.

    A library without any versions takes every version, with a warning of the loader.
    """
    for soname, versions in elf.version_needs:
        found = providers.get(soname, ())
        if not found or any(not provider.version_defs for provider in found):
            continue
        defined = {version for provider in found for version in provider.version_defs}
        for version in versions:
            if version not in defined:
                yield soname, version


def lacking_symbols(wanted: frozenset[bytes], givers: Iterable[Symbols]) -> list[str]:
    """Names, with the version where one is wanted, that none of the givers gives."""
    givers = list(givers)
    lacking = wanted.difference(*[giver.given for giver in givers])
    plain = [giver.given for giver in givers if not giver.versioned]
    return sorted(
        key.decode(errors="replace")
        for key in lacking
        if b"@" not in key or not any(key.partition(b"@")[0] in given for given in plain)
    )


def _why(missing: Missing, *, is_elsewhere: bool) -> tuple[str, str]:
    """Why a library is missing, and what to do."""
    if any("another machine" in place.reason or "-bit file" in place.reason for place in missing.looked_in):
        return "and what is inside is for another machine", OTHER_BUILD
    if is_elsewhere:
        return "which is inside, but not where its loader looks", MISPLACED
    return "which is not inside", LOST


class _LinkageChecker:
    def __init__(
        self, linkage: Linkage, contents: Mapping[str, Content], steps: Steps, findings: LinkageFindings
    ) -> None:
        self._linkage = linkage
        self._contents = contents
        self._steps = steps
        self._findings = findings
        self._broken = {item.program for item in linkage.missing}
        self._seen: set[frozenset[str]] = set()

    def libraries(self) -> None:
        """Every name of DT_NEEDED, and every interpreter."""
        for item in self._linkage.missing:
            is_elsewhere = posixpath.basename(item.soname) in self._linkage.named
            if item.program not in self._started and is_elsewhere:
                continue  # a script may tell this program's loader where to look
            why, hint = _why(item, is_elsewhere=is_elsewhere)
            text = f"{item.needed_by} needs {item.soname}, {why}"
            if item.program in self._started or self._was_packed(item.soname):
                self._findings.faults[text] = hint
            else:
                self._findings.notes[f"{text}, nor was it installed when it was packed"] = None

    @cached_property
    def _started(self) -> frozenset[str]:
        root = self._linkage.bundle.root
        return frozenset(
            entry.path[len(root) :]
            for entry in self._linkage.bundle.manifest.entries
            if any(reason.kind in STARTED for reason in entry.reasons)
        )

    @property
    def _runtime(self) -> str:
        """Where the library lies that is loaded into every program."""
        return f"{self._linkage.bundle.path}/runtime/"

    def _was_packed(self, soname: str) -> bool:
        return posixpath.basename(soname) in self._packed

    @cached_property
    def _packed(self) -> frozenset[str]:
        names = set()
        for entry in self._linkage.bundle.manifest.entries:
            names.add(posixpath.basename(entry.path))
            names.update(reason.detail for reason in entry.reasons if reason.kind == "needed")
        return frozenset(names)

    def versions(self, files: Sequence[LoadedFile]) -> None:
        """Every version of DT_VERNEED, of the library that answers for that name in this program."""
        by_path = {file.path: file.elf for file in files}
        by_soname = {file.elf.soname: file.elf for file in files if file.elf.soname}
        for file in files:
            answers = {need.soname: by_path[need.path] for need in file.needed}
            providers = {
                soname: (answer,)
                for soname, _ in file.elf.version_needs
                if (answer := answers.get(soname) or by_soname.get(soname)) is not None
            }
            self._versions(file.path, file.elf, providers)

    def _versions(self, path: str, elf: ElfFile, providers: Mapping[str, Sequence[ElfFile]]) -> None:
        self._steps.take(1 + sum(len(versions) for _, versions in elf.version_needs) // SYMBOLS)
        for soname, version in lacking_versions(elf, providers):
            self._findings.faults[f"{path} needs {version}, which the {soname} inside does not define"] = OTHER_BUILD

    def symbols(self, program: str, files: Sequence[LoadedFile]) -> None:
        """Every symbol that the files in one program's memory want of one another."""
        places = {file.path: place for file in files if (place := self._linkage.disk.place(file.path)) is not None}
        group = frozenset(places.values())
        if program in self._broken or group in self._seen:
            return
        self._seen.add(group)
        symbols = {path: found for path, place in places.items() if (found := self._contents[place].symbols)}
        if len(symbols) != len(places):
            return  # more names than are kept: see symbols.NAMES_MAX
        self._steps.take(sum(len(found.wanted) + len(found.given) for found in symbols.values()) // SYMBOLS)
        wanted = frozenset().union(*[found.wanted for found in symbols.values()])
        self._findings.symbols += len(wanted)
        for name in lacking_symbols(wanted, symbols.values()):
            by = next(path for path, found in symbols.items() if name.encode() in found.wanted)
            whom = "it" if by == program else program
            self._findings.faults[f"{by} wants the symbol {name}, which nothing that {whom} loads gives"] = OTHER_BUILD

    def plugin(self, place: str) -> None:
        """A shared object that a program opens by itself: what it needs may be anywhere inside."""
        elf = self._contents[place].elf
        if elf is None:
            return
        path = place.removeprefix(self._linkage.bundle.root)
        providers: dict[str, list[ElfFile]] = {}
        whole = True
        for soname in elf.needed:
            name = posixpath.basename(soname)
            answers = [item for other in self._linkage.named.get(name, ()) if (item := self._contents[other].elf)]
            providers[soname] = answers
            if not answers:
                whole = False
                text = f"{path} needs {soname}, which is not inside"
                if self._was_packed(soname) or place.startswith(self._runtime):
                    self._findings.faults[text] = LOST
                else:
                    self._findings.notes[f"{text}, nor was it installed when it was packed"] = None
        self._versions(path, elf, providers)
        wants = self._contents[place].symbols
        if not whole or wants is None:
            return
        givers = [found for other in self._reached(place) if (found := self._contents[other].symbols)]
        self._steps.take((len(givers) + len(self._loaded)) * (1 + len(wants.wanted) // SYMBOLS))
        lacking = lacking_symbols(wants.wanted, [*givers, *self._loaded])
        self._findings.symbols += len(wants.wanted)
        surely = [name for name in lacking if self._is_sure(name, path, elf)]
        for name in surely:
            text = f"{path} wants the symbol {name}, which the library inside does not give"
            self._findings.faults[text] = OTHER_BUILD
        lacking = [name for name in lacking if name.encode() not in self._given_by_plugins]
        if lacking and not surely:
            some = ", ".join(lacking[:3]) + (", …" if len(lacking) > 3 else "")  # noqa: PLR2004
            self._findings.notes[f"{path} is of no use to the programs inside, which do not give {some}"] = None

    def _is_sure(self, name: str, path: str, elf: ElfFile) -> bool:
        """Whether a symbol that a plug-in lacks should be given by a library that its loader finds inside.

        A version names that library. Without one the symbol may come from a program that is not meant to be inside
        (libthread_db.so.1 wants a debugger's), or the library from beside another program.
        """
        _, _, version = name.partition("@")
        sonames = [soname for soname, versions in elf.version_needs if version in versions]
        disk = self._linkage.disk
        directories = self._linkage.bundle.directories
        environment = environment_for(elf, disk, library_path=directories, isolated=True)
        by = Requester(path, elf, posixpath.dirname(path))
        return bool(sonames) and all(isinstance(search(item, by, environment, disk), Found) for item in sonames)

    def _reached(self, place: str) -> list[str]:
        """Paths in the zip of all that a plug-in may load, itself first."""
        found = {place: None}
        todo = [place]
        while todo:
            elf = self._contents[todo.pop()].elf
            self._steps.take(1 + len(elf.needed if elf is not None else ()))
            for soname in elf.needed if elf is not None else ():
                for other in self._linkage.named.get(posixpath.basename(soname), ()):
                    if other not in found:
                        found[other] = None
                        todo.append(other)
        return list(found)

    @cached_property
    def _given_by_plugins(self) -> frozenset[bytes]:
        """What one plug-in may find in another that was opened before it, as zsh's modules do."""
        found = [self._contents[place].symbols for place in self._linkage.plugins]
        return frozenset().union(*[symbols.given for symbols in found if symbols])

    @cached_property
    def _loaded(self) -> list[Symbols]:
        """Symbols of all that any program has in its memory."""
        places = {self._linkage.disk.place(file.path) for files in self._linkage.scopes.values() for file in files}
        return [found for place in places if place is not None and (found := self._contents[place].symbols)]
