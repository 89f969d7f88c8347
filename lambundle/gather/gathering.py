"""The files gathered for a bundle, and the closure of the ELF files among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.elf.files import ElfFiles
from lambundle.elf.headers import ElfFile, is_elf
from lambundle.elf.walk import Walker
from lambundle.errors import LambundleError
from lambundle.gather.exclusions import Exclusions
from lambundle.gather.mirror import Mirror
from lambundle.target import MACHINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.elf.closure import Closure
    from lambundle.gather.candidate import Candidate
    from lambundle.machine import Machine

TEXTS = (".py", ".pl", ".pm", ".html", ".xml", ".txt", ".js", ".json", ".tex", ".sty", ".png", ".gz", ".h", ".rb")
"""Endings of files that are no ELF files and are not opened."""


class Gathering:
    """Files gathered for a bundle of one architecture.

    ``exclude`` are the user's globs of sonames, file names or absolute paths, ``library_path`` directories to search
    first. ``loaded`` are the real paths of walked files; a missing library of one in ``optional`` is a note, not an
    error.
    """

    def __init__(
        self, machine: Machine, architecture: str, exclude: Sequence[str], library_path: Sequence[str]
    ) -> None:
        self.machine = machine
        self.files = machine.files
        self.architecture = architecture
        self.exclusions = Exclusions(exclude, machine.files)
        self.library_path = library_path
        self.mirror = Mirror(self.files, self.exclusions.path)
        self.elves = ElfFiles(self.files)
        self.walker = self._walker()
        self.loaded: list[str] = []
        self.optional: set[str] = set()
        self.notes: list[str] = []

    def load(self, path: str, reason: Reason) -> None:
        """Add a program or library and its closure."""
        real = self.mirror.add(path, reason)
        if real is not None:
            self.walk(real)

    def walk(self, real: str) -> None:
        """Walk a program or library by its real path."""
        if real not in self.loaded:
            self.walker.add(real)
            self.loaded.append(real)
            for name, path in self.walker.audits(real):
                self.load(path, Reason("needed", real, name))

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Add the candidates that exist and are not excluded."""
        for item in candidates:
            if item.reason.kind == "opened" and self.excludes(item.reason.by or ""):
                continue  # an excluded file opens nothing; packages and commands are selected before
            try:
                real = self.mirror.add(item.path, item.reason)
            except LambundleError:  # a file removed since its package was installed, or a dangling link
                continue
            if real is not None and real not in self.loaded and not real.endswith(TEXTS):
                self.walk_if_loadable(real, optional=True)

    def walk_if_elf(self, real: str, *, optional: bool) -> None:
        """Walk a file that the user named if it is an ELF file; add a note if it cannot be walked."""
        if not is_elf(self.files, real):
            return
        elf = self.elves.elf(real) if optional else None
        if isinstance(elf, ElfFile) and MACHINES.get(elf.machine) != self.architecture:
            return  # in a directory that was named: what a cross compiler links
        try:
            self.walk(real)
        except LambundleError as error:  # an object file or a foreign library is data
            self.notes.append(f"{error.message}: packed as data")
            return
        if optional:
            self.optional.add(real)

    def walk_if_loadable(self, real: str, *, optional: bool = False) -> None:
        """Walk a file if a loader of this architecture can load it."""
        if real.endswith((".h", ".o", ".a")):  # most of a compiler's files
            return
        elf = self.elves.elf(real)
        if isinstance(elf, ElfFile) and elf.dynamic and MACHINES.get(elf.machine) == self.architecture:
            self.walk(real)
            if optional:
                self.optional.add(real)

    def again(self, directories: Sequence[str]) -> Closure:
        """Walk the same roots on a host where only these directories are searched."""
        walker = self._walker(directories)
        for path in self.loaded:
            walker.add(path)
        return walker.closure()

    def opened(self, soname: str, by: str, reason: Reason, program: str | None = None) -> None:
        """Add a library that ``by`` opens by name in ``program`` (default ``by``), if it is installed."""
        path = self.walker.dlopen(soname, by, program)
        if path is not None:
            self.mirror.add(path, reason)

    def excludes(self, path: str) -> bool:
        """Return whether the user excludes an absolute path, any of its names or a directory above it."""
        return bool(self.exclusions) and path.startswith("/") and self.mirror.excludes(path)

    def _walker(self, directories: Sequence[str] | None = None) -> Walker:
        return Walker(
            self.elves,
            library_path=self.library_path if directories is None else directories,
            exclude=self.exclusions.soname,
            exclude_file=self.excludes,
            isolated=directories is not None,
            bare_names=directories is not None,
        )
