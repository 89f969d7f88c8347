"""Bars, chains and cut texts fit, by columns and not by letters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambundle.cli.drawing import Drawing
from lambundle.cli.line import columns, shown

FINE = Drawing(fine=True)
POOR = Drawing()


@given(st.text(max_size=40), st.integers(4, 30))
def test_what_is_clipped_fits(text: str, width: int) -> None:
    for terminal in (FINE, POOR):
        assert columns(terminal.clip(shown(text), width)) <= width
        assert columns(terminal.clip_end(shown(text), width)) <= width


@given(st.lists(st.text("abc", min_size=1, max_size=12), max_size=6), st.integers(8, 40))
def test_a_chain_fits_and_keeps_its_ends(steps: list[str], width: int) -> None:
    text = POOR.chain(steps, width)
    assert columns(text) <= width
    if steps and columns(" > .. > ".join([steps[0], steps[-1]])) <= width:
        assert text.startswith(steps[0])
        assert text.endswith(steps[-1])


@given(st.floats(0, 1), st.integers(1, 30))
def test_a_bar_is_as_wide_as_its_column(share: float, width: int) -> None:
    assert columns(FINE.bar(share, width)) == width
    assert FINE.bar(1, width) == "█" * width
    assert POOR.bar(share, width).isascii()
