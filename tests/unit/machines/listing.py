"""Reads the lists in ``data``: what is installed on a made-up machine.

A package starts with ``= NAME VERSION FIELD=VALUE ...``; a line ``depends: a, b | c`` (``pre-depends``, ``recommends``,
``suggests``, ``provides``) holds a field. Every other line is a file, ``PATH SIZE KIND : TEXT``:

- ``PATH/`` is a directory, ``PATH > TARGET`` a link, ``PATH = OTHER`` another name (a hard link) of a file above;
- SIZE is in bytes, ``12K`` or ``3M``;
- KIND is ``elf SONAME ...``, a program linked with these libraries and libc; ``so OWN-SONAME SONAME ...``, a library,
  which comes with the link of its soname;
  ``module SONAME ...``, one without a name of its own; ``static``; ``#!INTERPRETER``; nothing for other files;
- TEXT is what discovery may find in it: of a compiled file names, paths and functions that it imports, separated by
  spaces; of any other file its lines, separated by ``; ``.

A file named ``others`` stands for the rest of its directory, with all of its bytes. The package ``-`` is what no
package lists: what is made when packages are installed.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

_UNITS = {"K": 1 << 10, "M": 1 << 20}
_FIELD = re.compile(r"(pre-depends|depends|recommends|suggests|provides): ?(.*)")
UNLISTED = "-"


class Sort(Enum):
    """The sorts of files."""

    PLAIN = "plain"
    DIRECTORY = "directory"
    LINK = "link"
    SAME = "same"
    SCRIPT = "script"
    PROGRAM = "elf"
    LIBRARY = "so"
    MODULE = "module"
    STATIC = "static"


@dataclass(frozen=True, slots=True)
class File:
    """One file; ``target`` is a link's, ``needed`` are sonames, ``evidence`` the strings or lines in it."""

    path: str
    sort: Sort
    size: int = 0
    target: str = ""
    soname: str = ""
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def is_elf(self) -> bool:
        """Whether it is compiled."""
        return self.sort in {Sort.PROGRAM, Sort.LIBRARY, Sort.MODULE, Sort.STATIC}


@dataclass
class Package:
    """An installed package; relations as the list has them."""

    name: str
    version: str
    fields: dict[str, str] = field(default_factory=dict)
    relations: dict[str, list[str]] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)

    def relation(self, kind: str) -> list[str]:
        """Return the clauses of one field."""
        return self.relations.get(kind, [])

    @property
    def source(self) -> str:
        """The name of the source package."""
        return self.fields.get("source", self.name)

    @property
    def architecture(self) -> str:
        """As the list has it, else empty."""
        return self.fields.get("arch", "")

    def directories(self) -> list[str]:
        """Return all directories above its files, and those it lists, from the top down."""
        found: dict[str, None] = {}
        for file in self.files:
            path = file.path if file.sort is Sort.DIRECTORY else posixpath.dirname(file.path)
            above = []
            while path != "/":
                above.append(path)
                path = posixpath.dirname(path)
            found.update(dict.fromkeys(reversed(above)))
        return list(found)


def read(family: str) -> list[Package]:
    """Read the list of a family."""
    packages: list[Package] = []
    text = Path(__file__).with_name("data").joinpath(f"{family}.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("= "):
            name, version, *rest = line[2:].split()
            packages.append(Package(name, version, dict(item.split("=", 1) for item in rest)))
        elif match := _FIELD.fullmatch(line):
            packages[-1].relations[match[1]] = [clause.strip() for clause in match[2].split(",") if clause.strip()]
        elif line.startswith("/"):
            packages[-1].files += _files(line)
        elif line and not line.startswith("#"):
            raise ValueError(f"{family}: {line}")
    return packages


def _files(line: str) -> list[File]:
    file = _file(line)
    directory, name = posixpath.split(file.path)
    if file.soname in {"", name}:
        return [file]
    return [file, File(f"{directory}/{file.soname}", Sort.LINK, target=name)]


def _file(line: str) -> File:
    path, _, rest = line.partition(" ")
    if path.endswith("/"):
        return File(path.rstrip("/"), Sort.DIRECTORY)
    if rest.startswith("> "):
        return File(path, Sort.LINK, target=rest[2:])
    if rest.startswith("= "):
        return File(path, Sort.SAME, target=rest[2:])
    facts, _, text = rest.partition(" : ")
    amount, _, kind = facts.partition(" ")
    size = int(amount[:-1]) * _UNITS[amount[-1]] if amount[-1] in _UNITS else int(amount)
    if kind.startswith("#!"):
        return File(path, Sort.SCRIPT, size, interpreter=kind[2:], evidence=tuple(text.split("; ")))
    if not kind:
        return File(path, Sort.PLAIN, size, evidence=tuple(text.split("; ")) if text else ())
    name, *sonames = kind.split()
    sort = Sort(name)
    soname = sonames.pop(0) if sort is Sort.LIBRARY else ""
    return File(path, sort, size, soname=soname, needed=tuple(sonames), evidence=tuple(text.split()))
