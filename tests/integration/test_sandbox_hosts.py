"""Bubblewrap's sandbox over other hosts than the tests' bare root, and for others than root."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lambundle
from lambundle.errors import SandboxError
from lambundle.verify.sandbox import hostroot
from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.interface import MIB, Command, Limits
from lambundle.verify.sandbox.memory import children
from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
SOMEBODY = 54321
SANDBOXED = Path(__file__).with_name("sandboxed_limits.py")


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BubblewrapSandbox]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(hostroot.VARIABLE, raising=False)
    sandbox = BubblewrapSandbox(tmp_path)
    yield sandbox
    sandbox.close()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("bubblewrap-")] == []


def run(sandbox: BubblewrapSandbox, script: str) -> str:
    outcome = sandbox.start(Command(["sh", "-c", script], ENVIRONMENT, {})).wait()
    assert outcome.status == 0, outcome
    return outcome.stdout.decode()


def test_the_host_is_made_of_this_machines_programs(sandbox: BubblewrapSandbox) -> None:
    missing = sandbox.unavailable()
    if missing is not None:
        unavailable(UnavailableError(missing))
    script = "for program in cat ls sed grep sort id; do $program --version | head -n 1; done"
    here = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert run(sandbox, script) == here.stdout
    assert run(sandbox, "id -un; pwd") == "sbx_user1051\n/var/task\n"


def test_the_machine_is_as_large_as_the_function(sandbox: BubblewrapSandbox) -> None:
    missing = sandbox.unavailable()
    if missing is not None:
        unavailable(UnavailableError(missing))
    script = "sed -n 1p /proc/meminfo; nproc; cat /sys/devices/system/cpu/online"
    command = Command(["sh", "-c", script], ENVIRONMENT, {}, limits=Limits(memory=3072 * MIB))
    outcome = sandbox.start(command).wait()
    total, *counts = outcome.stdout.decode().splitlines()
    assert total.split() == ["MemTotal:", str(3072 * 1024), "kB"]
    count = min(3, len(os.sched_getaffinity(0)))
    assert counts == [str(count), f"0-{count - 1}" if count > 1 else "0"]


def test_the_host_has_the_files_of_amazon_linux(sandbox: BubblewrapSandbox) -> None:
    missing = sandbox.unavailable()
    if missing is not None:
        unavailable(UnavailableError(missing))
    assert run(sandbox, '. /etc/os-release; echo "$PRETTY_NAME"') == "Amazon Linux 2023\n"
    if shutil.which("getent"):
        assert run(sandbox, "getent services https; getent passwd 993; getent protocols tcp").split() == [
            *("https", "443/tcp", "sbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin", "tcp", "6", "TCP")
        ]


def test_a_host_of_busybox_does(sandbox: BubblewrapSandbox, busybox: Path, tmp_path: Path) -> None:
    alpine = tmp_path / "alpine"
    alpine.mkdir()
    shutil.copy(busybox, alpine / "busybox")
    for name in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if name != "busybox":
            (alpine / name).symlink_to("busybox")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hostroot, "DIRECTORIES", (str(alpine),))
        assert run(sandbox, "id -u; id -g; pwd; cat --help 2>&1 | head -n 1").split()[:3] == ["993", "990", "/var/task"]
    assert run(sandbox, "readlink /bin/cat") == "busybox\n"


def test_somebody_who_is_not_root_gets_the_same_limits() -> None:
    if os.geteuid() != 0:
        pytest.skip("the other tests are this one, then")
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        # Neither this checkout nor this Python need be readable for others.
        shutil.copytree(
            Path(lambundle.__file__).parent, Path(home, "lambundle"), ignore=shutil.ignore_patterns("built")
        )
        shutil.copy(SANDBOXED, home)
        for path in [Path(home), *Path(home).rglob("*")]:
            os.chown(path, SOMEBODY, SOMEBODY)
        done = subprocess.run(
            [_python_of_everybody(), str(Path(home, SANDBOXED.name)), home],
            capture_output=True,
            env={"PATH": os.environ["PATH"], "HOME": home, "PYTHONPATH": home},
            user=SOMEBODY,
            group=SOMEBODY,
            extra_groups=[],
            cwd=home,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found["missing"] is None
    assert found["user"] == "993 990 sbx_user1051"
    assert found["new"] == ["/tmp"]
    assert found["full"] == "No space left on device"
    assert found["kept"] == "4"
    assert found["memory"] == found["time"] == [True, True]
    assert found["processes"] is True
    assert found["left"] == []


def _python_of_everybody() -> str:
    for program in (sys.executable, "/usr/bin/python3"):
        tried = subprocess.run(
            ["/bin/sh", "-c", '"$0" -c "import sys; sys.exit(sys.version_info < (3, 11))"', program],
            user=SOMEBODY, group=SOMEBODY, extra_groups=[], capture_output=True, check=False,
        )  # fmt: skip
        if tried.returncode == 0:
            break
    else:
        unavailable(UnavailableError("no Python here can be started by everybody: apt-get install python3"))
    return program


def test_bubblewrap_that_fails_is_no_outcome(sandbox: BubblewrapSandbox) -> None:
    command = Command(["true"], ENVIRONMENT, {}, cwd="/gone")
    with pytest.raises(SandboxError) as caught:
        sandbox.start(command).wait()
    assert "could not put the sandbox together" in caught.value.message
    assert "/gone" in caught.value.context[0]
    assert run(sandbox, "echo well") == "well\n"


def test_a_run_killed_while_it_starts_was_killed(sandbox: BubblewrapSandbox) -> None:
    for _ in range(5):
        running = sandbox.start(Command(["sleep", "1000"], ENVIRONMENT, {}))
        running.kill()
        outcome = running.wait()
        assert (outcome.status, outcome.ended_by) == (137, "killed")


def test_a_supervisor_that_is_gone_is_said(sandbox: BubblewrapSandbox) -> None:
    forever = str(1_000_000 + os.getpid())
    running = sandbox.start(Command(["sh", "-c", f"(sleep {forever} &); echo $$; sleep {forever}"], ENVIRONMENT, {}))
    until(lambda: bool(_with(forever)))
    [supervisor] = [process for process in children(os.getpid()) if b"bubblewrap.supervisor" in _command(process)]
    os.kill(supervisor, signal.SIGKILL)
    for failing in (running.wait, lambda: sandbox.start(Command(["true"], ENVIRONMENT, {}))):
        with pytest.raises(SandboxError, match="supervisor is gone"):
            failing()
    until(lambda: not _with(forever))


def _with(word: str) -> list[int]:
    found = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [process for process in found if f"sleep\0{word}\0".encode() in _command(process)]


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
