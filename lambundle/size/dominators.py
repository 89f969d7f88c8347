"""Immediate dominators of a directed graph, and what each node dominates in sum.

A node dominates another if every way from the root to that one leads through it: when it goes, the other goes.

The algorithm is that of Lengauer and Tarjan ("A Fast Algorithm for Finding Dominators in a Flowgraph", 1979), the
simple version: time in proportion to the edges and the logarithm of the nodes, whatever rings and ladders a stranger
writes into a manifest. Importing networkx takes half of the time that ``lambundle size`` may take, and its algorithm
takes minutes for a few thousand nodes of the wrong kind; the tests compare with it.
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
    order, parents = _preorder(successors)
    place: list[int] = [-1] * len(successors)
    for number, node in enumerate(order):
        place[node] = number
    before: list[list[int]] = [[] for _ in order]
    for number, node in enumerate(order):
        for successor in successors[node]:
            before[place[successor]].append(number)
    forest = _Forest(len(order))
    semi = forest.semi
    above = [0] * len(order)
    waiting: list[list[int]] = [[] for _ in order]
    for number in range(len(order) - 1, 0, -1):
        for other in before[number]:
            semi[number] = min(semi[number], semi[forest.best(other)])
        waiting[semi[number]].append(number)
        parent = parents[number]
        forest.link(parent, number)
        for other in waiting[parent]:
            best = forest.best(other)
            above[other] = best if semi[best] < semi[other] else parent
        waiting[parent].clear()
    for number in range(1, len(order)):
        if above[number] != semi[number]:
            above[number] = above[above[number]]
    found: list[int | None] = [None] * len(successors)
    for number, node in enumerate(order):
        found[node] = order[above[number]]
    return found


class _Forest:
    """The part of the depth-first tree that is linked so far, its paths compressed."""

    def __init__(self, size: int) -> None:
        self.semi = list(range(size))
        self._ancestor = [-1] * size
        self._label = list(range(size))

    def link(self, parent: int, node: int) -> None:
        """Put a node below its parent."""
        self._ancestor[node] = parent

    def best(self, node: int) -> int:
        """Return the node of least semidominator on the way from a node up to the root of its tree, that left out."""
        ancestor, label, semi = self._ancestor, self._label, self.semi
        way = []
        here = node
        while ancestor[here] >= 0 and ancestor[ancestor[here]] >= 0:
            way.append(here)
            here = ancestor[here]
        for here in reversed(way):
            up = ancestor[here]
            if semi[label[up]] < semi[label[here]]:
                label[here] = label[up]
            ancestor[here] = ancestor[up]
        return label[node]


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


def intervals(dominators: Sequence[int | None]) -> tuple[list[int], list[int]]:
    """Return for each node when a walk down the dominators enters and leaves it: within those of what stands above."""
    below: list[list[int]] = [[] for _ in dominators]
    for node, dominator in enumerate(dominators):
        if dominator is not None and node != ROOT:
            below[dominator].append(node)
    enter, leave = [-1] * len(dominators), [-1] * len(dominators)
    clock = 0
    waiting = [ROOT]
    while waiting:
        node = waiting.pop()
        if node < 0:
            leave[~node] = clock
            continue
        enter[node] = clock
        clock += 1
        waiting.append(~node)
        waiting += below[node]
    return enter, leave


def _preorder(successors: Sequence[Iterable[int]]) -> tuple[list[int], list[int]]:
    """Return the nodes that the root reaches, depth first, and for each of them its parent's place among them."""
    order = [ROOT]
    parents = [0]
    place = {ROOT: 0}
    stack = [(0, iter(successors[ROOT]))]
    while stack:
        number, rest = stack[-1]
        for successor in rest:
            if successor not in place:
                place[successor] = len(order)
                stack.append((len(order), iter(successors[successor])))
                order.append(successor)
                parents.append(number)
                break
        else:
            stack.pop()
    return order, parents
