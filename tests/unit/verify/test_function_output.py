"""What a function writes: nothing is lost up to the moment of asking, nothing makes it wait, nothing fills memory."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from lambundle.verify.function.output import KEPT, FunctionOutput, Output

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pipes:
    """An Output and the ends that the function has."""

    def __init__(self) -> None:
        out, self.stdout = os.pipe()
        err, self.stderr = os.pipe()
        self.ends = [out, err]
        self.output = Output(out, err)

    def close(self) -> None:
        for fd in (self.stdout, self.stderr):
            os.close(fd)
        self.stdout = self.stderr = -1


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    pipes = Pipes()
    yield pipes
    if pipes.stdout >= 0:
        pipes.close()
    pipes.output.join(20)


def test_streams_apart_and_together(pipes: Pipes) -> None:
    for fd, text in ((pipes.stdout, b"1\n"), (pipes.stderr, b"2\n")):
        os.write(fd, text)
        assert pipes.output.take() in {FunctionOutput("1\n", "", "1\n"), FunctionOutput("", "2\n", "2\n")}
    assert pipes.output.take() == FunctionOutput()


def test_everything_written_before_is_there(pipes: Pipes) -> None:
    for number in range(200):
        os.write(pipes.stdout, b"%d" % number)
        assert pipes.output.take().stdout == str(number)


def test_more_than_a_pipe_holds(pipes: Pipes) -> None:
    os.write(pipes.stdout, b"x" * (KEPT // 2))  # would block for ever, were it not read
    assert len(pipes.output.take().stdout) == KEPT // 2


def test_endless_output_is_cut_and_counted(pipes: Pipes) -> None:
    for _ in range(3):
        os.write(pipes.stdout, b"x" * (KEPT // 2))
    os.write(pipes.stderr, b"y")
    written = pipes.output.take()
    assert len(written.stdout) == KEPT
    assert written.stderr == ""
    assert written.merged.endswith(f"\n[{KEPT // 2 + 1:,} more bytes were written]\n")
    os.write(pipes.stdout, b"again")
    assert pipes.output.take() == FunctionOutput("again", "", "again")


def test_asking_while_somebody_writes_without_end(pipes: Pipes) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            os.write(pipes.stdout, b"x" * 65536)

    writer = threading.Thread(target=write)
    writer.start()
    got = 0
    while got < 2 * KEPT:  # far more than a pipe holds, so that it was still writing
        got += len(pipes.output.take().stdout)
    stop.set()
    writer.join()


def test_bytes_that_are_no_text(pipes: Pipes) -> None:
    os.write(pipes.stdout, b"\xff")
    assert pipes.output.take().stdout == "\N{REPLACEMENT CHARACTER}"


def test_end_of_the_function_closes_our_ends(pipes: Pipes) -> None:
    os.write(pipes.stdout, b"last words")
    pipes.close()
    pipes.output.join(20)
    assert pipes.output.take().stdout == "last words"
    for fd in pipes.ends:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
