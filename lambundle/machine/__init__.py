"""The packing machine: its files below a root, its environment, its distribution.

The only room that may touch them. All rooms above use a ``Machine``: this one (``here``), the Linux in a directory
(``at``), or one in memory (``MemoryFiles``).
"""

from __future__ import annotations

from lambundle.machine.disk import DiskFiles
from lambundle.machine.files import MAX_LINKS, Files, Item, escaped
from lambundle.machine.machine import DEFAULT_PATH, Machine, at, here
from lambundle.machine.memory import MemoryFiles
from lambundle.machine.regular import NotRegularError, open_regular, read_regular
from lambundle.machine.source import Source, own_file

__all__ = [
    "DEFAULT_PATH",
    "MAX_LINKS",
    "DiskFiles",
    "Files",
    "Item",
    "Machine",
    "MemoryFiles",
    "NotRegularError",
    "Source",
    "at",
    "escaped",
    "here",
    "open_regular",
    "own_file",
    "read_regular",
]
