"""Compilers: programs for which the C library's headers and archives are data."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.selection.catalogue import is_libc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lambundle.discover.selection.catalogue import Catalogue

HEADER, KERNEL_HEADER = "/usr/include/stdio.h", "/usr/include/linux/limits.h"

COMPILERS_HEADER = "/include/stddef.h"
"""A header that every C compiler has in a directory of its own."""

DEVELOPMENT = (".h", ".hpp", ".a", ".o", ".so", ".rlib", ".rmeta")
"""Endings of files that a compiler reads."""


def compilers_packages(catalogue: Catalogue, owners: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the packages of headers that a compiler reads, with the files of each to add; none for other programs.

    ``owners`` are the packages of a program. A compiler depends on the package of the C library's headers. Where the
    C library's own package has them, every program depends on it, and a compiler is known by COMPILERS_HEADER.
    """
    headers = catalogue.db.owner(HEADER)
    if headers is None or not any(_compiles(catalogue, owner, headers) for owner in owners):
        return {}
    found = {}
    for name in dict.fromkeys((headers, catalogue.db.owner(KERNEL_HEADER) or headers)):
        files = catalogue.db.files(name)
        found[name] = tuple(file for file in files if file.endswith(DEVELOPMENT)) if is_libc(files) else files
    return found


def _compiles(catalogue: Catalogue, owner: str, headers: str) -> bool:
    near = catalogue.closure(owner, 2)  # itself, or a library that is the compiler
    if not is_libc(catalogue.db.files(headers)):
        return headers in near or headers in set(_first_providers(catalogue, owner))
    return any(
        file.endswith(COMPILERS_HEADER) and posixpath.dirname(file) != "/usr/include"
        for name in near - {headers}
        for file in catalogue.db.files(name)
    )


def _first_providers(catalogue: Catalogue, owner: str) -> Iterator[str]:
    for item in catalogue.db.depends(owner):
        yield from item.providers[:1]
