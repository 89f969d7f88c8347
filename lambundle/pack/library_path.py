"""How the loader of a bundle is told to find the libraries: in which directories, in which order.

Proved, not guessed: a second walk, in which the loader knows nothing but the bundle's directories, must give the
very files that the first one found on this machine.
"""

from __future__ import annotations

import os
import posixpath
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from lambundle.elf.closure import differences
from lambundle.pack.launcher import Loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambundle.elf.closure import Closure

OLDEST_ARGV0 = (2, 33)
"""First glibc whose ld.so knows ``--argv0`` (2.30 for ``--preload``)."""

_HWCAPS = re.compile(r"/glibc-hwcaps/[^/]+$")


def loaders(
    closure: Closure, roots: Sequence[str], walk_again: Callable[[Sequence[str]], Closure]
) -> dict[str, Loader]:
    """The loader of each program among ``roots``, by its real path.

    ``walk_again`` walks the same roots with nothing but some directories. The directories are those that libraries
    were found in; a program for which they give other files gets an order of its own.
    """
    common = _directories(closure)
    again = walk_again(common)
    for _ in range(len(closure.files)):
        lost = [item for item in differences(closure, again) if item.got is None]
        more = dict.fromkeys(_searched(item.expected) for item in lost)
        if not more.keys() - set(common):
            break
        common = tuple(dict.fromkeys((*common, *more)))
        again = walk_again(common)
    private: dict[str, tuple[str, ...]] = {}
    for program, directory in _found_elsewhere(closure, again):
        before = private.get(program, common)
        if not before or directory != before[0]:
            private[program] = tuple(dict.fromkeys((directory, *before)))
    version = glibc_version(closure)
    return {
        root: Loader(
            interpreter=elf.interpreter,
            libc=libc_of(elf.interpreter),
            old=version is not None and version < OLDEST_ARGV0,
            directories=private.get(root, common),
        )
        for root in roots
        if (elf := closure.files[root].elf).interpreter is not None and elf.is_program
    }


def libc_of(interpreter: str) -> str:
    """``glibc`` or ``musl``, by the name of PT_INTERP."""
    return "musl" if posixpath.basename(interpreter).startswith("ld-musl-") else "glibc"


def glibc_version(closure: Closure) -> tuple[int, int] | None:
    """Version of the glibc in a closure: the newest that libc.so.6 defines symbols for."""
    for path, file in closure.files.items():
        if posixpath.basename(path) == "libc.so.6":
            found = [
                (int(match[1]), int(match[2]))
                for version in file.elf.version_defs
                if (match := re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version))
            ]
            return max(found, default=None)
    return None


def _searched(path: str) -> str:
    """The directory to name in --library-path so that ld.so finds the file: physical, hwcaps left out."""
    return _HWCAPS.sub("", os.path.realpath(posixpath.dirname(path)))


def _found_elsewhere(closure: Closure, again: Closure) -> Iterator[tuple[str, str]]:
    """Programs that find a library elsewhere in a second walk, with the directory where they should.

    Its name counts, not only the file: a library that looks beside itself asks the loader for its name.
    """
    for program, loaded in closure.scopes.items():
        answers = {
            (file.real, need.soname): _place(need.path)
            for file in again.scopes.get(program, ())
            for need in file.needed
        }
        for file in loaded:
            for need in file.needed:
                if answers.get((file.real, need.soname), _place(need.path)) != _place(need.path):
                    yield program, _searched(need.path)


def _place(path: str) -> str:
    """A path with the links of its directory followed, its own not."""
    directory, _, name = path.rpartition("/")
    return f"{_real(directory)}/{name}"


_real = lru_cache(maxsize=4096)(os.path.realpath)
"""A plan is made in one go: a directory's links are followed once."""


def _directories(closure: Closure) -> tuple[str, ...]:
    """Directories where the loader found libraries by a rule that does not hold on another machine."""
    found: dict[str, None] = {}
    for file in closure.files.values():
        for need in file.needed:
            if need.found_by not in ("rpath", "runpath", "path"):
                found.setdefault(_searched(need.path))
    return tuple(directory for directory in found if ":" not in directory and ";" not in directory)
