"""Names from files that somebody else made are shown, never obeyed; by every command, into a pipe and on a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.unit.test_elf import make_elf

if TYPE_CHECKING:
    from pathlib import Path

ET_EXEC, DT_NEEDED = 2, 1
OURS = re.compile(r"\x1b\[[\d;]*m")
NAMES = {
    "escape": (b"lib\x1b[31mRED\x07\xc2\x9b31m.so", r"lib\x1b[31mRED\x07\x9b31m.so"),
    "line": (b"lib\nerror: fake\n.so", r"lib\nerror: fake\n.so"),
    "bidi": ("lib\u202egnp.so".encode(), r"lib\u202egnp.so"),
    "markup": (b"[bold]lib[/bold].so", "[bold]lib[/bold].so"),
}


def program(path: Path, needed: bytes, interpreter: bytes = b"/lib64/ld-linux-x86-64.so.2") -> str:
    """Write a program that needs a library of this name; returns its path."""
    path.write_bytes(make_elf(type_=ET_EXEC, entry=1, interpreter=interpreter, dynamic=[(DT_NEEDED, needed)]))
    path.chmod(0o755)
    return str(path)


def into_a_pipe(*words: str) -> tuple[int, str]:
    command = (sys.executable, "-m", "lambundle", *words)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def on_a_terminal(*words: str) -> tuple[int, str]:
    """Run lambundle on a terminal of its own; what it prints is without our own colours."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    command = (sys.executable, "-m", "lambundle", *words)
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        printed = bytearray()
        while True:
            try:
                block = os.read(ours, 65536)
            except OSError:  # EIO: nobody has the other end any more
                break
            printed += block
    os.close(ours)
    return process.returncode, OURS.sub("", printed.decode().replace("\r\n", "\n"))


@pytest.mark.parametrize("run", [into_a_pipe, on_a_terminal])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", [("deps",), ("pack", "--dry-run")], ids=["deps", "pack"])
def test_a_soname_is_shown(run: object, name: str, command: tuple[str, ...], tmp_path: Path) -> None:
    assert callable(run)
    raw, shown = NAMES[name]
    status, printed = run(*command, program(tmp_path / "program", raw))
    assert status == 1
    assert f"{shown}  not found" in printed or f"{shown} not found" in printed
    assert all(line.isprintable() for line in printed.splitlines())
    assert "error: fake" not in printed.splitlines()


@pytest.mark.parametrize("command", [("deps",), ("pack", "--dry-run"), ("deps", "--json")], ids=" ".join)
def test_an_interpreter_that_is_a_directory_is_one_clear_error(command: tuple[str, ...], tmp_path: Path) -> None:
    status, printed = into_a_pipe(*command, program(tmp_path / "program", b"libc.so.6", b"/etc"))
    assert status == 1
    assert "Traceback" not in printed
    assert "/etc" in printed
    if command[-1] != "--json":
        assert "/etc (it is a directory)" in printed
    if command[0] == "pack":
        assert printed.endswith(
            "named by its path, so that no other is searched for: install that file, or pack another program\n"
        )


def test_a_message_of_click_is_shown_too() -> None:
    status, printed = into_a_pipe("deps", "--root", "/no\x1b[31m", "sh")
    assert (status, "\x1b" in printed) == (2, False)


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "0"},
        {"LC_ALL": "ko_KR.EUC-KR", "PYTHONUTF8": "0"},
    ],
)
def test_names_in_a_zip_are_utf8_whatever_the_locale(tmp_path: Path, variables: dict[str, str]) -> None:
    data = tmp_path / "dätä"
    data.mkdir()
    (data / "日本.txt").write_text("x")
    (data / "lïnk").symlink_to("日本.txt")
    for name, env in (("utf-8", {"LC_ALL": "C.UTF-8"}), ("other", variables)):
        archive = tmp_path / f"{name}.zip"
        command = (sys.executable, "-m", "lambundle", "pack", "-q", "sh", "--add", data, "-o", archive)
        subprocess.run(command, env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL)
    names = zipfile.ZipFile(tmp_path / "other.zip").namelist()
    assert f"lambundle/sh/root{data}/日本.txt" in names
    assert (tmp_path / "other.zip").read_bytes() == (tmp_path / "utf-8.zip").read_bytes()


def test_a_python_that_reads_names_otherwise_is_told_so_by_the_function() -> None:
    code = "import lambundle\ntry: lambundle.make_plan(['sh'])\nexcept lambundle.LambundleError as e: print(e.code, e)"
    env = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        (sys.executable, "-X", "utf8=0", "-c", code), env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    assert done.stdout.startswith("usage Python reads names of files as ascii")
