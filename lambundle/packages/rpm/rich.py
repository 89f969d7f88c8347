"""Rich (boolean) dependencies of rpm, reduced to clauses of alternatives.

Source: rpm's documentation, "Boolean Dependencies".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WORDS = 1000
MAX_NESTING = 16
"""Real rich dependencies nest two or three deep."""
WORD = re.compile(r"\s*([()]|(?:[^\s()]|\((?:[^()\s]|\([^()\s]*\))*\))+)")
"""A parenthesis, or a name, which may have some: ``libc.so.6(GLIBC_2.34)(64bit)``."""
RELATIONS = frozenset(("<", "<=", "=", ">=", ">"))
Clauses = list[list[str]]


class RichDependency:
    """A rich dependency such as ``(a if (b or c >= 1) else d)``, reduced to clauses of alternatives."""

    def __init__(self, text: str, is_met: Callable[[str], bool]) -> None:
        words = [match[1] for match in WORD.finditer(text)]
        self._words = words if len(words) <= MAX_WORDS else []
        self._is_met = is_met

    def clauses(self) -> Clauses:
        """Return the clauses, all of which must be met, each by one of its names; none if the text is malformed."""
        found = self._operand(0)
        return [] if self._words else found

    def _next(self) -> str:
        return self._words.pop(0) if self._words else ")"

    def _operand(self, depth: int) -> Clauses:
        word = self._next()
        if word != "(":
            if self._words[:1] and self._words[0] in RELATIONS:
                del self._words[:2]
            return [] if word == ")" else [[word]]
        if depth >= MAX_NESTING:
            self._words.clear()
            return []
        left = self._operand(depth + 1)
        while (operator := self._next()) != ")":
            right = self._operand(depth + 1)
            if operator in {"if", "unless"}:
                other: Clauses = []
                if self._words[:1] == ["else"]:
                    del self._words[0]
                    other = self._operand(depth + 1)
                left = left if self._holds(right) == (operator == "if") else other
            else:
                left = self._combined(operator, left, right)
        return left

    def _holds(self, clauses: Clauses) -> bool:
        return all(any(map(self._is_met, clause)) for clause in clauses)

    def _combined(self, operator: str, left: Clauses, right: Clauses) -> Clauses:
        if operator in {"and", "with"}:
            return left + right
        if operator != "or":  # "without" only restricts the left side
            return left
        if len(left) == len(right) == 1:
            return [left[0] + right[0]]
        return next((side for side in (left, right) if self._holds(side)), left)
