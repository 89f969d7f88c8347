"""Files beside a script that its text names: templates, a configuration, its own libraries."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.discover.installation.tree import files_below, is_world_readable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from lambundle.machine import Files

MAX_SOURCE = 4 << 20
"""Bytes of a script that are read."""

MAX_TREE = 256 << 20
"""Most bytes of a directory that a script names."""

MIN_NAME = 3
"""Characters from which a name in quotes is evidence."""

_PATHS = re.compile(r"[\"'/]([A-Za-z0-9_][\w.+-]*)(?=[\"'/\s)]|$)", re.MULTILINE)
"""A name between quotes or the part of a path: ``"data"``, ``$HERE/data/x``, ``"data/x"``."""

_ABOVE = re.compile(r"\.\.|\bparents?\b[^\n]*\bparent|\bparents\[1\]|dirname\([^\n]*dirname")
"""Ways to name the directory above the script's own."""

_UNWANTED = ("/__pycache__", "/.git", "/.venv", "/venv", ".pyc")


def files_beside(
    files: Files, script: str, sources: Iterable[str], shared: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Return the files and directories beside a script that one of its ``sources`` names, each with a detail.

    Of a ``shared`` directory, where unrelated things lie, only files are, and hidden files never: they may be secrets.
    """
    texts = [files.read(source, MAX_SOURCE).decode("utf-8", "replace") for source in (script, *sources)]
    names = {name for text in texts for name in _PATHS.findall(text) if len(name) >= MIN_NAME}
    here = posixpath.dirname(script)
    above = [posixpath.dirname(here)] if any(map(_ABOVE.search, texts)) else []
    for directory in (here, *above):
        for item in files.items(directory):
            if item.name not in names or item.path == script:
                continue
            detail = f"{item.name}, named in {posixpath.basename(script)}"
            if not files.is_directory(item.path):
                if is_world_readable(files, item.path):
                    yield item.path, detail
            elif directory not in shared and not _is_environment(files, item.path):
                yield from ((path, detail) for path in _tree(files, item.path))


def _tree(files: Files, directory: str) -> list[str]:
    """Return the files below a directory; none if they have more than MAX_TREE bytes."""
    found, size = [], 0
    for path in files_below(files, directory, lambda path: not path.endswith(_UNWANTED), follow=True):
        found.append(path)
        size += files.size(path)
        if size > MAX_TREE:
            return []
    return found


def _is_environment(files: Files, directory: str) -> bool:
    """Return whether a directory is a Python environment, whose parts are found by imports, or one of commands."""
    return files.is_file(f"{directory}/pyvenv.cfg") or posixpath.basename(directory) in ("bin", "sbin", "node_modules")
