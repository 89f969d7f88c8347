"""The search order of libraries in a bundle.

It is checked by a second walk, which searches only these directories and must find the same files as the first.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.elf.closure import differences
from lambundle.pack.launcher import Loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambundle.elf.closure import Closure
    from lambundle.machine import Files

OLDEST_ARGV0 = (2, 33)
"""First glibc whose ld.so has ``--argv0`` (2.30 for ``--preload``)."""

_HWCAPS = re.compile(r"/glibc-hwcaps/[^/]+$")


def loaders(
    files: Files, closure: Closure, starts: Sequence[str], walk_again: Callable[[Sequence[str]], Closure]
) -> dict[str, Loader]:
    """Return the loader of each program in ``starts``, by real path.

    ``walk_again`` walks the same starts and searches only the given directories. The search order has all directories
    in which libraries were found; a program that finds other files there gets an order of its own.
    """
    common = _directories(files, closure)
    again = walk_again(common)
    for _ in range(len(closure.files)):
        lost = [item for item in differences(closure, again) if item.got is None]
        more = dict.fromkeys(_searched(files, item.expected) for item in lost)
        if not more.keys() - set(common):
            break
        common = tuple(dict.fromkeys((*common, *more)))
        again = walk_again(common)
    private: dict[str, tuple[str, ...]] = {}
    for program, directory in _found_elsewhere(files, closure, again):
        before = private.get(program, common)
        if not before or directory != before[0]:
            private[program] = tuple(dict.fromkeys((directory, *before)))
    version = glibc_version(closure)
    return {
        start: Loader(
            interpreter=elf.interpreter,
            libc=libc_of(elf.interpreter),
            old=version is not None and version < OLDEST_ARGV0,
            directories=private.get(start, common),
        )
        for start in starts
        if (elf := closure.files[start].elf).interpreter is not None and elf.is_program
    }


def libc_of(interpreter: str) -> str:
    """Return ``glibc`` or ``musl``, by the name of PT_INTERP."""
    return "musl" if posixpath.basename(interpreter).startswith("ld-musl-") else "glibc"


def glibc_version(closure: Closure) -> tuple[int, int] | None:
    """Return the version of the glibc in a closure: the newest symbol version in libc.so.6; None without one."""
    for path, file in closure.files.items():
        if posixpath.basename(path) == "libc.so.6":
            found = [
                (int(match[1]), int(match[2]))
                for version in file.elf.version_defs
                if (match := re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version))
            ]
            return max(found, default=None)
    return None


def _searched(files: Files, path: str) -> str:
    """Return the directory for --library-path in which ld.so finds a file: a real path without glibc-hwcaps."""
    return _HWCAPS.sub("", files.real(posixpath.dirname(path)))


def _found_elsewhere(files: Files, closure: Closure, again: Closure) -> Iterator[tuple[str, str]]:
    """Return the programs that find a library elsewhere in a second walk, with the directory of the first.

    Paths are compared, not files: a library that searches beside itself gets its path from the loader.
    """
    for program, loaded in closure.scopes.items():
        answers = {
            (file.real, need.soname): files.real_parent(need.path)
            for file in again.scopes.get(program, ())
            for need in file.needed
        }
        for file in loaded:
            for need in file.needed:
                if answers.get((file.real, need.soname), files.real_parent(need.path)) != files.real_parent(need.path):
                    yield program, _searched(files, need.path)


def _directories(files: Files, closure: Closure) -> tuple[str, ...]:
    """Return the directories in which the loader found libraries by a rule of this machine only."""
    found: dict[str, None] = {}
    for file in closure.files.values():
        for need in file.needed:
            if need.found_by not in ("rpath", "runpath", "path"):
                found.setdefault(_searched(files, need.path))
    return tuple(directory for directory in found if ":" not in directory and ";" not in directory)
