"""Safe extraction of a bundle: modes and links as packed, nothing outside of the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.bundle.reader import bad_bundle, open_bundle
from lambundle.bundle.write.atomic import replacing_tree
from lambundle.bundle.write.tree import FIRST_MOMENT, TreeGrower

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 2 << 30
"""Default limit of unpacked bytes, eight times Lambda's quota."""


def extract(path: Path, into: Path, *, limit: int = LIMIT) -> None:
    """Extract the bundle ``path``, a zip or a directory, as the directory ``into``, atomically.

    Modes are those of the bundle whatever the umask; every time is 1980-01-01. All names are checked before the first
    is used, sizes against ``limit`` bytes before and during extraction. Raises UsageError unless ``into`` is missing or
    empty, BadBundleError for a damaged bundle, OutputError if a file cannot be written.
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
