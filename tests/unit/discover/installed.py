"""A made-up machine: installed packages, and the files of them in memory."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.machine import MemoryFiles
from lambundle.packages import Dependency, DependencyKind, Package

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


@dataclass
class Installed:
    """Installed packages: names with their files, what they depend on and recommend, and their source.

    Every file of a package is there, empty but for those in ``content``; the other fields are those of MemoryFiles.
    """

    listed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    likes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    content: dict[str, bytes | str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    root: Path = Path("/")
    by_name: set[str] = field(default_factory=set)

    def install(self, name: str, *files: str, needs: str = "", likes: str = "", source: str | None = None) -> Installed:
        """Add a package."""
        self.listed[name] = files
        self.needs[name], self.likes[name] = tuple(needs.split()), tuple(likes.split())
        self.sources[name] = source or name
        return self

    def says(self, path: str, text: bytes | str) -> Installed:
        """Put a text into a file."""
        self.content[path] = text
        return self

    def starts(self, program: str, names: str = "") -> Installed:
        """Make a program a compiled one that starts others by name."""
        return self.says(program, b"\0".join((b"\x7fELF", b"execvp", *names.encode().split(), b"")))

    def disk(self) -> MemoryFiles:
        """Return the files of the machine."""
        listed = dict.fromkeys(
            (file for files in self.listed.values() for file in files if file not in self.links), b""
        )
        return MemoryFiles({**listed, **self.content}, links=self.links, modes=self.modes, sizes=self.sizes)

    def owner(self, path: str) -> str | None:
        """As a database does."""
        return next((name for name, files in self.listed.items() if path in files), None)

    def owners(self, paths: Collection[str]) -> dict[str, str]:
        """As a database does."""
        return {path: owner for path in paths if (owner := self.owner(path))}

    def directory_owners(self, directory: str) -> frozenset[str]:
        """As a database does."""
        return frozenset(name for name in self.listed if directory in self.directories(name))

    def files(self, package: str) -> tuple[str, ...]:
        """As a database does."""
        return self.listed.get(package, ())

    def directories(self, package: str) -> tuple[str, ...]:
        """Every directory above a file."""
        found: dict[str, None] = {}
        for file in self.files(package):
            while (file := posixpath.dirname(file)) != "/":
                found.setdefault(file)
        return tuple(found)

    def depends(self, package: str) -> tuple[Dependency, ...]:
        """As a database does."""
        kinds = ((DependencyKind.DEPENDS, self.needs), (DependencyKind.RECOMMENDS, self.likes))
        return tuple(
            Dependency(kind, (name,), (name,) if name in self.listed else ())
            for kind, table in kinds
            for name in table.get(package, ())
        )

    def package(self, name: str) -> Package | None:
        """As a database does."""
        return Package(name, "1", "amd64", self.sources[name]) if name in self.listed else None

    def packages(self) -> Iterator[str]:
        """As a database does."""
        return iter(self.listed)

    def installed_by_name(self) -> frozenset[str]:
        """As a database does."""
        return frozenset(self.by_name)
