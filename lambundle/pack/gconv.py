"""glibc's converters between character sets: plug-ins that a list, ``gconv-modules``, names.

glibc reads the list at the first conversion, since the cache that spares it that is not read where GCONV_PATH is set.
In a bundle with a part of the converters it has a part of the lines.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.elf.headers import ElfFile
from lambundle.errors import LambundleError
from lambundle.target import MACHINES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.gather.gathering import Gathering

DIRECTORIES = ("/usr/lib64/gconv", "/usr/lib/*/gconv", "/usr/lib/gconv")
LIST = "gconv-modules"

_MAX_LIST = 1 << 20
"""Bytes of a list that are read; the usual ones have 58,000."""
_FIELDS = 4
"""Fewest words of a module's line: ``module``, from, to, file."""


@dataclass(frozen=True, slots=True)
class Converter:
    """A line of the list: the plug-in ``file`` (absolute) converts from one character set to another."""

    line: str
    sets: tuple[str, str]
    file: str


@dataclass(frozen=True, slots=True)
class Converters:
    """The list of one directory: the files that it was read from, its converters and its lines of aliases by set."""

    directory: str
    lists: tuple[str, ...]
    converters: tuple[Converter, ...]
    aliases: tuple[tuple[str, str, str], ...]

    def reduced(self, files: Iterable[str]) -> str:
        """Return a list of those converters only whose plug-ins are among ``files``."""
        have = frozenset(files)
        kept = [item for item in self.converters if item.file in have]
        sets = {name for item in kept for name in item.sets}
        lines = [line for line, _, name in self.aliases if name in sets]
        return "".join(f"{line}\n" for line in (*lines, *(item.line for item in kept)))

    def files_for(self, charset: str) -> list[str]:
        """Return the plug-ins that convert from and to a character set."""
        name = f"{charset.upper()}//"
        names = {name, *(real for _, alias, real in self.aliases if alias == name)}
        return list(dict.fromkeys(item.file for item in self.converters if names.intersection(item.sets)))


def read_converters(gathering: Gathering, directory: str) -> Converters:
    """Read the list of a directory: ``gconv-modules``, then the files of ``gconv-modules.d``."""
    files = gathering.files
    lists = [path for path in (f"{directory}/{LIST}", *files.glob(f"{directory}/{LIST}.d/*.conf")) if files.size(path)]
    converters: list[Converter] = []
    aliases: list[tuple[str, str, str]] = []
    for path in lists:
        for line in files.read(path, _MAX_LIST).decode("ascii", "replace").splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["alias"] and len(words) >= _FIELDS - 1:
                aliases.append((" ".join(words[:3]), words[1].upper(), words[2].upper()))
            elif words[:1] == ["module"] and len(words) >= _FIELDS:
                file = posixpath.join(directory, words[3])
                sets = (words[1].upper(), words[2].upper())
                converters.append(Converter(" ".join(words), sets, file if file.endswith(".so") else f"{file}.so"))
    return Converters(directory, tuple(lists), tuple(converters), tuple(aliases))


def add_converters(gathering: Gathering, charsets: Iterable[str], reason: Reason) -> None:
    """Add the plug-ins for some character sets."""
    wanted = sorted(charsets)
    found = read_converters(gathering, directory) if wanted and (directory := _own_directory(gathering)) else None
    for path in dict.fromkeys(file for name in wanted if found for file in found.files_for(name)):
        try:
            real = gathering.mirror.add(path, reason)
        except LambundleError:  # a package of its own has it, which is not installed
            continue
        if real is not None:
            gathering.walk_if_loadable(real, optional=True)


def list_converters(gathering: Gathering, *, tell: bool) -> dict[str, str]:
    """Let the bundle's list name the converters that are in it; return the variable with which glibc reads it.

    ``tell`` adds a note of those that are left out.
    """
    packed = {path for path in gathering.mirror.files() if _is_converter(path)}
    directories = dict.fromkeys(map(posixpath.dirname, packed))
    directory = next((item for item in directories if _is_for(gathering, item)), None)
    if directory is None:
        return {}
    found = read_converters(gathering, directory)
    there = {item.file for item in found.converters if gathering.files.is_file(item.file)}
    missing = there - packed
    reason = Reason("libc", None, "character sets")
    if missing:
        text = found.reduced(packed)
        gathering.mirror.make_file(f"{directory}/{LIST}", text.encode(), 0o644, reason)
    else:
        for path in found.lists:
            gathering.mirror.add(path, reason)
    if missing and tell:
        size = sum(map(gathering.files.size, missing))
        gathering.notes.append(
            f"{len(missing)} of {len(there)} converters of character sets ({size / 1e6:.1f} MB) are left out, "
            f"which are of old systems or rare; with all: --add {directory}"
        )
    return {"GCONV_PATH": f"@{directory}"}


def _is_converter(path: str) -> bool:
    return path.endswith(".so") and posixpath.basename(posixpath.dirname(path)) == "gconv"


def _is_for(gathering: Gathering, directory: str) -> bool:
    """Return whether the converters of a directory are for the bundle's architecture; another's may be there too."""
    if not gathering.files.is_file(f"{directory}/{LIST}"):
        return False
    first = next((item.path for item in gathering.files.items(directory) if _is_converter(item.path)), "")
    elf = gathering.elves.elf(first) if first else None
    return isinstance(elf, ElfFile) and MACHINES.get(elf.machine) == gathering.architecture


def _own_directory(gathering: Gathering) -> str | None:
    found = (path for pattern in DIRECTORIES for path in gathering.files.glob(pattern))
    return next((path for path in found if _is_for(gathering, path)), None)
