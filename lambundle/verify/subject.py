"""The bundle under test, as the checks see it: its entries, and whether it may be unpacked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.verify.tree import MemberTree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lambundle.bundle.listing import Member
    from lambundle.bundle.model import Manifest, Program


@dataclass(frozen=True)
class Subject:
    """A bundle, or any other zip or directory for Lambda.

    ``members`` are its entries sorted by path, as far as they have a usable name. ``mode`` of a member has the set-ID
    and sticky bits too. ``manifests`` are those that lambundle wrote: none in a foreign zip, several where
    bundles were merged. ``zipped`` is the size of the zip file in bytes, None for a directory. ``runnable`` says
    that ``lambundle.bundle.extract`` will unpack it: when it is false nothing of it may be unpacked or run.
    """

    path: Path
    is_zip: bool
    zipped: int | None
    members: tuple[Member, ...]
    manifests: tuple[Manifest, ...]
    runnable: bool

    @property
    def manifest(self) -> Manifest | None:
        """The only manifest, or the first by name; None where lambundle did not pack the zip."""
        return self.manifests[0] if self.manifests else None

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs of all manifests."""
        return tuple(program for manifest in self.manifests for program in manifest.programs)

    @cached_property
    def unzipped(self) -> int:
        """Bytes unpacked in Lambda's count: files and link targets."""
        return sum(member.size for member in self.members)

    @cached_property
    def by_path(self) -> Mapping[str, Member]:
        """Every member by its path."""
        return self.tree.by_path

    @cached_property
    def tree(self) -> MemberTree:
        """The members as a file system."""
        return MemberTree(self.members)
