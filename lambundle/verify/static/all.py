"""Runs the static checks: one listing, one reading of the bytes, then pure functions of what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.extract import LIMIT
from lambundle.model import Kind
from lambundle.verify.model import Check, Status
from lambundle.verify.static import closure, integrity, layout, links, names, permissions, platform, quota
from lambundle.verify.static.contents import digest_of, read_contents
from lambundle.verify.static.facts import Facts, Layer
from lambundle.verify.static.home import homes_of, kept
from lambundle.verify.static.listing import listing_of
from lambundle.verify.static.outcome import failed, skipped
from lambundle.verify.subject import Subject
from lambundle.zipformat import UnsupportedZipError, ZipFormatError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lambundle.bundle import Member

_MODULES = (integrity, permissions, links, names, layout, platform, closure, quota)
CHECKS = tuple(module.NAME for module in _MODULES)
"""Names of the static checks, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class StaticResult:
    """The static checks in the order of ``CHECKS``, and the bundle that they looked at.

    ``subject`` is None when not even the list of entries could be read; then nothing can be run either.
    """

    checks: tuple[Check, ...]
    subject: Subject | None

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.status is not Status.FAIL for check in self.checks)


def static_checks(
    bundle: Path, *, layers: Sequence[Path] = (), arch: str | None = None, mount: str = "/opt"
) -> StaticResult:
    """Check ``bundle``, a zip or a directory, without unpacking or running anything of it.

    ``layers`` are the other layers of the function in their order: they are unpacked after the bundle, each over what
    is there. ``arch`` is the machine as in ``uname -m`` (None: the bundle's own), ``mount`` where the bundle will be.
    Raise UsageError when one of the paths cannot be opened; what is wrong with the bundle itself is a check that
    failed, never an error. Takes time in proportion to what the bundle says it unpacks to, 2 GiB at most, and memory
    to its list of entries and its largest ELF file.
    """
    try:
        facts = _facts(bundle, layers, arch, mount)
    except UnsupportedZipError as error:
        return _unreadable(names.NAME, f"the zip cannot be read: {error}", names.HINT)
    except ZipFormatError as error:
        return _unreadable(integrity.NAME, f"the zip cannot be read: {error}", integrity.DAMAGED)
    checks = tuple(module.check(facts) for module in _MODULES)
    manifests = tuple(home.manifest for home in facts.homes)
    zipped = facts.listing.zipped
    subject = Subject(bundle, zipped is not None, zipped, tuple(facts.members), manifests, facts.runnable)
    return StaticResult(checks, subject)


def _unreadable(name: str, why: str, hint: str) -> StaticResult:
    failure = failed(name, [why], hint)
    return StaticResult(tuple(failure if name == other else skipped(other, why) for other in CHECKS), None)


def _facts(bundle: Path, layers: Sequence[Path], arch: str | None, mount: str) -> Facts:
    with listing_of(bundle) as listing:
        unread = ""
        if listing.unzipped > LIMIT:
            unread = f"not read: it says that it unpacks to {listing.unzipped:,} bytes"
        contents = {} if unread else read_contents(listing, kept(listing.members))
    homes, bad_manifests = ((), ()) if unread else homes_of(listing.members, contents)
    ours = {member.path: member for member in listing.members}
    others = tuple(_layer(path, ours) for path in layers)
    return Facts(listing, contents, unread, homes, bad_manifests, others, arch, mount)


def _layer(path: Path, ours: dict[str, Member]) -> Layer:
    """List a layer, and read those of its files that may be the same as ours."""
    try:
        with listing_of(path) as listing:
            same = [
                member
                for member in listing.members
                if member.kind is Kind.FILE and member.path in ours and member.size == ours[member.path].size
            ]
            if listing.faults:
                return Layer(path, broken=listing.faults[0].text)
            read = listing.unzipped <= LIMIT
            digests = {member.path: digest_of(listing.store.blocks(member)) for member in same if read}
    except ZipFormatError as error:
        return Layer(path, broken=f"the zip cannot be read: {error}")
    return Layer(path, listing.members, digests)
