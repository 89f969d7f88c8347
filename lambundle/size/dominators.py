"""Immediate dominators of a directed graph, and what each node dominates in sum.

A node dominates another if every way from the root to that one leads through it: when it goes, the other goes.

The algorithm is that of Cooper, Harvey and Kennedy ("A Simple, Fast Dominance Algorithm", 2001), which is networkx's
too; importing networkx takes half of the time that ``lambundle size`` may take, so the tests compare with it instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = 0
"""The node that everything is reached from."""


def immediate_dominators(successors: Sequence[Iterable[int]]) -> list[int | None]:
    """Return the immediate dominator of each node, None for those that ``ROOT`` does not reach, ``ROOT``'s is itself.

    ``successors`` has for each node the nodes that it leads to.
    """
    order = _reverse_postorder(successors)
    place: list[int] = [-1] * len(successors)
    for number, node in enumerate(order):
        place[node] = number
    before: list[list[int]] = [[] for _ in order]
    for number, node in enumerate(order):
        for successor in successors[node]:
            before[place[successor]].append(number)
    above = [-1] * len(order)
    above[0] = 0
    changed = True
    while changed:
        changed = False
        for number in range(1, len(order)):
            new = -1
            for other in before[number]:
                if above[other] >= 0:
                    new = other if new < 0 else _nearest(above, new, other)
            if above[number] != new:
                above[number] = new
                changed = True
    found: list[int | None] = [None] * len(successors)
    for number, node in enumerate(order):
        found[node] = order[above[number]]
    return found


def dominated(dominators: Sequence[int | None], weights: Sequence[int]) -> list[int]:
    """Return for each node the sum of the weights of what it dominates, its own among them."""
    below: list[list[int]] = [[] for _ in dominators]
    for node, dominator in enumerate(dominators):
        if dominator is not None and node != ROOT:
            below[dominator].append(node)
    order = [ROOT]
    for node in order:  # grows as it goes: every node stands before those below it
        order += below[node]
    sums = list(weights)
    for node in reversed(order):
        sums[node] += sum(sums[child] for child in below[node])
    return sums


def _nearest(above: Sequence[int], one: int, other: int) -> int:
    """Return the nearest node that stands above two, all counted in reverse postorder."""
    while one != other:
        while one > other:
            one = above[one]
        while other > one:
            other = above[other]
    return one


def _reverse_postorder(successors: Sequence[Iterable[int]]) -> list[int]:
    """Return the nodes that the root reaches, each before those that only it leads to."""
    seen = {ROOT}
    done: list[int] = []
    stack = [(ROOT, iter(successors[ROOT]))]
    while stack:
        node, rest = stack[-1]
        for successor in rest:
            if successor not in seen:
                seen.add(successor)
                stack.append((successor, iter(successors[successor])))
                break
        else:
            done.append(node)
            stack.pop()
    return done[::-1]
