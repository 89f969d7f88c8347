"""All that the static checks know: what is listed, what the bytes say, and the bundles of lambundle among it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle import names
from lambundle.model import Kind
from lambundle.verify.static.linkage import Linkage, linkage_of
from lambundle.verify.static.machine import most_common_machine
from lambundle.verify.static.steps import Steps
from lambundle.verify.static.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lambundle.bundle import Member
    from lambundle.elf import ElfFile
    from lambundle.verify.static.contents import Content
    from lambundle.verify.static.home import Home
    from lambundle.verify.static.listing import Listing


@dataclass(frozen=True, slots=True)
class Layer:
    """Another layer of the function.

    ``digests`` are the SHA-256 of its files that have the same path and size as one of the bundle. ``broken`` says why
    its list of entries cannot be read, empty if it can.
    """

    path: Path
    members: tuple[Member, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    broken: str = ""

    @property
    def unzipped(self) -> int:
        """Bytes unpacked in Lambda's count."""
        return sum(member.size for member in self.members)


@dataclass(frozen=True)
class Facts:
    """What is known of one bundle.

    ``contents`` has every file unless ``unread`` says why the bytes were not read. ``homes`` are the bundles of
    lambundle in it; ``bad_manifests`` are paths of manifests with why they are none. ``layers`` are in the order in
    which they are unpacked, after the bundle. ``arch`` is the machine that was asked for, ``mount`` the mount point.
    """

    listing: Listing
    contents: Mapping[str, Content]
    unread: str
    homes: tuple[Home, ...]
    bad_manifests: tuple[tuple[str, str], ...]
    layers: tuple[Layer, ...]
    arch: str | None
    mount: str
    steps: Steps = field(default_factory=Steps)

    @property
    def members(self) -> Sequence[Member]:
        """Every usable entry, sorted by path."""
        return self.listing.members

    @cached_property
    def tree(self) -> Tree:
        """The bundle alone as a file system."""
        return Tree(self.members)

    @cached_property
    def mounted(self) -> Tree:
        """What is at the mount point: the bundle and, below /opt, the layers that are unpacked over it."""
        above = [layer.members for layer in self.layers] if self.mount == "/opt" else []
        return Tree(self.members, *above) if above else self.tree

    @cached_property
    def misfit(self) -> names.BadNameError | None:
        """Why these entries cannot stand in one tree, as those who unpack them would say it."""
        try:
            names.check_tree((member.path, member.kind, member.target) for member in self.members)
        except names.BadNameError as error:
            return error
        return None

    @cached_property
    def damage(self) -> tuple[str, ...]:
        """What is wrong with the bytes of files."""
        return tuple(content.damage for content in self.contents.values() if content.damage)

    @property
    def untold(self) -> str:
        """Why nothing can be said of the programs and libraries, empty if all were read."""
        return self.unread or ("not looked at: files are damaged, see integrity" if self.damage else "")

    @property
    def runnable(self) -> bool:
        """Whether the bundle can be unpacked."""
        refused = self.unread or self.listing.faults or self.misfit or self.damage or self.bad_manifests
        return not refused

    @cached_property
    def linkages(self) -> tuple[Linkage, ...]:
        """Who loads what, for each bundle of lambundle; raises EntangledError when that has no end."""
        return tuple(linkage_of(self.tree, self.contents, home, self.steps) for home in self.homes)

    @cached_property
    def machine(self) -> str | None:
        """The machine asked for, else the one that the bundle says or shows that it is for; None without any."""
        if self.arch is not None:
            return self.arch
        if self.homes:
            return self.homes[0].manifest.packed_on.machine
        return most_common_machine(self.loose_elves)

    @cached_property
    def loose_elves(self) -> Mapping[str, ElfFile]:
        """Headers of the programs and shared objects among ``loose``."""
        found = {path: self.contents[path].elf for path in self.loose if path in self.contents}
        return {path: elf for path, elf in found.items() if elf is not None and (elf.is_program or elf.dynamic)}

    @cached_property
    def loose(self) -> tuple[str, ...]:
        """Paths of the files that are of no bundle of lambundle: handlers, wheels, other people's programs."""
        ours = {entry.path for home in self.homes for entry in home.manifest.entries}
        below = tuple(f"{home.path}/" for home in self.homes)
        return tuple(
            member.path
            for member in self.members
            if member.kind is Kind.FILE and member.path not in ours and not member.path.startswith(below)
        )
