"""The files seen of commands, with the interpreters and loaders that the kernel opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.elf.headers import read_elf
from lambundle.errors import LambundleError
from lambundle.scripts.shebang import SHEBANG_MAX, parse_first_line

if TYPE_CHECKING:
    from lambundle.machine import Files

NESTED_SCRIPTS = 5
"""Most nested scripts that Linux follows."""


class Seen:
    """The files seen of the commands; dictionaries keep the order without duplicates."""

    def __init__(self) -> None:
        self.files: dict[str, None] = {}
        self.directories: dict[str, None] = {}
        self.executed: dict[str, None] = {}

    def execute(self, path: str) -> None:
        """Add a program that was started."""
        self.files[path] = self.executed[path] = None


def add_interpreters(files: Files, seen: Seen) -> None:
    """Add the interpreters of scripts and programs, which the kernel opens without a system call."""
    for path in list(seen.executed):
        at = path
        for _ in range(NESTED_SCRIPTS):
            interpreter = _shebang(files, at)
            if interpreter is None:
                break
            seen.execute(at := interpreter)
        loader = _loader(files, at)
        if loader is not None:
            seen.files[loader] = None


def _shebang(files: Files, path: str) -> str | None:
    """Return the interpreter that the kernel starts for a script, which may be ``env``."""
    line = parse_first_line(files.read(path, SHEBANG_MAX))
    return line.interpreter if line is not None and line.interpreter.startswith("/") else None


def _loader(files: Files, path: str) -> str | None:
    try:
        return read_elf(files, path).interpreter
    except LambundleError:
        return None  # such as a script without a shebang
