"""A bound on work that grows with the product of what a bundle holds: programs, names, directories, symbols."""

from __future__ import annotations

STEPS_MAX = 1_000_000
"""How many look-ups are made for one bundle; the most seen, of LibreOffice, is 286,220."""

SYMBOLS = 64
"""Symbols that are looked up in the time of one step."""


class EntangledError(Exception):
    """A bundle asks for more work than any real one."""


class Steps:
    """The steps that are left; shared by all that is asked of one bundle."""

    def __init__(self, left: int = STEPS_MAX) -> None:
        self.left = left

    def take(self, count: int = 1) -> None:
        """Use up steps; raise EntangledError when there are no more."""
        self.left -= count
        if self.left < 0:
            raise EntangledError
