"""The places where a loader searched without success, in words: for an error, and for a tree of libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.errors import LibraryNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.elf.closure import Missing
    from lambundle.elf.loader import Place

_RULE_WIDTH = 17


def missing_library(missing: Sequence[Missing]) -> LibraryNotFoundError:
    """Make the error that shows the first missing library, with every place looked at."""
    first = missing[0]
    context = [f"needed by {first.needed_by}; looked in, by the loader's order:"]
    context += [f"  {line}" for line in looked_in_lines(first.looked_in)]
    others = sorted({item.soname for item in missing[1:]} - {first.soname})
    if others:
        context.append(f"missing as well: {', '.join(others)}")
    stem = first.soname.partition(".so")[0]
    search = f"install it, or pass --library-path DIR, or --exclude '{stem}.so*'"
    by_path = "it is named by its path, so that no other is searched for: install that file, or pack another program"
    return LibraryNotFoundError(
        f"{first.soname} not found",
        context=tuple(context),
        hint=by_path if "/" in first.soname else search,
    )


def looked_in_lines(looked_in: Sequence[Place]) -> list[str]:
    """Say every place that was looked at, a numbered line for each rule and more lines where reasons differ.

    Directories of one rule that merely do not have the library share a line.
    """
    lines: list[str] = []
    number = 0
    rule = None
    for group in _groups(looked_in):
        first = group[0]
        if first.rule != rule:
            rule = first.rule
            number += 1
            head = f"{number} {rule:<{_RULE_WIDTH}}"
        else:
            head = " " * (len(str(number)) + 1 + _RULE_WIDTH)
        lines.append(f"{head} {_describe(group)}")
    return lines


def _groups(looked_in: Iterable[Place]) -> list[list[Place]]:
    """Put together neighbours of one rule where there is nothing to say but that the file is not there."""
    groups: list[list[Place]] = []
    for place in looked_in:
        plain = place.path is not None and place.reason == "no such file"
        last = groups[-1][-1] if groups else None
        if last is not None and plain and (last.rule, last.reason) == (place.rule, place.reason):
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _describe(group: Sequence[Place]) -> str:
    first = group[0]
    if first.path is None:
        return first.reason if first.written in {"", first.reason.partition(" ")[0]} else _with_name(first)
    names = [_directory(place) for place in group]
    if len(group) > 1:
        return " ".join(names)
    return f"{names[0]} ({first.reason})"


def _with_name(place: Place) -> str:
    return f"{place.written} ({place.reason})"


def _directory(place: Place) -> str:
    """Name the directory as it is written, and what that stands for where it is something else."""
    path = place.path or ""
    directory = path.rpartition("/")[0] or "/"
    if place.written == path or path.startswith(place.written.rstrip("/") + "/"):
        return directory if place.written != path else path
    return f"{place.written} = {directory}" if "$" in place.written else f"{place.written}: {path}"
