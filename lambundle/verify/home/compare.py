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
SIZE_SHARE, SIZE_ROOM = 10, 256
"""A file that is another one in each run, and no text, may be larger or smaller by this part of it and these bytes."""
VALUE_MIN = 6
"""Characters of a variable's value that is known again where it stands without its name."""
SHOWN = 80
"""Characters of a line that are shown."""

STDOUT, STATUS = "stdout", "the exit status"

_WORDS = re.compile(rb"[\w.:+/=-]+|\W")
"""Words of a line: a date, a time, a path, a figure and a line in base64 is one."""
_TEXT = 8_192
_BLOCK, _PART = 16, 65_536
"""Bytes of what is no text that are compared as one, and those of the parts in which a difference is looked for."""


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
    otherwise on the two sides, to the ``values``, which come longest first, each with what stands for it.
    """

    roots: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()
    values: tuple[tuple[str, str], ...] = ()


def values_of(*environments: Mapping[str, str], variables: Collection[str]) -> tuple[tuple[str, str], ...]:
    """What ``Virtual`` needs to know of the values of ``variables`` on the two sides; a short one may be any word."""
    found = {
        value: f"${name}"
        for name in sorted(variables)
        for value in (environment.get(name, "") for environment in environments)
        if len(value) >= VALUE_MIN
    }
    return tuple(sorted(found.items(), key=lambda item: (-len(item[0]), item[0])))


@dataclass(frozen=True, slots=True)
class Differences:
    """``found`` are lines on what differs, ``varying`` the names of what differs at home by itself too.

    ``placed`` are files that hold paths of the bundle's own, so that they cannot be compared. ``is_unsure`` says that
    something found is no text and varies too: a few runs may not show all that does.
    """

    found: tuple[str, ...] = ()
    varying: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()
    is_unsure: bool = False


def compare(bundle: Sequence[ComparedRun], home: Sequence[ComparedRun], virtual: Virtual) -> Differences:
    """Compare the first run from the bundle with the first at home; further runs show what differs by itself.

    With one run at home everything that differs is found, whether it differs by itself or not.
    """
    found, varying, placed = [], [], []
    is_unsure = False
    ours, theirs = bundle[0], home[0]
    if ours.status != theirs.status:
        if _changes([run.status for run in home]) or _changes([run.status for run in bundle]):
            varying.append(STATUS)
        else:
            found.append(f"{STATUS} is {theirs.status} at home, {ours.status} from the bundle")
    for name in sorted(ours.contents.keys() | theirs.contents.keys(), key=lambda name: (name != STDOUT, name)):
        if name not in ours.contents or name not in theirs.contents:
            if _is_named_anew(name, home):
                varying.append(name)
            else:
                found.append(f"{name} is made {'from the bundle' if name in ours.contents else 'at home'} only")
        elif ours.contents[name].digest != theirs.contents[name].digest:
            if _holds_a_place(ours.contents[name], virtual):
                placed.append(name)
                continue
            line, is_varying = _difference(name, bundle, home, virtual)
            found += [line] if line else []
            varying += [name] if is_varying else []
            is_unsure |= bool(line) and is_varying and not _is_text([theirs.contents[name].read()])
    return Differences(tuple(found), tuple(varying), tuple(placed), is_unsure)


def _changes(values: Sequence[object]) -> bool:
    return any(value != values[0] for value in values)


def _is_named_anew(name: str, home: Sequence[ComparedRun]) -> bool:
    """Whether files beside this one have other names in each run at home."""
    directory = posixpath.dirname(name)
    others = (set(home[0].contents) ^ set(again.contents) for again in home[1:])
    return any(posixpath.dirname(other) == directory for names in others for other in names)


def _holds_a_place(content: ComparedOutput, virtual: Virtual) -> bool:
    """Whether a file that is no text holds a path in the bundle's root, which moves all that follows."""
    data = content.read()
    return b"\0" in data[:_TEXT] and any(root.encode() in data for root in virtual.roots)


# ---- two contents ----


def _difference(
    name: str, bundle: Sequence[ComparedRun], home: Sequence[ComparedRun], virtual: Virtual
) -> tuple[str, bool]:
    """A line on what differs, empty for nothing, and whether something differs by itself."""
    ours, theirs = ([run.contents[name] for run in runs if name in run.contents] for runs in (bundle, home))
    sizes = f"{name} differs: {theirs[0].size:,} bytes at home, {ours[0].size:,} from the bundle"
    if max(item.size for item in (*ours, *theirs)) > READ_MAX:
        is_varying = _changes([item.digest for item in ours]) or _changes([item.digest for item in theirs])
        return "" if is_varying else sizes, is_varying
    later = bundle[0].later if name == STDOUT and len(home) > 1 else ()
    away = [_lines(data, virtual) for data in (*(item.read() for item in ours), *later)]
    here = [_lines(item.read(), virtual) for item in theirs]
    if away[0] == here[0]:
        return "", False
    if not (_is_text(here[0]) and _is_text(away[0])) and _is_one_size((*here, *away)):
        is_same, is_varying = _agree_in_blocks([*map(_joined, here)], [*map(_joined, away)])
        return "" if is_same else sizes, is_varying
    return _difference_of_lines(name, away, here, sizes, is_near=_is_near(ours[0].size, [item.size for item in theirs]))


def _difference_of_lines(
    name: str, away: Sequence[Sequence[bytes]], here: Sequence[Sequence[bytes]], sizes: str, *, is_near: bool
) -> tuple[str, bool]:
    """The same of lines; ``sizes`` is the line for what cannot be shown, ``is_near`` whether those are alike."""
    if any(len(lines) != len(here[0]) for lines in here) or _is_random(here) or _is_random(away):
        is_other = not _is_text(here[0]) and not is_near
        return sizes if is_other else "", True
    varying = _varying(here) | _varying(away)
    own, lines = away[0], here[0]
    number = next((at for at in range(max(len(own), len(lines))) if not _agree(lines, own, at, varying)), None)
    if number is None:
        return "", True
    if not _is_text(lines) or not _is_text(own):
        return sizes, bool(varying)
    shown = f"{_shown(lines, number)} at home, {_shown(own, number)} from the bundle"
    return f"{name}: line {number + 1} is {shown}", bool(varying)


def _lines(data: bytes, virtual: Virtual) -> list[bytes]:
    """The lines of a content without what only tells where the program runs."""
    for root in virtual.roots:
        data = data.replace(root.encode(), b"")
    for value, placeholder in virtual.values:
        data = data.replace(value.encode(errors="surrogateescape"), placeholder.encode())
    names = tuple(f"{name}=".encode() for name in virtual.variables)
    lines = data.split(b"\n")
    return [line for line in lines if not line.startswith(names)] if names else lines


def _is_text(lines: Sequence[bytes]) -> bool:
    data = b"\n".join(lines)
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _is_random(samples: Sequence[Sequence[bytes]]) -> bool:
    """Whether runs of one side differ in most of what is no text, as in what is encrypted, or in its size.

    Words say nothing there.
    """
    first = samples[0]
    if _is_text(first):
        return False
    if not _is_one_size(samples) or _changes([len(lines) for lines in samples]):
        return True
    size = sum(map(len, first))
    changed = (sum(len(line) for line, other in zip(first, again, strict=True) if line != other) for again in samples)
    return any(2 * count > size for count in changed)


def _is_near(size: int, others: Sequence[int]) -> bool:
    """Whether a size is as those of the runs at home: all that can be said of a content that is another each time."""
    room = max(others) // SIZE_SHARE + SIZE_ROOM
    return min(others) - room <= size <= max(others) + room


def _joined(lines: Sequence[bytes]) -> bytes:
    return b"\n".join(lines)


def _is_one_size(samples: Sequence[Sequence[bytes]]) -> bool:
    return not _changes([sum(map(len, lines)) + len(lines) for lines in samples])


def _agree_in_blocks(home: Sequence[bytes], away: Sequence[bytes]) -> tuple[bool, bool]:
    """Whether contents of one size are the same but for blocks that vary, or lie beside one; and whether some vary.

    Beside: of a time the last bytes vary from run to run, and now and then those before them.
    """
    varying = {number for first, *others in (home, away) for other in others for number in _blocks(first, other)}
    beside = {number + step for number in varying for step in (-1, 0, 1)}
    return _blocks(home[0], away[0]) <= beside, bool(varying)


def _blocks(one: bytes, other: bytes) -> set[int]:
    """The numbers of the blocks that differ."""
    parts = (part for part in range(0, len(one), _PART) if one[part : part + _PART] != other[part : part + _PART])
    starts = (start for part in parts for start in range(part, part + _PART, _BLOCK))
    return {start // _BLOCK for start in starts if one[start : start + _BLOCK] != other[start : start + _BLOCK]}


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
