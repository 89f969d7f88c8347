"""All that decides where a loader looks, apart from the files that it loads."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping  # noqa: TC003  (dataclass fields)
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from lambundle.elf.headers import EM_386, EM_AARCH64, EM_X86_64
from lambundle.elf.ldconfig import CacheEntry, parse_cache, read_built_in, read_conf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.elf.files import LoaderFiles
    from lambundle.elf.headers import ElfFile

_MAX_CACHE = 1 << 26
_MAX_MUSL_PATH = 1 << 16
_MUSL_INTERPRETER = re.compile(r"(.*?)/?[^/]*/ld-musl-([^/]+)\.so\.1")
_MUSL_DIRECTORIES = ("/lib", "/usr/local/lib", "/usr/lib")

_PLATFORMS = {EM_X86_64: "x86_64", EM_386: "i686", EM_AARCH64: "aarch64"}
"""AT_PLATFORM where it is the same for every machine of its kind."""

_INTERPRETERS = {
    (EM_X86_64, 64): ("/lib64/ld-linux-x86-64.so.2", "x86_64"),
    (EM_386, 32): ("/lib/ld-linux.so.2", "i386"),
    (EM_AARCH64, 64): ("/lib/ld-linux-aarch64.so.1", "aarch64"),
}
"""The psABIs' interpreters and musl's names for the machines, for a library that no program stands beside."""


class Libc(enum.Enum):
    """Whose loader it is."""

    GLIBC = "glibc"
    MUSL = "musl"


@dataclass(frozen=True, slots=True)
class SearchEnvironment:
    """All that decides where a loader looks, apart from the files it loads.

    ``library_path`` is LD_LIBRARY_PATH or ``--library-path``, split. ``cache`` holds ld.so.cache, None where
    there is no valid one; ``cache_path`` is its name. ``conf_directories`` are those of ld.so.conf.
    ``default_directories`` are compiled in. ``lib`` and ``platform`` are what ``$LIB`` and ``$PLATFORM``
    stand for, None where that is unknown. ``hwcaps`` are the subdirectories of ``glibc-hwcaps`` to prefer.
    ``isolated`` leaves out every directory that is named absolutely, as on a host where nothing is
    installed: what is found then is found below ``library_path`` or from ``$ORIGIN``.
    """

    libc: Libc
    bits: int
    little: bool
    machine: int
    interpreter: str
    library_path: tuple[str, ...] = ()
    cache: Mapping[str, tuple[CacheEntry, ...]] | None = field(default=None, repr=False)
    cache_path: str = "/etc/ld.so.cache"
    conf_directories: tuple[str, ...] = ()
    default_directories: tuple[str, ...] = ()
    lib: str | None = None
    platform: str | None = None
    hwcaps: tuple[str, ...] = ()
    isolated: bool = False


def environment_for(
    elf: ElfFile, files: LoaderFiles, *, library_path: Sequence[str] = (), isolated: bool = False
) -> SearchEnvironment:
    """Describe the loader that a program (or a lone library) of this machine is loaded by."""
    interpreter = elf.interpreter or default_interpreter(elf)
    musl = _MUSL_INTERPRETER.fullmatch(interpreter)
    if musl:
        text = files.content(f"{musl[1]}/etc/ld-musl-{musl[2]}.path", _MAX_MUSL_PATH)
        directories = tuple(re.split("[:\n]+", text.decode(errors="surrogateescape"))) if text else _MUSL_DIRECTORIES
        return SearchEnvironment(
            libc=Libc.MUSL,
            bits=elf.bits,
            little=elf.little,
            machine=elf.machine,
            interpreter=interpreter,
            library_path=tuple(library_path),
            default_directories=() if isolated else tuple(name for name in directories if name),
            isolated=isolated,
        )
    constants = read_built_in(files, interpreter, elf.machine, elf.bits)
    data = None if isolated else files.content(constants.cache, _MAX_CACHE)
    cache = None if data is None else parse_cache(data, elf.machine, elf.bits, little=elf.little)
    return SearchEnvironment(
        libc=Libc.GLIBC,
        bits=elf.bits,
        little=elf.little,
        machine=elf.machine,
        interpreter=interpreter,
        library_path=tuple(library_path),
        cache=None if cache is None else MappingProxyType(cache),
        cache_path=constants.cache,
        conf_directories=() if isolated else read_conf(files),
        default_directories=() if isolated else constants.directories,
        lib=constants.lib,
        platform=_PLATFORMS.get(elf.machine),
        hwcaps=("x86-64-v2",) if (elf.machine, elf.bits) == (EM_X86_64, 64) else (),
        isolated=isolated,
    )


def default_interpreter(elf: ElfFile) -> str:
    """Name the loader of a file that names none: a library's, by its machine and by which libc it needs."""
    glibc, musl = _INTERPRETERS.get((elf.machine, elf.bits), ("/lib/ld.so.1", ""))
    # musl's libc is libc.so, Alpine's libc.musl-x86_64.so.1; glibc's is libc.so.6.
    is_musl = any(name == "libc.so" or name.startswith("libc.musl-") for name in elf.needed)
    return f"/lib/ld-musl-{musl}.so.1" if is_musl and musl else glibc
