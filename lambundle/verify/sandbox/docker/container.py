"""A container: it lives as long as the environment, with a supervisor as its first process (supervisor.sh)."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.errors import SandboxError
from lambundle.verify.sandbox.docker.client import HINT, TIMEOUT, docker, find_docker
from lambundle.verify.sandbox.streams import tail

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL = "lambundle.verify"
"""Every container of ours has it."""

_IMAGE_HINT = "the image needs bash and coreutils, as Lambda's own have them"
_SUPERVISOR = Path(__file__).with_name("supervisor.sh")
_GRACE = 10.0


class Container:
    """A container of ``image`` in which a run may hold ``memory`` bytes; ``options`` are those of docker run."""

    def __init__(self, options: Sequence[str], image: str, memory: int) -> None:
        self.name = f"lambundle-{secrets.token_hex(6)}"
        self._heard = b""
        self._lock = threading.Lock()
        self._busy = False
        arguments = ["run", "-i", "--rm", "--pull", "never", "--name", self.name, "--label", LABEL, *options]
        supervisor = ["--entrypoint", "/bin/bash", image, "-c", _SUPERVISOR.read_text(), "lambundle", str(memory)]
        self._process = subprocess.Popen(
            [find_docker(), *arguments, *supervisor],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        if self._answer() != "ready":
            words = self._last_words()
            self.close()
            raise SandboxError(f"no container of {image} can be had", context=(words,), hint=_IMAGE_HINT)

    def begin(self) -> None:
        """Watch over the run that is to start."""
        with self._lock:
            if self._busy:
                raise SandboxError("a run in Docker has not ended yet", hint="wait for it, or use another sandbox")
            self._busy = True
        self._tell("begin")
        if self._answer() != "begun":
            raise SandboxError("the container is gone", context=(self._last_words(),), hint=HINT)

    def kill(self) -> None:
        """Kill every process but the supervisor."""
        self._tell("kill")

    def end(self) -> tuple[int | None, int, bool] | None:
        """Kill what is left; the answer is peak memory if it is known, most bytes in /tmp, whether memory ran out.

        None when the container is gone.
        """
        self._tell("end")
        words = self._answer().split()
        self._busy = False
        if len(words) != len(("peak", "tmp", "over")):
            return None
        return None if words[0] == "-" else int(words[0]), int(words[1]), words[2] == "1"

    def close(self) -> None:
        """End it; the daemon removes it, and its client waits for that."""
        try:
            self._process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(SandboxError):
                docker("rm", "--force", "--volumes", self.name)
            self._process.kill()
            self._process.communicate()

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None  # noqa: S101  (a pipe)
        with contextlib.suppress(OSError, ValueError):
            os.write(self._process.stdin.fileno(), f"{word}\n".encode())

    def _answer(self) -> str:
        """Return the next line from the supervisor, nothing if it does not come."""
        assert self._process.stdout is not None  # noqa: S101  (a pipe)
        handle = self._process.stdout.fileno()
        deadline = time.monotonic() + TIMEOUT
        while b"\n" not in self._heard:
            ready, _, _ = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))
            block = os.read(handle, 1 << 12) if ready else b""
            if not block:
                return ""
            self._heard += block
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode(errors="replace")

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            _, words = self._process.communicate(timeout=_GRACE)
            return tail(words)
        return "its first process does not answer"
