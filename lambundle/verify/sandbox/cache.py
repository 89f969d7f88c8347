"""Cached trees that are rebuilt when a source of theirs changes.

They lie in $XDG_CACHE_HOME/lambundle, each whole under its name or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STAMP = "sources.json"
_TREE = "tree"


def cache_directory() -> Path:
    """Return where they lie."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if named.startswith("/") else Path.home() / ".cache") / "lambundle"


def kept(name: str, build: Callable[[Path], Iterable[str]], *, instead: Path) -> Path:
    """Return the tree ``name``, built by ``build`` unless it is there and as it would be built now.

    ``build`` is given an empty directory and returns the path of every file that it took something from. Where the
    cache cannot be written the tree is built below ``instead``.
    """
    try:
        directory = cache_directory()
        directory.mkdir(parents=True, exist_ok=True)
        return _kept(directory, name, build)
    except OSError:
        tree = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=instead))
        build(tree)
        tree.chmod(0o755)
        return tree


def _kept(directory: Path, name: str, build: Callable[[Path], Iterable[str]]) -> Path:
    place = directory / name
    if _is_current(place):
        return place / _TREE
    building = Path(tempfile.mkdtemp(prefix=f"{name}-building-", dir=directory))
    try:
        (building / _TREE).mkdir()
        sources = build(building / _TREE)
        (building / _STAMP).write_text(json.dumps({path: _identity(path) for path in sources}))
        for path in (building, building / _TREE):
            path.chmod(0o755)  # the sandbox's user may be another
        _replace(building, place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return place / _TREE


def _is_current(place: Path) -> bool:
    """Whether every file that the tree was made from is as it was."""
    try:
        known = json.loads((place / _STAMP).read_text())
        return bool({path: _identity(path) for path in known} == known)
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _replace(new: Path, old: Path) -> None:
    # The old tree is moved first: at no moment is there a half of either under the name.
    aside = Path(tempfile.mkdtemp(prefix=f"{old.name}-old-", dir=old.parent))
    with contextlib.suppress(FileNotFoundError):
        old.rename(aside / _TREE)
    with contextlib.suppress(OSError):  # somebody else was faster: theirs is as good
        new.rename(old)
    shutil.rmtree(aside, ignore_errors=True)


def _identity(path: str) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]
