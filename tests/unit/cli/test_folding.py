"""Long lines are folded at words, and lose nothing but spaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from lambundle.cli.folding import folded
from lambundle.cli.line import columns

if TYPE_CHECKING:
    from lambundle.cli.line import Part

STYLES = st.sampled_from(["", "dim", "path"])
WORDS = st.text("ab日 ", max_size=30)


def text(parts: list[Part]) -> str:
    return "".join(part for part, _ in parts)


@given(st.lists(st.tuples(WORDS, STYLES), max_size=6), st.integers(0, 12), st.integers(40, 60))
def test_every_word_is_there_in_its_style_and_lines_fit(parts: list[Part], hang: int, width: int) -> None:
    lines = list(folded(parts, " " * hang, width))
    assert "".join(map(text, lines)).replace(" ", "") == text(parts).replace(" ", "")
    for style in ("", "dim", "path"):
        kept, given_ = (
            "".join(part for part, its in each if its == style).replace(" ", "")
            for each in ([item for line in lines for item in line], parts)
        )
        assert kept == given_
    longest = max((columns(word) for word in text(parts)[hang:].split(" ")), default=0)
    if longest <= width - hang and columns(text(parts)[:hang].rstrip()) + longest <= width:
        assert all(columns(text(line).rstrip()) <= width for line in lines)


def test_spaces_within_a_line_stay_and_a_narrow_column_is_not_folded() -> None:
    parts: list[Part] = [("a  b" + " c" * 30, "")]
    assert text(next(folded(parts, "  ", 40))).startswith("a  b c")
    assert list(folded(parts, " " * 30, 40)) == [parts]
