"""``handover``, built with sanitizers and as it is shipped: what it hands over, and what it leaves to the program."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from lambundle import runtime
from lambundle.runtime import build
from lambundle.verify.function.handover import Handed, HandoverListener
from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-O1")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module", params=["sanitized", "shipped"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "shipped":
        return runtime.handover(platform.machine())
    if shutil.which("gcc") is None:
        unavailable(UnavailableError("gcc is not installed"))
    built: Path = tmp_path_factory.mktemp("handover") / "handover"
    subprocess.run(["gcc", "-std=gnu11", *STRICT, *SANITIZERS, build.HANDOVER, "-o", built], check=True)
    return built


@pytest.fixture
def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


class Side:
    """The emulator's side: takes over what programs hand over."""

    def __init__(self, directory: Path, program: Path) -> None:
        self.directory = directory
        self.program = program
        self.handed: list[Handed] = []

    def start(self, port: str, *programs: str | Path) -> tuple[Handed, int]:
        """Start the first of ``programs``; return what was handed over, and the exit status."""
        listener = HandoverListener(self.directory)
        command = [self.program, self.directory / "socket", port, *programs]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        handed = listener.receive()
        status = process.wait()
        listener.close()
        assert handed is not None
        self.handed.append(handed)
        return handed, status


@pytest.fixture
def side(tmp_path: Path, program: Path) -> Iterator[Side]:
    side = Side(tmp_path, program)
    yield side
    for handed in side.handed:
        handed.listener.close()
        os.close(handed.stdout)
        os.close(handed.stderr)


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def read(fd: int) -> str:
    return b"".join(iter(lambda: os.read(fd, 65536), b"")).decode()


def test_program_runs_with_its_streams_and_nothing_else(side: Side, port: str, tmp_path: Path) -> None:
    program = script(tmp_path / "program", 'echo "out $0 $#"; echo err >&2; ls -l /proc/self/fd | wc -l; exit 5')
    handed, status = side.start(port, program)
    assert (handed.program, handed.error, status) == (str(program), 0, 5)
    # Each line but the first is one: in, out, err, and the directory that ls reads.
    assert read(handed.stdout).split("\n") == [f"out {program} 0", "5", ""]
    assert read(handed.stderr) == "err\n"


def test_what_was_left_open_is_not_inherited(side: Side, port: str, tmp_path: Path) -> None:
    program = script(tmp_path / "program", "ls /proc/self/fd")
    outer = script(tmp_path / "outer", f'exec 7</dev/null; exec "{side.program}" "$@"')
    side.program = outer
    handed, _ = side.start(port, program)
    assert "7" not in read(handed.stdout).split()


def test_port_is_served_from_elsewhere(side: Side, port: str) -> None:
    handed, _ = side.start(port, "/bin/true")
    assert handed.listener.getsockname() == ("127.0.0.1", int(port))
    with socket.create_connection(("127.0.0.1", int(port))) as client:
        connection, _ = handed.listener.accept()
        with connection:
            client.sendall(b"hello")
            assert connection.recv(10) == b"hello"
    handed.listener.close()
    side.handed.clear()
    os.close(handed.stdout)
    os.close(handed.stderr)
    side.start(port, "/bin/true")  # the port is free for the next one


def test_first_that_is_there_and_no_directory(side: Side, port: str, tmp_path: Path) -> None:
    program = script(tmp_path / "program", "exit 0")
    (tmp_path / "link").symlink_to(program)
    (tmp_path / "dangling").symlink_to("nowhere")
    handed, _ = side.start(port, tmp_path / "none", tmp_path, tmp_path / "dangling", tmp_path / "link", "/bin/false")
    assert handed.program == str(tmp_path / "link")


def test_none_is_there(side: Side, port: str, tmp_path: Path) -> None:
    handed, status = side.start(port, tmp_path / "none", tmp_path)
    assert (handed.program, handed.error, status) == ("", 0, 127)


@pytest.mark.parametrize(
    ("text", "mode", "error"),
    [
        ("#!/bin/sh\n", 0o644, errno.EACCES),
        ("#!/nowhere/sh\n", 0o755, errno.ENOENT),
        ("no header\n", 0o755, errno.ENOEXEC),
    ],
)
def test_program_that_cannot_be_started(
    side: Side, port: str, tmp_path: Path, text: str, mode: int, error: int
) -> None:
    program = tmp_path / "program"
    program.write_text(text)
    program.chmod(mode)
    handed, status = side.start(port, program)
    assert (handed.program, handed.error, status) == (str(program), error, 126)


@pytest.mark.parametrize("number", ["0", "65536", "-1", "x", "", "80x"])
def test_port_that_is_none(program: Path, tmp_path: Path, number: str) -> None:
    listener = HandoverListener(tmp_path)
    command = [str(program), str(tmp_path / "socket"), number, "/bin/true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    listener.close()
    assert done.returncode == 125
    assert done.stderr == f"lambundle: {number}: Invalid argument\n"


def test_port_that_is_taken(program: Path, tmp_path: Path) -> None:
    listener = HandoverListener(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [str(program), str(tmp_path / "socket"), str(taken.getsockname()[1]), "/bin/true"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert done.stderr.startswith("lambundle: cannot listen on the port of the Runtime API: Address ")
    assert listener.receive() is None, "it hung up without a word"
    listener.close()


@pytest.mark.parametrize("path", ["nowhere", "x" * 200])
def test_nobody_to_hand_over_to(program: Path, tmp_path: Path, path: str) -> None:
    command = [str(program), path, "9001", "/bin/true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 125
    assert done.stderr.startswith(f"lambundle: {path}: ")


def test_usage(program: Path) -> None:
    done = subprocess.run([program, "socket", "9001"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (125, "usage: handover SOCKET PORT PROGRAM...\n")


def test_door_in_a_long_directory(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 30) / ("longer" * 30)
    directory.mkdir(parents=True)
    listener = HandoverListener(directory)
    assert (directory / "socket").is_socket()
    listener.cancel()
    assert listener.receive() is None
    listener.close()
    assert list(directory.iterdir()) == []
