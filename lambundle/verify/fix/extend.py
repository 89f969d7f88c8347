"""A new bundle out of an old one: all that it holds, and files of this machine with what they load."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.bundle.extract import extract
from lambundle.bundle.model import Entry, Kind, Reason
from lambundle.bundle.reader import open_bundle
from lambundle.bundle.write import write_zip
from lambundle.errors import LambundleError, UsageError
from lambundle.gather.gathering import Gathering
from lambundle.pack.fits import check_config
from lambundle.pack.launcher import BUNDLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lambundle.bundle.model import Manifest
    from lambundle.bundle.reader import Bundle

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
    bundle: Path, additions: Sequence[Addition], is_owned: Callable[[str], bool], out: Path, work: Path
) -> tuple[str, ...]:
    """Write ``out``, the bundle with ``additions`` and the libraries that they load; returns the paths that were new.

    Nothing goes in that ``is_owned`` does not know for a package's. ``work`` is a directory that must not exist.
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
    gathered = _gathered(manifest, additions)
    home = f"lambundle/{manifest.name}"
    prefix = f"{home}/root"
    new = {
        entry.path: entry
        for entry in gathered.mirror.entries(prefix)
        if entry.path not in entries and (entry.kind is not Kind.FILE or is_owned(entry.path[len(prefix) :]))
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
        source = tree / member.path if member.kind is Kind.FILE else None
        found[member.path] = replace(entry, size=member.size, source=source, sha256=None)
    return found


def _gathered(manifest: Manifest, additions: Sequence[Addition]) -> Gathering:
    gathering = Gathering(manifest.packed_on.machine, (), ())
    for item in additions:
        reason = Reason("add", None, item.why)
        try:
            real = gathering.mirror.add(item.path, reason)
        except LambundleError:  # gone since it was looked for
            continue
        if real is not None and os.path.isfile(real):
            gathering.walk_if_elf(real, optional=True)
    for file in gathering.walker.closure().files.values():
        for need in file.needed:
            gathering.mirror.add(need.path, Reason("needed", file.real, need.soname))
    return gathering


def _directories(gathering: Gathering) -> tuple[str, ...]:
    """Where the loader found libraries by a rule that does not hold on another machine."""
    found: dict[str, None] = {}
    for file in gathering.walker.closure().files.values():
        for need in file.needed:
            if need.found_by not in _RELATIVE_RULES:
                found.setdefault(_HWCAPS.sub("", os.path.realpath(posixpath.dirname(need.path))))
    return tuple(directory for directory in found if ":" not in directory and ";" not in directory)


# ---- where the loader searches: the runtime's configuration and the launchers say it ----


def _search_too(entries: dict[str, Entry], manifest: Manifest, directories: Sequence[str]) -> None:
    """Let the loader search ``directories`` after those that it is told already."""
    path = f"lambundle/{manifest.name}/runtime/config"
    config = _text(entries, path)
    if config is None:
        return
    more = [directory for directory in directories if directory not in searched(config)]
    if not more:
        return
    longer = searching(config, more)
    check_config(longer, manifest.name)
    _put(entries, path, longer)
    for program in manifest.programs:
        text = _text(entries, program.launcher)
        if text is not None:
            _put(entries, program.launcher, launching(text, more))


def searched(config: str) -> tuple[str, ...]:
    """The directories that every program of a bundle searches, by its runtime's configuration."""
    line = next((line for line in config.splitlines() if line.startswith("library-path ")), "")
    return tuple(filter(None, line.partition(" ")[2].split(":")))


def searching(config: str, more: Sequence[str]) -> str:
    """A runtime configuration with more directories to search, also for programs with an order of their own."""
    text = ":".join(more)
    lines = []
    for line in config.splitlines():
        key, _, value = line.partition(" ")
        is_path = key in {"library-path", "library-path-of"}
        lines.append(f"{key} {value}:{text}" if is_path and value else f"{key} {text}" if is_path else line)
    return "".join(f"{line}\n" for line in lines)


def launching(launcher: str, more: Sequence[str]) -> str:
    """A launcher (``launcher.launcher``) whose loader searches more directories, before that of the runtime."""
    runtime = f'"${BUNDLE}"/runtime'
    text = "".join(f'"${BUNDLE}"{shlex.quote(f"/root{directory}")}:' for directory in more)
    return launcher.replace(runtime, text + runtime, 1)


def _text(entries: Mapping[str, Entry], path: str) -> str | None:
    entry = entries.get(path)
    if entry is None or entry.source is None:
        return None
    return entry.source.read_text(encoding="utf-8", errors="surrogateescape")


def _put(entries: dict[str, Entry], path: str, text: str) -> None:
    content = text.encode("utf-8", "surrogateescape")
    entries[path] = replace(entries[path], size=len(content), source=None, content=content)
