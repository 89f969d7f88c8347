"""Unpacks a bundle safely: modes and links as they were packed, nothing outside the directory given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.bundle.reader import bad_bundle, open_bundle
from lambundle.bundle.write.atomic import replacing_tree
from lambundle.bundle.write.tree import FIRST_MOMENT, TreeGrower

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 2 << 30
"""Most bytes that are unpacked unless told otherwise: eight times what Lambda takes."""


def extract(path: Path, into: Path, *, limit: int = LIMIT) -> None:
    """Unpack the bundle ``path`` (a zip, or a directory to copy) as the directory ``into``.

    ``into`` must not exist, or be empty (UsageError); it appears whole or not at all. Modes are those of
    the bundle whatever the umask, and every time is 1980-01-01. All names are checked together before the
    first is used, sizes against ``limit`` bytes before anything is unpacked and again while it is; whatever
    is wrong raises BadBundleError, what cannot be written OutputError.
    """
    with open_bundle(path) as bundle:
        if bundle.unzipped > limit:
            raise bad_bundle(path, f"it unpacks to {bundle.unzipped:,} bytes, and {limit:,} are the limit")
        with replacing_tree(into, bundle.unzipped) as top:
            grower = TreeGrower(top, FIRST_MOMENT)
            for member in bundle.members:
                if member.kind is Kind.DIRECTORY:
                    grower.directory(member.path, member.mode)
                elif member.kind is Kind.LINK:
                    grower.link(member.path, member.target or "")
                else:
                    grower.file(member.path, member.mode, bundle.blocks(member.path))
            grower.finish()
