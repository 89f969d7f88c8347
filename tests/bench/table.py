"""The table of a benchmark: what was compared, both figures, their ratio, and whether the aim is met."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WIDTH = 80
_COLUMNS = (34, 10, 10, 8, 11, 7)
_TITLES = ("", "ours", "rival", "ratio", "aim", "met")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. ``met`` is None where there is no aim; ``ratio`` may be a difference, or missing."""

    what: str
    ours: str
    rival: str = ""
    ratio: str = ""
    aim: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A comparison that could not be made here."""

    what: str
    reason: str


def times(what: str, ours: float, rival: float, at_most: float | None = None) -> Row:
    """Compare seconds."""
    return _ratio(what, ours, rival, at_most, _seconds)


def sizes(what: str, ours: int, rival: int, at_most: float | None = None) -> Row:
    """Compare bytes."""
    return _ratio(what, ours, rival, at_most, _megabytes)


def more_time(what: str, ours: float, rival: float, at_most: float) -> Row:
    """Compare seconds by their difference, in milliseconds."""
    more = ours - rival
    return Row(
        what,
        _seconds(ours),
        _seconds(rival),
        f"{more * 1000:+.0f} ms",
        f"<= {at_most * 1000:+.0f} ms",
        more <= at_most,
    )


def less_than(what: str, ours: int, limit: int) -> Row:
    """Compare bytes with a limit."""
    return Row(what, _megabytes(ours), aim=f"< {limit / 1e6:.0f} MB", met=ours < limit)


def render(groups: Iterable[tuple[str, Sequence[Row | Skipped]]], notes: Iterable[str]) -> list[str]:
    """Return the lines of the table, of 80 columns at most, and below it what explains it."""
    lines = [_line(_TITLES), "-" * WIDTH]
    for title, rows in groups:
        lines += [title, *map(_row, rows)]
    return [*lines, "-" * WIDTH, *notes]


def machine() -> str:
    """Say what kind of machine this is."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} core{'s' if cores > 1 else ''}, {platform.machine()}, {platform.system()}"


def _ratio(what: str, ours: float, rival: float, at_most: float | None, text: Callable[[float], str]) -> Row:
    ratio = ours / rival
    shown = f"{ratio:.3f}" if ratio < 10 else f"{ratio:.1f}"
    if at_most is None:
        return Row(what, text(ours), text(rival), shown)
    return Row(what, text(ours), text(rival), shown, f"<= {at_most:.3f}", ratio <= at_most)


def _row(row: Row | Skipped) -> str:
    if isinstance(row, Skipped):
        return f"  {row.what}: skipped, {row.reason}"[:WIDTH]
    met = "" if row.met is None else "yes" if row.met else "NO"
    return _line((f"  {row.what}", row.ours, row.rival, row.ratio, row.aim, met))


def _line(cells: Iterable[str]) -> str:
    (first, width), *rest = zip(cells, _COLUMNS, strict=True)
    return (first.ljust(width) + "".join(cell.rjust(width) for cell, width in rest)).rstrip()


def _seconds(seconds: float) -> str:
    if seconds < 0.01:
        return f"{seconds * 1000:.2f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"
