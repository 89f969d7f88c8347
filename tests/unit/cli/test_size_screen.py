"""The screens are as they are kept, fit their terminal, and are plain where it is plain."""

from __future__ import annotations

import glob
import re
import shlex

import pytest

from lambundle.cli.line import columns
from lambundle.cli.size_screen import Screen
from lambundle.cli.terminal import Terminal
from lambundle.size.drops import Drop
from tests.unit.size.golden import GOLDEN, SCREENS

IN_COLOUR = {"size-in-colour": 80, "size-wide": 120}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_as_it_is_kept(name: str) -> None:
    assert SCREENS[name]() == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_nothing_else_is_kept() -> None:
    assert {path.stem for path in GOLDEN.glob("size-*")} == set(SCREENS)


@pytest.mark.parametrize("name", SCREENS)
def test_every_line_fits(name: str) -> None:
    for line in SCREENS[name]():
        assert columns(re.sub(r"\x1b\[[\d;]+m", "", line)) <= IN_COLOUR.get(name, 80)
        assert line == line.rstrip()


@pytest.mark.parametrize("name", sorted(SCREENS.keys() - IN_COLOUR.keys() - {"size-of-others"}))
def test_without_colour_all_is_plain_ascii(name: str) -> None:
    assert "\n".join(SCREENS[name]()).isascii()


@pytest.mark.parametrize("name", IN_COLOUR)
def test_with_colour_there_are_bars(name: str) -> None:
    assert any("█" in line for line in SCREENS[name]())


def test_a_total_is_the_sum_of_what_is_above_it() -> None:
    lines = SCREENS["size-by-directory"]()
    shares = [float(line.split()[0]) for line in lines[1:]]
    assert shares[-1] == 100.0
    assert abs(sum(shares[:-1]) - 100) < 0.1 * len(shares)


def test_what_is_offered_can_be_pasted_behind_exclude() -> None:
    long = f"/opt/{'long/' * 12}odd [name] it's.dat"
    offer = Drop(long, (glob.escape(long), "a*b"), 5 << 20, of="tool")
    short = Drop("data", ("data",), 4 << 20, of="tool")
    terminal = Terminal(80)
    lines = terminal.rendered(Screen(terminal).drops([offer, short]))
    words = shlex.split(lines[2].split(None, 2)[2])
    assert words == [glob.escape(long), "--exclude", "a*b"]
    assert [" ".join(line.split()) for line in lines[3:]] == [
        "what tool does with it",
        "4.0 MiB data what tool does with it",
    ]
