"""What moves while a person waits; nothing where nobody looks on. It is on stderr, and gone at the end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lambundle.cli.line import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from lambundle.cli.terminal import Terminal


@contextmanager
def progress_bar(terminal: Terminal, total: int, *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """Show a bar; it is told how many more of ``total`` bytes are done."""
    console = None if quiet else _console(terminal)
    if console is None:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn(f"{'Packing':>11} ", style="label"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda size: progress.advance(task, size)


@contextmanager
def status(terminal: Terminal, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show what is being done in one line; it is told each step.

    Drawn at each step only: a thread that turns a wheel would be there when a sandbox forks.
    """
    console = None if quiet else _console(terminal)
    if console is None:
        yield lambda _: None
        return
    from rich.live import Live
    from rich.text import Text

    dots = terminal.drawing.dots
    with Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:

        def tell(step: str) -> None:
            text = Text(f"{shown(step, terminal.encoding)} {dots}", "dim", no_wrap=True, overflow="ellipsis")
            live.update(text, refresh=True)

        yield tell


def _console(terminal: Terminal) -> Console | None:
    """A console of rich, where somebody looks on and nothing else is done with what is written."""
    stream = terminal.stream
    if not terminal.is_terminal or stream is None or not stream.isatty():
        return None
    return terminal.painter.console(stream)
