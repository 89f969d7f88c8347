"""The tree of reasons: everything below that without which it would not be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.size.dominators import ROOT, dominated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambundle.size.graph import ReasonGraph

DEEPEST = 50
"""Branches of a branch that are drawn; a bundle has some ten."""
TWIG = 200
"""The part of a bundle, one in so many, that a branch must hold to be drawn."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the tree. ``last`` says of it and of each branch above it whether it is the last at its place.

    ``node`` is None for several that are not drawn, ``count`` how many there are.
    """

    node: int | None
    count: int
    size: int
    last: tuple[bool, ...]


def branches(graph: ReasonGraph, number: int) -> Iterator[Branch]:
    """Give the tree from the top, the largest branches first, ``number`` of each at most and no twigs; 0 gives all."""
    sums = dominated(graph.tree, graph.weights)
    least = graph.total // TWIG if number else 0
    below: dict[int, list[int]] = {}
    for node, above in enumerate(graph.tree):
        if above is not None and node != ROOT:
            below.setdefault(above, []).append(node)
    for nodes in below.values():
        nodes.sort(key=lambda node: (-sums[node], graph.nodes[node].name))
    waiting = [Branch(ROOT, 1, sums[ROOT], ())]
    while waiting:
        branch = waiting.pop()
        yield branch
        if branch.node is not None and len(branch.last) < DEEPEST:
            found = _inside(below.get(branch.node, []), sums, number, least)
            waiting += [
                Branch(node, count, size, (*branch.last, place == len(found)))
                for place, (node, count, size) in enumerate(found, 1)
            ][::-1]


def _inside(nodes: Sequence[int], sums: Sequence[int], number: int, least: int) -> list[tuple[int | None, int, int]]:
    """Return the branches that are drawn below one, and the others as one."""
    large = [node for node in nodes if sums[node] >= least]
    shown = large[:number] if number else large
    found: list[tuple[int | None, int, int]] = [(node, 1, sums[node]) for node in shown]
    rest = nodes[len(shown) :]
    size = sum(sums[node] for node in rest)
    return [*found, (None, len(rest), size)] if shown and size and size >= least else found
