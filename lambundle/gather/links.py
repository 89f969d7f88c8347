"""Targets of links as they stand in a bundle: relative, and not above its root."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambundle.machine import Files


def bundled_target(files: Files, path: str, target: str) -> str:
    """Return the target for the link ``path``, whose directory is physical; it leads where the kernel would go.

    There ``..`` stops at ``/``: in a bundle, where the root is a directory like any other, one too many is left out.
    """
    directory = posixpath.dirname(path)
    parts = [part for part in target.split("/") if part not in ("", ".")]
    is_absolute = target.startswith("/")
    if ".." not in parts:
        return posixpath.relpath(target, directory) if is_absolute else target
    kept: list[str] = []
    at = "/" if is_absolute else directory
    for part in parts:
        if part == "..":
            if at == "/":
                continue
            at = posixpath.dirname(at)
        else:
            at = files.real(posixpath.join(at, part))
        kept.append(part)
    if not is_absolute and len(kept) == len(parts):
        return target
    up = [".."] * (directory.count("/") if directory != "/" else 0) if is_absolute else []
    return "/".join([*up, *kept]) or "."
