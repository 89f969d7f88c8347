"""Cached trees that are rebuilt when a source of theirs changes.

They lie in $XDG_CACHE_HOME/lambundle, each whole under its name or not at all. Several processes use them at once: one
builds while the others wait, and a tree that was replaced stays aside until nobody can be using it any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_STAMP = "sources.json"
_TREE = "tree"
_ASIDE = "-old-"
_IN_USE = 24 * 60 * 60.0  # seconds after which no run that began with a tree goes on


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
    with _alone(directory):
        if not _is_current(place):  # nor did somebody else build it while we waited
            _build(directory, place, build)
    return place / _TREE


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Be the only one who builds; the lock goes with the process that holds it."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _build(directory: Path, place: Path, build: Callable[[Path], Iterable[str]]) -> None:
    _remove_old(directory)
    building = Path(tempfile.mkdtemp(prefix=f"{place.name}-building-", dir=directory))
    try:
        (building / _TREE).mkdir()
        sources = build(building / _TREE)
        (building / _STAMP).write_text(json.dumps({path: _identity(path) for path in sources}))
        for path in (building, building / _TREE):
            path.chmod(0o755)  # the sandbox's user may be another
        _replace(building, place)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _is_current(place: Path) -> bool:
    """Whether every file that the tree was made from is as it was."""
    try:
        known = json.loads((place / _STAMP).read_text())
        return bool({path: _identity(path) for path in known} == known)
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _replace(new: Path, old: Path) -> None:
    """Put a tree in the place of an old one, which a run that began with it may be using still."""
    if os.path.lexists(old):
        aside = Path(tempfile.mkdtemp(prefix=f"{old.name}{_ASIDE}", dir=old.parent))
        old.rename(aside)  # an empty directory may be replaced
        os.utime(aside)
    new.rename(old)


def _remove_old(directory: Path) -> None:
    """Remove what was replaced so long ago that nobody uses it, or was left half built by a process that was killed."""
    for place in (*directory.glob(f"*{_ASIDE}*"), *directory.glob("*-building-*")):
        with contextlib.suppress(OSError):
            if place.stat().st_mtime < time.time() - _IN_USE:
                shutil.rmtree(place)


def _identity(path: str) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]
