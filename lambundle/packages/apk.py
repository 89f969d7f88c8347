"""Alpine's package database (apk-tools 2's format, which 3 still writes): one file, ``installed``.

A package is a paragraph of lines ``X:value``: ``P`` name, ``V`` version, ``A`` architecture, ``o``
origin, ``D`` dependencies and ``p`` provided names (separated by spaces, versions attached, ``!`` for a conflict),
``F`` a directory, followed by ``R`` for each file in it. ``i`` (install if) is no dependency and not read.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.packages.base import (
    Dependency,
    DependencyKind,
    ListedDatabase,
    Package,
    decode,
    providers_of,
    read_database_file,
    read_if_there,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.machine import Files

LOCATIONS = ("/usr/lib/apk/db/installed", "/lib/apk/db/installed")
"""With a merged ``/usr``, and without."""
WORLD = "/etc/apk/world"
"""Names that were asked for, separated by white space; ``!name`` is a conflict."""
VERSIONED = re.compile(r"[<>=~@]")
"""Ends the name in ``name>=1.2``, ``name~1.2`` and ``name@repository``."""


class ApkDatabase(ListedDatabase):
    """The packages that apk installed."""

    @classmethod
    def present(cls, files: Files) -> bool:
        """Return whether apk ever installed something on the machine."""
        return _location(files) is not None

    @cached_property
    def _records(self) -> dict[str, str]:
        """Return each package's paragraph."""
        location = _location(self._files)
        text = decode(read_database_file(self._files, location)) if location else ""
        paragraphs = (f"\n{paragraph}\n" for paragraph in text.split("\n\n"))
        return {name: paragraph for paragraph in paragraphs if (name := _value(paragraph, "P"))}

    @cached_property
    def _provided(self) -> dict[str, list[str]]:
        provided: dict[str, list[str]] = {}
        for package, paragraph in self._records.items():
            for name in _value(paragraph, "p").split():
                provided.setdefault(VERSIONED.split(name)[0], []).append(package)
        return provided

    # busybox makes links to itself when it is installed; no package lists them.
    follows_any_link = True

    def _listings(self) -> Iterator[tuple[str, list[str]]]:
        for package, paragraph in self._records.items():
            files, directories = _split(paragraph)
            yield package, files + directories

    def files(self, package: str) -> tuple[str, ...]:
        """Return the files and links of ``package``."""
        return unique(_split(self._records.get(package, ""))[0])

    def directories(self, package: str) -> tuple[str, ...]:
        """Return the directories that ``package`` lists."""
        return unique(_split(self._records.get(package, ""))[1])

    def package(self, name: str) -> Package | None:
        """Return an installed package, or None."""
        paragraph = self._records.get(name)
        if paragraph is None:
            return None
        return Package(
            name=name,
            version=_value(paragraph, "V"),
            architecture=_value(paragraph, "A"),
            source=_value(paragraph, "o") or name,
        )

    def packages(self) -> Iterator[str]:
        """Return the names of all installed packages."""
        return iter(self._records)

    def installed_by_name(self) -> frozenset[str]:
        """Return the packages of ``world``, and those of its virtual packages (``apk add --virtual``)."""
        found: set[str] = set()
        waiting = [VERSIONED.split(name)[0] for name in read_if_there(self._files, WORLD).split() if name[0] != "!"]
        while waiting:
            name = waiting.pop()
            if name.startswith("."):
                waiting += [below for item in self.depends(name) for below in item.names if not below.startswith(".")]
            else:
                found.update(providers_of(name, self._records, self._provided))
        return frozenset(found)

    def depends(self, package: str) -> tuple[Dependency, ...]:
        """Return the dependencies of ``package``: packages, ``so:``, ``cmd:`` and ``pc:`` names, or paths."""
        relations = _value(self._records.get(package, ""), "D").split()
        return tuple(self._dependency(VERSIONED.split(each)[0]) for each in relations if not each.startswith("!"))

    def _dependency(self, name: str) -> Dependency:
        providers = providers_of(name, self._records, self._provided)
        if not providers and (owner := self.owner(name)):
            providers = (owner,)
        return Dependency(DependencyKind.DEPENDS, (name,), providers, () if providers else (name,))


def _location(files: Files) -> str | None:
    return next(filter(files.is_file, LOCATIONS), None)


def _value(paragraph: str, letter: str) -> str:
    start = paragraph.find(f"\n{letter}:")
    return paragraph[start + 3 : paragraph.find("\n", start + 1)].strip() if start >= 0 else ""


def _split(paragraph: str) -> tuple[list[str], list[str]]:
    """Return the files and the directories of a paragraph."""
    files, directories = [], []
    directory = ""
    for line in paragraph.split("\n"):
        if line.startswith("F:"):
            name = line[2:].strip("/")
            directory = f"/{name}" if name else ""
            if name:
                directories.append(directory)
        elif line.startswith("R:"):
            files.append(f"{directory}/{line[2:]}")
    return files, directories
