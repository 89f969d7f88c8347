"""Extends a bundle by files of the packing machine and the libraries that they load."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.bundle.extract import extract
from lambundle.bundle.model import Entry, Kind, Reason
from lambundle.bundle.reader import open_bundle
from lambundle.bundle.write import write_zip
from lambundle.errors import LambundleError, UsageError
from lambundle.gather.bare_names import need_by_bare_names
from lambundle.gather.gathering import Gathering
from lambundle.machine import own_file
from lambundle.pack.config import read_config
from lambundle.pack.fits import check_fits
from lambundle.pack.launcher import search_order, with_search_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lambundle.bundle.model import Manifest
    from lambundle.bundle.reader import Bundle
    from lambundle.machine import Machine
    from lambundle.verify.packing_machine import PackingMachine

_HWCAPS = re.compile(r"/glibc-hwcaps/[^/]+$")
_RELATIVE_RULES = ("rpath", "runpath", "path")
"""Rules by which the loader finds a library in a bundle as it does here (``loader.Rule``)."""


@dataclass(frozen=True, slots=True)
class Addition:
    """A file to add: its path here, the package that owns it, and why."""

    path: str
    package: str
    why: str


def extend(
    bundle: Path, additions: Sequence[Addition], machine: PackingMachine, out: Path, work: Path
) -> tuple[str, ...]:
    """Write ``out``, the bundle with ``additions`` and the libraries that they load; returns the paths that were new.

    Nothing goes in that is no package's on ``machine``. ``work`` is a directory that must not exist.
    Raise UsageError when there is not exactly one manifest, RuntimeLimitError when the loader's search order becomes
    too long, OutputError and whatever reading this machine raises.
    """
    extract(bundle, work)
    with open_bundle(bundle) as opened:
        if len(opened.manifests) != 1:
            raise UsageError(
                f"{bundle} holds {len(opened.manifests)} bundles of lambundle", hint="give --fix a zip that pack wrote"
            )
        manifest = opened.manifests[0]
        entries = _kept(opened, manifest, work)
    gathered = _gathered(manifest, additions, machine.machine)
    home = f"lambundle/{manifest.name}"
    prefix = f"{home}/root"
    new = {
        entry.path: entry
        for entry in gathered.mirror.entries(prefix)
        if entry.path not in entries
        and (entry.kind is not Kind.FILE or machine.owner(entry.path[len(prefix) :]) is not None)
    }
    entries |= new
    _search_too(entries, manifest, _directories(gathered))
    write_zip(replace(manifest, entries=tuple(entries.values())), out)
    return tuple(sorted(path[len(prefix) :] for path, entry in new.items() if entry.kind is not Kind.DIRECTORY))


def _kept(bundle: Bundle, manifest: Manifest, tree: Path) -> dict[str, Entry]:
    """Every entry of the old bundle, its content where it was unpacked; what its manifest does not know, too."""
    known = {entry.path: entry for entry in manifest.entries}
    found = {}
    for member in bundle.members:
        if member.path == manifest.path:
            continue
        entry = known.get(member.path)
        if entry is None:
            reason = (Reason("add", None, "in the bundle already"),)
            entry = Entry(member.path, member.kind, member.mode, member.size, target=member.target, reasons=reason)
        source = own_file(tree / member.path) if member.kind is Kind.FILE else None
        found[member.path] = replace(entry, size=member.size, source=source, sha256=None)
    return found


def _gathered(manifest: Manifest, additions: Sequence[Addition], machine: Machine) -> Gathering:
    gathering = Gathering(machine, manifest.packed_on.machine, (), ())
    for item in additions:
        reason = Reason("add", None, item.why)
        try:
            real = gathering.mirror.add(item.path, reason)
        except LambundleError:  # gone since it was looked for
            continue
        if real is not None and machine.files.is_file(real):
            gathering.walk_if_elf(real, optional=True)
    for file in gathering.walker.closure().files.values():
        for need in file.needed:
            gathering.mirror.add(need.path, Reason("needed", file.real, need.soname))
    need_by_bare_names(gathering, gathering.walker.closure())
    return gathering


def _directories(gathering: Gathering) -> tuple[str, ...]:
    """Where the loader found libraries by a rule that does not hold on another machine."""
    found: dict[str, None] = {}
    for file in gathering.walker.closure().files.values():
        for need in file.needed:
            if need.found_by not in _RELATIVE_RULES or need.soname.startswith("/"):
                found.setdefault(_HWCAPS.sub("", gathering.files.real(posixpath.dirname(need.path))))
    return tuple(directory for directory in found if ":" not in directory and ";" not in directory)


# ---- where the loader searches: the runtime's configuration and the launchers say it ----


def _search_too(entries: dict[str, Entry], manifest: Manifest, directories: Sequence[str]) -> None:
    """Let the loader search ``directories`` after those that it is told already."""
    path = f"lambundle/{manifest.name}/runtime/config"
    text = _text(entries, path)
    if text is None:
        return
    config = read_config(text)
    more = [directory for directory in directories if directory not in (config.directories or ())]
    if not more:
        return
    config = config.with_directories(more)
    check_fits(config, manifest.name)
    _put(entries, path, config.text())
    for program in manifest.programs:
        start = _text(entries, program.launcher)
        if start is not None:
            launcher = start.decode(errors="surrogateescape")
            _put(entries, program.launcher, with_search_order(launcher, (*search_order(launcher), *more)))


def _text(entries: Mapping[str, Entry], path: str) -> bytes | None:
    entry = entries.get(path)
    if entry is None or entry.source is None:
        return None
    with entry.source.open() as file:
        return file.read()


def _put(entries: dict[str, Entry], path: str, text: str) -> None:
    content = text.encode(errors="surrogateescape")
    entries[path] = replace(entries[path], size=len(content), source=None, content=content)
