"""The work directory: removed at the end, and by the next verify after a kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

PREFIX = "lambundle-verify-"
LOCK = "lock"
"""The file in it that is locked as long as it is in use."""
_UNLOCKED = "unlocked"
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def work_directory() -> Iterator[Path]:
    """Give an empty directory of our own, and remove it with all that is in it.

    SIGTERM and SIGHUP unwind the stack meanwhile, as SIGINT does, so that a sandbox is closed too. After SIGKILL the
    directory stays, unlocked: the next call removes it.
    """
    with _undisturbed():  # the first time it is asked, tempfile tries with a file what can be written
        tempfile.gettempdir()
    _remove_abandoned()
    with _signals_as_exit(), contextlib.ExitStack() as stack:
        with _undisturbed():  # there is no moment at which the directory is there and nobody would remove it
            work = Path(tempfile.mkdtemp(prefix=PREFIX))
            stack.callback(_undisturbed()(remove_tree), work)
            lock = stack.enter_context((work / _UNLOCKED).open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            (work / _UNLOCKED).rename(work / LOCK)  # others see it locked, or not at all
        yield work


def is_locked(lock: Path) -> bool:
    """Whether the verify whose lock this is goes on."""
    try:
        fd = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def remove_tree(tree: Path) -> None:
    """Remove a tree of ours, whatever modes its directories have."""
    for place, directories, _ in os.walk(tree):
        for name in directories:
            path = os.path.join(place, name)
            if not os.path.islink(path):
                with contextlib.suppress(OSError):
                    Path(path).chmod(0o700)
    shutil.rmtree(tree, ignore_errors=True)


def _remove_abandoned() -> None:
    """Remove what a verify of this user that was killed left here; nobody holds its lock."""
    for tree in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            status = tree.lstat()
            if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
                continue
            fd = os.open(tree / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(tree)
            finally:
                os.close(fd)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let the signals that end us wait."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_SIGNALS})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _signals_as_exit() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    ours = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _exit)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
