"""Alpine: musl, busybox with a link for each command, relations that abuild finds in the files themselves, apk."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from tests.unit.machines.contents import Libc
from tests.unit.machines.family import Family
from tests.unit.machines.listing import UNLISTED, Sort

if TYPE_CHECKING:
    from tests.unit.machines.listing import Package

_LIBC = "libc.musl-x86_64.so.1"
_PROGRAMS = frozenset(("/bin", "/sbin", "/usr/bin", "/usr/sbin"))


def database(packages: list[Package]) -> dict[str, bytes]:
    """Write ``installed``."""
    return {"/lib/apk/db/installed": "".join(map(_paragraph, packages)).encode()}


def _paragraph(package: Package) -> str:
    if package.name == UNLISTED:
        return ""
    lines = [
        f"P:{package.name}",
        f"V:{package.version}",
        f"A:{package.architecture or 'x86_64'}",
        f"o:{package.source}",
    ]
    provided = _provided(package)
    if provided:
        lines.append(f"p:{' '.join(provided)}")
    own = {name.partition("=")[0] for name in provided}
    wanted = [name for name in dict.fromkeys((*package.relation("depends"), *_needed(package))) if name not in own]
    if wanted:
        lines.append(f"D:{' '.join(wanted)}")
    for directory in package.directories():
        lines.append(f"F:{directory[1:]}")
        inside = [file for file in package.files if posixpath.dirname(file.path) == directory]
        lines += [f"R:{posixpath.basename(file.path)}" for file in inside if file.sort is not Sort.DIRECTORY]
    return "\n".join(lines) + "\n\n"


def _provided(package: Package) -> list[str]:
    public = [file for file in package.files if posixpath.dirname(file.path) in {"/lib", "/usr/lib"}]
    sonames = [f"so:{file.soname}=1" for file in public if file.soname]
    files = [file for file in package.files if posixpath.dirname(file.path) in _PROGRAMS]
    commands = [f"cmd:{posixpath.basename(file.path)}={package.version}" for file in files]
    return [*package.relation("provides"), *sonames, *commands]


def _needed(package: Package) -> list[str]:
    own = {file.soname for file in package.files}
    needed = {soname: None for file in package.files for soname in file.needed if soname not in own}
    if any(file.sort in {Sort.PROGRAM, Sort.LIBRARY, Sort.MODULE} for file in package.files):
        needed[_LIBC] = None
    return [f"so:{soname}" for soname in needed]


FAMILY = Family(
    name="alpine",
    libc=Libc(_LIBC, "/lib/ld-musl-x86_64.so.1"),
    os_release='NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME="Alpine Linux v3.19"\n',
    database=database,
)
