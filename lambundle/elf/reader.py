"""Bounded reads of one ELF file, in its own class and byte order."""

from __future__ import annotations

import functools
import struct
import sys
from typing import TYPE_CHECKING

from lambundle.errors import BadElfError

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK = 1 << 14
_MAX_BLOCKS = 64
_MAX_STRINGS = 1 << 22  # bytes of all names of a file, far above the output of any linker

# The arguments of os.fsdecode, which is slow when called thousands of times.
_ENCODING = sys.getfilesystemencoding()
_ENCODING_ERRORS = sys.getfilesystemencodeerrors()


class Layout:
    """The structures of one class and byte order."""

    __slots__ = ("bits", "dynamic", "header", "is64", "little", "program", "word")

    def __init__(self, bits: int, *, little: bool) -> None:
        order = "<" if little else ">"
        self.bits = bits
        self.little = little
        self.is64 = bits == 64  # noqa: PLR2004  (the ELF class)
        self.header = struct.Struct(order + ("HHIQQQIHHH" if self.is64 else "HHIIIIIHHH"))
        self.program = struct.Struct(order + ("IIQQQQQQ" if self.is64 else "IIIIIIII"))
        self.dynamic = struct.Struct(order + ("QQ" if self.is64 else "II"))
        self.word = order


LAYOUTS = {
    (class_, data): Layout(32 * class_, little=data == 1)
    for class_ in (1, 2)  # ELFCLASS32, ELFCLASS64
    for data in (1, 2)  # ELFDATA2LSB, ELFDATA2MSB
}


@functools.cache
def structure(layout: str) -> struct.Struct:
    """Return a compiled structure."""
    return struct.Struct(layout)


class Reader:
    """Bounds-checked reads from one file, in blocks that are kept."""

    __slots__ = ("_blocks", "_budget", "_fetch", "name", "size")

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, name: str) -> None:
        self._fetch = fetch
        self._blocks: dict[int, bytes] = {}
        self._budget = _MAX_STRINGS
        self.size = size
        self.name = name

    def bad(self, what: str) -> BadElfError:
        """Return the error for this file."""
        return BadElfError(f"{self.name} is a damaged ELF file: {what}")

    def _block(self, number: int) -> bytes:
        if len(self._blocks) >= _MAX_BLOCKS:
            self._blocks.clear()
        block = self._blocks[number] = self._fetch(number * _BLOCK, _BLOCK)
        return block

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Return ``size`` bytes, which the caller has bounded. Raises BadElfError."""
        if offset + size > self.size:
            raise self.bad(f"{what} at {offset:#x} with {size} bytes is beyond its end at {self.size:#x}")
        number, start = divmod(offset, _BLOCK)
        if start + size <= _BLOCK:
            data = (self._blocks.get(number) or self._block(number))[start : start + size]
        else:
            data = self._fetch(offset, size)
        if len(data) != size:
            # The file was truncated meanwhile.
            raise self.bad(f"{what} at {offset:#x} is cut off")
        return data

    def string(self, offset: int, end: int, limit: int, what: str) -> str:
        """Return the string at ``offset``, which ends before ``end`` and within ``limit`` bytes. Raises BadElfError."""
        end = min(end, self.size, offset + limit)
        if offset >= end:
            raise self.bad(f"{what} is beyond the end of the string table")
        number, start = divmod(offset, _BLOCK)
        block = self._blocks.get(number) or self._block(number)
        stop = block.find(0, start, start + end - offset)
        text = block[start:stop] if stop >= 0 else self._long_string(offset, end, what)
        self._budget -= len(text)
        if self._budget < 0:
            raise self.bad(f"its names have more than {_MAX_STRINGS:,} bytes")
        return text.decode(_ENCODING, _ENCODING_ERRORS)

    def _long_string(self, offset: int, end: int, what: str) -> bytes:
        """Return a string that crosses the end of its block."""
        text = self._fetch(offset, end - offset)
        stop = text.find(0)
        if stop < 0:
            raise self.bad(f"{what} has no end")
        return text[:stop]
