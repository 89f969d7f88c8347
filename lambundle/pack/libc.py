"""Files that the C library opens in every program: libraries by name, time zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.elf.headers import ElfFile
from lambundle.pack.library_path import glibc_version, libc_of
from lambundle.pack.locales import LOCALES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.gather.gathering import Gathering

OLDEST_BUILT_IN_NSS = (2, 34)
"""First glibc with the name services ``files`` and ``dns`` in libc.so.6."""

LOADED_BY_NAME = ("libgcc_s.so.1", "libdl.so.2")
"""Libraries that glibc and the runtime open by name: for pthread_cancel and backtrace; for dlopen before 2.34."""

NAME_SERVICES = ("libnss_files.so.2", "libnss_dns.so.2")

ZONES = "/usr/share/zoneinfo"


def add_loaded_by_name(gathering: Gathering, started: Iterable[str]) -> None:
    """Add the libraries that libc opens by name in the programs ``started`` (real paths), each with its own libc."""
    with_glibc = [path for path in dict.fromkeys(started) if _libc_of(gathering, path) == "glibc"]
    for path in with_glibc:
        for soname in LOADED_BY_NAME:
            gathering.opened(soname, path, Reason("libc", path, soname))
    version = glibc_version(gathering.walker.closure())
    if version is not None and version < OLDEST_BUILT_IN_NSS:
        for soname in NAME_SERVICES:
            gathering.opened(soname, with_glibc[0], Reason("libc", with_glibc[0], soname))


def _libc_of(gathering: Gathering, path: str) -> str | None:
    elf = gathering.elves.elf(path)
    return libc_of(elf.interpreter or "") if path in gathering.loaded and isinstance(elf, ElfFile) else None


def has_glibc(gathering: Gathering, started: Iterable[str]) -> bool:
    """Return whether one of the programs ``started`` (real paths) has glibc as its C library."""
    return any(_libc_of(gathering, path) == "glibc" for path in started)


def glibc_variables(gathering: Gathering) -> dict[str, str]:
    """Return the variables with which glibc finds the bundle's locales and time zones."""
    directories = {"LOCPATH": LOCALES, "TZDIR": ZONES}
    return {name: f"@{path}" for name, path in directories.items() if gathering.mirror.holds_below(path)}
