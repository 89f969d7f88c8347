"""The result of ``lambundle pack`` as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambundle.size.quotas import standings

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.bundle.write import Written
    from lambundle.pack.request import Plan


def pack_json(plan: Plan, written: Written | None, out: Path | None, tree: Path | None) -> dict[str, Any]:
    """The result of ``pack`` as data. ``zip``, ``zipped`` and the digests are null in a dry run."""
    return {
        "version": 1,
        "name": plan.manifest.name,
        "zip": None if out is None or written is None else str(out),
        "tree": None if tree is None else str(tree),
        "unzipped": plan.unzipped if written is None else written.unzipped,
        "zipped": None if written is None else written.zipped,
        "quotas": [
            {"name": item.quota.name, "limit": item.quota.limit, "value": item.value, "status": item.status.value}
            for item in standings(
                plan.unzipped if written is None else written.unzipped, None if written is None else written.zipped
            )
        ],
        "programs": [
            {"launcher": item.launcher, "path": item.path, "real": item.real, "static": item.static}
            for item in plan.manifest.programs
        ],
        "packed_on": {
            "distribution": plan.manifest.packed_on.distribution,
            "libc": plan.manifest.packed_on.libc,
            "machine": plan.manifest.packed_on.machine,
        },
        "notes": list(plan.notes),
        "entries": [
            {
                "path": entry.path,
                "kind": entry.kind.value,
                "mode": f"{entry.mode:04o}",
                "size": entry.size,
                "source": None if entry.source is None else str(entry.source),
                "target": entry.target,
                "sha256": None if written is None else written.digests.get(entry.path),
                "reasons": [
                    {"kind": reason.kind, "by": reason.by, "detail": reason.detail} for reason in entry.reasons
                ],
            }
            for entry in plan.manifest.entries
        ],
    }
