"""The shell that runs the user's command and marks its start in the trace."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from lambundle.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH = "/bin/sh"


def arguments(command: str, start: str | None = None) -> tuple[str, ...]:
    """Return the command line of a command; it opens ``start`` first, if given."""
    if start is None:
        return PATH, "-c", command
    # `start` is opened after the shell's own start-up, which is not recorded, on a line of its own, so that it is
    # opened even if the command has a syntax error.
    return PATH, "-c", f":<{shlex.quote(start)}\n{command}"


def started(line: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a command line, with stdout on stderr. Raises RecordingError."""
    try:
        return subprocess.Popen(line, stdout=2, env=environment)
    except (OSError, ValueError) as error:
        raise RecordingError(f"{line[0]} cannot be started: {error}") from error


def status(returncode: int) -> int:
    """Return the exit status as in a shell: 128 + N for a signal."""
    return 128 - returncode if returncode < 0 else returncode


def nothing_recorded(command: str, hint: str) -> RecordingError:
    """Return the error for a command of which nothing was recorded."""
    return RecordingError(f"nothing could be recorded of: {command}", hint=hint)
