"""Installed Python distributions, by their metadata.

Source: the PyPA specifications "Recording installed projects" and "Core metadata"; setuptools documentation, "The
Internal Structure of Python Eggs".
"""

from __future__ import annotations

import csv
import posixpath
import re
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.machine import escaped

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lambundle.machine import Files

MAX_RECORD = 64 << 20
"""Bytes of a RECORD that are read; the largest known has 6 MB."""

_LOCATIONS = ("*.dist-info", "*.egg-info", "*.egg/EGG-INFO")
_DESCRIPTIONS = ("METADATA", "PKG-INFO")
_EXTRA = re.compile(r"\bextra\s*==\s*[\"']([^\"']*)")
_SECTION = re.compile(r"\[([^\]:]*)")


class Distribution:
    """A distribution; ``location`` is its metadata directory, for distutils a file."""

    def __init__(self, files: Files, location: str) -> None:
        self.location = location
        self.site = posixpath.dirname(location)
        self._files = files

    @cached_property
    def description(self) -> str:
        """The metadata file."""
        paths = (f"{self.location}/{name}" for name in _DESCRIPTIONS)
        return next(filter(self._files.is_file, paths), self.location)

    @cached_property
    def name(self) -> str:
        """The normalised name; empty if the metadata have none."""
        from packaging.utils import canonicalize_name

        return canonicalize_name(self._fields.get("name", [""])[0])

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The paths of its files and commands, as recorded; none without a record."""
        record = self._text("RECORD")
        try:
            names = [row[0] for row in csv.reader(record.splitlines()) if row]
        except csv.Error:
            names = []
        names = names or self._text("SOURCES.txt").splitlines()
        return tuple(posixpath.normpath(posixpath.join(self.site, name)) for name in names)

    @cached_property
    def has_record(self) -> bool:
        """Whether it has a RECORD."""
        return self._files.is_file(f"{self.location}/RECORD")

    @cached_property
    def tops(self) -> frozenset[str]:
        """The top-level modules that ``top_level.txt`` lists."""
        return frozenset(self._text("top_level.txt").split())

    @cached_property
    def top_levels(self) -> frozenset[str]:
        """The top-level modules among its files."""
        below = len(self.site) + 1
        own = (path[below:].partition("/")[0] for path in self.paths if path.startswith(f"{self.site}/"))
        return self.tops | {name.partition(".")[0] for name in own if not name.endswith(("-info", ".pth"))}

    def required(self, extras: Collection[str] = ()) -> tuple[tuple[str, frozenset[str]], ...]:
        """The normalised names of required distributions, each with the extras that are asked of it.

        Those of optional parts count if ``extras`` has the part's name.
        """
        from packaging.utils import canonicalize_name

        wanted = set(map(canonicalize_name, extras))
        return tuple(
            (name, more)
            for name, more, parts in self._requirements
            if not parts or not wanted.isdisjoint(map(canonicalize_name, parts))
        )

    @cached_property
    def has_plugins(self) -> bool:
        """Whether it offers something else than commands, by an entry point (``entry_points.txt``)."""
        return not set(_SECTION.findall(self._text("entry_points.txt"))) <= {"console_scripts", "gui_scripts"}

    @cached_property
    def _requirements(self) -> tuple[tuple[str, frozenset[str], tuple[str, ...]], ...]:
        """Name, extras and the optional parts that require it, of each requirement."""
        from packaging.requirements import InvalidRequirement, Requirement
        from packaging.utils import canonicalize_name

        found = []
        for text in self._fields.get("requires-dist") or self._egg_requirements():
            try:
                requirement = Requirement(text)
            except InvalidRequirement:  # older than PEP 508, but installed
                name, marker = re.split(r"[^A-Za-z0-9._-]", text.strip(), maxsplit=1)[0], text.partition(";")[2]
                more = frozenset[str]()
            else:
                name, marker, more = requirement.name, str(requirement.marker or ""), frozenset(requirement.extras)
            found.append((canonicalize_name(name), more, tuple(_EXTRA.findall(marker))))
        return tuple(found)

    def _egg_requirements(self) -> list[str]:
        """Return the requirements in setuptools' requires.txt, without the sections of extras."""
        found, extra = [], ""
        for line in map(str.strip, self._text("requires.txt").splitlines()):
            section = _SECTION.match(line)
            if section is not None:
                extra = section[1]
            elif line and not extra:
                found.append(line)
        return found

    @cached_property
    def _fields(self) -> dict[str, list[str]]:
        """The metadata fields, by lower-case names."""
        from email.parser import HeaderParser

        found: dict[str, list[str]] = {}
        text = self._files.read(self.description, MAX_RECORD).decode("utf-8", "replace")
        for name, value in HeaderParser().parsestr(text).items():
            found.setdefault(name.lower(), []).append(str(value))
        return found

    def _text(self, name: str) -> str:
        return self._files.read(f"{self.location}/{name}", MAX_RECORD).decode("utf-8", "replace")


def distributions(files: Files, sites: Sequence[str]) -> dict[str, Distribution]:
    """Return the distributions in site directories by normalised name; the first of each name counts."""
    patterns = [f"{escaped(site)}/{name}" for site in sites for name in _LOCATIONS]
    found = (Distribution(files, location) for pattern in patterns for location in files.glob(pattern))
    return {item.name: item for item in reversed(list(found))}
