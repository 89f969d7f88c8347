"""Modules that a script loads, by its import statements.

``modules.toml`` describes the languages. A computed module name is not found. Nothing is executed.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambundle.discover.installation.tree import files_below, is_world_readable
from lambundle.machine import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.machine import Files, Machine

MAX_SOURCE = 4 << 20
"""Bytes of a source that are read."""

MAX_MODULES = 5_000
"""Most unpackaged modules that are read for the modules they load."""

_OF_DISTRIBUTION = ("/usr/bin/", "/usr/lib", "/bin/")
_RELATIVE = ("./", "../")
_UNWANTED = ("/.git", "/.github", "/.cache", "/.env", "/__pycache__", "/test", "/tests", "/docs", "/man")


@dataclass(frozen=True, slots=True)
class Language:
    """How scripts of one language load modules; ``modules.toml`` explains the fields.

    ``statements`` are patterns, each with the template of a name; ``paths`` are patterns of paths.
    """

    interpreters: re.Pattern[str]
    comments: re.Pattern[str]
    statements: tuple[tuple[re.Pattern[str], str], ...]
    paths: tuple[re.Pattern[str], ...]
    name: re.Pattern[str]
    separator: str
    builtin: frozenset[str]
    search_order: tuple[str, ...]
    files: tuple[str, ...]
    indexes: tuple[str, ...]
    index_pattern: str
    reads_packages: bool
    related: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]

    def loaded_names(self, text: str) -> Iterator[str]:
        """Return the names of the modules that a source loads, in order, each once."""
        code = self.comments.sub("", text)
        found = (
            made.replace("{}", name)
            for pattern, made in self.statements
            for group in pattern.findall(code)
            for name in self.name.findall(group)
        )
        yield from (name for name in dict.fromkeys(found) if name not in self.builtin)

    def loaded_paths(self, text: str) -> Iterator[str]:
        """Return the paths of the files that a source loads, relative to its directory."""
        code = self.comments.sub("", text)
        yield from dict.fromkeys(path for pattern in self.paths for path in pattern.findall(code))


def language_of(files: Files, interpreter: str) -> Language | None:
    """Return the language that a program interprets, by its name or real name; None for any other program."""
    names = {posixpath.basename(interpreter), posixpath.basename(files.real(interpreter))}
    return next((item for item in languages() if any(map(item.interpreters.fullmatch, names))), None)


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """Return the languages."""
    data = tomllib.loads(Path(__file__).with_name("modules.toml").read_text(encoding="utf-8"))
    return tuple(map(_language, data.values()))


def _language(item: dict[str, Any]) -> Language:
    index = item.get("index", {"files": (), "pattern": ""})
    return Language(
        interpreters=re.compile("|".join(map(fnmatch.translate, item["interpreters"]))),
        comments=re.compile(item["comments"], re.MULTILINE | re.DOTALL),
        statements=tuple(
            (re.compile(statement["pattern"], re.MULTILINE), statement.get("as", "{}"))
            for statement in item["statements"]
            if not statement.get("path")
        ),
        paths=tuple(
            re.compile(statement["pattern"], re.MULTILINE) for statement in item["statements"] if statement.get("path")
        ),
        name=re.compile(item["name"]),
        separator=item["separator"],
        builtin=frozenset(item.get("builtin", ())),
        search_order=tuple(item["search_order"]),
        files=tuple(item["files"]),
        indexes=tuple(index["files"]),
        index_pattern=index["pattern"],
        reads_packages=item.get("reads_packages", False),
        related=tuple((re.compile(related["of"]), tuple(related["paths"])) for related in item.get("related", ())),
    )


def loaded_modules(
    machine: Machine, script: str, interpreter: str, is_owned: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Return the world-readable files of the modules that a script loads, each with a detail for its reason.

    Of a packaged module, as ``is_owned`` tells, only one file is returned, to find its package; of any other all files
    and the modules that it loads.
    """
    files = machine.files
    language = language_of(files, interpreter)
    if language is None:
        return
    search = _Search(machine, language, of_distribution=files.real(interpreter).startswith(_OF_DISTRIBUTION))
    waiting, given, followed = [script], {script}, {script}
    while waiting and len(followed) < MAX_MODULES:
        for found in search.loaded_by(waiting.pop()):
            parts = [found.path] if is_owned(found.path) else search.parts(found)
            if language.reads_packages or not is_owned(found.path):
                new = {found.path, *search.related_paths(found)} - followed
                followed |= new
                waiting += sorted(new)
            for path in parts:
                if path not in given and is_world_readable(files, path):
                    given.add(path)
                    yield path, f"asked for as {found.name}"


@dataclass(frozen=True, slots=True)
class _Module:
    """A module: its file, its name, the directory in which it was found, its name as a path."""

    path: str
    name: str
    location: str
    as_path: str


class _Search:
    """A search for modules of one language."""

    def __init__(self, machine: Machine, language: Language, *, of_distribution: bool) -> None:
        self._machine = machine
        self._files = machine.files
        self._language = language
        self._search_order = [
            location for location in language.search_order if of_distribution or location.startswith("{")
        ]
        self._common: dict[str, list[str]] = {}
        self._texts: dict[str, str] = {}

    def parts(self, module: _Module) -> list[str]:
        """Return all files of a module, its own first."""
        parts = [module.path]
        for path in self.related_paths(module):
            is_directory = self._files.is_directory(path)
            below = files_below(self._files, path, lambda path: not path.endswith(_UNWANTED))
            parts += below if is_directory else [path]
        return parts

    def related_paths(self, module: _Module) -> list[str]:
        """Return further files and directories of a module, by the language's rules."""
        return [
            path
            for pattern, templates in self._language.related
            if (match := pattern.fullmatch(module.path)) is not None
            for template in templates
            for path in self._files.glob(
                template.format(
                    *map(escaped, match.groups()), directory=escaped(module.location), name=escaped(module.as_path)
                )
            )
        ]

    def loaded_by(self, source: str) -> Iterator[_Module]:
        """Return the modules that a file loads."""
        text, here = self._text(source), posixpath.dirname(source)
        for path in self._language.loaded_paths(text):
            beside = posixpath.normpath(posixpath.join(here, path))
            if not path.startswith("/") and self._files.is_file(beside):
                yield _Module(beside, path, here, path)
        for name in self._language.loaded_names(text):
            yield from self._find(name, here)

    def _find(self, name: str, here: str) -> Iterator[_Module]:
        is_relative = name.startswith(_RELATIVE) or name in (".", "..")
        as_path = name if is_relative else name.replace(self._language.separator, "/")
        for location in ["{here}"] if is_relative else self._search_order:
            found = [
                _Module(posixpath.normpath(path), name, directory, as_path)
                for directory in self._directories(location, here)
                for path in self._candidates(directory, name, as_path)
            ]
            if found:
                yield from found
                return

    def _directories(self, location: str, here: str) -> list[str]:
        if "{above}" in location:
            above = [here]
            while above[-1] != "/":
                above.append(posixpath.dirname(above[-1]))
            found = [location.replace("{above}", path.rstrip("/")) for path in above]
            return [path for path in found if self._files.is_directory(path)]
        if "{here}" in location:
            return [location.replace("{here}", here)]
        if location not in self._common:
            is_at_home = location.startswith("~/")
            path = f"{escaped(self._machine.home_directory)}{location[1:]}" if is_at_home else location
            self._common[location] = self._files.glob(path) if self._machine.home_directory or not is_at_home else []
        return self._common[location]

    def _candidates(self, directory: str, name: str, as_path: str) -> Iterator[str]:
        for template in self._language.files:
            path = posixpath.join(directory, template.replace("{}", as_path))
            if "*" in template:
                pattern = posixpath.join(escaped(directory), template.replace("{}", escaped(as_path)))
                yield from self._files.glob(pattern)
            elif self._files.is_file(path):
                yield path
        says = re.compile(self._language.index_pattern.replace("{}", re.escape(name)))
        for template in self._language.indexes:
            for path in self._files.glob(posixpath.join(escaped(directory), template)):
                if says.search(self._text(path)):
                    yield path

    def _text(self, path: str) -> str:
        """Return the text of a source; empty for a binary file."""
        if path not in self._texts:
            data = self._files.read(path, MAX_SOURCE)
            self._texts[path] = "" if b"\0" in data else data.decode("utf-8", "replace")
        return self._texts[path]
