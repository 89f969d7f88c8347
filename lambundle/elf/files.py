"""The files of a machine as the loader sees them: asked once each, below ``/`` or another root."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from lambundle.elf.headers import ElfFile, read_elf
from lambundle.errors import BadElfError, NotElfError, UnreadableFileError

_MAX_LINKS = 40  # as the kernel's, path_resolution(7)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a path does not give an ELF file.

    ``fatal`` says that a file is there and can be opened, where glibc gives up instead of looking further.
    """

    reason: str
    fatal: bool = False


class Disk:
    """A machine's file system, remembered as it was at the first question.

    Paths that go in and come out are absolute paths of that machine; ``root`` is where it is mounted here.
    """

    def __init__(self, root: str = "") -> None:
        self._root = root.rstrip("/")
        self._answers: dict[str, ElfFile | Refusal] = {}
        self._headers: dict[tuple[int, int], ElfFile | Refusal] = {}
        self._directories: dict[str, bool] = {}
        self._real: dict[str, str] = {}

    def elf(self, path: str) -> ElfFile | Refusal:
        """Read the headers of a file, each file once whatever its names."""
        answer = self._answers.get(path)
        if answer is None:
            answer = self._answers[path] = self._elf(path)
        return answer

    def _elf(self, path: str) -> ElfFile | Refusal:
        place = self._place(path)
        try:
            status = os.stat(place)
        except (OSError, ValueError) as error:
            return Refusal(_reason(error))
        identity = status.st_dev, status.st_ino
        answer = self._headers.get(identity)
        if answer is None:
            answer = self._headers[identity] = self._read(place, status)
        return answer

    def _read(self, place: str, status: os.stat_result) -> ElfFile | Refusal:
        if stat.S_ISDIR(status.st_mode):
            return Refusal("it is a directory", fatal=True)
        try:
            return read_elf(place)
        except NotElfError:
            return Refusal("it is not an ELF file", fatal=True)
        except BadElfError as error:
            return Refusal(error.message.partition(" is a damaged ELF file: ")[2] or error.message, fatal=True)
        except UnreadableFileError as error:
            return Refusal(error.message.rpartition("cannot be read: ")[2])

    def identity(self, path: str) -> tuple[int, int] | None:
        """Device and inode, by which the loader knows a file that it has under another name."""
        try:
            status = os.stat(self._place(path))
        except (OSError, ValueError):
            return None
        return status.st_dev, status.st_ino

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory of that name."""
        answer = self._directories.get(path)
        if answer is None:
            answer = self._directories[path] = Path(self._place(path)).is_dir()
        return answer

    def is_file(self, path: str) -> bool:
        """Whether there is anything but a directory of that name."""
        place = Path(self._place(path))
        return place.exists() and not place.is_dir()

    def content(self, path: str, limit: int) -> bytes | None:
        """Read a whole file, None if it cannot be read or is larger than ``limit``."""
        try:
            fd = os.open(self._place(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError):
            return None
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
                return None
            return file.read(limit)

    def matches(self, pattern: str) -> list[str]:
        """List the paths that a glob(7) pattern matches, sorted."""
        top = Path(self._root or "/")
        found = sorted(str(path) for path in top.glob(pattern.lstrip("/")))
        return [path[len(self._root) :] for path in found]

    def real(self, path: str) -> str:
        """Follow every symbolic link, as realpath(3), without leaving the root."""
        answer = self._real.get(path)
        if answer is None:
            answer = self._real[path] = self._resolve(path) if self._root else self._realpath(path)
        return answer

    def _realpath(self, path: str) -> str:
        # Hundreds of libraries are in a few directories: each of these is followed once.
        directory, _, name = path.rpartition("/")
        if not directory or name in {"", ".", ".."}:
            return os.path.realpath(path)
        step = f"{self.real(directory).rstrip('/')}/{name}"
        return os.path.realpath(step) if os.path.islink(step) else step

    def _place(self, path: str) -> str:
        # Only a link can lead out of the root, and only then is resolving it worth its time.
        return self._root + self._resolve(path) if self._root else path

    def _resolve(self, path: str) -> str:
        done = ""
        todo = [part for part in reversed(path.split("/")) if part]
        links = 0
        while todo:
            part = todo.pop()
            if part == ".":
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            step = f"{done}/{part}"
            try:
                target = os.readlink(self._root + step)
            except (OSError, ValueError):
                done = step
                continue
            links += 1
            if links > _MAX_LINKS:
                return path
            if target.startswith("/"):
                done = ""
            todo.extend(name for name in reversed(target.split("/")) if name)
        return done or "/"


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
