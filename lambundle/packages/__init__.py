"""Package databases of the packing machine: owners of files, files of packages, dependencies.

Each format is read from its files; no command of that machine is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.errors import LambundleError, PackageDatabaseError
from lambundle.packages.apk import ApkDatabase
from lambundle.packages.base import (
    Dependency,
    DependencyKind,
    Package,
    PackageDatabase,
)
from lambundle.packages.dpkg import DpkgDatabase
from lambundle.packages.pacman import PacmanDatabase
from lambundle.packages.rpm import RpmDatabase

if TYPE_CHECKING:
    from lambundle.machine import Files

__all__ = [
    "DATABASES",
    "Dependency",
    "DependencyKind",
    "Package",
    "PackageDatabase",
    "PackageDatabaseError",
    "detect",
]

DATABASES: dict[str, type[DpkgDatabase | RpmDatabase | ApkDatabase | PacmanDatabase]] = {
    "dpkg": DpkgDatabase,
    "rpm": RpmDatabase,
    "apk": ApkDatabase,
    "pacman": PacmanDatabase,
}
"""Every format that can be read, by the name of its package manager."""


def detect(files: Files) -> PackageDatabase | None:
    """Return a machine's package database, or None if it has none.

    Of several, the one with the most packages is the system's own: Debian's ``rpm`` and Fedora's ``dpkg`` bring a
    nearly empty one. An unreadable database counts as empty; if it is the only one, its methods raise the error.
    """
    found: list[PackageDatabase] = [database(files) for database in DATABASES.values() if database.present(files)]
    if len(found) > 1:
        found.sort(key=_size, reverse=True)
    return found[0] if found else None


def _size(database: PackageDatabase) -> int:
    try:
        return sum(1 for _ in database.packages())
    except LambundleError:
        return 0
