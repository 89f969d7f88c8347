"""Messages between verify and the supervisor of an environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

STAGE = "/sys"
"""Where the mounts are made, seen by nobody else: a directory that every machine has, that Lambda's user can walk
into, and that holds nothing that a run is given."""
TMP = f"{STAGE}/tmp"  # noqa: S108  (no such place but in our namespace)

SECCOMP, BLOCK, STATUS = 3, 4, 5
"""Descriptors as bubblewrap gets them."""


def stage(run: str, number: int) -> str:
    """Where the source ``number`` of a run is mounted while it runs."""
    return f"{STAGE}/{run}/{number}"


class Handles(NamedTuple):
    """The descriptors that come with a run: what it is (JSON), its own socket, its streams, the seccomp filter."""

    request: int
    control: int
    stdin: int
    stdout: int
    stderr: int
    seccomp: int


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run, as it is asked for: ``arguments`` of the bubblewrap at ``program``, ``binds`` to be mounted first.

    ``program`` is a path in the first of them. ``memory`` and ``tmp`` are bytes, ``processes`` counts threads too; on
    ``processors`` of this machine's it runs, as far as there are so many.
    """

    name: str
    program: str
    arguments: tuple[str, ...]
    binds: tuple[str, ...]
    memory: int
    tmp: int
    seconds: float
    processes: int
    processors: int

    @classmethod
    def read(cls, handle: int) -> RunRequest:
        """Read it from an open file."""
        with open(handle, encoding="utf-8", errors="surrogateescape", closefd=False) as file:
            file.seek(0)
            fields: dict[str, Any] = json.load(file)
        return cls(**{**fields, "arguments": tuple(fields["arguments"]), "binds": tuple(fields["binds"])})
