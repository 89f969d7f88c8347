"""Smaller providers of a library, for a bundle that would be too large for Lambda.

Several packages may provide one library, and the alternatives system takes the one with the highest priority: OpenBLAS
(37 MB, for every kind of processor) for libblas.so.3, where the reference (0.4 MB) is installed too. All have the same
interface, but results may differ in their last digits, and in speed. A bundle that fits has what runs here.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from lambundle.elf.headers import ElfFile
from lambundle.packages.alternatives import alternatives

if TYPE_CHECKING:
    from lambundle.elf.closure import Closure
    from lambundle.gather.gathering import Gathering

WORTH = 1 << 20
"""Bytes that must be saved."""


class SmallerProvider(NamedTuple):
    """A library, by its soname, the provider that the machine chose, and the directory of another."""

    soname: str
    chosen: str
    directory: str


def smaller_providers(gathering: Gathering, closure: Closure) -> tuple[SmallerProvider, ...]:
    """Return other providers of the libraries that the alternatives system chose, as far as no person did.

    Searched first, their directories bring them and nothing else.
    """
    files = gathering.files
    generic = {files.real_parent(file.path): file for file in closure.files.values()}
    found = []
    for alternative in alternatives(files):
        loaded = generic.get(files.real_parent(alternative.link))
        if loaded is None or loaded.elf.soname is None or not alternative.is_automatic:
            continue
        others = [
            path
            for path in alternative.providers
            if files.real(path) != loaded.real and _provides(gathering, path, loaded.elf.soname)
        ]
        if others:
            least = min(others, key=lambda path: (files.size(path), path))
            found.append(SmallerProvider(loaded.elf.soname, loaded.real, posixpath.dirname(least)))
    return tuple(found)


def note(provider: SmallerProvider, limit: str) -> str:
    """Return the note on a provider that is not the machine's choice."""
    return (
        f"{provider.soname} is that of {provider.directory}: with {provider.chosen} the bundle would be over {limit}; "
        f"--library-path {posixpath.dirname(provider.chosen)} brings it"
    )


def _provides(gathering: Gathering, path: str, soname: str) -> bool:
    """Return whether a file is the library, and its directory has no other."""
    elf = gathering.elves.elf(path) if posixpath.basename(path) == soname else None
    if not isinstance(elf, ElfFile) or elf.soname != soname:
        return False
    libraries = [name for name in gathering.files.names(posixpath.dirname(path)) if ".so" in name]
    return all(name.startswith(soname) for name in libraries)
