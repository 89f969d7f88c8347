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
"""Packages and directories that a note names."""


def add_fonts(
    gathering: Gathering, owner: Callable[[str], str | None] | None, wanted: Collection[str], reason: Reason, limit: int
) -> None:
    """Add the fonts that are chosen while the gathering has at most ``limit`` bytes; note what is left out.

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


def _note(fonts: list[Font]) -> str:
    packages = sorted({font.package for font in fonts if font.package})
    of = f" of {_some(packages)}" if packages else ""
    directories = sorted({posixpath.dirname(font.path) for font in fonts})
    if len(directories) > _NAMED:
        directories = [posixpath.commonpath(directories)]
    flags = " ".join(f"--add {directory}" for directory in directories)
    return (
        f"{len(fonts)} fonts{of} ({sum(font.size for font in fonts) / 1e6:.1f} MB) are left out, which are neither "
        f"fontconfig's defaults nor were installed by name as far as there is room; to bring them: {flags}"
    )


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
