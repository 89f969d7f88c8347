"""The rules of discovery, read from ``rules.toml``."""

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
    """Files that the users of a library or a function need; ``rules.toml`` explains the fields.

    Exactly one of ``library``, ``program``, ``imports`` and ``named`` selects the users.
    """

    library: re.Pattern[str] | None
    program: re.Pattern[str] | None
    imports: tuple[bytes, ...]
    named: bytes
    why: str
    paths: tuple[str, ...]
    fonts: bool
    made: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules; ``rules.toml`` explains the lists."""

    unwanted: re.Pattern[str]
    optional_directories: tuple[str, ...]
    general_directories: re.Pattern[str]
    module_directories: re.Pattern[str]
    system: re.Pattern[str]
    hardware: re.Pattern[str]
    hardware_libraries: re.Pattern[str]
    hardware_files: re.Pattern[str]
    interactive: re.Pattern[str]
    display: re.Pattern[str]
    languages: frozenset[str]
    interpreters: dict[str, str]
    split_suffixes: tuple[str, ...]
    facilities: tuple[Facility, ...]

    def is_unwanted(self, path: str) -> bool:
        """Return whether no program reads the file to do its job."""
        if self.unwanted.match(path):
            return True
        language = _LANGUAGE.search(path)
        return language is not None and language[1] not in self.languages


def is_public_library(path: str) -> bool:
    """Return whether a path is a library in a directory that the loader searches for every program."""
    return _SHARED.match(path) is not None


def is_versioned_library(path: str) -> bool:
    """Return whether a path is a public library with a version, not the name that a compiler links with."""
    return is_public_library(path) and _VERSIONED.search(path) is not None


def is_command(path: str) -> bool:
    """Return whether a path is in a usual directory of PATH."""
    return _BIN.match(path) is not None


@lru_cache(maxsize=1)
def rules() -> Rules:
    """Return the rules."""
    data = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
    return Rules(
        unwanted=_any_of(data["unwanted"]),
        optional_directories=tuple(data["optional_directories"]),
        general_directories=_any_of(data["general_directories"]),
        module_directories=_any_of(data["module_directories"]),
        system=_any_of(data["system"]),
        hardware=_any_of(data["hardware"]),
        hardware_libraries=_any_of(data["hardware_libraries"]),
        hardware_files=_any_of(data["hardware_files"]),
        interactive=_any_of(data["interactive"]),
        display=_any_of(data["display"]),
        languages=frozenset(data["kept_languages"]),
        interpreters=data["interpreters"],
        split_suffixes=tuple(data["split"]["suffixes"]),
        facilities=tuple(
            Facility(
                library=_any_of(_alternatives(item["library"])) if "library" in item else None,
                program=_any_of(_alternatives(item["program"])) if "program" in item else None,
                imports=tuple(map(str.encode, _alternatives(item["imports"]))) if "imports" in item else (),
                named=item.get("named", "").encode(),
                why=item["why"],
                paths=tuple(pattern for text in item["paths"] for pattern in _alternatives(text)),
                fonts=item.get("fonts", False),
                made={path: text.lstrip() for path, text in item.get("made", {}).items()},
            )
            for item in data["facility"]
        ),
    )


def _alternatives(pattern: str) -> list[str]:
    """Return ``abd`` and ``acd`` for ``a{b,c}d``, as a shell does."""
    before, brace, rest = pattern.partition("{")
    if not brace:
        return [pattern]
    inner, _, after = rest.partition("}")
    return [f"{before}{choice}{end}" for choice in inner.split(",") for end in _alternatives(after)]


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
