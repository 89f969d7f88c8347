"""Docker's client under a watchdog: it ends with verify."""

from __future__ import annotations

import os
import shutil
import subprocess

from lambundle.errors import SandboxError
from lambundle.verify.sandbox.streams import tail

HINT = "install Docker and start its daemon, or use --sandbox bubblewrap"
TIMEOUT = 30.0
"""Seconds that the daemon may take for anything but pulling."""

# Ends its program when standard input ends: that of verify, however it goes.
_WATCHDOG = """
exec 3<&0
"$@" < /dev/null & child=$!
{ read -r _ <&3; kill "$child"; } > /dev/null 2>&1 & watcher=$!
wait "$child"; status=$?
kill "$watcher" 2> /dev/null; exit "$status"
"""


def docker(*arguments: str, seconds: float | None = None) -> str:
    """Run Docker's client, at most so long, and return what it prints; raise SandboxError with its last words."""
    seconds = TIMEOUT if seconds is None else seconds
    watched, held_end = os.pipe()
    with os.fdopen(held_end, "wb") as held:
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHDOG, "sh", find_docker(), *arguments],
                stdin=watched,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        finally:
            os.close(watched)
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            held.close()
            process.communicate()
            raise SandboxError(f"docker {arguments[0]} takes longer than {seconds:g} s", hint=HINT) from None
    if process.returncode != 0:
        raise SandboxError("Docker does not work here", context=(tail(stderr),), hint=HINT)
    return stdout.decode(errors="replace")


def find_docker() -> str:
    """Find Docker's client on PATH; raise SandboxError."""
    found = shutil.which("docker")
    if found is None:
        raise SandboxError("docker is not installed", hint=HINT)
    return found
