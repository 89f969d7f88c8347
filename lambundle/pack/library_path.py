"""The search order of libraries in a bundle.

It is checked by further walks, which search only these directories and must find the same files as the first. Behind
the directories in which the walk found something are those that the loader would search and that are in the bundle:
programs open libraries there by name.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING

from lambundle.elf.bare_names import bare_name
from lambundle.elf.closure import differences
from lambundle.errors import LibraryNotFoundError
from lambundle.pack.launcher import Loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lambundle.elf.closure import Closure
    from lambundle.gather.gathering import Gathering
    from lambundle.machine import Files

OLDEST_ARGV0 = (2, 33)
"""First glibc whose ld.so has ``--argv0`` (2.30 for ``--preload``)."""

_SEPARATOR = re.compile("[:;]")

_HWCAPS = re.compile(r"/glibc-hwcaps/[^/]+$")


def loaders(gathering: Gathering, closure: Closure) -> dict[str, Loader]:
    """Return the loader of each program that was walked, by real path.

    They share one search order, but a program that finds other files by it gets an order of its own, and so does one
    whose loader would search the directories that hold a library of the same name in another order.
    """
    files = gathering.files
    searched = {
        start: tuple(dict.fromkeys(map(files.real, directories)))
        for start, directories in gathering.walker.directories().items()
    }
    held = libraries_by_directory(gathering, dict.fromkeys(name for names in searched.values() for name in names))
    orders = _Orders(files, closure, gathering.again)
    common = orders.shared(held)
    version = glibc_version(closure)
    found = {
        start: Loader(
            interpreter=elf.interpreter,
            libc=libc_of(elf.interpreter),
            old=version is not None and version < OLDEST_ARGV0,
            directories=orders.own(start, common, searched[start], held),
        )
        for start in gathering.loaded
        if (elf := closure.files[start].elf).interpreter is not None and elf.is_program
    }
    orders.check_paths(common, found)
    return found


def libraries_by_directory(gathering: Gathering, directories: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the names of the bundle's libraries in each of some directories (real paths), if it has any there."""
    found: dict[str, set[str]] = {directory: set() for directory in directories if not _SEPARATOR.search(directory)}
    loaded = set(gathering.loaded)
    for path in (*gathering.mirror.files(), *(path for path, _ in gathering.mirror.links())):
        directory, _, name = path.rpartition("/")
        if directory in found and (".so" in name or path in loaded):
            found[directory].add(name)
    return {directory: frozenset(names) for directory, names in found.items() if names}


class _Orders:
    """Search orders, and the walks that prove them."""

    def __init__(self, files: Files, closure: Closure, walk_again: Callable[[Sequence[str]], Closure]) -> None:
        self._files = files
        self._closure = closure
        self._walk_again = walk_again
        self._walks: dict[tuple[str, ...], Closure] = {}

    def shared(self, held: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
        """Return the order that all programs share: the directories of found libraries, then those in ``held``.

        One of these is left out if a file would find another library there.
        """
        found = self._sufficient()
        more = [directory for directory in held if directory not in found]
        before = self._misled(found)
        while more:
            order = (*found, *more)
            misled = self._misled(order)
            wrong = {directory for item, directory in misled.items() if item not in before}.intersection(more)
            if not wrong:
                return order
            more = [directory for directory in more if directory not in wrong]
        return found

    def own(
        self, start: str, common: tuple[str, ...], searched: Sequence[str], held: Mapping[str, frozenset[str]]
    ) -> tuple[str, ...]:
        """Return the order of a program: the shared one unless it leads to other files."""
        wanted = _in_order(common, searched, held)
        for order in (wanted, common):
            if not any(program == start for program, _, _ in self._misled(order)):
                return order
        for program, directory in _found_elsewhere(self._files, self._closure, self._walk(common)):
            if program == start and common[:1] != (directory,):
                common = tuple(dict.fromkeys((directory, *common)))
        return common

    def check_paths(self, common: tuple[str, ...], loaders: Mapping[str, Loader]) -> None:
        """Raise LibraryNotFoundError if a library that is needed by its path is another one by its name."""
        orders = {common: None} | {loader.directories: None for loader in loaders.values()}
        misled = [(order, *item) for order in orders for item in self._misled(order).items()]
        for order, (program, file, name), directory in misled:
            is_used = loaders[program].directories == order if program in loaders else order == common
            if is_used and name.startswith("/"):
                raise LibraryNotFoundError(
                    f"{name} cannot be told from {directory}/{bare_name(name)}",
                    context=(f"{file} needs it by its path; a bundle has libraries by their names",),
                    hint="give each a soname of its own, and link again",
                )

    def _sufficient(self) -> tuple[str, ...]:
        """Return the directories in which libraries are found, with those without which a library is not found."""
        common = _directories(self._files, self._closure)
        for _ in range(len(self._closure.files)):
            lost = [item for item in differences(self._closure, self._walk(common)) if item.got is None]
            more = dict.fromkeys(_searched(self._files, item.expected) for item in lost)
            if not more.keys() - set(common):
                break
            common = tuple(dict.fromkeys((*common, *more)))
        return common

    def _walk(self, order: tuple[str, ...]) -> Closure:
        if order not in self._walks:
            self._walks[order] = self._walk_again(order)
        return self._walks[order]

    def _misled(self, order: tuple[str, ...]) -> dict[tuple[str, str, str], str]:
        """Return where names lead elsewhere by an order: program, file and name, with the directory it leads to."""
        real_parent = self._files.real_parent
        found: dict[tuple[str, str, str], str] = {}
        for program, loaded in self._walk(order).scopes.items():
            expected = {
                (file.real, need.soname): real_parent(need.path)
                for file in self._closure.scopes.get(program, ())
                for need in file.needed
            }
            for file in loaded:
                for need in file.needed:
                    key = file.real, need.soname
                    if expected.get(key, real_parent(need.path)) != real_parent(need.path):
                        found[program, *key] = _searched(self._files, need.path)
        return found


def _in_order(common: tuple[str, ...], searched: Sequence[str], held: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return ``common`` in the order in which a program's loader searches, if libraries of one name are in it."""
    names = Counter(name for directory in common for name in held.get(directory, ()))
    twice = {name for name, count in names.items() if count > 1}
    shared = {directory for directory in common if not twice.isdisjoint(held.get(directory, ()))}
    ranks = {directory: rank for rank, directory in enumerate(searched)}
    wanted = sorted(common, key=lambda directory: ranks.get(directory, len(ranks)))
    if [name for name in wanted if name in shared] == [name for name in common if name in shared]:
        return common
    return tuple(wanted)


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
