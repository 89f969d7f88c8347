"""A machine's ld.so.cache, ld.so.conf, and the directories built into its loader.

Sources: ``sysdeps/generic/dl-cache.h`` of glibc for the cache, ldconfig(8) for ld.so.conf, ``elf/Makefile``
(``trusted-dirs.h``) for the directories compiled into the loader.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.elf.headers import (
    EM_386,
    EM_AARCH64,
    EM_ARM,
    EM_LOONGARCH,
    EM_PPC64,
    EM_RISCV,
    EM_S390,
    EM_X86_64,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambundle.elf.files import LoaderFiles

_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_OLD_MAGIC = b"ld.so-1.7.0"
_OLD_ENTRY = 12
_EXTENSION_MAGIC = 0xEAA4_2174
_HWCAP_EXTENSION = 1 << 62
_HWCAPS_TAG = 1
_MAX_ENTRIES = 1 << 20
_MAX_HWCAPS = 1 << 10
_SLACK = 1 << 16
_MAX_CONF_FILES = 256
_MAX_CONF_SIZE = 1 << 20
_MAX_LOADER_SIZE = 1 << 22  # ld.so with all symbols has 1.3 MiB
_MAX_GLOBS = 1 << 10

_CACHE_FLAGS: Mapping[tuple[int, int], tuple[int, ...]] = {
    (EM_X86_64, 64): (0x303,),
    (EM_X86_64, 32): (0x803,),
    (EM_386, 32): (0x003,),
    (EM_AARCH64, 64): (0xA03,),
    (EM_ARM, 32): (0x003, 0x903, 0xB03),
    (EM_PPC64, 64): (0x503,),
    (EM_S390, 64): (0x403,),
    (EM_RISCV, 64): (0xF03, 0x1003),
    (EM_LOONGARCH, 64): (0x1103, 0x1203),
}
"""Flags of a cache entry by (machine, class): FLAG_ELF_LIBC6 and the machine's (glibc's ldconfig.h)."""

_ANY_FLAGS = 1  # FLAG_ELF: for every loader

_TRIPLETS: Mapping[tuple[int, int], str] = {
    (EM_X86_64, 64): "x86_64-linux-gnu",
    (EM_X86_64, 32): "x86_64-linux-gnux32",
    (EM_386, 32): "i386-linux-gnu",
    (EM_AARCH64, 64): "aarch64-linux-gnu",
    (EM_ARM, 32): "arm-linux-gnueabihf",
    (EM_PPC64, 64): "powerpc64le-linux-gnu",
    (EM_S390, 64): "s390x-linux-gnu",
    (EM_RISCV, 64): "riscv64-linux-gnu",
    (EM_LOONGARCH, 64): "loongarch64-linux-gnu",
}

# Every repetition has a bound: a search may not keep a step of megabytes.
_DIRECTORY = rb"/(?:[\w.+@-]{1,255}/){0,32}lib(?:[\w-]{0,251})/(?:[\w.-]{1,255}/)?\0"
# Both begin with two literal bytes; without them the search takes longer than the rest of a walk.
_SYSTEM_DIRS = re.compile(rb"\0/" + _DIRECTORY.removeprefix(b"/") + rb"(?:" + _DIRECTORY + rb"){0,64}")
_CACHE_PATH = re.compile(rb"\0(/(?:[\w.+@-]{1,255}/){0,32}ld\.so\.cache)\0")


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A library in ``ld.so.cache``: its path and its glibc-hwcaps subdirectory, usually none."""

    path: str
    hwcaps: str | None = None


def parse_cache(data: bytes, machine: int, bits: int, *, little: bool) -> dict[str, tuple[CacheEntry, ...]] | None:
    """Return a cache's libraries for loaders of a machine, by soname; None if the cache is not valid.

    Entries in the hwcaps directories that glibc dropped in 2.37 (``haswell``, ``tls``) are left out.
    """
    start = _cache_start(data)
    if start is None:
        return None
    data = data[start:]
    order = "<" if little else ">"
    header = struct.Struct(order + "20sIIB3xI12x")
    if len(data) < header.size:
        return None
    _magic, count, _strings, _flags, extensions = header.unpack_from(data)
    entry = struct.Struct(order + "iIIIQ")
    if count > _MAX_ENTRIES or header.size + count * entry.size > len(data):
        return None
    wanted = _CACHE_FLAGS.get((machine, bits))
    names = _hwcaps_names(data, extensions, order)
    left = _SLACK + 2 * len(data)  # ldconfig writes each text once, and names share their ends
    libraries: dict[str, list[CacheEntry]] = {}
    for flags, key, value, _version, hwcap in entry.iter_unpack(data[header.size : header.size + count * entry.size]):
        if wanted is not None and flags not in wanted and flags != _ANY_FLAGS:
            continue
        subdirectory = None
        if hwcap:
            index = hwcap & 0xFFFF_FFFF
            if hwcap >> 32 != _HWCAP_EXTENSION >> 32 or index >= len(names):
                continue
            subdirectory = names[index]
        soname, path = _text(data, key), _text(data, value)
        left -= len(soname or "") + len(path or "")
        if left < 0:
            return None
        if soname and path and path.startswith("/"):
            libraries.setdefault(soname, []).append(CacheEntry(path, subdirectory))
    return {soname: tuple(entries) for soname, entries in libraries.items()}


def _cache_start(data: bytes) -> int | None:
    """Return the offset of the new format, which may follow the old one; None without it."""
    if data.startswith(_CACHE_MAGIC):
        return 0
    if not data.startswith(_OLD_MAGIC) or len(data) < 16:  # noqa: PLR2004  (the old header)
        return None
    # The old format has the machine's byte order; try both.
    for order in ("<", ">"):
        count: int = struct.unpack_from(order + "I", data, 12)[0]
        start = -(-(16 + count * _OLD_ENTRY) // 8) * 8
        if data.startswith(_CACHE_MAGIC, start):
            return start
    return None


def _hwcaps_names(data: bytes, offset: int, order: str) -> tuple[str, ...]:
    """Return the names of the glibc-hwcaps subdirectories, to which entries refer by number."""
    directory, section, word = (
        struct.Struct(order + "II"),
        struct.Struct(order + "IIII"),
        struct.Struct(order + "I"),
    )
    if not offset or offset + directory.size > len(data):
        return ()
    magic, count = directory.unpack_from(data, offset)
    if magic != _EXTENSION_MAGIC:
        return ()
    offset += directory.size
    for at in range(offset, min(offset + count * section.size, len(data) - section.size + 1), section.size):
        tag, _flags, start, size = section.unpack_from(data, at)
        if tag == _HWCAPS_TAG and start + size <= len(data):
            found = [_text(data, value) or "" for (value,) in word.iter_unpack(data[start : start + size // 4 * 4])]
            return tuple(found[:_MAX_HWCAPS])
    return ()


def _text(data: bytes, offset: int) -> str | None:
    end = data.find(0, offset, offset + 4096)
    return os.fsdecode(data[offset:end]) if end >= 0 else None


def read_conf(files: LoaderFiles, path: str = "/etc/ld.so.conf") -> tuple[str, ...]:
    """Return the directories of ld.so.conf and its includes in order, as ldconfig(8) reads them.

    ``#`` starts a comment, ``hwcap`` lines are ignored (since glibc 2.33), a directory may have a suffix ``=TYPE``
    (libc5). An include is a glob, relative to the including file.
    """
    directories: dict[str, None] = {}
    seen: set[str] = set()
    globbed: set[str] = set()

    def read(name: str) -> None:
        if name in seen or len(seen) >= _MAX_CONF_FILES:
            return
        seen.add(name)
        for line in os.fsdecode(files.content(name, _MAX_CONF_SIZE) or b"").splitlines():
            words = line.partition("#")[0].split()
            if not words or words[0] == "hwcap":
                continue
            if words[0] == "include":
                for pattern in words[1:]:
                    absolute = pattern if pattern.startswith("/") else f"{os.path.dirname(name)}/{pattern}"
                    if absolute in globbed or len(globbed) >= _MAX_GLOBS:
                        continue
                    globbed.add(absolute)
                    for found in files.glob(absolute.replace("**", "*")):  # glob(3), which has no deep ones
                        read(found)
                continue
            directory = line.partition("#")[0].strip().partition("=")[0].rstrip()
            if directory.startswith("/"):
                directories[directory.rstrip("/") or "/"] = None

    read(path)
    return tuple(directories)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """Constants built into a glibc loader: default directories, the value of ``$LIB``, the path of the cache."""

    directories: tuple[str, ...]
    lib: str
    cache: str = "/etc/ld.so.cache"


def built_in(content: bytes | None, machine: int, bits: int) -> BuiltIn:
    """Return the constants in a loader's file, or guesses if it has none.

    ``system_dirs`` (dl-load.c), which differs between distributions, has NUL-terminated directories that end in ``/``.
    """
    content = content or b""
    runs = [match.group() for match in _SYSTEM_DIRS.finditer(content)]
    cache = _CACHE_PATH.search(content)
    cache_path = os.fsdecode(cache.group(1)) if cache else "/etc/ld.so.cache"
    if runs:
        longest = max(runs, key=lambda run: run.count(b"\0"))
        directories = tuple(os.fsdecode(name).rstrip("/") for name in longest.split(b"\0") if name)
        return BuiltIn(directories, _lib(directories[0]), cache_path)
    return _guess(machine, bits, cache_path)


def _guess(machine: int, bits: int, cache: str) -> BuiltIn:
    """Return the usual constants: the directories of Debian, then of Fedora, then of all others."""
    libs = ["lib64", "lib"] if bits == 64 else ["lib"]  # noqa: PLR2004  (the ELF class)
    triplet = _TRIPLETS.get((machine, bits))
    if triplet:
        libs.insert(0, f"lib/{triplet}")
    return BuiltIn(tuple(f"{top}/{lib}" for lib in libs for top in ("", "/usr")), libs[0], cache)


def _lib(directory: str) -> str:
    """Return ``$LIB`` by the first default directory: ``slibdir`` without its prefix."""
    name = directory.removeprefix("/usr").lstrip("/")
    return name if name.startswith("lib") else directory.rpartition("/")[2]


def read_built_in(files: LoaderFiles, interpreter: str, machine: int, bits: int) -> BuiltIn:
    """Return the constants of the loader at ``interpreter``."""
    return built_in(files.content(interpreter, _MAX_LOADER_SIZE), machine, bits)
