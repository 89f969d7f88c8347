"""How the process ends: with a status and at most a line, never with a traceback.

What no command can see to by itself is seen to here for all of them: standard streams that are closed or take nothing
more, a working directory that is gone, Ctrl-C.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from lambundle.errors import EXIT_NO, EXIT_UNKNOWN, EXIT_YES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from lambundle.cli.line import Line

EXIT_INTERRUPTED = 128 + signal.SIGINT
"""Status after Ctrl-C, as shells have it."""

_OF_WRITING = {errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC}


def run(command_line: Callable[[], object]) -> NoReturn:
    """Call ``command_line``, a click command outside of its standalone mode, and exit as it ended.

    Ctrl-C unwinds the stack once; while that goes on, and afterwards, another one changes nothing.
    """
    status = EXIT_NO
    interrupt = _Interrupt()
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for what a shell starts in the background
            signal.signal(signal.SIGINT, interrupt)
        fill_closed_streams()
        let_any_name_through()
        status = flushed(status_of(command_line))
        if signal.getsignal(signal.SIGINT) is interrupt:  # Python has its own end to make, of which nothing hangs
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except BaseException:
        if not interrupt.came:  # it may have come out as another exception: of a class that was being made, say
            raise
    sys.exit(EXIT_INTERRUPTED if interrupt.came else status)


class _Interrupt:
    """What is done about SIGINT; ``came`` says that there was one."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, _number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.came = True
        raise KeyboardInterrupt


# ---- standard streams ----


def fill_closed_streams() -> None:
    """Give every standard stream that is closed a place, before a file of ours gets its number.

    Reading finds an end, what is said on stderr is lost, and what is written to stdout fails (EBADF), as it would.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)  # it gets the lowest number that is free
            name = ("stdin", "stdout", "stderr")[number]
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def let_any_name_through() -> None:
    """Let stdout take names of files that are no text: as the bytes that they are, or escaped where it is not UTF-8."""
    stdout = sys.stdout
    if isinstance(stdout, io.TextIOWrapper) and stdout.errors == "strict":
        stdout.reconfigure(errors="surrogateescape" if stdout.encoding.lower() == "utf-8" else "backslashreplace")


def flushed(status: int) -> int:
    """Write out what is still to be written; returns ``status``, or another where that cannot be done."""
    errors = [error for stream in (sys.stdout, sys.stderr) if (error := _trouble(stream)) is not None]
    return failed(errors[0]) if errors else status


def _trouble(stream: TextIO) -> OSError | None:
    """What keeps a stream from taking what was written to it, None when nothing does.

    Such a stream takes everything from now on, and loses it: Python itself flushes once more at its end.
    """
    try:
        stream.flush()
    except OSError as error:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


def _say(lines: Iterable[Line]) -> None:
    """Say what went wrong, where that can be said."""
    from lambundle.cli.terminal import Terminal

    with contextlib.suppress(OSError):
        Terminal.of(sys.stderr).write(lines)


def _usage(error: click.ClickException) -> list[Line]:
    """What click says of a wrong command line."""
    from lambundle.cli.line import line

    text = io.StringIO()
    error.show(text)
    lines = []
    for each in text.getvalue().split("\n")[:-1]:
        head = "Error:" if each.startswith("Error:") else ""
        lines.append(line((head, "error"), each.removeprefix(head), hang=" " * 7 if head else None))
    return lines


# ---- the end ----


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """Exit with the status and the line that are due where the system refuses what nobody expected, and on Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except OSError as error:
        sys.exit(failed(error))


def status_of(command_line: Callable[[], object]) -> int:
    """Call ``command_line`` and return the status that it ended with."""
    try:
        with orderly():
            return _as_status(command_line())
    except SystemExit as end:
        return _as_status(end.code)
    except click.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        _say(_usage(error))
        return error.exit_code


def _as_status(value: object) -> int:
    return value if isinstance(value, int) else EXIT_YES if value is None else EXIT_NO


def failed(error: OSError) -> int:
    """Say what the system refused; returns the status to exit with."""
    for stream in (sys.stdout, sys.stderr):
        _trouble(stream)
    if not isinstance(error, BrokenPipeError):  # the reader of the answer has gone: so has the need to give it
        from lambundle.cli.line import line

        _say([line(("error:", "error"), f" {_words(error)}", hang=" " * 7)])
    return EXIT_UNKNOWN


def _words(error: OSError) -> str:
    why = error.strerror or str(error)
    why = why[:1].lower() + why[1:]
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {why}"
    if error.errno in _OF_WRITING:
        return f"cannot write the output: {why}"
    if error.errno == errno.ENOENT and not _has_directory():
        return "the current directory does not exist any more: go to another one"
    return why


def _has_directory() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True
