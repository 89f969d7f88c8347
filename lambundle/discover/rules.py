"""The rules of discovery that are data: ``rules.toml`` beside this module, compiled."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_SHARED = re.compile(
    r"/(?:usr/)?lib(?:64|32|x32)?/(?:[^/]+-linux-[^/]+/)?lib[^/]*\.so(?:\.[^/]*)?$|/[^/]*ld-linux[^/]*$"
)
_VERSIONED = re.compile(r"\.so\.|-[0-9.]+\.so$")
_LANGUAGE = re.compile(r"/share/(?:locale|locale-langpack)/([^/]+)/")
_BIN = re.compile(r"/(?:usr/)?(?:local/)?(?:s?bin|games)/[^/]+$")


@dataclass(frozen=True, slots=True)
class Facility:
    """What the users of a library or a function need; ``rules.toml`` says what each field means.

    Exactly one of ``library``, ``program``, ``imports`` and ``named`` says who the users are.
    """

    library: re.Pattern[str] | None
    program: re.Pattern[str] | None
    imports: bytes
    named: bytes
    why: str
    paths: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...]
    made: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """What discovery leaves alone, and what it prefers; ``rules.toml`` says what each list means."""

    unwanted: re.Pattern[str]
    machine: re.Pattern[str]
    absent: re.Pattern[str]
    absent_libraries: re.Pattern[str]
    absent_files: re.Pattern[str]
    for_a_person: re.Pattern[str]
    display: re.Pattern[str]
    languages: frozenset[str]
    interpreters: dict[str, str]
    part_suffixes: tuple[str, ...]
    facilities: tuple[Facility, ...]

    def is_unwanted(self, path: str) -> bool:
        """Whether no program reads the file to do its job."""
        if self.unwanted.match(path):
            return True
        language = _LANGUAGE.search(path)
        return language is not None and language[1] not in self.languages


def is_public_library(path: str) -> bool:
    """Whether a path is a library in a directory that the loader searches for everybody."""
    return _SHARED.match(path) is not None


def is_versioned_library(path: str) -> bool:
    """Whether a path is such a library, and not only the name that a compiler links with."""
    return is_public_library(path) and _VERSIONED.search(path) is not None


def is_command(path: str) -> bool:
    """Whether a path is a program in a directory of PATH."""
    return _BIN.match(path) is not None


@lru_cache(maxsize=1)
def rules() -> Rules:
    """Read the rules."""
    data = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
    return Rules(
        unwanted=_any_of(data["unwanted"]),
        machine=_any_of(data["machine"]),
        absent=_any_of(data["absent"]),
        absent_libraries=_any_of(data["absent_libraries"]),
        absent_files=_any_of(data["absent_files"]),
        for_a_person=_any_of(data["for_a_person"]),
        display=_any_of(data["display"]),
        languages=frozenset(data["kept_languages"]),
        interpreters=data["interpreters"],
        part_suffixes=tuple(data["whole"]["suffixes"]),
        facilities=tuple(
            Facility(
                library=_any_of(_alternatives(item["library"])) if "library" in item else None,
                program=_any_of(_alternatives(item["program"])) if "program" in item else None,
                imports=item.get("imports", "").encode(),
                named=item.get("named", "").encode(),
                why=item["why"],
                paths=tuple(pattern for text in item["paths"] for pattern in _alternatives(text)),
                one_of=tuple(tuple(_alternatives(text)) for text in item.get("one_of", ())),
                made={path: text.lstrip() for path, text in item.get("made", {}).items()},
            )
            for item in data["facility"]
        ),
    )


def _alternatives(pattern: str) -> list[str]:
    """``a{b,c}d`` as ``abd`` and ``acd``, as a shell does."""
    before, brace, rest = pattern.partition("{")
    if not brace:
        return [pattern]
    inner, _, after = rest.partition("}")
    return [f"{before}{choice}{end}" for choice in inner.split(",") for end in _alternatives(after)]


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
