"""The files of a machine as the loader sees them; the headers of each ELF file are read once."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lambundle.elf.headers import ElfFile, read_elf
from lambundle.errors import BadElfError, NotElfError, UnreadableFileError

if TYPE_CHECKING:
    from lambundle.machine import Files


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a path is not used as an ELF file; ``fatal`` if it can be opened, so that glibc does not search further."""

    reason: str
    fatal: bool = False


class LoaderFiles(Protocol):
    """The file system of a loader; paths are absolute."""

    def elf(self, path: str) -> ElfFile | Refusal:
        """Return the headers of a file, or why there are none."""
        ...

    def searched(self, by: str, cost: int) -> None:
        """Count a location that is searched for ``by``; raise where files ask for more than any real ones do."""
        ...

    def identity(self, path: str) -> tuple[int, int] | None:
        """Return device and inode, by which the loader recognises a file under another name."""
        ...

    def is_directory(self, path: str) -> bool:
        """Return whether ``path`` leads to a directory."""
        ...

    def is_file(self, path: str) -> bool:
        """Return whether ``path`` leads to a regular file."""
        ...

    def content(self, path: str, limit: int) -> bytes | None:
        """Return a whole file; None if it cannot be read or has more than ``limit`` bytes."""
        ...

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that match a pattern, sorted."""
        ...

    def real(self, path: str) -> str:
        """Return the real path: every link is followed."""
        ...


SEARCHES, SEARCHES_A_FILE = 1 << 16, 1 << 10
"""How many locations are searched: in any case, and more for each ELF file; of chromium it is 20 a file.

A file names libraries and directories, each of which is searched for each: their product has no other bound.
"""


class ElfFiles:
    """The files of a machine with their ELF headers, each file's read once whatever its names."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.identity = files.identity
        self.is_directory = files.is_directory
        self.is_file = files.is_file
        self.content = files.content
        self.glob = files.glob
        self.real = files.real
        self._answers: dict[str, ElfFile | Refusal] = {}
        self._headers: dict[tuple[int, int], ElfFile | Refusal] = {}
        self._searches = 0

    def searched(self, by: str, cost: int) -> None:
        """Count a location that is searched for ``by``. Raises BadElfError above what real files ask for."""
        self._searches += cost
        if self._searches > SEARCHES + SEARCHES_A_FILE * len(self._headers):
            raise BadElfError(f"{by} is a damaged ELF file: its libraries would be searched for in too many places")

    def elf(self, path: str) -> ElfFile | Refusal:
        """Return the headers of a file, or why there are none."""
        answer = self._answers.get(path)
        if answer is None:
            answer = self._answers[path] = self._ask(path)
        return answer

    def _ask(self, path: str) -> ElfFile | Refusal:
        try:
            status = self.files.stat(path)
        except OSError as error:
            return Refusal(_words(error))
        identity = status.st_dev, status.st_ino
        answer = self._headers.get(identity)
        if answer is None:
            is_directory = stat.S_ISDIR(status.st_mode)
            answer = Refusal("it is a directory", fatal=True) if is_directory else self._read(path)
            self._headers[identity] = answer
        return answer

    def _read(self, path: str) -> ElfFile | Refusal:
        try:
            return read_elf(self.files, path)
        except NotElfError:
            return Refusal("it is not an ELF file", fatal=True)
        except BadElfError as error:
            return Refusal(error.message.partition(" is a damaged ELF file: ")[2] or error.message, fatal=True)
        except UnreadableFileError as error:
            return Refusal(error.message.rpartition("cannot be read: ")[2])


def _words(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return error.strerror.lower() if error.strerror else str(error)
