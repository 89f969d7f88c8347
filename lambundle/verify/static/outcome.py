"""Makes the static checks' results."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lambundle.verify.model import Check, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = 20
"""Most findings that are listed one by one."""

REZIPPED = "re-zipped by a tool that drops modes or links: upload the zip that lambundle pack wrote itself"
"""The hint for a bundle that another tool zipped again."""


def passed(name: str, detail: str, context: Sequence[str] = ()) -> Check:
    """Make a check that passed; ``context`` is what a person may still want to know."""
    return Check(name, Status.PASS, detail, context=_listed(context))


def failed(name: str, findings: Sequence[str], hint: str, detail: str = "") -> Check:
    """Make a check that failed for ``findings``, the most telling first; ``detail`` sums them up."""
    more = len(findings) - 1
    context = _listed(findings) if more or detail else ()
    return Check(name, Status.FAIL, detail or findings[0] + (f", and {more:,} more" if more else ""), hint, context)


def skipped(name: str, why: str) -> Check:
    """Make a check that could not be made."""
    return Check(name, Status.SKIP, why)


def with_layers(own: Check, layers: Sequence[tuple[str, Check]]) -> Check:
    """Add to the check of the bundle what failed in its layers: names of the layers, and the same check of each.

    Every finding has its layer's name in front. What to do is told of the bundle first, else of the first such layer.
    """
    bad = [(name, check) for name, check in layers if check.status is Status.FAIL]
    if not bad:
        return own
    findings = [f"{name}: {line}" for name, check in bad for line in check.context or (check.detail,)]
    details = [f"{name}: {check.detail}" for name, check in bad]
    if own.status is Status.FAIL:
        lines = _listed([*(own.context or (own.detail,)), *findings])
        return replace(own, detail="; ".join([own.detail, *details]), context=lines)
    lines = () if findings == details[:1] else _listed(findings)
    return Check(own.name, Status.FAIL, "; ".join(details), bad[0][1].hint, lines)


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _listed(findings: Sequence[str]) -> tuple[str, ...]:
    more = len(findings) - LINES
    return (*findings[:LINES], f"… and {more:,} more") if more > 0 else tuple(findings)
