"""Entries of the manifest that the bundle lacks, and which of them the packing machine can restore."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.bundle.reader import open_bundle
from lambundle.errors import LambundleError
from lambundle.verify.fix.extend import Addition

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lambundle.bundle.model import Manifest
    from lambundle.verify.packing_machine import PackingMachine

WHY = "the manifest lists it, and it was gone"


@dataclass(frozen=True, slots=True)
class LostFiles:
    """Files and links that are gone: ``additions`` a package owns here, ``others`` are their paths in the bundle."""

    additions: tuple[Addition, ...] = ()
    others: tuple[str, ...] = ()


def lost_files(bundle: Path, machine: PackingMachine) -> LostFiles:
    """Look for what is gone under the same paths on ``machine``; nothing where it is not the packing machine.

    Nothing either where there is not exactly one manifest, or the bundle cannot be read: verify says so.
    """
    try:
        with open_bundle(bundle) as opened:
            manifests = opened.manifests
            held = {member.path for member in opened.members}
    except LambundleError:
        return LostFiles()
    if len(manifests) != 1 or not machine.is_like(manifests[0].packed_on):
        return LostFiles()
    return _sorted_out(manifests[0], gone(manifests[0], held), machine)


def gone(manifest: Manifest, held: Iterable[str]) -> tuple[str, ...]:
    """The files and links of a manifest that are not among the paths ``held``."""
    there = set(held)
    return tuple(
        entry.path for entry in manifest.entries if entry.kind is not Kind.DIRECTORY and entry.path not in there
    )


def _sorted_out(manifest: Manifest, paths: Iterable[str], machine: PackingMachine) -> LostFiles:
    root = f"lambundle/{manifest.name}/root"
    here = {path: path.removeprefix(root) for path in paths}
    usable = set(machine.files(place for path, place in here.items() if place != path))
    owners = {path: machine.owner(place) for path, place in here.items() if place in usable}
    additions = tuple(Addition(here[path], owner, WHY) for path, owner in owners.items() if owner is not None)
    return LostFiles(additions, tuple(path for path in here if owners.get(path) is None))
