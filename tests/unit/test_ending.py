"""How a command line ends: the status and the line for what it did not expect."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click
import pytest

from lambundle.cli import ending

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def raising(error: BaseException) -> Callable[[], object]:
    """Return a command line that raises."""

    def command_line() -> NoReturn:
        raise error

    return command_line


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (SystemExit(), 0),
        (SystemExit(3), 3),
        (SystemExit("text"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (OSError(errno.EACCES, "Permission denied"), 3),
        (BrokenPipeError(), 3),
    ],
)
def test_every_end_has_its_status(end: BaseException, status: int) -> None:
    assert ending.status_of(raising(end)) == status


def test_what_a_command_line_returns_is_its_status() -> None:
    assert ending.status_of(lambda: None) == 0
    assert ending.status_of(lambda: 2) == 2


def test_wrong_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert ending.status_of(raising(click.UsageError("no such thing"))) == 2
    assert capsys.readouterr().err == "Usage error: no such thing\n".replace("Usage error", "Error")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "error: cannot write the output: no space left on device\n"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "error: /x/y: no space left on device\n"),
        (OSError(errno.EMFILE, "Too many open files"), "error: too many open files\n"),
        (OSError("only words"), "error: only words\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), ""),
    ],
)
def test_what_the_system_refused_is_one_line(capsys: pytest.CaptureFixture[str], error: OSError, line: str) -> None:
    assert ending.failed(error) == 3
    assert capsys.readouterr().err == line


def test_a_directory_that_is_gone_is_named_as_the_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    ending.failed(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    gone.rmdir()
    ending.failed(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    assert capsys.readouterr().err == (
        "error: no such file or directory\nerror: the current directory does not exist any more: go to another one\n"
    )


def test_what_is_written_only_at_the_end_counts_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ending.flushed(1) == 1
    with io.TextIOWrapper(io.FileIO(os.open("/dev/full", os.O_WRONLY), "w"), write_through=False) as full:
        monkeypatch.setattr(sys, "stdout", full)
        full.write("an answer")
        assert ending.flushed(0) == 3
        monkeypatch.undo()
    assert capsys.readouterr().err == "error: cannot write the output: no space left on device\n"


def test_ctrl_c_becomes_the_status_of_shells_wherever_it_is_caught() -> None:
    with pytest.raises(SystemExit) as end, ending.orderly():
        raise KeyboardInterrupt
    assert end.value.code == 130
