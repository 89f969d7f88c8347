"""Targets of links as they stand in a bundle: relative, and not above its root.

A target that was absolute is written as ``.//``, the way up to the root, and the target: the runtime gives a program
that reads the link the absolute path back (``self.c``), and no program makes room for less than it will be given.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambundle.machine import Files

WAS_ABSOLUTE = ".//"


def bundled_target(files: Files, path: str, target: str) -> str:
    """Return the target for the link ``path``, whose directory is physical; it leads where the kernel would go.

    There ``..`` stops at ``/``: in a bundle, where the root is a directory like any other, one too many is left out.
    """
    directory = posixpath.dirname(path)
    is_absolute = target.startswith("/")
    is_plain = not is_absolute and not target.startswith(WAS_ABSOLUTE)
    if is_plain and ".." not in target:
        return target
    parts = [part for part in target.split("/") if part not in ("", ".")]
    kept: list[str] = []
    at = "/" if is_absolute else directory
    for part in parts:
        if part == "..":
            if at == "/":
                continue
            at = posixpath.dirname(at)
        elif ".." in parts:
            at = files.real(posixpath.join(at, part))
        kept.append(part)
    if is_absolute:
        up = [".."] * (directory.count("/") if directory != "/" else 0)
        return WAS_ABSOLUTE + "/".join([*up, *kept])
    return target if is_plain and len(kept) == len(parts) else "/".join(kept) or "."
