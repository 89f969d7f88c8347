"""How many bytes of a bundle are there only because somebody installed packages by name that nothing depends on.

What a person would ship for a job is measured without them: another machine may have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle import open_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.bundle.model import Entry, Manifest, Reason


def add_on_bytes(archive: Path) -> int:
    """Return the bytes of the entries that no chain of reasons holds which has no add-on in it."""
    with open_bundle(archive) as bundle:
        manifest = bundle.manifest
    assert manifest is not None
    held = _held(manifest)
    return sum(entry.size for entry in manifest.entries if entry.reasons and entry.path not in held)


def _held(manifest: Manifest) -> set[str]:
    """Paths in the bundle of what would be there without add-ons."""
    root = f"lambundle/{manifest.name}/root"
    names: set[str] = set()
    held: set[str] = set()
    groups = {(group.kind, group.name): group.reasons for group in manifest.groups}

    def holds(entry: Entry, reason: Reason) -> bool:
        if reason.kind == "add-on":
            return False
        if reason.kind in {"package", "facility"} and (reason.kind, reason.detail) in groups:
            return reason.detail in names
        if reason.kind == "started" and ("package", entry.package) in groups and entry.package not in names:
            return False  # a command counts if its package was chosen, for which only an add-on is the reason
        return reason.by is None or reason.by in names or root + reason.by in held

    def group_holds(reason: Reason) -> bool:
        return reason.kind != "add-on" and (reason.by in names or root + (reason.by or "") in held)

    before = -1
    while before != len(names) + len(held):
        before = len(names) + len(held)
        held |= {entry.path for entry in manifest.entries if any(holds(entry, reason) for reason in entry.reasons)}
        names |= {name for (_, name), reasons in groups.items() if any(map(group_holds, reasons))}
    return held
