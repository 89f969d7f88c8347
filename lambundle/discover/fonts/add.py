"""Adds the fonts of the packing machine to a gathering, and says which are left out."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.fonts.choice import Font, choose_fonts, names_in_bundle
from lambundle.errors import LambundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lambundle.bundle.model import Reason
    from lambundle.gather.gathering import Gathering

HOMES_FILE = "/etc/fonts/conf.d/00-lambundle-homes.conf"

_NAMED = 3
"""Packages that have a part of the note of their own."""
_FLAGS = 8
"""Flags for all others."""


def add_fonts(
    gathering: Gathering, owner: Callable[[str], str | None] | None, wanted: Collection[str], reason: Reason, limit: int
) -> int:
    """Add the fonts that are chosen while the gathering has at most ``limit`` bytes; note what is left out.

    Return the bytes of those that were asked for and have no room.

    ``owner`` and ``wanted`` are those of ``choose_fonts``.
    """
    choice = choose_fonts(gathering.machine, owner, wanted, limit - gathering.mirror.size)
    for path in choice.taken:
        try:
            gathering.mirror.add(path, reason)
        except LambundleError:  # not for us to read
            continue
    if choice.homes:
        gathering.mirror.make_file(HOMES_FILE, names_in_bundle(choice.homes).encode(), 0o644, reason)
    left_out = [font for font in choice.left_out if gathering.files.real(font.path) not in gathering.mirror]
    if left_out:
        gathering.notes.append(_note(left_out))
    return choice.short


def _note(fonts: list[Font]) -> str:
    groups: dict[str, list[Font]] = {}
    for font in fonts:
        groups.setdefault(font.package, []).append(font)
    largest = sorted(groups.values(), key=_size, reverse=True)
    parts = [_group(group) for group in largest[:_NAMED]]
    others = [font for group in largest[_NAMED:] for font in group]
    parts += [_group(others)] if others else []
    return (
        "fonts are left out, which are neither fontconfig's defaults nor asked for by name, or for which there is no "
        f"room: {', '.join(parts)}"
    )


def _group(fonts: list[Font]) -> str:
    packages = sorted({font.package for font in fonts} - {""})
    directories = sorted({posixpath.dirname(font.path) for font in fonts if not font.package})
    flags = [*(f"--package {name}" for name in packages), *(f"--add {name}" for name in directories)]
    name = f"of {packages[0]}" if len(packages) == 1 and not directories else "others"
    more = ", and so on" if len(flags) > _FLAGS else ""
    return f"{len(fonts)} {name} ({_size(fonts) / 1e6:.1f} MB, {' '.join(flags[:_FLAGS])}{more})"


def _size(fonts: list[Font]) -> int:
    return sum(font.size for font in fonts)
