"""Directories that an installation made and a configuration names: the dictionary that MeCab's configuration chose."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.selection.catalogue import SHALLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.discover.selection.packages import PackageSelection
    from lambundle.discover.selection.selected import SelectedPackage


def configured_directories(selection: PackageSelection, package: SelectedPackage) -> Iterator[tuple[str, str]]:
    """Return unowned directories, inside of owned ones, that a configuration file of a package names.

    Each is returned as it is named and by its real path.
    """
    for file in package.files:
        for named in sorted(selection.evidence.paths(file)) if file.startswith("/etc/") else ():
            directory = selection.files.real(named)
            if _is_made(selection, named) and selection.files.is_directory(directory):
                yield named, directory


def _is_made(selection: PackageSelection, path: str) -> bool:
    """Return whether a path is unowned but its directory is owned, so that it is not a user's data."""
    db = selection.db
    lead_there = {db.owner(path) or "", *db.directory_owners(path)} - {""}  # by the alternatives
    is_listed = any(path in {*db.files(name), *db.directories(name)} for name in lead_there)
    if is_listed or selection.rules.is_unwanted(f"{path}/x"):
        return False
    parent = posixpath.dirname(path)
    return parent.count("/") >= SHALLOW and bool(db.directory_owners(parent))
