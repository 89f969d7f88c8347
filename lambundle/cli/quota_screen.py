"""Sizes against Lambda's quotas: the same lines after ``pack`` and in ``size``."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from lambundle.cli.line import Line, line
from lambundle.size.quotas import MIB, QuotaStatus, Standing, human, mebibytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lambundle.cli.line import Style

STYLES: Mapping[QuotaStatus, Style] = MappingProxyType(
    {QuotaStatus.PASS: "pass", QuotaStatus.WARN: "warn", QuotaStatus.FAIL: "fail", QuotaStatus.UNKNOWN: "dim"}
)
NEAR = 0.9
"""Share of a quota from which the figures stand out: the next version of the program may be over it."""


def quota_lines(found: Sequence[Standing]) -> list[Line]:
    """Return a line for each size that is known: status, name, size, share of the quota, what is left or too much."""
    return [_line(standing, standing.value) for standing in found if standing.value is not None]


def _line(standing: Standing, size: int) -> Line:
    quota = standing.quota
    text = f"{quota.limit // MIB} MiB" if standing.of else quota.text
    rest = f"{human(quota.limit - size)} left" if quota.admits(size) else f"{human(size - quota.limit + 1)} too much"
    style = STYLES[standing.status]
    figures: Style = style if standing.excess else "near" if size >= NEAR * quota.limit else ""
    return line(
        "  ",
        (standing.status.upper(), style),
        f"  {quota.name:<8}  ",
        (f"{mebibytes(size):>9}  {100 * size / quota.limit:>4.0f} %", figures),
        f" of {text}, {rest}" + (f"  {standing.of}" if standing.of else ""),
        hang=" " * 19,
    )
