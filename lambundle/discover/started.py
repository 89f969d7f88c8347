"""Programs that a script starts: those that get what they would get if they had been asked for."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import rules
from lambundle.scripts.shebang import MAX_SCRIPT, find_command, is_shell, read_shebang, started_programs
from lambundle.scripts.started_commands import started_commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.discover.selection import Selection
    from lambundle.machine import Machine

MOST = 40
"""Commands of scripts other than the shell's that are taken for one bundle."""

LARGEST = 64 << 20
"""Bytes of a command's packages from which a script that a package owns gets it only by a flag."""


class Started:
    """The programs that scripts of one bundle start; ``notes`` say what was left out."""

    def __init__(self, machine: Machine, selection: Selection) -> None:
        self._machine = machine
        self._files = machine.files
        self._selection = selection
        self._db = selection.packages.db
        self._count = 0
        self.notes: list[str] = []

    def by(self, script: str, interpreter: str, sources: Iterable[str]) -> list[str]:
        """Return the paths of the programs that a script and its own modules ``sources`` start, and what runs it."""
        found = self._interpreting(script)
        if is_shell(interpreter):
            found += started_programs(self._files, script, self._machine.search)
        else:
            found += self._named_in((script, *sources), interpreter)
        return [path for path in found if not rules().interactive.match(posixpath.basename(path))]

    def _interpreting(self, script: str) -> list[str]:
        """Return the interpreter of a script if it is a script itself, which starts programs too."""
        shebang = read_shebang(self._files, script, self._machine.search)
        path = "" if shebang is None else shebang.interpreter
        return [path] if path and read_shebang(self._files, path, self._machine.search) is not None else []

    def _named_in(self, sources: Iterable[str], interpreter: str) -> Iterator[str]:
        names: dict[str, str] = {}
        for source in sources:
            text = self._files.read(source, MAX_SCRIPT).decode("utf-8", "replace")
            for name in started_commands(text, interpreter):
                names.setdefault(name, source)
        for name, source in names.items():
            is_path = name.startswith("/") and self._files.is_executable(name) and self._files.is_file(name)
            path = name if is_path else None if "/" in name else find_command(self._files, name, self._machine.search)
            if path is not None and self._is_wanted(path, source):
                yield path

    def _is_wanted(self, path: str, source: str) -> bool:
        """Return whether a command goes with a source; a package's own sources name many that are optional."""
        owner = self._owner(path)
        by = self._owner(source)
        if by is not None:
            if owner is None or owner not in self._related(by) or self._selection.packages.is_irrelevant(owner):
                return False
            size = self._selection.packages.bytes_more(owner)
            if size > LARGEST:
                self._leave_out(path, source, f"it would bring {size / 1e6:,.0f} MB")
                return False
        if self._count >= MOST:
            self._leave_out(path, source, f"{MOST} commands were taken before")
            return False
        self._count += 1
        return True

    def _leave_out(self, path: str, source: str, why: str) -> None:
        self.notes.append(f"{path}, which {source} starts, is left out: {why}; --add {path} brings it")

    def _related(self, name: str) -> set[str]:
        """Return the packages that a package depends on, recommends or suggests, and itself."""
        return {name, *(provider for item in self._db.depends(name) for provider in item.providers)}

    def _owner(self, path: str) -> str | None:
        return self._db.owner(path) or self._db.owner(self._files.real(path))
