"""Where a file is expected, a pipe, a socket or a device is refused at once: none is waited for, none is read."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.cli.main import main
from lambundle.errors import RecipeError, UsageError
from lambundle.machine import DiskFiles, MemoryFiles, open_regular, read_regular
from lambundle.packages.dpkg import DpkgDatabase
from lambundle.recipes.recipe import read_recipe
from lambundle.verify.function.events import read_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIPES = ("pipe", "socket", "/dev/zero", "/dev/tty", "link")


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Paths of what is no file, each in a directory of its own."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as it:
        it.bind(str(tmp_path / "socket"))
        yield lambda name: os.path.join(tmp_path, name)


@pytest.mark.parametrize("name", PIPES)
def test_the_door_opens_nothing_but_files(odd: Callable[[str], str], name: str) -> None:
    with pytest.raises(OSError, match=r"not a file|No such device"):
        open_regular(odd(name))
    files = DiskFiles()
    with pytest.raises(OSError, match=r"not a file|No such device"):
        files.open(odd(name))
    assert files.read(odd(name), 9) == b""
    assert files.content(odd(name), 9) is None


def test_a_pipe_with_a_writer_that_writes_nothing_is_not_waited_for(odd: Callable[[str], str]) -> None:
    fd = os.open(odd("pipe"), os.O_RDWR | os.O_NONBLOCK)
    try:
        with pytest.raises(OSError, match="not a file"):
            DiskFiles(os.path.dirname(odd("pipe"))).open("/pipe")
    finally:
        os.close(fd)


def test_a_file_that_becomes_a_pipe_after_it_was_asked_for_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("text")
    files = DiskFiles()
    assert files.is_file(str(path))
    path.unlink()
    os.mkfifo(path)
    assert files.read(str(path), 9) == b""


def test_the_first_bytes_of_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("text")
    assert read_regular(path, 2) == b"te"
    assert MemoryFiles({"/x": "text"}).read("/x", 2) == b"te"


@pytest.mark.parametrize("name", ["pipe", "socket", "/dev/zero"])
def test_recipes_and_events_are_files(odd: Callable[[str], str], name: str) -> None:
    with pytest.raises(RecipeError, match="not a file"):
        read_recipe(Path(odd(name)))
    with pytest.raises(UsageError, match="not a file"):
        read_event(Path(odd(name)))


@pytest.mark.parametrize("name", ["pipe", "socket", "/dev/zero"])
@pytest.mark.parametrize("command", ["deps", "pack", "verify", "size"])
def test_no_command_waits_for_a_pipe_or_reads_a_device(odd: Callable[[str], str], command: str, name: str) -> None:
    more = ["--static"] if command == "verify" else []
    run = subprocess.run(
        [sys.executable, "-m", "lambundle", command, odd(name), *more], capture_output=True, timeout=30, check=False
    )
    assert run.returncode in (1, 2)
    assert b"Traceback" not in run.stderr


@pytest.mark.parametrize("name", ["pipe", "socket", "/dev/zero"])
def test_what_is_added_is_a_file_or_a_directory(
    odd: Callable[[str], str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    with pytest.raises(SystemExit) as end:
        main(["pack", str(script), "--add", odd(name), "--dry-run"])
    assert end.value.code == 2
    assert "it is a pipe, socket or device" in capsys.readouterr().err


def test_a_file_of_the_host_that_is_added_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    with pytest.raises(SystemExit) as end:
        main(["pack", str(script), "--add", "/etc/passwd", "--dry-run"])
    assert end.value.code == 0
    assert "--add /etc/passwd adds nothing" in capsys.readouterr().err


def test_a_pipe_in_the_place_of_a_package_list_lists_nothing(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text("Package: tool\nStatus: install ok installed\nVersion: 1\n\n")
    os.mkfifo(info / "tool.list")
    assert DpkgDatabase(DiskFiles(str(tmp_path))).owner("/usr/bin/tool") is None


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
@pytest.mark.parametrize("call", ["_lstat", "_scan", "_open"])
def test_a_disk_or_a_server_that_fails_is_no_answer(number: int, call: str) -> None:
    class Broken(MemoryFiles):
        """Files of a server that fails."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number), "below")

    files = Broken({"/d/x": "text"})
    setattr(files, call, fail)
    asked: dict[str, list[Callable[[str], object]]] = {
        "_lstat": [files.is_file, files.exists, files.lexists, files.identity],
        "_scan": [files.items, lambda _: files.glob("/d/*")],
        "_open": [lambda path: files.read(path, 1), lambda path: files.content(path, 9)],
    }
    for question in asked[call]:
        with pytest.raises(OSError, match=os.strerror(number)):
            question("/d/x")


def test_a_program_on_a_disk_that_fails_is_one_error_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    known = DiskFiles._ask_stat  # noqa: SLF001

    def ask(files: DiskFiles, path: str) -> os.stat_result:
        if path.endswith("/ld-linux-x86-64.so.2"):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)
        return known(files, path)

    monkeypatch.setattr(DiskFiles, "_ask_stat", ask)
    with pytest.raises(SystemExit) as end:
        main(["pack", str(script), "-o", str(tmp_path / "x.zip")])
    assert end.value.code in (1, 3)
    assert capsys.readouterr().err.count("tale file handle") == 1
    assert not (tmp_path / "x.zip").exists()
