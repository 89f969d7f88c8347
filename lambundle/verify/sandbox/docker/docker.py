"""The sandbox by Docker: Lambda's user, mounts and limits on an image of Amazon's.

A container lives as long as its environment. Its first process (supervisor.sh) ends with the pipe that verify
holds, so nothing outlives verify however that ends; runs are started beside it by ``docker exec``.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle import target
from lambundle.errors import LambundleError, SandboxError
from lambundle.verify.sandbox import seccomp
from lambundle.verify.sandbox.docker.client import HINT, docker, find_docker
from lambundle.verify.sandbox.docker.container import Container
from lambundle.verify.sandbox.interface import KILLED, TIMED_OUT, Command, Outcome, admit, under_env
from lambundle.verify.sandbox.streams import Streams, feeding

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE = "public.ecr.aws/lambda/provided:al2023"
"""The image whose root is nearest to that of a function uploaded as a zip."""

_PULL = 600.0  # seconds
_KILL_AGAIN = 0.1
_GRACE = 10.0  # seconds until docker exec itself is killed
_ROOM = 100  # processes above Lambda's limit: the supervisor's own must not be held up by those of a run

# What the command leaves running would keep docker exec waiting for its output. The shell itself stays silent.
_FINISH = 'exec 3>&2 2>/dev/null; "$@" 2>&3 3>&-; status=$?; kill -9 -1; exit "$status"'


class DockerSandbox:
    """One environment in a container of ``image``. ``work`` is a directory for its own use.

    Docker sees the directories of the machine that its daemon runs on: that has to be this one. A run at a time.
    """

    name = "docker"

    def __init__(self, image: str, work: Path) -> None:
        self._image = image
        self._work = work
        self._files: Path | None = None
        self._containers: dict[tuple[object, ...], Container] = {}
        self._last: DockerRun | None = None

    def unavailable(self) -> str | None:
        """Say why Docker or the image cannot be had, pulling it if need be; None when they can."""
        try:
            docker("version", "--format", "{{.Server.Version}}")
            self._pull()
        except LambundleError as error:
            return "; ".join(filter(None, (error.message, *error.context, error.hint)))
        return None

    def start(self, command: Command) -> DockerRun:
        """Start ``command``; raise SandboxError where there is no Docker, no image, or no such container can be made.

        Commands with the same mounts and limits share a container, and all of them /tmp, the size of the first one's.
        """
        for directory in command.writable.values():
            admit(directory)
        container = self._container(command)
        words = [
            *(find_docker(), "exec", "-i", "--user", f"{target.UID}:{target.GID}", "--workdir", command.cwd),
            *(container.name, "/bin/bash", "-c", _FINISH, "lambundle", *under_env(command)),
        ]
        container.begin()
        with feeding(command.stdin) as streams:
            process = subprocess.Popen(
                words, stdin=streams.stdin, stdout=streams.stdout, stderr=streams.stderr, start_new_session=True
            )
        self._last = DockerRun(container, process, streams, command.limits.seconds)
        return self._last

    def close(self) -> None:
        """Remove the containers, and with them all that runs in them and /tmp."""
        if self._last is not None:
            self._last.kill()
            with contextlib.suppress(SandboxError):
                self._last.wait()
        for container in reversed(self._containers.values()):
            container.close()
        self._containers.clear()
        if self._files is not None:
            shutil.rmtree(self._files, ignore_errors=True)
            self._files = None

    def _pull(self) -> None:
        with contextlib.suppress(SandboxError):
            docker("image", "inspect", "--format", "{{.Id}}", self._image)
            return
        try:
            docker("pull", "--quiet", self._image, seconds=_PULL)
        except SandboxError as error:
            message = f"{self._image} is not on this machine and cannot be pulled"
            raise SandboxError(message, context=error.context, hint="docker pull it once there is a network") from error

    def _container(self, command: Command) -> Container:
        key = (*sorted(command.mounts.items()), *sorted(command.writable.items()), command.limits.memory)
        container = self._containers.get(key)
        if container is None:
            if self._files is None:
                self._pull()
                self._files = _write_files(self._work)
            first = next(iter(self._containers.values()), None)
            options = [*_options(command, self._files), _tmp(command.limits.tmp, first.name if first else None)]
            container = self._containers[key] = Container(options, self._image, command.limits.memory)
        return container


# --- a command in Docker's words


def _options(command: Command, files: Path) -> list[str]:
    memory = command.limits.memory + command.limits.tmp  # a tmpfs counts; what counts on Lambda the supervisor sees to
    mounts = {
        "/etc/passwd": files / "passwd",
        "/etc/group": files / "group",
        **_empty(command, files),
        **command.mounts,
    }
    return [
        *("--read-only", "--ipc", "none", "--network", "none", "--hostname", target.HOSTNAME, "--no-healthcheck"),
        *("--memory", str(memory), "--memory-swap", str(memory)),
        *("--pids-limit", str(target.RLIMITS["nproc"] + _ROOM)),
        *(f"--ulimit={name}={value}:{value}" for name, value in target.RLIMITS.items()),
        *("--user", "0:0", "--cap-drop", "ALL", "--cap-add", "KILL"),  # for the supervisor; runs have none
        *("--security-opt", "no-new-privileges", "--security-opt", f"seccomp={files / 'seccomp.json'}"),
        *("--security-opt", "label=disable"),  # SELinux would want the user's files relabelled
        *(f"--mount={_bind(point, source, read_only=True)}" for point, source in sorted(mounts.items())),
        *(f"--mount={_bind(point, source, read_only=False)}" for point, source in sorted(command.writable.items())),
    ]


def _empty(command: Command, files: Path) -> dict[str, Path]:
    """Return mounts for the places that are empty where nothing is unpacked into them; not every image has them."""
    points = [*command.mounts, *command.writable]
    unused = (top for top in target.MOUNTS if not any(f"{point}/".startswith(f"{top}/") for point in points))
    return dict.fromkeys(unused, files / "empty")


def _bind(point: str, source: Path, *, read_only: bool) -> str:
    words = ["type=bind", f"src={os.path.abspath(source)}", f"dst={point}"]
    return _csv([*words, "readonly"] if read_only else words)


def _tmp(size: int, owner: str | None) -> str:
    """Return the mount of /tmp: a tmpfs of its own, or that of the container ``owner``."""
    if owner is not None:
        volume = '{{range .Mounts}}{{if eq .Destination "/tmp"}}{{.Name}}{{end}}{{end}}'
        return f"--mount=type=volume,src={docker('inspect', '--format', volume, owner).strip()},dst=/tmp"
    # A volume that is given no name goes with its container; unlike --tmpfs it can be shared.
    options = ("type=tmpfs", "device=tmpfs", f"o=size={size},mode=1777")
    return f"--mount={_csv(['type=volume', 'dst=/tmp', 'volume-driver=local', *(f'volume-opt={x}' for x in options)])}"


def _csv(words: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(words)
    return text.getvalue()


def _write_files(work: Path) -> Path:
    files = Path(tempfile.mkdtemp(prefix="docker-", dir=work))
    contents = {"passwd": target.PASSWD, "group": "", "seccomp.json": seccomp.docker_profile()}
    for name, content in contents.items():
        (files / name).write_text(content)
        (files / name).chmod(0o644)
    (files / "empty").mkdir()
    (files / "empty").chmod(0o755)
    return files


# --- runs


class DockerRun:
    """A run under way."""

    def __init__(
        self, container: Container, process: subprocess.Popen[bytes], streams: Streams, seconds: float
    ) -> None:
        self._container = container
        self._process = process
        self._streams = streams
        self._began = time.monotonic()
        self._deadline = self._began + seconds
        self._ended_by = ""
        self._called = threading.Event()  # to an end before its time, or ended
        self._ended = threading.Event()
        self._outcome: Outcome | None = None
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._see_end, self._enforce)]
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float | None = None) -> Outcome:
        """Wait for the end, at most ``seconds``; then end it with all its children."""
        if not self._ended.wait(seconds):
            self._end_by("timeout")
        for thread in self._threads:
            thread.join()
        if self._outcome is None:
            raise SandboxError("the container of the sandbox is gone", hint=HINT)
        return self._outcome

    def kill(self) -> None:
        """End it with all its children, now."""
        self._end_by("killed")

    def _end_by(self, why: str) -> None:
        self._ended_by = self._ended_by or why
        self._called.set()

    def _enforce(self) -> None:
        self._called.wait(max(0.0, self._deadline - time.monotonic()))
        if not self._ended.is_set():
            self._end_by("timeout")
        give_up = time.monotonic() + _GRACE
        while not self._ended.is_set():
            # Again and again: what docker exec has not started yet cannot be killed yet.
            self._container.kill()
            if time.monotonic() > give_up:
                self._process.kill()
            self._ended.wait(_KILL_AGAIN)

    def _see_end(self) -> None:
        status = self._process.wait()
        seconds = time.monotonic() - self._began
        ended_by = self._ended_by
        self._ended.set()
        self._called.set()
        usage = self._container.end()
        stdout, stderr, dropped = self._streams.finish(_GRACE)
        if usage is None:
            return
        memory, tmp, is_over = usage
        ended_by = "memory" if is_over else ended_by
        status = {"": status, "timeout": TIMED_OUT}.get(ended_by, KILLED)
        self._outcome = Outcome(status, stdout, stderr, seconds, ended_by, memory, tmp, dropped)
