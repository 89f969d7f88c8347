"""Locales that were made on the packing machine, for programs that ask for one.

Where LOCPATH is set glibc does not read ``locale-archive``, so its locales become directories in the bundle.
"""

from __future__ import annotations

import posixpath
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.pack.gconv import add_converters
from lambundle.pack.locale_archive import ARCHIVE, read_archive

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator, Mapping

    from lambundle.gather.gathering import Gathering
    from lambundle.machine import Machine

LOCALES = "/usr/lib/locale"
LAMBDA_LOCALE = "en_US.utf8"
"""The directory of the locale in Lambda's LANG."""
BUILT_IN = ("C.utf8", "C.UTF-8")
"""Directories of the locale that every machine has; in a bundle it stands in for Lambda's."""

MAX_LOCALES = 16_000_000
"""Bytes of made locales that are taken, those that are in use first; one has 3 MB, a further one of its script less."""

_SETTINGS = ("/etc/default/locale", "/etc/locale.conf", "/etc/locale.gen")
_NAME = re.compile(r"^[ \t]*(?:LANG=|LC_\w+=)?[\"']?([A-Za-z]{2,8}(?:_\w+)?(?:\.[\w-]+)?(?:@\w+)?)", re.MULTILINE)
_MAX_SETTINGS = 1 << 18
_VARIABLES = re.compile(r"LANG|LC_[A-Z]+")
_ASK = (b"setlocale\0", b"newlocale\0")
_OWN = ("libc.so.", "libc-", "ld-", "libstdc++.so.", "libm.so.")
"""Libraries that have these names as their own or for programs that ask."""
_CODESET = 14
"""Index of the codeset's name in LC_CTYPE (_NL_CTYPE_CODESET_NAME)."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A locale that somebody made: its names, and the place of each of its files, below its directory.

    A place is an absolute path, or an offset and a length in the archive.
    """

    names: tuple[str, ...]
    parts: Mapping[str, str | tuple[int, int]]


def add_locales(gathering: Gathering) -> None:
    """Add the machine's locales, and one under the name of Lambda's, so that no program warns.

    Locales over MAX_LOCALES are left out with a note.
    """
    files, mirror = gathering.files, gathering.mirror
    reason = Reason("libc", None, "locale")
    base = next((name for name in (*BUILT_IN, LAMBDA_LOCALE) if files.is_directory(f"{LOCALES}/{name}")), None)
    if base is not None:
        mirror.add_tree(f"{LOCALES}/{base}", reason)
    with files.mapped(ARCHIVE) as archive:
        made = list(_in_archive(archive))
        names = {name for locale in made for name in locale.names}
        made += [locale for locale in _in_directories(gathering) if names.isdisjoint(locale.names)]
        if made and _asks_for_locale(gathering):
            _add_made(gathering, archive, made)
    if base is not None and base != LAMBDA_LOCALE:
        mirror.make_link(f"{LOCALES}/{LAMBDA_LOCALE}", base, reason)


def _add_made(gathering: Gathering, archive: mmap.mmap | bytes, made: list[_Made]) -> None:
    known: dict[object, str] = {}
    used, charsets, left_out = 0, set(), []
    for locale in _by_use(gathering.machine, made):
        sizes = {_place(gathering, place): _size(gathering, place) for place in locale.parts.values()}
        size = sum(size for place, size in sizes.items() if place not in known)
        if used + size > MAX_LOCALES:
            left_out.append((locale.names[0], size))
            continue
        used += size
        _add(gathering, archive, locale, known)
        charsets.add(_charset(_content(gathering, archive, locale.parts.get("LC_CTYPE"))))
    add_converters(gathering, charsets - {"UTF-8", ""}, Reason("libc", None, "locale"))
    if left_out:
        names = ", ".join(name for name, _ in left_out[:3])
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""  # noqa: PLR2004
        gathering.notes.append(
            f"{len(left_out)} locales ({sum(size for _, size in left_out) / 1e6:.1f} MB) are left out, {names}{more}: "
            f"more than {MAX_LOCALES / 1e6:.0f} MB were made here; for one of them pack with LC_ALL={left_out[0][0]}"
        )


def _add(gathering: Gathering, archive: mmap.mmap | bytes, locale: _Made, known: dict[object, str]) -> None:
    """Add a locale under its first name, what an earlier one has too as a link; its other names are links."""
    mirror, reason = gathering.mirror, Reason("libc", None, "locale")
    top = f"{LOCALES}/{locale.names[0]}"
    for name, place in locale.parts.items():
        path = f"{top}/{name}"
        first = known.setdefault(_place(gathering, place), path)
        if isinstance(place, str):
            mirror.add(place, reason)
        elif first != path:
            mirror.make_link(path, posixpath.relpath(first, posixpath.dirname(path)), reason)
        else:
            mirror.make_file(path, _content(gathering, archive, place), 0o644, reason)
    for name in locale.names[1:]:
        mirror.make_link(f"{LOCALES}/{name}", locale.names[0], reason)


def _in_archive(archive: mmap.mmap | bytes) -> Iterator[_Made]:
    for locale in read_archive(archive):
        parts = {
            ("LC_MESSAGES/SYS_LC_MESSAGES" if name == "LC_MESSAGES" else name): place
            for name, place in locale.categories.items()
        }
        yield _Made(locale.names, parts)


def _in_directories(gathering: Gathering) -> Iterator[_Made]:
    for item in gathering.files.items(LOCALES):
        if item.name not in BUILT_IN and gathering.files.is_file(f"{item.path}/LC_CTYPE"):
            paths = [*gathering.files.glob(f"{item.path}/LC_*"), f"{item.path}/LC_MESSAGES/SYS_LC_MESSAGES"]
            yield _Made(
                (item.name,),
                {path.removeprefix(f"{item.path}/"): path for path in paths if gathering.files.is_file(path)},
            )


def _by_use(machine: Machine, made: list[_Made]) -> list[_Made]:
    """Return the locales in the order in which they are wanted: those in use, Lambda's, those that are configured."""
    used = [value for name, value in machine.variables.items() if _VARIABLES.fullmatch(name)]
    texts = (machine.files.read(path, _MAX_SETTINGS).decode("utf-8", "replace") for path in _SETTINGS)
    configured = [name for text in texts for name in _NAME.findall(text)]
    order = {normalized(name): place for place, name in reversed([*enumerate((*used, LAMBDA_LOCALE, *configured))])}
    return sorted(made, key=lambda item: min(order.get(normalized(name), len(order) + 9999) for name in item.names))


def normalized(name: str) -> str:
    """Return a locale's name as glibc looks it up: ``ko_KR.utf8`` for ``ko_KR.UTF-8``."""
    language, dot, rest = name.partition(".")
    codeset, at, modifier = rest.partition("@")
    plain = "".join(letter for letter in codeset.lower() if letter.isalnum())
    return f"{language}{dot}{'iso' if plain.isdigit() else ''}{plain}{at}{modifier}"


def _asks_for_locale(gathering: Gathering) -> bool:
    """Return whether a program or a library of it has setlocale in its symbols."""
    for path, file in gathering.walker.closure().files.items():
        if posixpath.basename(path).startswith(_OWN):
            continue
        begin, end = file.elf.strings
        with gathering.files.mapped(path) as data:
            if any(data.find(name, begin, end) >= 0 for name in _ASK):
                return True
    return False


def _place(gathering: Gathering, place: str | tuple[int, int]) -> object:
    """Return where the data is, the same for hard links."""
    return gathering.files.identity(place) if isinstance(place, str) else ("archive", place)


def _size(gathering: Gathering, place: str | tuple[int, int]) -> int:
    return gathering.files.size(place) if isinstance(place, str) else place[1]


def _content(gathering: Gathering, archive: mmap.mmap | bytes, place: str | tuple[int, int] | None) -> bytes:
    if place is None:
        return b""
    if isinstance(place, str):
        return gathering.files.read(place, MAX_LOCALES)
    return archive[place[0] : place[0] + place[1]]


def _charset(data: bytes) -> str:
    """Return the codeset that LC_CTYPE names, empty if it is damaged."""
    at = 8 + 4 * _CODESET
    if len(data) < at + 4:
        return ""
    (offset,) = struct.unpack_from("=I", data, at)
    return data[offset : offset + 64].partition(b"\0")[0].decode("ascii", "replace")
