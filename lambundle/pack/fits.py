"""The limits of the runtime, checked before a bundle is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.errors import RuntimeLimitError
from lambundle.runtime import limits
from lambundle.target import MOUNTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.pack.config import Config

LONGEST_MOUNT = max(MOUNTS, key=len)
"""The mount point below which paths are longest."""

_HINT = "pack fewer programs into one bundle"
_SHOWN = 3


def check_fits(config: Config, bundle: str) -> None:
    """Raise RuntimeLimitError if the runtime or the loader cannot hold the configuration."""
    size = _bytes(config.text())
    if size >= limits.CONFIG_MAX:
        raise RuntimeLimitError(
            f"the runtime's configuration has {size:,} bytes, but the runtime reads {limits.CONFIG_MAX - 1:,}",
            context=(
                f"variables: {len(config.environment):,}",
                f"directories with libraries: {len(config.directories or ()):,}",
                f"programs with a search order of their own: {len(config.private):,}",
            ),
            hint=_HINT,
        )
    _check_search_order("every program", config.directories or (), bundle)
    for program, directories in config.private.items():
        _check_search_order(program, directories, bundle)


def _check_search_order(program: str, directories: Sequence[str], bundle: str) -> None:
    home = f"{LONGEST_MOUNT}/lambundle/{bundle}"
    size = sum(_bytes(f"{home}/root{path}:") for path in directories) + _bytes(f"{home}/runtime") + 1
    if size > limits.LIBRARY_PATH_MAX:
        raise RuntimeLimitError(
            f"the search order of {program}, {len(directories):,} directories, has {size:,} bytes, but "
            f"{limits.LIBRARY_PATH_MAX:,} fit into the loader's command line",
            context=(*directories[:_SHOWN], f"and {len(directories) - _SHOWN:,} more"),
            hint=_HINT,
        )


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogateescape"))
