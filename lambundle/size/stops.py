"""What stops when a file goes: which of some nodes need it, directly or through others.

In time proportional to the graph, rings included: each ring is one node of the order in which they are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lambundle.bundle.model import Reason

STOPPING = frozenset({"needed", "interpreter"})
"""Kinds of reasons without whose file the loader refuses a program, or the kernel cannot start it."""


def stopped_without(
    successors: Sequence[Sequence[int]], causes: Sequence[Mapping[int, Reason]], starts: Sequence[int]
) -> list[int]:
    """Return for each node a number with a bit for each of ``starts`` that does not start without it.

    ``successors`` and ``causes`` are those of a graph of reasons.
    """
    targets = [
        [target for target in targets if causes[target][node].kind in STOPPING]
        for node, targets in enumerate(successors)
    ]
    own = [0] * len(targets)
    for place, start in enumerate(starts):
        own[start] |= 1 << place
    found = [0] * len(targets)
    for ring in _rings(targets):
        bits = 0
        for node in ring:
            bits |= found[node]
        if len(ring) > 1:
            for node in ring:
                bits |= own[node]
        for node in ring:
            found[node] = bits
        for node in ring:
            for target in targets[node]:
                found[target] |= bits | own[node]
    return found


def _rings(targets: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the strongly connected components, each before those that it leads to (Kosaraju's algorithm)."""
    sources: list[list[int]] = [[] for _ in targets]
    for node, others in enumerate(targets):
        for other in others:
            sources[other].append(node)
    seen = bytearray(len(targets))
    found = []
    for start in reversed(_finished(targets)):
        if seen[start]:
            continue
        seen[start] = 1
        ring = [start]
        for node in ring:  # grows as it goes
            for source in sources[node]:
                if not seen[source]:
                    seen[source] = 1
                    ring.append(source)
        found.append(ring)
    return found


def _finished(targets: Sequence[Sequence[int]]) -> list[int]:
    """Return all nodes in the order in which a walk, depth first, leaves them."""
    seen = bytearray(len(targets))
    done = []
    for start in range(len(targets)):
        if seen[start]:
            continue
        seen[start] = 1
        stack = [(start, iter(targets[start]))]
        while stack:
            node, rest = stack[-1]
            for target in rest:
                if not seen[target]:
                    seen[target] = 1
                    stack.append((target, iter(targets[target])))
                    break
            else:
                done.append(node)
                stack.pop()
    return done
