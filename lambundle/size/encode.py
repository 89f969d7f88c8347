"""The same facts as data: what ``--json`` prints. ``schema/size.schema.json`` says what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.size.compare import Change
    from lambundle.size.drops import Drop
    from lambundle.size.facts import SizeFacts
    from lambundle.size.findings import Finding
    from lambundle.size.grouping import Sum

VERSION = 1
"""Raised when a reader of the old form would misread the new one."""


def encode(facts: SizeFacts, offers: Sequence[Drop], found: Sequence[Finding]) -> dict[str, Any]:
    """Return the size of a bundle as data. All sizes are bytes; what is not known is null."""
    return {
        "version": VERSION,
        "bundle": facts.name,
        "unzipped": facts.unzipped,
        "zipped": facts.contents.zipped,
        "quotas": [
            {
                "name": standing.quota.name,
                "value": standing.value,
                "limit": standing.quota.limit,
                "status": standing.status.value,
            }
            for standing in facts.standings
        ],
        "with": [
            {"bundle": str(other.path), "unzipped": other.unzipped, "zipped": other.zipped} for other in facts.others
        ],
        "entries": [
            {
                "path": row.path,
                "size": row.size,
                "compressed": row.compressed,
                "why": None if row.why is None else list(row.why),
                "saves": row.saves,
            }
            for row in facts.rows
        ],
        "drops": [
            {
                "exclude": list(drop.exclude),
                "saves": drop.saves,
                "stops": list(drop.stops),
                "loses": list(drop.loses),
                "of": drop.of or None,
            }
            for drop in offers
        ],
        "findings": [
            {
                "kind": finding.kind,
                "size": finding.size,
                "files": [{"path": path, "size": size} for path, size in finding.files],
            }
            for finding in found
        ],
    }


def encode_groups(by: str, groups: Sequence[Sum]) -> dict[str, Any]:
    """Return the sums of ``--by`` as data, to be added."""
    return {
        "by": by,
        "groups": [
            {"name": group.name, "size": group.size, "compressed": group.compressed, "files": len(group.paths)}
            for group in groups
        ],
    }


def encode_changes(against: SizeFacts, found: Sequence[Change]) -> dict[str, Any]:
    """Return a comparison as data, to be added."""
    return {
        "against": {
            "bundle": against.name,
            "unzipped": against.unzipped,
            "zipped": against.contents.zipped,
            "changes": [
                {
                    "path": change.name,
                    "kind": change.kind,
                    "before": change.before,
                    "after": change.after,
                    "was": change.was,
                }
                for change in found
            ],
        }
    }
