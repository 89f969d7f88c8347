"""Compares the result of a job from the bundle with that at home. Pure.

What differs between two runs at home differs by itself, such as dates and ids: it is not compared. Nor is what only
tells that a program runs from the bundle: paths in its root, and variables that the sandbox or the runtime sets.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

READ_MAX = 16 << 20
"""Bytes of a file that are compared word by word; a larger one that differs is compared as a whole."""
SHOWN = 80
"""Characters of a line that are shown."""

STDOUT, STATUS = "stdout", "the exit status"

_WORDS = re.compile(rb"[\w.:+-]+|\W")
"""Words of a line: a date, a time or a figure is one."""
_TEXT = 8_192


@dataclass(frozen=True, slots=True)
class ComparedOutput:
    """What stands in a file or on stdout: ``digest`` tells contents apart, ``read`` gives them."""

    size: int
    digest: str
    read: Callable[[], bytes] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """The result of one run: its exit status, and stdout and the files that it made, by their names.

    ``later`` is what stdout was in later runs of the same job.
    """

    status: int
    contents: Mapping[str, ComparedOutput]
    later: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Virtual:
    """What tells only that a program runs from the bundle.

    ``roots`` are the roots of bundles in the sandbox, whose paths are without them at home; ``variables`` are set
    otherwise on the two sides.
    """

    roots: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Differences:
    """``found`` are lines on what differs, ``varying`` the names of what differs at home by itself too.

    ``placed`` are files that hold paths of the bundle's own, so that they cannot be compared.
    """

    found: tuple[str, ...] = ()
    varying: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()


def compare(bundle: ComparedRun, home: ComparedRun, again: ComparedRun | None, virtual: Virtual) -> Differences:
    """Compare two results; ``again`` is that of a second run at home, None for the first look.

    Without ``again`` everything that differs is found, whether it differs by itself or not.
    """
    found, varying, placed = [], [], []
    if bundle.status != home.status:
        if again is not None and again.status != home.status:
            varying.append(STATUS)
        else:
            found.append(f"{STATUS} is {home.status} at home, {bundle.status} from the bundle")
    for name in sorted(bundle.contents.keys() | home.contents.keys(), key=lambda name: (name != STDOUT, name)):
        ours, theirs = bundle.contents.get(name), home.contents.get(name)
        if ours is None or theirs is None:
            if again is not None and _is_named_anew(name, home.contents, again.contents):
                varying.append(name)
            else:
                found.append(f"{name} is made {'at home' if ours is None else 'from the bundle'} only")
            continue
        if ours.digest == theirs.digest:
            continue
        if _holds_a_place(ours, virtual):
            placed.append(name)
            continue
        other = None if again is None else again.contents.get(name)
        later = bundle.later if name == STDOUT and again is not None else ()
        line, is_varying = _difference(name, ours, theirs, other, later, virtual)
        found += [line] if line else []
        varying += [name] if is_varying else []
    return Differences(tuple(found), tuple(varying), tuple(placed))


def _is_named_anew(name: str, home: Collection[str], again: Collection[str]) -> bool:
    """Whether files beside this one have other names in each run at home."""
    directory = posixpath.dirname(name)
    return any(posixpath.dirname(other) == directory for other in set(home) ^ set(again))


def _holds_a_place(content: ComparedOutput, virtual: Virtual) -> bool:
    """Whether a file that is no text holds a path in the bundle's root, which moves all that follows."""
    data = content.read()
    return b"\0" in data[:_TEXT] and any(root.encode() in data for root in virtual.roots)


# ---- two contents ----


def _difference(
    name: str,
    ours: ComparedOutput,
    theirs: ComparedOutput,
    other: ComparedOutput | None,
    later: tuple[bytes, ...],
    virtual: Virtual,
) -> tuple[str, bool]:
    """A line on what differs, empty for nothing, and whether something differs by itself."""
    sizes = f"{name} differs: {theirs.size:,} bytes at home, {ours.size:,} from the bundle"
    if max(ours.size, theirs.size) > READ_MAX:
        is_varying = other is not None and other.digest != theirs.digest
        return "" if is_varying else sizes, is_varying
    away, home = _plain(ours.read(), virtual), _plain(theirs.read(), virtual)
    if away == home:
        return "", False
    lines = home.split(b"\n")
    again = [] if other is None else [_plain(other.read(), virtual).split(b"\n")]
    if any(len(more) != len(lines) for more in again):
        return "", True
    own = away.split(b"\n")
    varying = _varying([lines, *again]) | _varying([own, *(_plain(data, virtual).split(b"\n") for data in later)])
    number = next((at for at in range(max(len(own), len(lines))) if not _agree(lines, own, at, varying)), None)
    if number is None:
        return "", True
    if b"\0" in home[:_TEXT] or b"\0" in away[:_TEXT]:
        return sizes, bool(varying)
    here, there = _shown(lines, number), _shown(own, number)
    return f"{name}: line {number + 1} is {here} at home, {there} from the bundle", bool(varying)


def _plain(data: bytes, virtual: Virtual) -> bytes:
    """A content without what only tells where the program runs."""
    for root in virtual.roots:
        data = data.replace(root.encode(), b"")
    names = tuple(f"{name}=".encode() for name in virtual.variables)
    lines = data.split(b"\n")
    return b"\n".join(line for line in lines if not line.startswith(names)) if names else data


_WHOLE = -1
"""Stands for all words of a line."""


def _varying(samples: Sequence[Sequence[bytes]]) -> frozenset[tuple[int, int]]:
    """The words that differ between runs of one side, as numbers of line and word; samples of other lines are none."""
    first, *others = samples
    found: set[tuple[int, int]] = set()
    for other in others:
        if len(other) != len(first):
            continue
        for number, (line, again) in enumerate(zip(first, other, strict=True)):
            if line != again:
                words, more = _WORDS.findall(line), _WORDS.findall(again)
                pairs = enumerate(zip(words, more, strict=False))
                changed = [at for at, (word, later) in pairs if word != later] if len(words) == len(more) else [_WHOLE]
                found.update((number, at) for at in changed)
    return frozenset(found)


def _agree(home: Sequence[bytes], away: Sequence[bytes], number: int, varying: Collection[tuple[int, int]]) -> bool:
    """Whether a line is the same on both sides, but for words that vary."""
    if number >= len(home) or number >= len(away):
        return False
    if home[number] == away[number] or (number, _WHOLE) in varying:
        return True
    words, others = _WORDS.findall(home[number]), _WORDS.findall(away[number])
    pairs = enumerate(zip(words, others, strict=False))
    return len(words) == len(others) and all(word == other or (number, at) in varying for at, (word, other) in pairs)


def _shown(lines: Sequence[bytes], number: int) -> str:
    if number >= len(lines):
        return "not there"
    text = lines[number].decode(errors="replace")
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
