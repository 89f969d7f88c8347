"""What ``lambundle size`` prints for a person: tables that fit the terminal, sorted, with a total."""

from __future__ import annotations

import posixpath
import shlex
import textwrap
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from lambundle.cli.line import Line, columns, left, line, tidy
from lambundle.cli.quota_screen import quota_lines
from lambundle.size import grouping
from lambundle.size.compare import changes
from lambundle.size.drops import enough, what_stops
from lambundle.size.quotas import human, ways_out
from lambundle.size.tree import branches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.cli.line import Style
    from lambundle.cli.terminal import Terminal
    from lambundle.size.compare import Change
    from lambundle.size.drops import Drop
    from lambundle.size.facts import Row, SizeFacts
    from lambundle.size.findings import Finding
    from lambundle.size.graph import ReasonGraph
    from lambundle.size.grouping import Sum

WIDE = 110
"""Columns from which a table shows whole paths, and what each file takes in the zip."""
_AMOUNT = 9
_SHARE = 6
_MANY = 4
"""Names of a list before the rest is counted."""


class Screen:
    """Renders for one terminal; every method gives lines."""

    def __init__(self, terminal: Terminal) -> None:
        self.width = terminal.width
        self.shown = terminal.shown
        self.draw = terminal.drawing
        self.wide = terminal.width >= WIDE
        self.bars = 0 if not self.draw.fine else 20 if self.wide else 8

    # ---- whole screens ----

    def overview(
        self,
        facts: SizeFacts,
        view: Sequence[Line],
        offers: Sequence[Drop],
        found: Sequence[Finding],
        *,
        all_files: bool,
    ) -> list[Line]:
        """What is large, what could go, what is there without need, and whether the whole fits."""
        below = [*self.drops(offers), *self.notes(found, all_files=all_files), line()]
        return [*view, *below, *quota_lines(facts.standings), *self.ways_out(facts, offers)]

    def comparison(self, facts: SizeFacts, against: SizeFacts, number: int) -> list[Line]:
        """What changed, and whether it fits now."""
        return [*self.changes(facts, against, changes(facts, against), number), line(), *quota_lines(facts.standings)]

    # ---- the files ----

    def files(self, facts: SizeFacts, number: int) -> list[Line]:
        """The largest files, with why each is there and what goes with it; ``number`` 0 shows all."""
        shown = facts.rows[:number] if number else facts.rows
        known = facts.graph is not None
        zipped = facts.contents.zipped is not None and (self.wide or not known)
        amounts = [name for name, is_shown in (("SAVES", known), ("ZIPPED", zipped)) if is_shown]
        names = self._names(shown)
        rows = [
            (
                row.size,
                [amount for amount, is_shown in ((row.saves, known), (row.compressed, zipped)) if is_shown],
                name,
                [short(step) for step in row.why or ()],
            )
            for row, name in zip(shown, names, strict=True)
        ]
        rest = facts.rows[len(shown) :]
        if rest:
            sums = [sum(row.compressed or 0 for row in rest) if name == "ZIPPED" else None for name in amounts]
            rows.append((sum(row.size for row in rest), sums, _others(len(rest)), ["-n 0 shows all"]))
        total = [facts.contents.packed if name == "ZIPPED" else None for name in amounts]
        rows.append((facts.unzipped, total, "TOTAL", []))
        return self._table(amounts, ("FILE", "WHY" if known else ""), rows)

    def _names(self, rows: Sequence[Row]) -> list[str]:
        """Files by the last part of their paths, where that says which; whole paths where there is room."""
        if self.wide:
            return [self.shown(row.name) for row in rows]
        last = Counter(posixpath.basename(row.name) for row in rows)
        return [
            self.shown(
                posixpath.basename(row.name)
                if last[posixpath.basename(row.name)] == 1
                else "/".join(row.name.split("/")[-2:])
            )
            for row in rows
        ]

    # ---- sums ----

    def sums(self, facts: SizeFacts, groups: Sequence[Sum], title: str, number: int) -> list[Line]:
        """Packages, directories or programs; ``number`` 0 shows all."""
        shown = groups[:number] if number else groups
        known = facts.graph is not None
        amounts = ["SAVES"] if known else ["ZIPPED"] if facts.contents.zipped is not None else []
        rows = [
            (
                group.size,
                [grouping.saves(facts, group) if known else group.compressed][: len(amounts)],
                self.shown(group.name),
                [f"{len(group.paths):,}"],
            )
            for group in shown
        ]
        rest = groups[len(shown) :]
        nothing: list[int | None] = [None for _ in amounts]
        if rest:
            files = sum(len(group.paths) for group in rest)
            rows.append((sum(group.size for group in rest), nothing, _others(len(rest)), [f"{files:,}"]))
        rows.append((facts.unzipped, nothing, "TOTAL", [f"{len(facts.rows):,}"]))
        return self._table(amounts, (title, "FILES"), rows)

    # ---- the tree ----

    def tree(self, facts: SizeFacts, number: int) -> list[Line]:
        """Everything below what it is there for; ``number`` 0 draws all."""
        graph = facts.graph
        if graph is None:
            return self.files(facts, number)
        corner, tee, bar = ("└── ", "├── ", "│   ") if self.draw.fine else ("`-- ", "|-- ", "|   ")
        lines = [line((f"{'UNZIPPED':>{_AMOUNT}}  BECAUSE OF", "heading"))]
        for branch in branches(graph, number):
            name = _others(branch.count)
            if branch.node is not None:
                name = short(graph.nodes[branch.node].name) if branch.last else facts.name
            before = "".join("    " if last else bar for last in branch.last[:-1])
            before += "".join(corner if last else tee for last in branch.last[-1:])
            room = max(8, self.width - _AMOUNT - 2 - columns(before))
            amount = f"{human(branch.size):>{_AMOUNT}}  "
            lines.append(line(amount, (before, "guide"), self.draw.clip(self.shown(name), room)))
        return lines

    # ---- what to do ----

    def drops(self, offers: Sequence[Drop]) -> list[Line]:
        """What could be left out, and what stops without it; a pattern is whole, as a shell takes it."""
        if not offers:
            return []
        names = [" --exclude ".join(shlex.quote(self.shown(each)) for each in drop.exclude) for drop in offers]
        free = self.width - _AMOUNT - 4
        width = min(max(map(columns, names)), free // 2)
        lines = [line(), line((f"{'SAVES':>{_AMOUNT}}  {left('--exclude', width)}  STOPS", "heading"))]
        for drop, name in zip(offers, names, strict=True):
            first = f"{human(drop.saves):>{_AMOUNT}}  {left(name, width)}  "
            if columns(name) > width:
                lines.append(tidy(first))
                first = " " * (_AMOUNT + width + 4)
            lines.append(tidy(first, (self._stops(drop, free - width), "dim")))
        return lines

    def _stops(self, drop: Drop, width: int) -> str:
        """What stops, with as many names as fit, and how many more."""
        for number in range(_MANY, 0, -1):
            text = self.shown(what_stops(drop, partial(_first, number=number)))
            if columns(text) <= width:
                return text
        return self.draw.clip_end(text, width)

    def notes(self, found: Iterable[Finding], *, all_files: bool) -> list[Line]:
        """What is there without need, a line for each kind."""
        lines = []
        for finding in found:
            largest = "/".join(finding.files[0][0].split("/")[-2:])
            text = f"{_NOTES[finding.kind]}: {largest}"
            if len(finding.files) > 1:
                text += f" and {len(finding.files) - 1:,} more"
            text = self.draw.clip(self.shown(text), self.width - 19)
            lines.append(line("  ", ("NOTE", "note"), f"  {human(finding.size):>9}  {text}"))
            if all_files:
                lines += [line(f"{human(size):>{_AMOUNT + 7}}  {path}") for path, size in finding.files]
        return [line(), *lines] if lines else []

    def ways_out(self, facts: SizeFacts, offers: Sequence[Drop]) -> list[Line]:
        """What to do about a quota that is not kept; of the unpacked size, which drops would do."""
        lines = [line for text in ways_out(facts.standings) for line in self._wrapped(text)]
        if facts.excess and facts.graph is not None:
            lines += self._what_would_do(facts.graph, offers, facts.excess)
        return [line(), *lines] if lines else []

    def _what_would_do(self, graph: ReasonGraph, offers: Sequence[Drop], excess: int) -> list[Line]:
        chosen, saved = enough(graph, offers, excess)
        if not chosen:
            return self._wrapped("nothing can be dropped without stopping a program that was asked for")
        options = [f"--exclude {shlex.quote(self.shown(pattern))}" for drop in chosen for pattern in drop.exclude]
        rows: list[str] = []
        lost = [name for drop in chosen for name in drop.loses]
        stops = (
            [f"{', '.join(lost[:_MANY])}{f' and {len(lost) - _MANY:,} more' if len(lost) > _MANY else ''}"]
            if lost
            else []
        )
        stops += ["what reads the rest"] if any(not drop.loses for drop in chosen) else []
        does = "this does" if saved >= excess else f"this is not enough, it saves {human(saved)}"
        text = f"{human(excess)} must go, and {does}; it stops {' and '.join(stops)}:"
        for option in options:
            if rows and columns(rows[-1]) + 1 + columns(option) <= self.width:
                rows[-1] += f" {option}"
            else:
                rows.append(f"  {option}")
        return [*self._wrapped(self.shown(text)), *(line((row, "command")) for row in rows)]

    def _wrapped(self, text: str) -> list[Line]:
        return [line(each) for each in textwrap.wrap(text, self.width, break_long_words=False, break_on_hyphens=False)]

    # ---- two bundles ----

    def changes(self, facts: SizeFacts, against: SizeFacts, found: Sequence[Change], number: int) -> list[Line]:
        """What grew, shrank, is new or gone; ``number`` 0 shows all."""
        shown = found[:number] if number else found
        lines = [line((f"{'CHANGE':>{_AMOUNT + 1}}  {'UNZIPPED':>{_AMOUNT}}          FILE", "heading"))]
        room = self.width - 2 * _AMOUNT - 15
        for change in shown:
            name = change.name if self.wide else posixpath.basename(change.name)
            was = f"  was {posixpath.basename(change.was)}" if change.was else ""
            lines.append(self._change(change.delta, change.after or 0, change.kind, self.shown(name + was), room))
        rest = found[len(shown) :]
        if rest:
            name = f"{_others(len(rest))}  -n 0 shows all"
            lines.append(self._change(sum(change.delta for change in rest), None, "", name, room))
        delta = facts.unzipped - against.unzipped
        lines.append(self._change(delta, facts.unzipped, "", f"TOTAL  against {self.shown(against.name)}", room))
        return lines

    def _change(self, delta: int, after: int | None, kind: str, name: str, room: int) -> Line:
        sign = "+" if delta >= 0 else "-"
        amount = f"{sign}{human(abs(delta))}"
        size = "" if after is None else human(after)
        text = f"  {size:>{_AMOUNT}}  {kind:<6}  {self.draw.clip(name, max(8, room))}"
        return tidy((f"{amount:>{_AMOUNT + 1}}", "more" if delta > 0 else "less"), text)

    # ---- a table ----

    def _table(
        self,
        amounts: Sequence[str],
        titles: tuple[str, str],
        rows: Sequence[tuple[int, Sequence[int | None], str, Sequence[str]]],
    ) -> list[Line]:
        """Share, bar, size, further amounts, name, and what is said of it; the last row is the total."""
        total = rows[-1][0]
        bar = self.bars + 2 if self.bars else 0
        free = self.width - _SHARE - bar - (1 + len(amounts)) * (_AMOUNT + 2) - 2
        widest = max(columns(self.draw.arrow.join(text)) for *_, text in rows)
        said = widest > 0 and titles[1]
        most = max(12, free * 11 // 20, free - widest) if said else free
        width = min(max(columns(name) for _, _, name, _ in rows), most)
        head = " " * bar + "".join(f"{name:>{_AMOUNT}}  " for name in ("UNZIPPED", *amounts))
        lines = [line((f"{'%':>{_SHARE}}  {head}{left(titles[0], width)}  {titles[1]}".rstrip(), "heading"))]
        for size, more, name, text in rows:
            share = size / total if total else 0.0
            drawn = self.draw.bar(share, self.bars) if name != "TOTAL" else " " * self.bars
            cells = "".join(f"{'' if each is None else human(each):>{_AMOUNT}}  " for each in (size, *more))
            last = self.draw.chain([self.shown(step) for step in text], max(8, free - width - 2)) if said else ""
            figures = f"{'  ' if bar else ''}{cells}{left(self.draw.clip(name, width), width)}  "
            style: Style = "name" if name == "TOTAL" else ""
            share_text = f"{100 * share:>{_SHARE}.1f}  "
            lines.append(tidy((share_text, style), (drawn, "bar"), (figures, style), (last, "dim")))
        return lines


def _others(number: int) -> str:
    return f"[{number:,} other{'' if number == 1 else 's'}]"


def _first(names: Sequence[str], number: int) -> str:
    more = f" and {len(names) - number:,} more" if number < len(names) else ""
    return f"{', '.join(names[:number])}{more}"


def short(name: str) -> str:
    """Return the last part of a path, of a library without its version; a text as it is."""
    if not name.startswith("/") and "/root/" not in name:
        return name
    last = posixpath.basename(name)
    stem, found, _ = last.partition(".so")
    return stem if found and stem else last


_NOTES = {
    "duplicates": "there twice",
    "documentation": "documentation",
    "symbols": "symbols to strip",
    "compressed": "no smaller in a zip",
}
