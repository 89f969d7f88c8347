"""The packing machine: its files below a root, its environment, how it names itself.

The only room that may touch them. Everything above asks a ``Machine``, so that the packing machine can be this one
(``here``), a directory that holds another Linux (``at``), or one that exists in memory only (``MemoryFiles``).
"""

from __future__ import annotations

from lambundle.machine.disk import DiskFiles
from lambundle.machine.files import MAX_LINKS, Files, Item, escaped
from lambundle.machine.machine import DEFAULT_PATH, Machine, at, here
from lambundle.machine.memory import MemoryFiles
from lambundle.machine.source import Source, own_file

__all__ = [
    "DEFAULT_PATH",
    "MAX_LINKS",
    "DiskFiles",
    "Files",
    "Item",
    "Machine",
    "MemoryFiles",
    "Source",
    "at",
    "escaped",
    "here",
    "own_file",
]
