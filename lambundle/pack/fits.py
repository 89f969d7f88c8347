"""Whether the runtime can hold what a bundle tells it: asked before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.errors import RuntimeLimitError
from lambundle.runtime import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_MOUNT = "/var/task"
"""Of the directories that Lambda unpacks zips to, the longer one: below it paths grow most."""

_FEWER = "pack fewer programs into one bundle"
_SHOWN = 3


def check_config(text: str, bundle: str) -> None:
    """Raise RuntimeLimitError unless the runtime reads all of the configuration ``text`` and can act on it."""
    size = len(text.encode(errors="surrogateescape"))
    if size >= limits.CONFIG_MAX:
        raise RuntimeLimitError(
            f"the runtime's configuration has {size:,} bytes, but the runtime reads {limits.CONFIG_MAX - 1:,}",
            context=tuple(_makings(text)),
            hint=_FEWER,
        )
    root = f"{LONGEST_MOUNT}/lambundle/{bundle}/root"
    for program, directories in _library_paths(text):
        size = sum(len(f"{root}{path}:".encode(errors="surrogateescape")) for path in directories)
        size += len(f"{LONGEST_MOUNT}/lambundle/{bundle}/runtime") + 1
        if size > limits.LIBRARY_PATH_MAX:
            raise RuntimeLimitError(
                f"the {len(directories):,} directories that the loader is to search {program} have {size:,} bytes, but "
                f"{limits.LIBRARY_PATH_MAX:,} fit into its command line",
                context=(*directories[:_SHOWN], f"and {len(directories) - _SHOWN:,} more"),
                hint=_FEWER,
            )


def _library_paths(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each list of directories, with whose it is."""
    for line in text.split("\n"):
        key, _, value = line.partition(" ")
        if key == "library-path":
            yield "for every program", value.split(":")
        elif key == "library-path-of":
            program, _, directories = value.partition("=")
            yield f"for {program}", directories.split(":")


def _makings(text: str) -> Iterator[str]:
    """How many lines of each kind there are, and their bytes."""
    found: dict[str, list[int]] = {}
    for line in text.splitlines():
        found.setdefault(line.partition(" ")[0], []).append(len(line.encode(errors="surrogateescape")) + 1)
    for key, sizes in found.items():
        yield f"{sum(sizes):>9,} bytes in {len(sizes):,} lines: {key}"
