"""What was seen of commands, and the interpreters and loaders that the kernel opens for them."""

from __future__ import annotations

import os
from pathlib import Path

from lambundle.elf.headers import read_elf
from lambundle.errors import LambundleError

SHEBANG_MAX = 256
"""Bytes of the first line that Linux reads (BINPRM_BUF_SIZE)."""

NESTED_SCRIPTS = 5
"""Scripts interpreted by scripts that Linux follows."""


class Seen:
    """Everything that was seen of the commands; dictionaries keep the order and forget repetitions."""

    def __init__(self) -> None:
        self.files: dict[str, None] = {}
        self.directories: dict[str, None] = {}
        self.executed: dict[str, None] = {}

    def execute(self, path: str) -> None:
        """Note a program that was started."""
        self.files[path] = self.executed[path] = None


def add_interpreters(seen: Seen) -> None:
    """Add scripts' interpreters and programs' loaders: the kernel opens them, so no method sees it."""
    for path in list(seen.executed):
        at = path
        for _ in range(NESTED_SCRIPTS):
            interpreter = _shebang(at)
            if interpreter is None:
                break
            seen.execute(at := interpreter)
        loader = _loader(at)
        if loader is not None:
            seen.files[loader] = None


def _shebang(path: str) -> str | None:
    """The interpreter that the kernel starts for a script: ``env`` itself where the script says so."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(SHEBANG_MAX)
    except OSError:
        return None
    words = head[2:].partition(b"\n")[0].split() if head.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words and words[0].startswith(b"/") else None


def _loader(path: str) -> str | None:
    try:
        return read_elf(path).interpreter
    except LambundleError:
        return None  # a script without a first line, for example
