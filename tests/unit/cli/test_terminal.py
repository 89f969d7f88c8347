"""Text that fits: by columns, not by letters, and without what would steer a terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambundle.cli.terminal import Terminal, columns, plain

RICH = Terminal(80, colour=True, unicode=True)
POOR = Terminal(80)


class Stream(io.TextIOWrapper):
    def __init__(self, *, tty: bool, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


@pytest.mark.parametrize(
    ("tty", "encoding", "environ", "expected"),
    [
        (True, "utf-8", {"TERM": "xterm"}, (True, True)),
        (True, "ascii", {"TERM": "xterm"}, (True, False)),
        (True, "utf-8", {"TERM": "dumb"}, (False, False)),
        (True, "utf-8", {"TERM": "xterm", "NO_COLOR": "1"}, (False, False)),
        (False, "utf-8", {"TERM": "xterm"}, (False, False)),
        (False, "utf-8", {"FORCE_COLOR": "1"}, (True, True)),
    ],
)
def test_what_a_terminal_can_show(
    tty: bool, encoding: str, environ: dict[str, str], expected: tuple[bool, bool]
) -> None:
    found = Terminal.of(Stream(tty=tty, encoding=encoding), environ)
    assert (found.colour, found.unicode) == expected


@given(st.text(max_size=40), st.integers(4, 30))
def test_what_is_clipped_fits(text: str, width: int) -> None:
    for terminal in (RICH, POOR):
        assert columns(terminal.clip(plain(text), width)) <= width
        assert columns(terminal.clip_end(plain(text), width)) <= width


@given(st.lists(st.text("abc", min_size=1, max_size=12), max_size=6), st.integers(8, 40))
def test_a_chain_fits_and_keeps_its_ends(steps: list[str], width: int) -> None:
    text = POOR.chain(steps, width)
    assert columns(text) <= width
    if steps and columns(" > .. > ".join([steps[0], steps[-1]])) <= width:
        assert text.startswith(steps[0])
        assert text.endswith(steps[-1])


@given(st.floats(0, 1), st.integers(1, 30))
def test_a_bar_is_as_wide_as_its_column(share: float, width: int) -> None:
    assert columns(RICH.bar(share, width)) == width
    assert RICH.bar(1, width) == "█" * width
    assert POOR.bar(share, width).isascii()


def test_wide_letters_take_two_columns_and_accents_none() -> None:
    assert columns("日本") == 4
    assert columns("e\N{COMBINING ACUTE ACCENT}") == 1


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    assert plain(text).isprintable()
