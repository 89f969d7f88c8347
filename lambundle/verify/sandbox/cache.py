"""Cached trees that are rebuilt when a source of theirs changes.

They lie in $XDG_CACHE_HOME/lambundle, each whole under its name or not at all. Several processes use them at once: one
builds while the others wait, and a tree that was replaced stays aside as long as a verify that took it goes on, which
the lock of its work directory tells.
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

from lambundle.verify.run.work import LOCK, is_locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_STAMP = "sources.json"
_TREE = "tree"
_USERS = "users"  # links to the locks of those who took the tree
_ASIDE = "-old-"
_ABANDONED = 24 * 60 * 60.0  # seconds after which nobody builds any more


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
        tree = _kept(directory, name, build)
    except OSError:
        tree = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=instead))
        build(tree)
        tree.chmod(0o755)
    else:
        _use(tree.parent, instead)
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
        _remove_old(directory)


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
    new.rename(old)


def _use(place: Path, work: Path) -> None:
    """Let it be known that a verify takes the tree: the one whose work directory ``work`` is, or is in."""
    lock = next((lock for top in (work, *work.parents) if (lock := top / LOCK).is_file()), None)
    if lock is not None:
        with contextlib.suppress(OSError):  # it was told before, or nobody may write there: then nobody removes it
            (place / _USERS).mkdir(exist_ok=True)
            (place / _USERS / f"{os.getpid()}-{lock.parent.name}").symlink_to(lock)


def _is_used(place: Path) -> bool:
    return any(map(is_locked, place.glob(f"{_USERS}/*")))


def _remove_old(directory: Path) -> None:
    """Remove what was replaced and nobody uses, and what was left half built by a process that was killed."""
    for place in directory.glob(f"*{_ASIDE}*"):
        if not _is_used(place):
            shutil.rmtree(place, ignore_errors=True)
    for place in directory.glob("*-building-*"):
        with contextlib.suppress(OSError):
            if place.stat().st_mtime < time.time() - _ABANDONED:
                shutil.rmtree(place)


def _identity(path: str) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]
