"""A real Docker engine for tests, and stand-ins for Amazon's images: the bare root, imported, without Python and with.

The daemon that answers is used; where none does, one is started with everything of its own below the cache. It
is shared by the workers of a session, and the last one stops it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.verify.function.python import stand_in as python_stand_in
from tests.bareroot import UnavailableError, bare_root, cache_directory, locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.verify.function.lang import StandIn

IMAGE = "lambundle-stand-in"
START_SECONDS = 60.0
STOP_SECONDS = 30.0


@contextlib.contextmanager
def docker_engine() -> Iterator[str]:
    """Give the name of the stand-in image, with DOCKER_HOST set to the engine that has it."""
    if shutil.which("docker") is None:
        raise UnavailableError("docker is not installed: apt-get install docker.io")
    directory = cache_directory() / "docker"
    directory.mkdir(parents=True, exist_ok=True)
    before = os.environ.get("DOCKER_HOST")
    with (directory / "users").open("w") as users:
        try:
            with locked(directory / "lock"):
                fcntl.flock(users, fcntl.LOCK_SH)
                if not _answers():
                    os.environ["DOCKER_HOST"] = _start(directory)
                image = _import(directory)
            yield image
        finally:
            with locked(directory / "lock"):
                _leave(users.fileno(), directory)
            _restore(before)


def _restore(host: str | None) -> None:
    if host is None:
        os.environ.pop("DOCKER_HOST", None)
    else:
        os.environ["DOCKER_HOST"] = host


def _answers() -> bool:
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(command, capture_output=True, check=False, timeout=START_SECONDS).returncode == 0


def _start(directory: Path) -> str:
    """Start a daemon, or find the one that another worker started; return where it listens."""
    daemon = shutil.which("dockerd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if daemon is None:
        raise UnavailableError("dockerd is not installed: apt-get install docker.io")
    if os.geteuid() != 0:
        raise UnavailableError("dockerd needs root")
    host = f"unix://{directory / 'docker.sock'}"
    os.environ["DOCKER_HOST"] = host
    if _answers():
        return host
    log = directory / "dockerd.log"
    command = [
        *(daemon, "--iptables=false", "--bridge=none", "--host", host, "--pidfile", str(directory / "docker.pid")),
        *("--data-root", str(directory / "data"), "--exec-root", str(directory / "exec")),
    ]
    # Nobody's child: which worker stops it is not known yet. In a session of its own, for Ctrl-C is pytest's.
    script = '"$@" > "$0" 2>&1 < /dev/null & echo $!'
    started = subprocess.run(
        ["/bin/sh", "-c", script, str(log), *command], stdout=subprocess.PIPE, check=True, start_new_session=True
    )
    deadline = time.monotonic() + START_SECONDS
    while not _answers():
        if not Path(f"/proc/{int(started.stdout)}").exists() or time.monotonic() > deadline:
            raise UnavailableError(f"dockerd does not start: {log.read_text()[-400:]}")
        time.sleep(0.1)
    return host


def _import(directory: Path) -> str:
    image = _image()
    if subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode != 0:
        archive = directory / "root.tar"
        subprocess.run(["tar", "-C", bare_root(), "-cf", archive, "."], check=True)
        subprocess.run(["docker", "import", archive, image], check=True, capture_output=True)
        archive.unlink()
    return image


def python_image(image: str) -> str:
    """Make an image with what Amazon's has for Python handlers."""
    return runtime_image(image, "python", python_stand_in)


def runtime_image(image: str, name: str, stand_in: Callable[[Path], StandIn]) -> str:
    """Make an image with what one of Amazon's has for handlers, /var/lang and /var/runtime, of one that has not."""
    made = f"{image}-{name}"
    with locked(cache_directory() / "docker/lock"), tempfile.TemporaryDirectory(dir=cache_directory()) as work:
        if _docker("image", "inspect", made, check=False) is not None:
            return made
        container = _docker("create", image, "/bin/true")
        assert container
        try:
            for place, tree in stand_in(Path(work)).mounts.items():
                _docker("cp", str(tree), f"{container}:{os.path.dirname(place)}")
            _docker("commit", container, made)
        finally:
            _docker("rm", container)
    return made


def _docker(*arguments: str, check: bool = True) -> str | None:
    """Give what a command of Docker's prints, or None where it fails and may."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=check)
    return done.stdout.strip() if done.returncode == 0 else None


def _image() -> str:
    return f"{IMAGE}:{bare_root().name.rpartition('-')[2]}"


def _leave(users: int, directory: Path) -> None:
    """Stop the daemon that was started here, if nobody else uses it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    for image in (f"{_image()}-python", f"{_image()}-node", _image()):
        _docker("image", "rm", "--force", image, check=False)
    pid_file = directory / "docker.pid"
    with contextlib.suppress(OSError, ValueError):
        process = int(pid_file.read_text())
        os.kill(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while pid_file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    for name in ("data", "exec"):
        shutil.rmtree(directory / name, ignore_errors=True)
