"""A loader's failed lookups as text, for an error or a tree of libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.errors import LibraryNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.elf.closure import Missing
    from lambundle.elf.loader import FailedLookup

_RULE_WIDTH = 17


def missing_library(missing: Sequence[Missing]) -> LibraryNotFoundError:
    """Return the error for the first missing library, with all failed lookups."""
    first = missing[0]
    context = [f"needed by {first.needed_by}; looked in, by the loader's order:"]
    context += [f"  {line}" for line in looked_in_lines(first.looked_in)]
    others = sorted({item.soname for item in missing[1:]} - {first.soname})
    if others:
        context.append(f"missing as well: {', '.join(others)}")
    stem = first.soname.partition(".so")[0]
    search = f"install it, or pass --library-path DIR, or --exclude '{stem}.so*'"
    return LibraryNotFoundError(
        f"{first.soname} not found",
        context=tuple(context),
        hint=_hint_of_path(first) if "/" in first.soname else search,
    )


def _hint_of_path(missing: Missing) -> str:
    """Return what to do about a name with a slash: the loader takes it as it stands."""
    if missing.soname.startswith(("/", "$")):
        return "it is named by its path, so that no other is searched for: install that file, or pack another program"
    name = missing.soname.rpartition("/")[2]
    return (
        "the program starts only in the directory that this path is relative to: give the library a soname and link "
        f"again, or patchelf --replace-needed {missing.soname} {name} {missing.needed_by}, and pass --library-path DIR"
    )


def looked_in_lines(looked_in: Sequence[FailedLookup]) -> list[str]:
    """Return a numbered line for each rule, and one for each further reason.

    Directories of one rule that do not have the library share a line.
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


def _groups(looked_in: Iterable[FailedLookup]) -> list[list[FailedLookup]]:
    """Group adjacent lookups of one rule that found no file."""
    groups: list[list[FailedLookup]] = []
    for lookup in looked_in:
        plain = lookup.path is not None and lookup.reason == "no such file"
        last = groups[-1][-1] if groups else None
        if last is not None and plain and (last.rule, last.reason) == (lookup.rule, lookup.reason):
            groups[-1].append(lookup)
        else:
            groups.append([lookup])
    return groups


def _describe(group: Sequence[FailedLookup]) -> str:
    first = group[0]
    if first.path is None:
        return first.reason if first.written in {"", first.reason.partition(" ")[0]} else _with_name(first)
    names = [_directory(lookup) for lookup in group]
    if len(group) > 1:
        return " ".join(names)
    return f"{names[0]} ({first.reason})"


def _with_name(lookup: FailedLookup) -> str:
    return f"{lookup.written} ({lookup.reason})"


def _directory(lookup: FailedLookup) -> str:
    """Return the directory as written, with its expansion if that differs."""
    path = lookup.path or ""
    directory = path.rpartition("/")[0] or "/"
    if lookup.written == path or path.startswith(lookup.written.rstrip("/") + "/"):
        return directory if lookup.written != path else path
    return f"{lookup.written} = {directory}" if "$" in lookup.written else f"{lookup.written}: {path}"
