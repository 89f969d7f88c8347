"""Parts of programs that are left out of a bundle that would be too large for Lambda with them.

A bundle over the quota is of no use. A plug-in or helper that nothing is linked with, and for which alone libraries of
other packages are there, serves one purpose: LibreOffice's reader of old file formats brings ten libraries. So do
directories of data for one rare purpose, as the rules have them. All these give way to fonts that the user installed by
name too: a document in the language of such a font is more likely than one in an old file format.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from lambundle.discover.rules import is_command, is_public_library, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lambundle.elf.closure import Closure
    from lambundle.gather.gathering import Gathering

SMALLEST = 1 << 20
"""Bytes from which a part is worth leaving out."""

MOST = 8
"""Parts that are left out at most."""

MOST_OF_ALL = 2
"""What weighs more than the whole divided by this is no part: it is the program itself."""


class OptionalPart(NamedTuple):
    """A plug-in or helper, by its real path, and its bytes with the libraries that only it loads; or a directory."""

    path: str
    size: int
    directory: bool = False


def parts_to_leave_out(
    gathering: Gathering,
    closure: Closure,
    owner: Callable[[str], str | None],
    asked_for: Collection[str],
    surplus: int,
    short: int = 0,
) -> tuple[OptionalPart, ...]:
    """Return parts that weigh at least ``surplus`` bytes together, the largest first; none if all do not.

    As far as there are some, further parts make room for ``short`` bytes more, of what the user installed by name.

    ``owner`` returns the package of a file, ``asked_for`` are the real paths of what the user named or recorded.
    """
    chosen: list[OptionalPart] = []
    parts = [*_parts(gathering, closure, owner, asked_for), *_directories(gathering, owner, asked_for)]
    for part in sorted(parts, key=lambda part: (-part.size, part.path))[:MOST]:
        if surplus + short <= 0:
            break
        chosen.append(part)
        surplus -= part.size
    return tuple(chosen) if surplus <= 0 else ()


def note(part: OptionalPart, limit: str, *, for_fonts: bool = False) -> str:
    """Return the note on a part that was left out, perhaps only for fonts."""
    what = "fonts that were installed by name would not fit into" if for_fonts else "the bundle would be over"
    more = "" if part.directory else " with what only it loads"
    return (
        f"{part.path} ({part.size / 1e6:.1f} MB{more}) is left out: with it {what} {limit}; --add {part.path} brings it"
    )


def _parts(
    gathering: Gathering, closure: Closure, owner: Callable[[str], str | None], asked_for: Collection[str]
) -> list[OptionalPart]:
    users: dict[str, set[str]] = {}
    for root, loaded in closure.scopes.items():
        for file in loaded:
            users.setdefault(file.real, set()).add(root)
    linked = {gathering.files.real(need.path) for file in closure.files.values() for need in file.needed}
    most = sum(map(gathering.files.size, users)) // MOST_OF_ALL
    names = {_stem(path) for path in asked_for}
    found = []
    for root, loaded in closure.scopes.items():
        package = owner(root)
        if package is None or root in linked or root in asked_for or is_command(root) or is_public_library(root):
            continue
        if _stem(root) in names:  # what a script of this name starts: soffice.bin
            continue
        own = {file.real for file in loaded if users[file.real] == {root}}
        others = [path for path in own - {root} if is_public_library(path) and owner(path) != package]
        size = sum(map(gathering.files.size, own))
        if others and SMALLEST <= size <= most and not any(character in root for character in "*?["):
            found.append(OptionalPart(root, size))
    return found


def _directories(
    gathering: Gathering, owner: Callable[[str], str | None], asked_for: Collection[str]
) -> list[OptionalPart]:
    """Return the directories of data for one rare purpose, without those where the user asked for something."""
    sizes: dict[str, int] = {}
    for path in gathering.mirror.files():
        ending = next((ending for ending in rules().optional_directories if f"{ending}/" in path), None)
        if ending is not None and owner(path) is not None:
            directory = path.partition(f"{ending}/")[0] + ending
            sizes[directory] = sizes.get(directory, 0) + gathering.files.size(path)
    return [
        OptionalPart(directory, size, directory=True)
        for directory, size in sizes.items()
        if size >= SMALLEST and not any(f"{path}/".startswith(f"{directory}/") for path in asked_for)
    ]


def _stem(path: str) -> str:
    return posixpath.basename(path).partition(".")[0]
