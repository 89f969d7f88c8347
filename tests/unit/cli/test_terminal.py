"""The one door to the terminal: what it can show, that long lines are folded, and that nothing gets past it."""

from __future__ import annotations

import ast
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

import lambundle
from lambundle.cli.line import columns, line
from lambundle.cli.terminal import Terminal
from lambundle.cli.waiting import progress_bar, status

ESCAPE = re.compile(r"\x1b\[[\d;]*m")
ROOM = Path(lambundle.__file__).parent


class Stream(io.TextIOWrapper):
    def __init__(self, *, tty: bool, encoding: str = "utf-8") -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding=encoding)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    def written(self) -> str:
        self.flush()
        return self._bytes.getvalue().decode(self.encoding)


@pytest.mark.parametrize(
    ("tty", "encoding", "environ", "expected"),
    [
        (True, "utf-8", {"TERM": "xterm"}, (True, True, True)),
        (True, "UTF8", {"TERM": "xterm"}, (True, True, True)),
        (True, "ascii", {"TERM": "xterm"}, (True, True, False)),
        (True, "utf-8", {"TERM": "dumb"}, (False, False, True)),
        (True, "utf-8", {"TERM": "xterm", "NO_COLOR": "1"}, (True, False, True)),
        (False, "utf-8", {"TERM": "xterm"}, (False, False, True)),
        (False, "utf-8", {"FORCE_COLOR": "1"}, (True, True, True)),
        (False, "utf-8", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, (True, False, True)),
    ],
)
def test_what_a_terminal_can_show(
    tty: bool, encoding: str, environ: dict[str, str], expected: tuple[bool, bool, bool]
) -> None:
    found = Terminal.of(Stream(tty=tty, encoding=encoding), environ)
    assert (found.is_terminal, found.colour, found.unicode) == expected
    assert found.drawing.fine is (found.is_terminal and found.unicode)


@pytest.mark.parametrize(
    ("columns_", "width"), [("132", 132), ("7", 40), ("0", 80), ("wide", 80), ("", 80), ("9" * 5000, 80)]
)
def test_how_wide_it_is(columns_: str, width: int) -> None:
    assert Terminal.of(Stream(tty=False), {"COLUMNS": columns_}).width == width


def test_a_terminal_says_how_wide_it_is() -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 101, 0, 0))
    with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123  (a descriptor)
        assert Terminal.of(stream, {"TERM": "xterm"}).width == 101
    os.close(ours)


def test_elsewhere_a_line_is_its_text() -> None:
    stream = Stream(tty=False)
    long = "  it [red]is[/red] " + "long " * 40
    Terminal.of(stream, {}).write([line("  ", ("PASS", "pass"), long, hang="  "), line()])
    assert stream.written() == f"  PASS{long}\n\n"


def test_on_a_terminal_it_is_in_colour_and_markup_is_text() -> None:
    to = Terminal(80, is_terminal=True, colour=True)
    assert to.rendered([line("  ", ("PASS", "pass"), "  [red]is[/red] :smile:")]) == [
        "  \x1b[1;32mPASS\x1b[0m  [red]is[/red] :smile:"
    ]


def test_a_long_line_is_folded_at_words_below_its_hang() -> None:
    to = Terminal(40, is_terminal=True)
    text = line(("note:", "note"), " one two three four five six seven eight nine", hang="      ")
    assert to.rendered([text]) == ["note: one two three four five six seven", "      eight nine"]
    path = "/a/path/that/is/longer/than/the/terminal/is/wide"
    assert to.rendered([line("note: see ", path, hang="      ")]) == ["note: see", f"      {path}"]
    assert to.rendered([line("      ", path, " ", path)]) == [f"      {path} {path}"], "without a hang it stays whole"


def test_colour_does_not_change_where_a_line_is_folded() -> None:
    text = line(("a" * 20, "fail"), " ", ("b" * 20 + " " + "日本" * 5 + " c d", "dim"), hang="  ")
    plain, coloured = (Terminal(44, is_terminal=True, colour=colour).rendered([text]) for colour in (False, True))
    assert [ESCAPE.sub("", each) for each in coloured] == plain
    assert len(plain) > 1
    assert all(columns(each) <= 44 for each in plain)


@pytest.mark.parametrize("is_terminal", [False, True])
def test_nothing_in_a_name_is_obeyed(is_terminal: bool) -> None:
    to = Terminal(80, is_terminal=is_terminal)
    text = "lib\x1b[31mRED\x07\x9b31m\u202e\nerror: fake"
    assert to.rendered([line((text, "fail"))]) == [r"lib\x1b[31mRED\x07\x9b31m\u202e\nerror: fake"]


def test_what_an_encoding_lacks_is_escaped() -> None:
    stream = Stream(tty=False, encoding="ascii")
    Terminal.of(stream, {}).write([line("é …")])
    assert stream.written() == "\\xe9 \\u2026\n"


def test_nothing_moves_where_nobody_looks_on() -> None:
    for stream, environ in ((Stream(tty=False), {"FORCE_COLOR": "1"}), (Stream(tty=True), {"TERM": "dumb"})):
        terminal = Terminal.of(stream, environ)
        with progress_bar(terminal, 10, quiet=False) as progress, status(terminal, quiet=False) as tell:
            tell("working")
            assert progress is None
        assert stream.written() == ""


def test_what_moves_is_gone_at_the_end_and_is_not_obeyed() -> None:
    stream = Stream(tty=True)
    terminal = Terminal.of(stream, {"TERM": "xterm"})
    with progress_bar(terminal, 10, quiet=False) as progress:
        assert progress is not None
        progress(4)
    with status(terminal, quiet=False) as tell:
        tell("running a\x1b]0;title\x07")
    written = stream.written()
    assert "Packing" in written
    assert "running a\\x1b]0;title\\x07" in written
    assert written.endswith("\x1b[2K")
    with status(terminal, quiet=True) as tell:
        tell("more")
    assert stream.written() == written


# ---- that nothing gets past it ----


def test_only_the_door_writes() -> None:
    """``man`` writes its page for a file; ``--help`` and ``--version`` are click's, and our own text."""
    forbidden = {"print", "click.echo", "click.secho", "click.style", "sys.stdout.write", "sys.stderr.write"}
    wrong = [
        f"{path.relative_to(ROOM)}:{node.lineno}"
        for path in ROOM.rglob("*.py")
        if path.name not in {"man.py", "terminal.py"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in forbidden
    ]
    assert not wrong


def test_rich_is_imported_for_a_terminal_only() -> None:
    code = (
        "import sys\n"
        "from lambundle.cli.main import cli\n"
        "for words in (['--help'], ['deps', '/bin/sh'], ['pack', '--dry-run', '/bin/sh'], ['recipes']):\n"
        "    cli.main(words, standalone_mode=False)\n"
        "sys.exit(any(name.partition('.')[0] == 'rich' for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_has_no_numbers_that_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Terminal(stream=io.StringIO()).write_json({"seconds": float("inf")})


def test_a_bare_path_is_text_on_a_terminal_and_itself_in_a_pipe() -> None:
    for is_terminal, expected in ((True, "\\x1b[31m\\x07\\n\n"), (False, "\x1b[31m\x07\n\n")):
        stream = io.StringIO()
        Terminal(stream=stream, is_terminal=is_terminal).write_bare("\x1b[31m\x07\n")
        assert stream.getvalue() == expected
