"""The shell that runs a command of the user's, and marks where the command begins."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from lambundle.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH = "/bin/sh"


def arguments(command: str, start: str | None = None) -> tuple[str, ...]:
    """Return the command line that runs a command; before that it opens ``start``, if given."""
    if start is None:
        return PATH, "-c", command
    # Opening `start` marks where the shell's own beginning ends: the shell is our means, not the command's.
    # On a line of its own, so that the mark is there even if the command cannot be parsed.
    return PATH, "-c", f":<{shlex.quote(start)}\n{command}"


def started(line: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a command line; its stdout goes to our stderr. Raises RecordingError."""
    try:
        return subprocess.Popen(line, stdout=2, env=environment)
    except (OSError, ValueError) as error:
        raise RecordingError(f"{line[0]} cannot be started: {error}") from error


def status(returncode: int) -> int:
    """Return what a shell would say of how a process ended: 128 + N for a signal."""
    return 128 - returncode if returncode < 0 else returncode


def nothing_recorded(command: str, hint: str) -> RecordingError:
    """Make the error for a command of which nothing was seen."""
    return RecordingError(f"nothing could be recorded of: {command}", hint=hint)
