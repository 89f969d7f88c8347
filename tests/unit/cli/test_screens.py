"""The screens of pack, deps and verify are as they are kept, and nothing in them steers a terminal."""

from __future__ import annotations

import re

import pytest

from lambundle.cli.line import columns
from tests.unit.cli.golden import GOLDEN, SCREENS, TERMINALS, kept

KEPT = kept()
OURS = re.compile(r"\x1b\[(?:0|[\d;]+)m")


@pytest.mark.parametrize("name", KEPT)
def test_a_screen_is_as_it_is_kept(name: str) -> None:
    assert KEPT[name] == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_nothing_else_is_kept() -> None:
    assert {path.stem for path in GOLDEN.iterdir() if not path.name.startswith("size-")} == set(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_nothing_in_it_is_obeyed_but_our_own_colours(name: str) -> None:
    assert all(OURS.sub("", line).isprintable() for line in KEPT[name])
    if name.endswith("plain"):
        assert "\x1b" not in "".join(KEPT[name])


@pytest.mark.parametrize("name", SCREENS)
def test_colour_changes_no_text(name: str) -> None:
    """Where nothing is folded: on a terminal that is wide enough for every line."""
    lines = [OURS.sub("", line) for line in KEPT[f"{name}-120"]]
    plain = KEPT[f"{name}-plain"]
    assert "".join("".join(lines).split()).replace("│", "") == "".join("".join(plain).split()).replace("│", "")


@pytest.mark.parametrize("name", SCREENS)
@pytest.mark.parametrize("width", ["80", "120"])
def test_folded_lines_fit(name: str, width: str) -> None:
    """All but those that hold a word that does not, and those of a listing, which are left whole."""
    if name == "pack-listing":
        return
    for line in KEPT[f"{name}-{width}"]:
        text = OURS.sub("", line)
        assert columns(text) <= TERMINALS[width].width or " " not in text.strip(" │├└─")
