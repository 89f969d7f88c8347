"""Fedora: libraries in /usr/lib64, rpm's sqlite database, relations that rpm finds in the files themselves."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.packages.rpm.header import Tag
from tests.unit.machines.contents import Libc
from tests.unit.machines.family import Family
from tests.unit.machines.listing import UNLISTED, Sort
from tests.unit.packages import rpms

if TYPE_CHECKING:
    from tests.unit.machines.listing import Package

_LIBC, _DIRECTORY, _LINK, _PROGRAM, _FILE = "libc.so.6", 0o040755, 0o120777, 0o100755, 0o100644
_EXECUTABLE = frozenset((Sort.PROGRAM, Sort.STATIC, Sort.SCRIPT, Sort.LIBRARY))


def header(package: Package, shared: set[str]) -> bytes:
    """Write a header; ``shared`` are directories of the filesystem, which other packages do not list."""
    files = {file.path: file.sort for file in package.files}
    own = package.name == "filesystem"
    files |= {path: Sort.DIRECTORY for path in package.directories() if own or path not in shared}
    directories = list(dict.fromkeys(_above(path) for path in files))
    version, _, release = package.version.rpartition("-")
    epoch, colon, rest = version.partition(":")
    tags: dict[Tag, list[str] | list[int]] = {
        Tag.NAME: [package.name],
        Tag.VERSION: [rest if colon else version],
        Tag.RELEASE: [release],
        Tag.ARCH: [package.architecture or "x86_64"],
        Tag.SOURCERPM: [f"{package.source}-{version}-{release}.src.rpm"],
        Tag.PROVIDENAME: _provided(package),
        Tag.REQUIRENAME: _required(package),
        Tag.REQUIREFLAGS: [0] * len(_required(package)),
        Tag.RECOMMENDNAME: package.relation("recommends"),
        Tag.SUGGESTNAME: package.relation("suggests"),
        Tag.DIRNAMES: directories,
        Tag.BASENAMES: [posixpath.basename(path) for path in files],
        Tag.DIRINDEXES: [directories.index(_above(path)) for path in files],
        Tag.FILEMODES: [_mode(sort) for sort in files.values()],
    }
    if colon:
        tags[Tag.EPOCH] = [int(epoch)]
    return rpms.header({tag: values for tag, values in tags.items() if values})


def _above(path: str) -> str:
    return f"{posixpath.dirname(path).rstrip('/')}/"


def _mode(sort: Sort) -> int:
    if sort is Sort.DIRECTORY:
        return _DIRECTORY
    if sort is Sort.LINK:
        return _LINK
    return _PROGRAM if sort in _EXECUTABLE else _FILE


def _provided(package: Package) -> list[str]:
    sonames = [f"{file.soname}()(64bit)" for file in package.files if file.soname]
    return list(dict.fromkeys([package.name, f"{package.name}(x86-64)", *package.relation("provides"), *sonames]))


def _required(package: Package) -> list[str]:
    found = dict.fromkeys(package.relation("depends"))
    for file in package.files:
        found.update(dict.fromkeys(f"{soname}()(64bit)" for soname in file.needed))
        if file.sort is Sort.PROGRAM:
            found[f"{_LIBC}()(64bit)"] = None
        if file.sort is Sort.SCRIPT:
            found[file.interpreter.split()[0]] = None
    own = set(_provided(package))
    return [name for name in found if name not in own]


def database(packages: list[Package]) -> dict[str, bytes]:
    """Write rpm's own format."""
    shared = {path for package in packages if package.name == "filesystem" for path in package.directories()}
    headers = [header(package, shared) for package in packages if package.name != UNLISTED]
    return {"/usr/lib/sysimage/rpm/rpmdb.sqlite": rpms.sqlite(headers, journal=True)}


FAMILY = Family(
    name="fedora",
    libc=Libc(_LIBC, "/lib64/ld-linux-x86-64.so.2", ("/lib64", "/usr/lib64")),
    os_release='NAME="Fedora Linux"\nID=fedora\nVERSION_ID=40\nPRETTY_NAME="Fedora Linux 40 (Container Image)"\n',
    database=database,
    links={"/bin": "usr/bin", "/lib": "usr/lib", "/lib64": "usr/lib64", "/sbin": "usr/sbin"},
)
