"""Atomic outputs: written aside, then moved into place by one system call."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import signal
import stat
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lambundle.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

MIB = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_TMPFILE = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}  # file systems and kernels without it
_HINTS = {
    errno.ENOENT: "make the directory first, or name another with -o",
    errno.ENOTDIR: "name a path below a directory with -o",
    errno.EACCES: "name a directory that you may write to with -o",
    errno.EPERM: "name a directory that you may write to with -o",
    errno.EROFS: "the file system is read-only: name another directory with -o",
    errno.EDQUOT: "your quota is used up: free some space, or name another directory with -o",
    errno.EFBIG: "the limit on file sizes is reached (ulimit -f, or the file system's): raise it",
}


@contextlib.contextmanager
def replacing_file(out: Path, needs: int) -> Iterator[int]:
    """Give a file descriptor to write; ``out`` becomes that file unless the block raises.

    ``needs`` is the most bytes it takes, for the message if the disk is full. Until then the file is unnamed
    (O_TMPFILE), so that not even SIGKILL leaves it; on other file systems its name starts with a dot, and any exception
    removes it. Mode and owner are those of the file that is replaced; without one the mode follows the umask. Raises
    OutputError for any OSError in the block.
    """
    with output_errors(out, needs), _sigterm_as_exit():
        target = Path(os.path.realpath(out))
        if target.exists() and not target.is_file():
            raise OutputError(f"{out} exists and is not a file", hint="name another path with -o")
        fd = _unnamed(target.parent)
        if fd is not None:
            try:
                yield fd
                _take_after(fd, target)
                _give_name(fd, target)
            finally:
                os.close(fd)
            return
        name = _aside(target)
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            try:
                yield fd
                _take_after(fd, target)
            finally:
                os.close(fd)
            name.replace(target)
        except BaseException:
            name.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def replacing_tree(out: Path, needs: int) -> Iterator[Path]:
    """Give an empty private directory, which becomes ``out`` unless the block raises.

    As ``replacing_file``, but SIGKILL leaves ``.NAME.XXXX.tmp`` beside ``out``. Raises UsageError unless ``out`` is
    missing or an empty directory.
    """
    with output_errors(out, needs), _sigterm_as_exit():
        target = Path(os.path.realpath(out))
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise UsageError(
                f"{out} exists and is not an empty directory",
                hint="name a new directory with -o, or empty this one",
            )
        work = Path(tempfile.mkdtemp(prefix=f".{target.name[:200]}.", suffix=".tmp", dir=target.parent))
        try:
            yield work
            work.rename(target)
        except BaseException:
            _remove(work)
            raise


def try_directory(directory: Path) -> None:
    """Raise the OSError with which a file could not be made in ``directory``; nothing stays there."""
    fd = _unnamed(directory)
    if fd is not None:
        os.close(fd)
        return
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=directory)
    os.close(handle)
    os.unlink(name)  # noqa: PTH108


def write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of ``data``, in several write(2) if needed."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


@contextlib.contextmanager
def output_errors(out: Path, needs: int) -> Iterator[None]:
    """Raise an OutputError about ``out`` for any OSError in the block."""
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        context: tuple[str, ...] = ()
        hint = _HINTS.get(error.errno or 0)
        if error.errno in _FULL:
            context = (f"it may need {_mib(needs)}; {_free(out)}",)
            hint = hint or "free some space, or name a directory on another disk with -o"
        raise OutputError(f"cannot write {out}: {what[:1].lower()}{what[1:]}", context=context, hint=hint) from error


def _free(out: Path) -> str:
    try:
        found = os.statvfs(out.parent)
    except OSError:
        return "how much is free cannot be told"
    return f"{_mib(found.f_bavail * found.f_frsize)} are free in {out.parent}"


def _mib(size: int) -> str:
    return f"{-(-size // MIB):,} MiB"


def _unnamed(directory: Path) -> int | None:
    """Open an unnamed file in ``directory``; None if this or naming it later is not supported."""
    if not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(directory, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in _NO_TMPFILE:
            return None  # an error of the directory is raised for the named file
        raise


def _take_after(fd: int, target: Path) -> None:
    """Give the file open at ``fd`` the owner and permissions of the file that it replaces, as far as one may."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(PermissionError):  # another user's file in a directory of ours
        os.fchown(fd, old.st_uid, old.st_gid)
    os.fchmod(fd, stat.S_IMODE(old.st_mode) & 0o777)


def _give_name(fd: int, target: Path) -> None:
    """Name the unnamed file, directly if the name is free, else by a rename over the old file."""
    parent = os.open(target.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            _link(fd, parent, target.name)
        except FileExistsError:
            name = _aside(target).name
            _link(fd, parent, name)
            try:
                os.replace(name, target.name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                os.unlink(name, dir_fd=parent)
                raise
    finally:
        os.close(parent)


def _link(fd: int, parent: int, name: str) -> None:
    # linkat(2) follows the link in /proc; Python calls it only with a directory.
    os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=parent, follow_symlinks=True)


def _aside(target: Path) -> Path:
    # A long name is cut so that the suffix fits into NAME_MAX.
    return target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.tmp")


def _remove(work: Path) -> None:
    """Remove the tree ``work``, whatever the modes of its directories."""
    for top, directories, _ in os.walk(work):
        for name in directories:
            path = os.path.join(top, name)
            if not stat.S_ISLNK(os.lstat(path).st_mode):
                os.chmod(path, 0o700)  # noqa: PTH101
    shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM unwind the stack in the block, so that unfinished output is removed."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
