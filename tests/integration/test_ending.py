"""No traceback reaches a user: every command with standard streams, directories and signals as they should not be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = [
    ("--help",),
    ("recipes",),
    ("deps", "/bin/sh"),
    ("deps", "--json", "/bin/sh"),
    ("size", "ZIP"),
    ("size", "--json", "ZIP"),
    ("verify", "--static", "ZIP"),
    ("verify", "--static", "--json", "ZIP"),
    ("pack", "--dry-run", "/bin/sh"),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small zip that Lambda takes."""
    path = tmp_path_factory.mktemp("ending") / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        data = zipfile.ZipInfo("data")
        data.external_attr = 0o100644 << 16
        archive.writestr(data, "x" * 1000)
    return path


def run(
    *arguments: str,
    bundle: Path | None = None,
    stdout: int | None = subprocess.PIPE,
    before: Callable[[], object] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command as a person does; ``before`` is called in the new process."""
    words = [str(bundle) if word == "ZIP" else word for word in arguments]
    return subprocess.run(
        [sys.executable, "-m", "lambundle", *words],
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, preexec_fn=before, cwd=cwd,
        timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_an_answer_that_cannot_be_written_is_status_3_and_a_line(arguments: tuple[str, ...], bundle: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(*arguments, bundle=bundle, stdout=full.fileno())
    assert (done.returncode, done.stderr) == (3, "error: cannot write the output: no space left on device\n")
    done = run(*arguments, bundle=bundle, stdout=None, before=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (3, "error: cannot write the output: bad file descriptor\n")


@pytest.mark.parametrize("arguments", COMMANDS[:5], ids=" ".join)
def test_a_reader_that_has_gone_is_no_reason_for_words(arguments: tuple[str, ...], bundle: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run(*arguments, bundle=bundle, stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (3, "")


def test_without_stderr_the_answer_is_the_same(bundle: Path) -> None:
    usual = run("size", "ZIP", bundle=bundle)
    done = run("size", "ZIP", bundle=bundle, before=lambda: os.close(2))
    assert (done.returncode, done.stdout) == (0, usual.stdout)
    assert run("recipes", "--no-such-option", before=lambda: os.close(2)).returncode == 2


def test_a_file_never_takes_the_place_of_a_stream_that_is_closed(tmp_path: Path) -> None:
    out = tmp_path / "sh.zip"
    done = run("pack", "-q", "/bin/sh", "-o", str(out), before=lambda: os.closerange(0, 3))
    assert done.returncode == 3
    assert zipfile.ZipFile(out).testzip() is None, "nothing was written into it but the bundle"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("verify", "--static", "ZIP"), 0),
        (("size", "ZIP"), 0),
        (("deps", "/bin/sh"), 0),
        (("recipes",), 0),
        (("pack", "-q", "/bin/sh"), 3),
        (("verify", "no.zip"), 2),
    ],
)
def test_a_directory_that_is_gone(arguments: tuple[str, ...], status: int, bundle: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    def leave_nowhere() -> None:
        os.chdir(gone)
        gone.rmdir()

    done = run(*arguments, bundle=bundle, before=leave_nowhere)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_is_no_text_is_written_as_it_is(tmp_path: Path) -> None:
    name = b"a\xff"
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    words = [sys.executable, "-m", "lambundle", "pack", "--dry-run", "-v", "/bin/sh", "--add", str(tmp_path)]
    for encoding, written in (("utf-8:strict", name), ("latin-1:strict", rb"a\udcff")):
        variables = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(words, capture_output=True, env=variables, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"/" + written + b" " in done.stdout


# ---- Ctrl-C. Every signal here is sent by the process to itself, so that it comes when it is meant to. ----

COMMAND = """
import os, signal, sys
from lambundle.cli.main import cli, main

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

@cli.command()
def command():
{body}

main(["command"])
"""


def heed() -> None:
    """Let Ctrl-C count, in a new process: what a shell runs in the background, these tests perhaps, ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_command(*body: str, before: Callable[[], object] = heed) -> subprocess.CompletedProcess[str]:
    """Run a command of our own, given as Python."""
    code = COMMAND.format(body="\n".join(f"    {line}" for line in body))
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=before, timeout=60, check=False
    )


def test_ctrl_c_is_130_and_what_was_begun_is_put_right_undisturbed_by_another() -> None:
    done = run_command(
        "try:", "    interrupt()", "finally:", "    interrupt()", "    print('put right', flush=True)"
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "put right\n", "")


def test_ctrl_c_that_became_another_exception_is_130_all_the_same() -> None:
    body = ("try:", "    interrupt()", "except KeyboardInterrupt as error:", "    raise RuntimeError from error")
    done = run_command(*body)
    assert (done.returncode, done.stderr) == (130, "")


def test_what_is_started_with_ctrl_c_ignored_is_not_interrupted() -> None:
    done = run_command("interrupt()", "print('done')", before=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_ctrl_c_while_modules_are_read_ends_it_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "lambundle", "recipes"], capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=heed, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
