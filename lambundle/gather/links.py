"""Targets of links as they stand in a bundle: relative, and not above its root.

A target that was absolute is written as ``.//``, the way up to the root, and the target: the runtime gives a program
that reads the link the absolute path back (``self.c``), and no program makes room for less than it will be given.

A link to what every Linux has for its programs stays absolute: a log that is /dev/stdout, a cache in /tmp.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.names import is_host_place

if TYPE_CHECKING:
    from lambundle.machine import Files

WAS_ABSOLUTE = ".//"


def host_place(files: Files, path: str, target: str) -> str | None:
    """Return the place of the host that the link ``path`` leads to; None if it leads elsewhere.

    A file in /tmp is one of the packing machine's, and so is what lies there beside the link.
    """
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if not is_host_place(place):
        return None
    in_tmp = place.startswith("/tmp/")  # noqa: S108
    return None if in_tmp and (path.startswith("/tmp/") or files.is_file(place)) else place  # noqa: S108


def bundled_target(files: Files, path: str, target: str) -> str:
    """Return the target for the link ``path``, whose directory is physical; it leads where the kernel would go.

    There ``..`` stops at ``/``: in a bundle, where the root is a directory like any other, one too many is left out.
    """
    if place := host_place(files, path, target):
        return place
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
