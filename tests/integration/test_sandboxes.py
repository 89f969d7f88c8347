"""Both sandboxes hold what they promise: Lambda's user, mounts and limits, and nothing left behind.

Each constraint is put to the test by a small program inside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle import target
from lambundle.errors import SandboxError
from lambundle.verify.sandbox import streams
from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.docker.docker import DockerSandbox
from lambundle.verify.sandbox.interface import MIB, Command, Limits, Outcome, Sandbox
from tests.bareroot import UnavailableError, bare_root
from tests.integration.conftest import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROBE = Path(__file__).with_name("probe.c")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C"}
LAUNCH = Path(__file__).with_name("sandboxed_sleep.py")
GONE_SECONDS = 20.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the probe, as root would have unpacked it."""
    if shutil.which("gcc") is None:
        unavailable(UnavailableError("gcc is not installed"))
    directory = tmp_path_factory.mktemp("bundle")
    (directory / "secret").write_text("secret")
    (directory / "secret").chmod(0o600)
    subprocess.run(["gcc", "-O1", "-static", "-o", directory / "probe", PROBE], check=True)
    directory.chmod(0o755)
    return directory


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Sandbox]]:
    """Give a maker of sandboxes, which are closed in the end."""
    with contextlib.ExitStack() as stack:

        def maker() -> Sandbox:
            work = tmp_path_factory.mktemp("sandbox")
            sandbox: Sandbox
            if request.param == "docker":
                sandbox = DockerSandbox(request.getfixturevalue("docker_image"), work)
            else:
                try:
                    sandbox = BubblewrapSandbox(work, bare_root())
                except UnavailableError as reason:
                    unavailable(reason)
            stack.callback(sandbox.close)
            missing = sandbox.unavailable()
            if missing is not None:
                unavailable(UnavailableError(missing))
            return sandbox

        yield maker


class Box:
    """A sandbox with the bundle in /opt, asked by script."""

    def __init__(self, sandbox: Sandbox, bundle: Path) -> None:
        self.sandbox = sandbox
        self.bundle = bundle

    def command(
        self,
        script: str,
        *words: str,
        stdin: bytes = b"",
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        writable: Mapping[str, Path] | None = None,
    ) -> Command:
        return Command(
            ["sh", "-c", script, "sh", *words],
            ENVIRONMENT if environment is None else environment,
            {"/opt": self.bundle, "/var/task": self.bundle},
            stdin=stdin,
            limits=limits or Limits(),
            writable=writable or {},
        )

    def run(self, script: str, *words: str, stdin: bytes = b"", limits: Limits | None = None) -> Outcome:
        return self.sandbox.start(self.command(script, *words, stdin=stdin, limits=limits)).wait()

    def says(self, script: str, *words: str) -> str:
        outcome = self.run(script, *words)
        assert outcome.status == 0, outcome
        return outcome.stdout.decode()


@pytest.fixture(scope="module")
def box(make: Callable[[], Sandbox], bundle: Path) -> Box:
    return Box(make(), bundle)


# --- what a program finds


def test_only_tmp_can_be_written(box: Box) -> None:
    places = "/ /opt /var/task /var/lang /etc /usr/bin /dev /proc /sys /var /run /home"
    script = 'for place in $*; do if touch "$place/new" 2>/dev/null; then echo "$place"; fi; done'
    assert box.says(script, *places.split(), "/tmp").split() == ["/tmp"]


def test_the_user_is_lambdas(box: Box) -> None:
    script = "id -u; id -g; id -un; cat /etc/passwd; wc -c < /etc/group; ls -d /home/sbx_user1051 2>&1 | wc -l"
    uid, gid, name, *passwd, group, _ = box.says(script).splitlines()
    assert (uid, gid, name, group) == ("993", "990", "sbx_user1051", "0")
    assert passwd == target.PASSWD.splitlines()
    assert box.run("test -e /home/sbx_user1051").status == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="started by somebody else, it reads what that user reads")
def test_what_others_may_not_read_is_not_read(box: Box) -> None:
    outcome = box.run("cat /opt/secret")
    assert outcome.status == 1
    assert b"Permission denied" in outcome.stderr


def test_it_has_no_privileges(box: Box) -> None:
    status = dict(line.split(":\t", 1) for line in box.says("cat /proc/self/status").splitlines())
    assert {status[name] for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_system_calls_that_lambda_refuses_are_refused(box: Box) -> None:
    answers = dict(line.split() for line in box.says("/opt/probe refused").splitlines())
    assert answers.pop("clone3") == "ENOSYS"
    assert set(answers.values()) == {"EPERM"}
    assert {"ptrace", "mount", "unshare", "clone", "keyctl"} <= set(answers)


def test_the_environment_is_the_jobs_and_no_more(box: Box) -> None:
    environment = {"PATH": "/usr/bin:/bin", "TZ": ":UTC", "ODD": "a=b\nc \u00e4"}
    command = Command(["env", "-0"], environment, {}, cwd="/tmp")
    found = box.sandbox.start(command).wait().stdout.decode()
    assert dict(entry.split("=", 1) for entry in found.split("\0") if entry) == environment


def test_a_command_may_have_an_equals_sign_in_its_name(box: Box) -> None:
    shutil.copy(box.bundle / "probe", box.bundle / "a=b")
    command = box.command("")
    command = Command(["/opt/a=b", "refused"], ENVIRONMENT, command.mounts)
    assert b"mount EPERM" in box.sandbox.start(command).wait().stdout


def test_the_working_directory(box: Box) -> None:
    assert box.says("pwd") == "/var/task\n"


def test_there_are_few_devices_and_no_shared_memory_directory(box: Box) -> None:
    assert box.run("test -e /dev/shm").status == 1
    devices = box.says('for file in /dev/*; do if test ! -d "$file"; then echo "${file#/dev/}"; fi; done').split()
    assert sorted(devices) == sorted(target.DEVICES)
    assert (
        box.says("echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c").split() == ["3"] * 2
    )


def test_there_is_no_network_but_loopback(box: Box) -> None:
    interfaces = box.says("cat /proc/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
    assert int(box.says("cat /sys/class/net/lo/flags 2>/dev/null || echo 0x1"), 16) & 1


def test_resource_limits(box: Box) -> None:
    rows = {line[:25].strip(): line[25:].split()[:2] for line in box.says("cat /proc/self/limits").splitlines()}
    assert rows["Max open files"] == ["1024", "1024"]
    assert rows["Max stack size"] == [str(8 * MIB)] * 2
    assert rows["Max core file size"] == ["0", "0"]


def test_the_host_is_bare(box: Box) -> None:
    programs = {"bash", "sh", "cat", "sed", "grep", "env", "sort"}
    assert programs <= set(box.says("ls /usr/bin").split())
    for foreign in ("python3", "perl", "gcc", "find", "tar"):
        assert box.run('command -v "$1"', foreign).status != 0


# --- /tmp


def test_tmp_is_limited_and_measured(make: Callable[[], Sandbox], bundle: Path) -> None:
    box = Box(make(), bundle)
    limits = Limits(tmp=8 * MIB)
    fits = box.run("head -c 5000000 /dev/zero > /tmp/fits", limits=limits)
    assert (fits.status, fits.ended_by) == (0, "")
    assert fits.tmp is not None
    assert 5_000_000 <= fits.tmp < 6_000_000
    full = box.run("head -c 5000000 /dev/zero > /tmp/more", limits=limits)
    assert full.status != 0
    assert b"No space left on device" in full.stderr
    # Warm: the next run finds what the first one left.
    assert box.run("wc -c < /tmp/fits", limits=limits).stdout == b"5000000\n"


def test_a_new_sandbox_is_cold(make: Callable[[], Sandbox], bundle: Path) -> None:
    first, second = Box(make(), bundle), Box(make(), bundle)
    first.says("echo left > /tmp/here")
    assert first.says("cat /tmp/here") == "left\n"
    assert second.says("ls -A /tmp") == ""
    assert second.says("stat -c %a /tmp") == "1777\n"


def test_programs_in_tmp_can_be_started(box: Box) -> None:
    assert box.says("cp /usr/bin/env /tmp/mine && /tmp/mine -i /tmp/mine; rm /tmp/mine") == ""


# --- how a run ends


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill $$", 143)])
def test_the_status_is_the_programs(box: Box, script: str, status: int) -> None:
    outcome = box.run(script)
    assert (outcome.status, outcome.ended_by) == (status, "")


def test_a_command_that_is_not_there(box: Box) -> None:
    outcome = box.sandbox.start(Command(["/opt/gone"], ENVIRONMENT, box.command("").mounts)).wait()
    assert outcome.status == 127
    assert b"/opt/gone" in outcome.stderr


def test_standard_input_arrives_and_ends(box: Box) -> None:
    content = b"0123456789abcdef" * 65536
    outcome = box.run("sha256sum", stdin=content)
    import hashlib

    assert outcome.stdout.split()[0].decode() == hashlib.sha256(content).hexdigest()
    assert box.run("cat", stdin=b"").stdout == b""
    assert box.run("exit 4", stdin=content).status == 4  # nobody reads it


def test_output_and_errors_come_apart(box: Box) -> None:
    outcome = box.run("echo out; echo err >&2")
    assert (outcome.stdout, outcome.stderr, outcome.dropped) == (b"out\n", b"err\n", 0)


def test_endless_output_is_bounded(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "OUTPUT_LIMIT", 100_000)
    outcome = box.run("yes & yes >&2", limits=Limits(seconds=1))
    assert (outcome.status, outcome.ended_by) == (124, "timeout")
    assert (len(outcome.stdout), len(outcome.stderr)) == (100_000, 100_000)
    assert outcome.dropped > 0


def test_killing_a_run(box: Box) -> None:
    running = box.sandbox.start(box.command("sleep 1000"))
    threading.Timer(0.3, running.kill).start()
    outcome = running.wait()
    assert (outcome.status, outcome.ended_by) == (137, "killed")
    assert running.wait() is outcome


def test_waiting_has_an_end(box: Box) -> None:
    outcome = box.sandbox.start(box.command("echo begun; sleep 1000")).wait(1.0)
    assert (outcome.status, outcome.ended_by, outcome.stdout) == (124, "timeout", b"begun\n")


# --- limits


def test_the_time_limit_ends_all_descendants(box: Box) -> None:
    mark = marker()
    script = 'setsid sleep "$1" & (setsid sh -c "sleep $1; true" &) ; sleep "$1"'.replace("setsid ", "")
    outcome = box.run(f"trap '' TERM HUP INT; {script}", mark, limits=Limits(seconds=0.7))
    assert (outcome.status, outcome.ended_by) == (124, "timeout")
    assert processes_with(mark) == []


def test_what_a_run_leaves_running_ends_with_it(box: Box) -> None:
    mark = marker()
    outcome = box.run('sleep "$1" & (sleep "$1" >/dev/null 2>&1 &); echo done', mark, limits=Limits(seconds=30))
    assert (outcome.status, outcome.ended_by, outcome.stdout) == (0, "", b"done\n")
    assert outcome.seconds < 15
    assert processes_with(mark) == []


def test_too_much_memory_ends_a_run(box: Box) -> None:
    outcome = box.run("/opt/probe hold private 2000", limits=Limits(memory=150 * MIB))
    assert (outcome.status, outcome.ended_by) == (137, "memory")
    assert outcome.memory is not None
    assert outcome.memory > 140 * MIB


@pytest.mark.parametrize(
    ("how", "each", "held"),
    [("private", 100, 100), ("shared", 100, 100), ("family", 100, 100), ("apart", 30, 120), ("disk", 200, 0)],
)
def test_memory_is_that_of_all_processes_together(box: Box, how: str, each: int, held: int) -> None:
    outcome = box.run('/opt/probe hold "$1" "$2"; status=$?; rm -f /tmp/mapped; exit $status', how, str(each))
    assert outcome.status == 0
    assert outcome.memory is not None
    assert held * 0.95 * MIB <= outcome.memory < (held + 25) * MIB


def test_memory_counts_together_against_the_limit(box: Box) -> None:
    limits = Limits(memory=150 * MIB)
    assert box.run("/opt/probe hold apart 60", limits=limits).ended_by == "memory"
    assert box.run("/opt/probe hold family 100", limits=limits).ended_by == ""
    assert box.run("/opt/probe hold disk 200; rm /tmp/mapped", limits=limits).ended_by == ""


def test_processes_are_limited(make: Callable[[], Sandbox], bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fewer than on Lambda: where the limit is the user's, other tests at work would feel it.
    monkeypatch.setitem(target.RLIMITS, "nproc", 60)
    count, error = Box(make(), bundle).says("/opt/probe processes").split()
    assert error == "EAGAIN"
    assert 20 <= int(count) < 60


def test_a_fork_bomb_is_contained(make: Callable[[], Sandbox], bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(target.RLIMITS, "nproc", 60)
    box = Box(make(), bundle)
    outcome = box.run("/opt/probe bomb", limits=Limits(seconds=1))
    assert (outcome.status, outcome.ended_by) == (124, "timeout")
    assert box.says("echo well") == "well\n"


# --- for lambundle's own use


def test_a_socket_and_a_file_in_a_writable_directory(box: Box, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(shared / "socket"))
        server.listen()
        server.settimeout(30)

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"hello")

        thread = threading.Thread(target=answer)
        thread.start()
        script = "/opt/probe connect /run/lambundle/socket && echo mine > /run/lambundle/file"
        outcome = box.sandbox.start(box.command(script, writable={"/run/lambundle": shared})).wait()
        thread.join()
    assert (outcome.status, outcome.stdout) == (0, b"hello\n"), outcome
    assert (shared / "file").read_text() == "mine\n"


def test_a_file_can_be_mounted_and_what_is_not_there_cannot(box: Box, tmp_path: Path) -> None:
    (tmp_path / "odd, name").write_text("content")
    mounts = {"/opt": box.bundle, "/var/task/deep/file": tmp_path / "odd, name"}
    command = Command(["cat", "/var/task/deep/file"], ENVIRONMENT, mounts, cwd="/")
    box.says("echo shared > /tmp/shared")
    assert box.sandbox.start(command).wait().stdout == b"content"
    command = Command(["cat", "/tmp/shared"], ENVIRONMENT, mounts, cwd="/")
    assert box.sandbox.start(command).wait().stdout == b"shared\n"
    with pytest.raises(SandboxError):
        box.sandbox.start(Command(["true"], ENVIRONMENT, {"/opt": tmp_path / "gone"})).wait()
    assert box.says("echo well") == "well\n"


# --- nothing is left


def test_closing_leaves_nothing(make: Callable[[], Sandbox], bundle: Path) -> None:
    sandbox = make()
    mark = marker()
    running = sandbox.start(Box(sandbox, bundle).command('sleep "$1"', mark))
    until(lambda: any("sleep" in process for process in processes_with(mark)))
    sandbox.close()
    assert processes_with(mark) == []
    with contextlib.suppress(SandboxError):  # it may say how the run ended, too
        assert running.wait().status != 0


@pytest.mark.parametrize("moment", [0.0, 0.03, 0.1, 0.2, 0.4, 0.8])
def test_verify_killed_at_any_moment_leaves_nothing(
    request: pytest.FixtureRequest, make: Callable[[], Sandbox], bundle: Path, tmp_path: Path, moment: float
) -> None:
    kind = make().name
    mark = marker()
    image = request.getfixturevalue("docker_image") if kind == "docker" else str(bare_root())
    process = subprocess.Popen(
        [sys.executable, LAUNCH, kind, image, tmp_path, bundle, mark], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "starting\n"
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: processes_with(mark) == [])
    assert mark not in Path("/proc/self/mountinfo").read_text()
    if kind == "docker":
        command = ["docker", "ps", "--all", "--quiet", "--filter", f"volume=/opt/{mark}"]
        until(lambda: subprocess.run(command, capture_output=True, check=True).stdout == b"")


def marker() -> str:
    """Return a number of seconds to sleep that no other test has."""
    return f"{10_000_000 + time.monotonic_ns() % 10_000_000_000_000 / 1e6:.6f}{os.getpid()}"


def processes_with(mark: str) -> list[str]:
    """List the command lines, of the whole machine, in which the mark is."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if mark in line:
                found.append(line)
    return found


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
