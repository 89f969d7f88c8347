"""How the static checks put into words what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.verify.model import Check, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = 20
"""Most findings that are listed one by one."""

REZIPPED = "re-zipped by a tool that drops modes or links: upload the zip that lambundle pack wrote itself"
"""What to do about a bundle that went through a tool of somebody else."""


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


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _listed(findings: Sequence[str]) -> tuple[str, ...]:
    more = len(findings) - LINES
    return (*findings[:LINES], f"… and {more:,} more") if more > 0 else tuple(findings)
