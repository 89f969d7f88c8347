"""The two ways to record a command."""

from __future__ import annotations

from enum import StrEnum


class Method(StrEnum):
    """How a command is recorded."""

    STRACE = "strace"
    RUNTIME = "runtime"
