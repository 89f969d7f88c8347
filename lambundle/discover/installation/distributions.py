"""Python distributions that are installed in some site directories, by their own records.

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
    from collections.abc import Sequence

    from lambundle.machine import Files

MAX_RECORD = 64 << 20
"""Bytes of a record that are read; that of the largest distribution known here has 6 MB."""

_PLACES = ("*.dist-info", "*.egg-info", "*.egg/EGG-INFO")
_DESCRIPTIONS = ("METADATA", "PKG-INFO")
_EXTRA = re.compile(r"\bextra\b")
_SECTION = re.compile(r"\[([^\]:]*)")


class Distribution:
    """One distribution: ``place`` is the directory (of distutils the file) that describes it."""

    def __init__(self, files: Files, place: str) -> None:
        self.place = place
        self.site = posixpath.dirname(place)
        self._files = files

    @cached_property
    def description(self) -> str:
        """File that describes the distribution."""
        paths = (f"{self.place}/{name}" for name in _DESCRIPTIONS)
        return next(filter(self._files.is_file, paths), self.place)

    @cached_property
    def name(self) -> str:
        """Normalised name; empty where the description has none."""
        from packaging.utils import canonicalize_name

        return canonicalize_name(self._fields.get("name", [""])[0])

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Paths of its files as its record lists them, commands too; none where it has no record."""
        record = self._text("RECORD")
        try:
            names = [row[0] for row in csv.reader(record.splitlines()) if row]
        except csv.Error:
            names = []
        names = names or self._text("SOURCES.txt").splitlines()
        return tuple(posixpath.normpath(posixpath.join(self.site, name)) for name in names)

    @cached_property
    def has_record(self) -> bool:
        """Whether an installer wrote down its files."""
        return self._files.is_file(f"{self.place}/RECORD")

    @cached_property
    def tops(self) -> frozenset[str]:
        """Top-level modules that it says it has."""
        return frozenset(self._text("top_level.txt").split())

    def holds(self, top: str) -> bool:
        """Whether a top-level module is among its files."""
        prefix = (f"{self.site}/{top}/", f"{self.site}/{top}.")
        return top in self.tops or any(path.startswith(prefix) for path in self.paths)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Normalised names of the distributions that it requires, without those of extras."""
        from packaging.requirements import InvalidRequirement, Requirement
        from packaging.utils import canonicalize_name

        found = []
        for text in self._fields.get("requires-dist") or self._of_egg():
            try:
                requirement = Requirement(text)
            except InvalidRequirement:  # of before PEP 508: it cannot be installed anew, but is installed
                name, marker = re.split(r"[^A-Za-z0-9._-]", text.strip(), maxsplit=1)[0], text.partition(";")[2]
            else:
                name, marker = requirement.name, str(requirement.marker or "")
            if not _EXTRA.search(marker):
                found.append(canonicalize_name(name))
        return tuple(found)

    def _of_egg(self) -> list[str]:
        """Requirements in requires.txt of setuptools: those of extras stand in sections called by the extra's name."""
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
        """Fields of the description, by their names in lower case."""
        from email.parser import HeaderParser

        found: dict[str, list[str]] = {}
        text = self._files.read(self.description, MAX_RECORD).decode("utf-8", "replace")
        for name, value in HeaderParser().parsestr(text).items():
            found.setdefault(name.lower(), []).append(str(value))
        return found

    def _text(self, name: str) -> str:
        return self._files.read(f"{self.place}/{name}", MAX_RECORD).decode("utf-8", "replace")


def distributions(files: Files, sites: Sequence[str]) -> dict[str, Distribution]:
    """Return the distributions in some site directories, by their normalised names: the first of each name counts."""
    patterns = [f"{escaped(site)}/{name}" for site in sites for name in _PLACES]
    found = (Distribution(files, place) for pattern in patterns for place in files.glob(pattern))
    return {item.name: item for item in reversed(list(found))}
