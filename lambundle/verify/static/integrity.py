"""integrity: every entry is what the manifest says; without a manifest, what the zip itself says of it.

What makes no difference on Lambda is no difference here: there everything belongs to root and is read by another
user, so that only the read and execute bits for others count, and a directory that only follows from what lies in it
is a directory.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.bundle import names
from lambundle.bundle.model import Kind
from lambundle.verify.static.bundles import BUNDLES
from lambundle.verify.static.clutter import is_clutter
from lambundle.verify.static.facts import UNSUPPORTED
from lambundle.verify.static.outcome import REZIPPED, count, failed, passed, skipped

if TYPE_CHECKING:
    from lambundle.bundle.listing import Member
    from lambundle.bundle.model import Entry
    from lambundle.verify.model import Check
    from lambundle.verify.static.bundles import PackedBundle
    from lambundle.verify.static.facts import StaticFacts

NAME = "integrity"
DAMAGED = "fetch it again from where it came, or pack it again"
CHANGED = "it was changed since lambundle packed it: use the zip that pack wrote, or pack it again"

_OTHERS = 0o5
_FLATTENED = "links became copies"
_TEXTS = "links became small text files"
_MODES = "modes were lost"


@dataclass(slots=True)
class _Differences:
    """Differences from the manifests.

    ``traces`` are counted signs of a tool that zipped again, ``copied`` links to directories that became their copies.
    """

    texts: list[str] = field(default_factory=list)
    traces: dict[str, int] = field(default_factory=dict)
    copied: set[str] = field(default_factory=set)

    def trace(self, sign: str, text: str) -> None:
        self.traces[sign] = self.traces.get(sign, 0) + 1
        self.texts.append(text)


def check(facts: StaticFacts) -> Check:
    """Compare all entries with the manifests."""
    if facts.unread:
        return skipped(NAME, facts.unread)
    if facts.damage:
        return failed(NAME, facts.damage, DAMAGED)
    if facts.unsupported:
        return skipped(NAME, UNSUPPORTED)
    unusable = [f"{path} is not a manifest: {why}" for path, why in facts.bad_manifests]
    unusable += [
        f"{bundle}/manifest.json is missing: no launcher starts without it" for bundle in _bundles_without(facts)
    ]
    if unusable:
        return failed(NAME, unusable, CHANGED)
    return _against_manifests(facts) if facts.bundles else _without_manifest(facts)


def _against_manifests(facts: StaticFacts) -> Check:
    found = _Differences()
    for bundle in facts.bundles:
        _compare(facts, bundle, found)
    if found.traces:
        signs = ", ".join(f"{sign} ({number:,})" for sign, number in found.traces.items())
        return failed(NAME, found.texts, REZIPPED, f"not as lambundle packed it: {signs}")
    if found.texts:
        return failed(NAME, found.texts, CHANGED)
    return passed(NAME, f"every entry matches the manifest{'s' if len(facts.bundles) > 1 else ''}")


def _without_manifest(facts: StaticFacts) -> Check:
    files = count(len(facts.contents), "file")
    if facts.listing.zipped is None:
        return skipped(NAME, f"no manifest, so nothing to compare the {files} with: lambundle did not pack it")
    return passed(NAME, f"no manifest (lambundle did not pack it), but all checksums are right ({files})")


def _bundles_without(facts: StaticFacts) -> list[str]:
    """Directories that look like a bundle's and have no manifest."""
    known = {bundle.path for bundle in facts.bundles} | {path.rpartition("/")[0] for path, _ in facts.bad_manifests}
    found = set()
    for member in facts.members:
        parts = member.path.split("/")
        if member.path.startswith(BUNDLES) and len(parts) > 2 and parts[2] in {"root", "runtime"}:  # noqa: PLR2004
            found.add("/".join(parts[:2]))
    return sorted(found - known)


def _compare(facts: StaticFacts, bundle: PackedBundle, found: _Differences) -> None:
    entries = {entry.path: entry for entry in bundle.manifest.entries}
    for entry in bundle.manifest.entries:
        member = facts.tree.by_path.get(entry.path)
        if member is None:
            if entry.kind is not Kind.DIRECTORY or not facts.tree.has_directory(entry.path):
                found.texts.append(f"{entry.path} is missing")
        elif member.kind is not entry.kind:
            _other_kind(facts, entry, member, found)
        elif entry.kind is Kind.LINK:
            if member.target != entry.target:
                found.texts.append(f"{entry.path} leads to {member.target}, not to {entry.target}")
        else:
            _same_kind(facts, entry, member, found)
    for member in facts.members:
        extra = member.path.startswith(f"{bundle.path}/") and member.path not in entries and not is_clutter(member.path)
        if extra and member.path != bundle.manifest.path and found.copied.isdisjoint(names.parents(member.path)):
            found.texts.append(f"{member.path} was added")


def _other_kind(facts: StaticFacts, entry: Entry, member: Member, found: _Differences) -> None:
    if entry.kind is not Kind.LINK:
        found.texts.append(f"{entry.path} is a {member.kind}, not a {entry.kind}")
        return
    if member.kind is Kind.DIRECTORY:
        found.copied.add(entry.path)
        found.trace(_FLATTENED, f"{entry.path} is a copy of the directory {entry.target}, to which it was a link")
        return
    digest = facts.contents[entry.path].sha256
    if digest == hashlib.sha256((entry.target or "").encode()).hexdigest():
        found.trace(_TEXTS, f"{entry.path} is a file that names {entry.target}, to which it was a link")
    else:
        found.trace(_FLATTENED, f"{entry.path} is a copy of {entry.target}, to which it was a link")


def _same_kind(facts: StaticFacts, entry: Entry, member: Member, found: _Differences) -> None:
    if entry.kind is Kind.FILE and facts.contents[entry.path].sha256 != entry.sha256:
        found.texts.append(f"{entry.path} has other bytes than were packed")
    if member.path in facts.listing.bare:
        if entry.kind is Kind.FILE and entry.mode & 1:
            found.trace(_MODES, f"{entry.path} has no Unix mode, {entry.mode:04o} when it was packed")
    elif entry.mode & ~member.mode & _OTHERS:
        found.trace(_MODES, f"{entry.path} has mode {member.mode:04o}, {entry.mode:04o} when it was packed")
