"""What is shown: in parts, with columns counted, and nothing in it that a terminal obeys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambundle.cli.line import columns, line, shown, tidy


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a\x1b[31mb\x07", "utf-8", "a\\x1b[31mb\\x07"),
        ("tab\there\r", "utf-8", "tab    here\\r"),
        ("é …", "utf-8", "é …"),
        ("é …", "ascii", "\\xe9 \\u2026"),
        ("\udcff", "utf-8", "\\udcff"),
        ("\u202eevil", "utf-8", "\\u202eevil"),
    ],
)
def test_nothing_of_a_bundle_commands_the_terminal(text: str, encoding: str, expected: str) -> None:
    assert shown(text, encoding) == expected


def test_a_space_by_another_name_is_a_space() -> None:
    assert shown("File\xa0x,\u2003line\u30001\u2028") == "File x, line 1\\u2028"


def test_bytes_of_a_name_are_kept_where_that_is_asked_for_but_not_c1_controls() -> None:
    assert shown("a\udcff\udc9b", keep_bytes=True) == "a\udcff\\udc9b"


@given(st.text(), st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_nothing_that_steers_a_terminal_is_left(text: str, encoding: str) -> None:
    found = shown(text, encoding)
    assert found.isprintable()
    found.encode(encoding)


@given(st.text())
def test_what_was_made_safe_stays_as_it_is(text: str) -> None:
    assert shown(shown(text)) == shown(text)


def test_wide_letters_take_two_columns_and_accents_none() -> None:
    assert columns("日本") == 4
    assert columns("e\N{COMBINING ACUTE ACCENT}") == 1


def test_a_line_is_its_parts() -> None:
    assert str(line("a ", ("b", "name"), " ")) == "a b "
    assert tidy("a ", ("b  ", "name"), (" ", "dim"), "").parts == (("a ", ""), ("b", "name"))
    assert tidy(" ").parts == ()
