"""Modules that a script loads, by the text of its import statements.

Languages are data: ``modules.toml`` beside this module says how each loads modules and where they are. A module's
name may be computed; then it is not seen. Nothing is executed.
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

from lambundle.discover.installation.tree import files_below, is_for_all
from lambundle.machine import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.machine import Files, Machine

MAX_SOURCE = 4 << 20
"""Bytes of a source that are looked at."""

MAX_MODULES = 5_000
"""Modules of no package that are read for the modules that they load."""

_OF_DISTRIBUTION = ("/usr/bin/", "/usr/lib", "/bin/")
_RELATIVE = ("./", "../")
_UNWANTED = ("/.git", "/.github", "/.cache", "/.env", "/__pycache__", "/test", "/tests", "/docs", "/man")


@dataclass(frozen=True, slots=True)
class Language:
    """How scripts of one language load modules; ``modules.toml`` says what each field means.

    ``asked`` are patterns, each with what a name is made into; ``paths`` those whose group is a path.
    """

    interpreters: re.Pattern[str]
    comments: re.Pattern[str]
    asked: tuple[tuple[re.Pattern[str], str], ...]
    paths: tuple[re.Pattern[str], ...]
    names: re.Pattern[str]
    separator: str
    known: frozenset[str]
    places: tuple[str, ...]
    files: tuple[str, ...]
    indexes: tuple[str, ...]
    index_says: str
    through: bool
    brings: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]

    def asks_for(self, text: str) -> Iterator[str]:
        """Names of the modules that a source loads, in its order, each once."""
        code = self.comments.sub("", text)
        found = (
            made.replace("{}", name)
            for pattern, made in self.asked
            for group in pattern.findall(code)
            for name in self.names.findall(group)
        )
        yield from (name for name in dict.fromkeys(found) if name not in self.known)

    def loads(self, text: str) -> Iterator[str]:
        """Paths of the files that a source loads, relative to its own directory."""
        code = self.comments.sub("", text)
        yield from dict.fromkeys(path for pattern in self.paths for path in pattern.findall(code))


def language_of(files: Files, interpreter: str) -> Language | None:
    """The language that a program interprets, by one of its names."""
    names = {posixpath.basename(interpreter), posixpath.basename(files.real(interpreter))}
    return next((item for item in languages() if any(map(item.interpreters.fullmatch, names))), None)


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """Read the languages."""
    data = tomllib.loads(Path(__file__).with_name("modules.toml").read_text(encoding="utf-8"))
    return tuple(map(_language, data.values()))


def _language(item: dict[str, Any]) -> Language:
    index = item.get("index", {"files": (), "says": ""})
    return Language(
        interpreters=re.compile("|".join(map(fnmatch.translate, item["interpreters"]))),
        comments=re.compile(item["comments"], re.MULTILINE | re.DOTALL),
        asked=tuple(
            (re.compile(asked["pattern"], re.MULTILINE), asked.get("as", "{}"))
            for asked in item["asked"]
            if not asked.get("path")
        ),
        paths=tuple(re.compile(asked["pattern"], re.MULTILINE) for asked in item["asked"] if asked.get("path")),
        names=re.compile(item["names"]),
        separator=item["separator"],
        known=frozenset(item.get("known", ())),
        places=tuple(item["places"]),
        files=tuple(item["files"]),
        indexes=tuple(index["files"]),
        index_says=index["says"],
        through=item.get("through", False),
        brings=tuple((re.compile(brought["of"]), tuple(brought["paths"])) for brought in item.get("brings", ())),
    )


def asked_modules(
    machine: Machine, script: str, interpreter: str, owned: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Give the files of the modules that a script loads, each with the name that it is loaded by.

    ``owned`` says of a path whether a package has it. Of a package's module it is one file, by which to know the
    package; of another all that belongs to it, and the modules that it loads itself. Only files that everybody may
    read are given.
    """
    files = machine.files
    language = language_of(files, interpreter)
    if language is None:
        return
    search = _Search(machine, language, of_distribution=files.real(interpreter).startswith(_OF_DISTRIBUTION))
    waiting, given, followed = [script], {script}, {script}
    while waiting and len(followed) < MAX_MODULES:
        for found in search.asked_by(waiting.pop()):
            parts = [found.path] if owned(found.path) else search.parts(found)
            if language.through or not owned(found.path):
                new = {found.path, *search.brought(found)} - followed
                followed |= new
                waiting += sorted(new)
            for path in parts:
                if path not in given and is_for_all(files, path):
                    given.add(path)
                    yield path, f"asked for as {found.name}"


@dataclass(frozen=True, slots=True)
class _Found:
    """The file of a module: by which name, and in which directory of modules."""

    path: str
    name: str
    place: str
    as_path: str


class _Search:
    """Looks for modules of one language."""

    def __init__(self, machine: Machine, language: Language, *, of_distribution: bool) -> None:
        self._machine = machine
        self._files = machine.files
        self._language = language
        self._places = [place for place in language.places if of_distribution or place.startswith("{")]
        self._common: dict[str, list[str]] = {}
        self._texts: dict[str, str] = {}

    def parts(self, found: _Found) -> list[str]:
        """All files of a module, its own first."""
        parts = [found.path]
        for path in self.brought(found):
            is_directory = self._files.is_directory(path)
            below = files_below(self._files, path, lambda path: not path.endswith(_UNWANTED))
            parts += below if is_directory else [path]
        return parts

    def brought(self, found: _Found) -> list[str]:
        """What else belongs to a module, by the language's rules: files and directories."""
        return [
            path
            for pattern, templates in self._language.brings
            if (match := pattern.fullmatch(found.path)) is not None
            for template in templates
            for path in self._files.glob(
                template.format(*map(escaped, match.groups()), place=escaped(found.place), name=escaped(found.as_path))
            )
        ]

    def asked_by(self, source: str) -> Iterator[_Found]:
        """Find the modules that a file loads."""
        text, here = self._text(source), posixpath.dirname(source)
        for path in self._language.loads(text):
            beside = posixpath.normpath(posixpath.join(here, path))
            if not path.startswith("/") and self._files.is_file(beside):
                yield _Found(beside, path, here, path)
        for name in self._language.asks_for(text):
            yield from self._find(name, here)

    def _find(self, name: str, here: str) -> Iterator[_Found]:
        is_relative = name.startswith(_RELATIVE) or name in (".", "..")
        as_path = name if is_relative else name.replace(self._language.separator, "/")
        for place in ["{here}"] if is_relative else self._places:
            found = [
                _Found(posixpath.normpath(path), name, directory, as_path)
                for directory in self._directories(place, here)
                for path in self._candidates(directory, name, as_path)
            ]
            if found:
                yield from found
                return

    def _directories(self, place: str, here: str) -> list[str]:
        if "{above}" in place:
            above = [here]
            while above[-1] != "/":
                above.append(posixpath.dirname(above[-1]))
            found = [place.replace("{above}", path.rstrip("/")) for path in above]
            return [path for path in found if self._files.is_directory(path)]
        if "{here}" in place:
            return [place.replace("{here}", here)]
        if place not in self._common:
            is_at_home = place.startswith("~/")
            path = f"{escaped(self._machine.home)}{place[1:]}" if is_at_home else place
            self._common[place] = self._files.glob(path) if self._machine.home or not is_at_home else []
        return self._common[place]

    def _candidates(self, directory: str, name: str, as_path: str) -> Iterator[str]:
        for template in self._language.files:
            path = posixpath.join(directory, template.replace("{}", as_path))
            if "*" in template:
                pattern = posixpath.join(escaped(directory), template.replace("{}", escaped(as_path)))
                yield from self._files.glob(pattern)
            elif self._files.is_file(path):
                yield path
        says = re.compile(self._language.index_says.replace("{}", re.escape(name)))
        for template in self._language.indexes:
            for path in self._files.glob(posixpath.join(escaped(directory), template)):
                if says.search(self._text(path)):
                    yield path

    def _text(self, path: str) -> str:
        """The text of a source; nothing of what is none."""
        if path not in self._texts:
            data = self._files.read(path, MAX_SOURCE)
            self._texts[path] = "" if b"\0" in data else data.decode("utf-8", "replace")
        return self._texts[path]
