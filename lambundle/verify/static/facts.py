"""The facts of the static checks: the listing, the contents, and the packed bundles among them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.bundle import names
from lambundle.bundle.model import Kind
from lambundle.target import MOUNTS, OPT
from lambundle.verify.static.linkage import Linkage, linkage_of
from lambundle.verify.static.machine import most_common_machine
from lambundle.verify.static.steps import Steps
from lambundle.verify.tree import MemberTree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lambundle.bundle.listing import Member
    from lambundle.elf.headers import ElfFile
    from lambundle.verify.static.bundles import PackedBundle
    from lambundle.verify.static.contents import Content
    from lambundle.verify.static.listing import Listing


UNSUPPORTED = "not looked at: entries cannot be read, see names"
"""Why a check was skipped whose answer depends on entries that lambundle cannot read."""


@dataclass(frozen=True, eq=False)
class StaticFacts:
    """Facts of one bundle, or of one of its layers.

    ``contents`` has every file unless ``unread`` says why the bytes were not read. ``bundles`` are the bundles of
    lambundle in it; ``bad_manifests`` are paths of manifests with why they are none. ``arch`` is the machine that was
    asked for, ``mount`` the mount point, ``handler`` the function's handler where one is known.

    ``layers`` are those beside the bundle, in the order in which they are unpacked, after a bundle that is a layer
    itself; ``is_layer`` is true of them, who have none. ``others`` are the entries of everything else that the function
    has. ``unpacked`` are the entries of all that comes to each mount point, in that order: see ``together``.
    """

    listing: Listing
    contents: Mapping[str, Content]
    unread: str
    bundles: tuple[PackedBundle, ...]
    bad_manifests: tuple[tuple[str, str], ...]
    arch: str | None
    mount: str
    handler: str | None = None
    is_layer: bool = False
    layers: tuple[StaticFacts, ...] = ()
    others: tuple[Sequence[Member], ...] = ()
    unpacked: Mapping[str, tuple[Sequence[Member], ...]] = field(default_factory=dict)
    steps: Steps = field(default_factory=Steps)

    @property
    def path(self) -> Path:
        """The zip or directory."""
        return self.listing.path

    @property
    def members(self) -> Sequence[Member]:
        """Every usable entry, sorted by path."""
        return self.listing.members

    @cached_property
    def tree(self) -> MemberTree:
        """The bundle alone as a file system."""
        return MemberTree(self.members)

    @cached_property
    def mounted(self) -> MemberTree:
        """The tree at the mount point: the bundle and, below /opt, every layer in the order of unpacking."""
        all_there = self.unpacked.get(self.mount, ())
        return MemberTree(*all_there) if len(all_there) > 1 else self.tree

    def is_file(self, path: str) -> bool:
        """Whether the function has a file of the absolute ``path``, in any of its zips.

        The bundle is looked at as if it lay at either mount point: until it is run, only the user knows at which.
        """
        for mount in MOUNTS:
            if path.startswith(f"{mount}/"):
                below = path[len(mount) + 1 :]
                trees = [self.tree, self._tree_at(mount)]
                return any(tree.member(below) is not None for tree in trees)
        return False

    def _tree_at(self, mount: str) -> MemberTree:
        if mount == self.mount:
            return self.mounted
        tree = self._trees.get(mount)
        if tree is None:
            tree = self._trees[mount] = MemberTree(*self.unpacked.get(mount, ()))
        return tree

    @cached_property
    def _trees(self) -> dict[str, MemberTree]:
        return {}

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
        """Damage in the bytes of files."""
        return tuple(content.damage for content in self.contents.values() if content.damage)

    @cached_property
    def unsupported(self) -> tuple[str, ...]:
        """Entries that are written as lambundle reads no zip, though nothing is wrong with them."""
        found = (content.unsupported for content in self.contents.values() if content.unsupported)
        return (*self.listing.unsupported, *found)

    @property
    def untold(self) -> str:
        """Why nothing can be said of the programs and libraries, empty if all were read."""
        if self.unread or self.damage:
            return self.unread or "not looked at: files are damaged, see integrity"
        return UNSUPPORTED if self.unsupported else ""

    @property
    def runnable(self) -> bool:
        """Whether the bundle can be unpacked."""
        refused = self.unread or self.listing.faults or self.misfit or self.damage or self.bad_manifests
        return not (refused or self.unsupported)

    @cached_property
    def linkages(self) -> tuple[Linkage, ...]:
        """Who loads what, for each bundle of lambundle; raises EntangledError when that has no end."""
        return tuple(linkage_of(self.tree, self.contents, bundle, self.steps) for bundle in self.bundles)

    @cached_property
    def machine(self) -> str | None:
        """The machine asked for, else the one that the bundle says or shows that it is for; None without any."""
        if self.arch is not None:
            return self.arch
        if self.bundles:
            return self.bundles[0].manifest.packed_on.machine
        return most_common_machine(self.loose_elves)

    @cached_property
    def loose_elves(self) -> Mapping[str, ElfFile]:
        """Headers of the programs and shared objects among ``loose``."""
        found = {path: self.contents[path].elf for path in self.loose if path in self.contents}
        return {path: elf for path, elf in found.items() if elf is not None and (elf.is_program or elf.dynamic)}

    @cached_property
    def loose(self) -> tuple[str, ...]:
        """Paths of the files that are of no bundle of lambundle: handlers, wheels, other people's programs."""
        ours = {entry.path for bundle in self.bundles for entry in bundle.manifest.entries}
        below = tuple(f"{bundle.path}/" for bundle in self.bundles)
        return tuple(
            member.path
            for member in self.members
            if member.kind is Kind.FILE and member.path not in ours and not member.path.startswith(below)
        )


def together(bundle: StaticFacts, layers: Sequence[StaticFacts]) -> StaticFacts:
    """Tell a bundle and its layers of one another; return the bundle, whose ``layers`` they then are."""
    at_opt = tuple(facts.members for facts in (bundle, *layers) if facts.mount == OPT)
    unpacked = {bundle.mount: (bundle.members,), OPT: at_opt}
    everything = (bundle, *layers)

    def placed(facts: StaticFacts) -> StaticFacts:
        others = tuple(other.members for other in everything if other is not facts)
        return replace(facts, others=others, unpacked=unpacked)

    return replace(placed(bundle), layers=tuple(placed(layer) for layer in layers))
