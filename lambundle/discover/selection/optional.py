"""Optional parts: packages that a program's packages recommend or suggest, that are installed, and that it names.

exiftool loads Archive::Zip in an eval: without it, a .docx is a mere zip.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command
from lambundle.discover.selection.catalogue import SHALLOW
from lambundle.discover.selection.packages import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from lambundle.discover.selection.packages import PackageSelection

SHARES = {"recommends": 2, "suggests": 10}
"""An optional part adds at most this fraction, one half or one tenth, of what the program's packages have."""

TELLING = 4
"""Characters from which the name of a command is evidence."""

_PERL = re.compile(r"/(?:perl5|perl)/(?:[0-9.]+/|vendor_perl/|site_perl/|core_perl/)*([A-Z]\w*(?:/\w+)+)\.pm$")
_PYTHON = re.compile(r"/(?:dist|site)-packages/(\w+)(?:/__init__)?(?:\.[\w-]+)?\.(?:py|so)$")
_NODE = re.compile(r"/(?:nodejs|node_modules)/((?:@[\w.-]+/)?[\w.-]+)/package\.json$")
_RUBY = re.compile(r"/(?:vendor_ruby|gems/[^/]+/lib)/([\w/-]+)\.rb$")


class OptionalParts:
    """Selects optional parts of the programs' packages; ``libraries`` are those of the programs' sources."""

    def __init__(self, packages: PackageSelection, libraries: Collection[str]) -> None:
        self._packages = packages
        self._libraries = libraries
        self._catalogue = packages.catalogue
        self._evidence = packages.evidence
        self._db = packages.db

    def select(self) -> None:
        """Select the optional parts that the programs' own texts name."""
        before = set(self._packages.chosen)
        for owner, texts in self._texts().items():
            for item in self._db.depends(owner):
                for name in item.providers[:1] if item.kind in SHARES else ():
                    if self._may_be_part(name) and self._is_named(name, texts) and self._fits(name, SHARES[item.kind]):
                        self._packages.add_part(name, Reason("package", texts[0], name))
        self._packages.complete_interpreters([name for name in self._packages.chosen if name not in before])

    def _texts(self) -> dict[str, list[str]]:
        """Return the programs, own libraries and source files of each package of the programs."""
        found: dict[str, list[str]] = {}
        for path in (*self._packages.programs, *sorted(self._libraries)):
            owner = self._db.owner(path)
            if owner is not None:
                found.setdefault(owner, []).append(path)
        for name, texts in found.items():
            package = self._packages.chosen.get(name)
            if package is not None and package.root and name not in self._catalogue.interpreters.values():
                texts += [file for file in package.files if file.endswith(SOURCES)]
        return found

    def _may_be_part(self, name: str) -> bool:
        return not (
            name in self._packages.chosen
            or name in self._packages.held_back
            or name in self._catalogue.interpreters
            or self._catalogue.is_irrelevant(name)
            or self._catalogue.is_for_developers(name)
            or any(self._packages.has_recipe(file) for file in self._db.files(name) if is_command(file))
        )

    def _is_named(self, name: str, texts: list[str]) -> bool:
        files = self._db.files(name)
        if any(map(self._is_command_of(texts), files)) or not self._directories(name).isdisjoint(self._paths(texts)):
            return True
        sonames = {posixpath.basename(path) for path in self._catalogue.public_libraries(name)}
        if sonames and any(not sonames.isdisjoint(self._evidence.sonames(path)) for path in texts):
            return True
        spelled = [pattern for file in files for pattern in _spellings(file)]
        return bool(spelled) and self._evidence.matches(texts, re.compile(b"|".join(spelled)))

    def _is_command_of(self, texts: list[str]) -> Callable[[str], bool]:
        names: set[str] = set()
        for path in texts:
            names |= self._evidence.started_names(path)
        names |= self._evidence.words(path for path in texts if not self._evidence.is_elf(path))

        def is_named(file: str) -> bool:
            command = posixpath.basename(file)
            return len(command) >= TELLING and command in names and is_command(file)

        return is_named

    def _paths(self, texts: list[str]) -> Iterator[str]:
        for path in texts:
            yield from self._evidence.paths(path)

    def _directories(self, name: str) -> set[str]:
        """Return the directories of a package that are no other's."""
        return {
            directory
            for directory in self._catalogue.own_directories(name)
            if directory.count("/") >= SHALLOW
            and not self._packages.rules.general_directories.match(directory)
            and not self._packages.rules.module_directories.match(directory)
        }

    def _fits(self, name: str, share: int) -> bool:
        known = {below for chosen in self._packages.chosen for below in self._catalogue.closure(chosen)}
        more = self._catalogue.closure(name) - known
        if any(map(self._catalogue.is_display, more)):
            return False
        return self._catalogue.weight(more) * share <= self._catalogue.weight(known)


def _spellings(file: str) -> Iterator[bytes]:
    """Return how a source file spells the module that a file is, as regular expressions."""
    if match := _PERL.search(file):
        yield rb"\b%s\b" % re.escape(match[1].replace("/", "::").encode())
    elif match := _PYTHON.search(file):
        yield rb"(?:import|from)[ (\"']+%s\b" % re.escape(match[1].encode())
    elif match := _NODE.search(file) or _RUBY.search(file):
        yield rb"(?:require|import|from)[\w. (]*[\"']%s[\"'/]" % re.escape(match[1].encode())
