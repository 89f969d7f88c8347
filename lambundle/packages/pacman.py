"""Arch's package database: a directory ``/var/lib/pacman/local/NAME-VERSION-RELEASE`` for each package.

Its ``desc`` and ``files`` are blocks of a header such as ``%DEPENDS%`` and one value a line, ended by an
empty line. ``%FILES%`` has no leading slash and marks directories by a trailing one.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.errors import UnreadableFileError
from lambundle.packages.base import (
    Dependency,
    DependencyKind,
    ListedDatabase,
    Package,
    decode,
    providers_of,
    read_database_file,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.machine import Files

DIRECTORY = "/var/lib/pacman/local"
RELATION = re.compile(r"[<>=]")
"""Ends the name in ``name>=1.2-1``."""
Blocks = dict[str, list[str]]


class PacmanDatabase(ListedDatabase):
    """The packages that pacman installed."""

    @classmethod
    def present(cls, files: Files) -> bool:
        """Return whether pacman has a database on the machine."""
        return files.is_directory(DIRECTORY)

    @cached_property
    def _records(self) -> dict[str, str]:
        """Return the directory of each package."""
        try:
            items = self._files.scan(DIRECTORY)
        except OSError as error:
            raise UnreadableFileError(f"cannot read {DIRECTORY}: {error.strerror}") from error
        # Neither version nor release has a hyphen. The file ALPM_DB_VERSION is there too.
        return {item.name.rsplit("-", 2)[0]: item.path for item in items if item.name.count("-") > 1}

    @cached_property
    def _provided(self) -> dict[str, list[str]]:
        """Return the providers of each name, both with its version and without.

        Several versions of a soname may be installed; only ``libcrypto.so=3-64`` tells them apart.
        """
        provided: dict[str, list[str]] = {}
        for package in self._records:
            for name in self._blocks(package, "desc").get("PROVIDES", []):
                for key in unique((name, RELATION.split(name)[0])):
                    provided.setdefault(key, []).append(package)
        return provided

    def _blocks(self, package: str, file: str) -> Blocks:
        """Return the blocks of a package's ``desc`` or ``files``; none if it was lost."""
        if package not in self._records:
            return {}
        try:
            text = decode(read_database_file(self._files, f"{self._records[package]}/{file}"))
        except UnreadableFileError:
            return {}
        return _blocks(text)

    def _listings(self) -> Iterator[tuple[str, Iterator[str]]]:
        for package in self._records:
            yield (
                package,
                (f"/{path.rstrip('/')}" for path in self._blocks(package, "files").get("FILES", [])),
            )

    def files(self, package: str) -> tuple[str, ...]:
        """Return the files and links of ``package``."""
        listed = self._blocks(package, "files").get("FILES", [])
        return unique(f"/{path}" for path in listed if not path.endswith("/"))

    def directories(self, package: str) -> tuple[str, ...]:
        """Return the directories that ``package`` lists."""
        listed = self._blocks(package, "files").get("FILES", [])
        return unique(f"/{path[:-1]}" for path in listed if path.endswith("/"))

    def package(self, name: str) -> Package | None:
        """Return an installed package, or None."""
        if name not in self._records:
            return None
        blocks = self._blocks(name, "desc")

        def first(block: str) -> str:
            return next(iter(blocks.get(block, [])), "")

        return Package(
            name=name,
            version=first("VERSION") or self._records[name].rpartition("/")[2][len(name) + 1 :],
            architecture=first("ARCH"),
            source=first("BASE") or name,
            section=" ".join(blocks.get("GROUPS", [])),
        )

    def packages(self) -> Iterator[str]:
        """Return the names of all installed packages."""
        return iter(self._records)

    def installed_by_name(self) -> frozenset[str]:
        """Return the packages that were not installed as dependencies (``REASON`` 1)."""
        return frozenset(name for name in self._records if self._blocks(name, "desc").get("REASON") != ["1"])

    def depends(self, package: str) -> tuple[Dependency, ...]:
        """Return the dependencies of ``package``; optional ones are ``suggests``."""
        blocks = self._blocks(package, "desc")
        optional = [line.partition(":")[0].strip() for line in blocks.get("OPTDEPENDS", [])]
        relations = [(DependencyKind.DEPENDS, each) for each in blocks.get("DEPENDS", [])]
        relations += [(DependencyKind.SUGGESTS, each) for each in optional]
        return tuple(self._dependency(kind, each) for kind, each in relations)

    def _dependency(self, kind: DependencyKind, relation: str) -> Dependency:
        name = RELATION.split(relation)[0]
        providers = tuple(self._provided.get(relation, ())) if relation != name else ()
        providers = providers or providers_of(name, self._records, self._provided)
        return Dependency(kind, (name,), unique(providers), () if providers else (name,))


def _blocks(text: str) -> Blocks:
    blocks: Blocks = {}
    values: list[str] | None = None
    for line in text.split("\n"):
        if not line:
            values = None
        elif values is not None:
            values.append(line)
        elif line.startswith("%") and line.endswith("%"):
            values = blocks.setdefault(line[1:-1], [])
    return blocks
