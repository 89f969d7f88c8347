"""Runs the static checks: one listing, one reading of the bytes, then pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle.extract import LIMIT
from lambundle.bundle.model import Kind
from lambundle.bundle.zipformat import UnsupportedZipError, ZipFormatError
from lambundle.target import BOOTSTRAP, OPT, TASK
from lambundle.verify.model import Check, Status
from lambundle.verify.static import closure, integrity, layout, links, names, permissions, platform, quota
from lambundle.verify.static.bundles import bundles_of, kept
from lambundle.verify.static.contents import read_contents
from lambundle.verify.static.facts import StaticFacts, together
from lambundle.verify.static.listing import listing_of
from lambundle.verify.static.outcome import failed, skipped, with_layers
from lambundle.verify.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    from lambundle.bundle.listing import Member

_MODULES = (integrity, permissions, links, names, layout, platform, closure, quota)
CHECKS = tuple(module.NAME for module in _MODULES)
"""Names of the static checks, in the order in which they are told."""

_OF_ALL = {quota.NAME}
"""Checks of all layers together; the others check each layer."""


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
    bundle: Path,
    *,
    layers: Sequence[Path] = (),
    arch: str | None = None,
    mount: str | None = OPT,
    handler: str | None = None,
) -> StaticResult:
    """Check ``bundle``, a zip or a directory, and the layers beside it, without unpacking or running anything of them.

    ``layers`` are the other layers of the function in their order: they are unpacked after the bundle, each over what
    is there. ``arch`` is the machine as in ``uname -m`` (None: the bundle's own), ``mount`` where the bundle will be
    (None: /var/task if it has a ``bootstrap``, else /opt), ``handler`` what Lambda is to call in it, as
    ``app.handler``, where that is known. Raise UsageError when one of the paths cannot be opened; what is wrong with
    the bundle itself is a check that failed, never an error. Takes time in proportion to what bundle and layers say
    they unpack to, 2 GiB each at most, and memory to their lists of entries and the largest ELF file.
    """
    try:
        alone = _read(bundle, arch, mount, handler=handler)
    except ZipFormatError as error:
        return StaticResult(tuple(_unreadable(error).values()), None)
    beside = [_layer(path, arch or alone.machine) for path in layers]
    facts = together(alone, [layer for layer in beside if isinstance(layer, StaticFacts)])
    readable = iter(facts.layers)
    placed = [next(readable) if isinstance(layer, StaticFacts) else layer for layer in beside]
    checks = tuple(_checked(module, facts, list(zip(layers, placed, strict=True))) for module in _MODULES)
    manifests = tuple(bundle.manifest for bundle in facts.bundles)
    zipped = facts.listing.zipped
    subject = Subject(bundle, zipped is not None, zipped, tuple(facts.members), manifests, facts.runnable)
    return StaticResult(checks, subject)


def _read(
    path: Path, arch: str | None, mount: str | None, *, handler: str | None = None, is_layer: bool = False
) -> StaticFacts:
    """List and read a zip or directory; raise ZipFormatError when not even the list can be read."""
    with listing_of(path) as listing:
        unread = ""
        if listing.unzipped > LIMIT:
            unread = f"not read: it says that it unpacks to {listing.unzipped:,} bytes"
        contents = {} if unread else read_contents(listing, kept(listing.members))
    bundles, bad_manifests = ((), ()) if unread else bundles_of(listing.members, contents)
    mount = mount or (TASK if _has_bootstrap(listing.members) else OPT)
    return StaticFacts(listing, contents, unread, bundles, bad_manifests, arch, mount, handler, is_layer)


def _has_bootstrap(members: Sequence[Member]) -> bool:
    return any(member.path == BOOTSTRAP and member.kind is not Kind.DIRECTORY for member in members)


def _layer(path: Path, arch: str | None) -> StaticFacts | Mapping[str, Check]:
    """Read a layer; where not even its list of entries can be read, give the checks that say so, by name."""
    try:
        return _read(path, arch, OPT, is_layer=True)
    except ZipFormatError as error:
        return _unreadable(error)


def _unreadable(error: ZipFormatError) -> Mapping[str, Check]:
    """All checks of a zip whose list cannot be read: one failed, and there is nothing to say for the others."""
    why = f"the zip cannot be read: {error}"
    is_unsupported = isinstance(error, UnsupportedZipError)
    name, hint = (names.NAME, names.PLAIN) if is_unsupported else (integrity.NAME, integrity.DAMAGED)
    return {other: failed(name, [why], hint) if other == name else skipped(other, why) for other in CHECKS}


def _checked(
    module: ModuleType, facts: StaticFacts, layers: Sequence[tuple[Path, StaticFacts | Mapping[str, Check]]]
) -> Check:
    """One check, of the bundle and of each layer."""
    own: Check = module.check(facts)
    if own.name in _OF_ALL:
        return own
    found = [
        (str(path), module.check(layer) if isinstance(layer, StaticFacts) else layer[own.name])
        for path, layer in layers
    ]
    return with_layers(own, found)
