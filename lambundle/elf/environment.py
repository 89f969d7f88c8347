"""The search environment of a loader: everything but the loaded files."""

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
"""AT_PLATFORM (getauxval(3)), where all machines of an architecture have the same."""

_INTERPRETERS = {
    (EM_X86_64, 64): ("/lib64/ld-linux-x86-64.so.2", "x86_64"),
    (EM_386, 32): ("/lib/ld-linux.so.2", "i386"),
    (EM_AARCH64, 64): ("/lib/ld-linux-aarch64.so.1", "aarch64"),
}
"""The psABIs' interpreters and musl's architecture names, for a library without a program."""


class Libc(enum.Enum):
    """The C library of a loader."""

    GLIBC = "glibc"
    MUSL = "musl"


@dataclass(frozen=True, slots=True)
class SearchEnvironment:
    """Everything that decides a loader's search order but the loaded files.

    ``library_path`` is LD_LIBRARY_PATH or ``--library-path``, split. ``cache`` is ld.so.cache, None if it is not valid;
    ``cache_path`` is its path. ``conf_directories`` are those of ld.so.conf, ``default_directories`` those built into
    the loader. ``lib`` and ``platform`` are the values of ``$LIB`` and ``$PLATFORM``, None if unknown. ``hwcaps`` are
    preferred subdirectories of ``glibc-hwcaps``. ``isolated`` searches only ``library_path`` and ``$ORIGIN``, as on a
    host where nothing is installed.
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
    """Return the search environment of a program, or of a library without a program."""
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
    """Return the loader of a library, by its machine and its libc."""
    glibc, musl = _INTERPRETERS.get((elf.machine, elf.bits), ("/lib/ld.so.1", ""))
    # musl's libc is libc.so, Alpine's libc.musl-x86_64.so.1; glibc's is libc.so.6.
    is_musl = any(name == "libc.so" or name.startswith("libc.musl-") for name in elf.needed)
    return f"/lib/ld-musl-{musl}.so.1" if is_musl and musl else glibc
