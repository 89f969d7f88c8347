"""The graph of reasons: what is in a bundle because of what, as its manifests tell it.

Nodes are the programs, the files and links, and the groups (packages, facilities); an edge leads from what asked
for something to what it got. What goes when a file goes is what only it leads to.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.size.dominators import ROOT, dominated, immediate_dominators, intervals
from lambundle.size.graph_reader import read_manifest
from lambundle.size.nodes import Node, ReasonNodes
from lambundle.size.stops import STOPPING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from lambundle.bundle.model import Manifest

WAY_MAX = 24
"""Most steps of a chain of reasons that are told; of a longer one the first, and the last ones."""

LOADED = ("needed", "opened", "libc")
"""Kinds of reasons that ask for a library by its name."""


class ReasonGraph(ReasonNodes):
    """What is there because of what, of all manifests of a bundle together.

    ``sizes`` has every file and link of the bundle with its unpacked bytes; what no manifest lists is there for no
    reason that is known. ``nodes[0]`` stands for the bundle; ``started`` are programs, dynamic ones and scripts: they
    have an interpreter.
    """

    def __init__(self, manifests: Sequence[Manifest], sizes: Mapping[str, int]) -> None:
        super().__init__()
        self._firsts: list[int] = []
        for manifest in manifests:
            read_manifest(self, manifest, sizes)
        for path, size in sizes.items():
            if path not in self.by_path:
                self.add(Node(path, path), size)
        for node in range(1, len(self.nodes)):
            if not self.causes[node]:
                self.lead(ROOT, node, Reason("unknown"))
        self._settle()

    def _settle(self) -> None:
        """Let no ring of nodes that ask only for one another hang in the air."""
        reached = self._reach(())
        for node in range(1, len(self.nodes)):
            if not reached[node]:
                self.lead(ROOT, node, Reason("unknown"))
                for other in self._from(node, reached):
                    reached[other] = 1

    # ---- asked ----

    @property
    def total(self) -> int:
        """Bytes of everything."""
        return sum(self.weights)

    @cached_property
    def dominators(self) -> list[int | None]:
        """For each node the nearest one without which it would not be there."""
        return immediate_dominators(self.successors)

    @cached_property
    def tree(self) -> list[int | None]:
        """As ``dominators``, but with packages below what they were chosen for: the order in which a person thinks."""
        successors = list(self.successors)
        successors[ROOT] = [node for node in successors[ROOT] if node not in self.anchored or not self._asked(node)]
        return immediate_dominators(successors)

    def _asked(self, node: int) -> bool:
        """Whether something in the bundle asked for a node."""
        return len(self.causes[node]) > 1

    @cached_property
    def savings(self) -> list[int]:
        """For each node the bytes that go when it goes: its own, and what nothing else asks for.

        Links that are there for a file go with it, whatever asked for them.
        """
        sums = dominated(self.dominators, self.weights)
        more = [0] * len(sums)
        enter, leave = intervals(self.dominators)
        for link, files in self._links.items():
            if len(files) != 1:
                continue
            (file,) = files
            if not enter[file] < enter[link] < leave[file]:
                more[file] += self.weights[link]
        return [one + other for one, other in zip(sums, more, strict=True)]

    def saved_without(self, nodes: Collection[int]) -> int:
        """Bytes that go when all of some nodes go."""
        reached = self._reach(nodes)
        return sum(weight for weight, there in zip(self.weights, reached, strict=True) if not there)

    def reached_from(self, nodes: Iterable[int]) -> set[int]:
        """Return some nodes and all that they lead to."""
        reached = bytearray(len(self.nodes))
        return {found for node in nodes if not reached[node] for found in self._from(node, reached)}

    def way_to(self, node: int) -> tuple[tuple[int, ...], Reason]:
        """Return the shortest chain of nodes from a program to a node, that one left out, and its last reason.

        Where no program leads to it, it is the shortest chain from something else that is there for itself. Of a chain
        of more than WAY_MAX steps it is the first and the last ones.
        """
        steps: list[int] = []
        source, reason = self._parents[node]
        while source != ROOT:
            if len(steps) == WAY_MAX - 1:
                source = self._firsts[source]
            steps.append(source)
            source = self._parents[source][0]
        return tuple(reversed(steps)), reason

    def first_of(self, node: int) -> int | None:
        """Return the first node of the chain that leads to a node; None where it is there for itself."""
        source = self._parents[node][0]
        return None if source == ROOT else self._firsts[source]

    def names_of(self, node: int) -> list[int]:
        """Return a file and its other names: hard links of the packing machine, which are links in a bundle."""
        return [node, *(source for source, reason in self.causes[node].items() if reason.kind == "link")]

    def links_to(self, nodes: Collection[int]) -> Iterator[int]:
        """Give the links that are there for nothing but some files."""
        gone = frozenset(nodes)
        for node in gone:
            for files, links in self._links_of.get(node, {}).items():
                if files <= gone:
                    yield from links

    @cached_property
    def _links_of(self) -> dict[int, dict[frozenset[int], list[int]]]:
        """The links by the files that they are there for, and these by one of them."""
        found: dict[frozenset[int], list[int]] = {}
        for link, files in self._links.items():
            found.setdefault(files, []).append(link)
        by_one: dict[int, dict[frozenset[int], list[int]]] = {}
        for files, links in found.items():
            by_one.setdefault(min(files), {})[files] = links
        return by_one

    def links_below(self, path: str) -> Iterator[int]:
        """Give the links that lead to a directory of the bundle, or to one below it."""
        first = bisect_left(self._directories, (path, -1))
        for target, link in itertools.islice(self._directories, first, None):
            if target != path and not target.startswith(f"{path}/"):
                if target[: len(path)] != path:  # behind all names that begin so
                    return
                continue
            yield link

    @cached_property
    def _directories(self) -> list[tuple[str, int]]:
        """The links to directories, by these."""
        return sorted((target, link) for link, target in self._to_directories.items())

    def leads_out(self, nodes: frozenset[int]) -> bool:
        """Whether a link among some nodes is there for a file that is not: the file may be here because of the link."""
        return any(node in self._links and not self._links[node] <= nodes for node in nodes)

    def loaders_of(self, *nodes: int) -> set[int]:
        """Return what the loader refuses, or the kernel cannot start, once files are gone: all that links with them."""
        found: set[int] = set()
        waiting = [*nodes]
        while waiting:
            for source, reason in self.causes[waiting.pop()].items():
                if source not in found and reason.kind in STOPPING:
                    found.add(source)
                    waiting.append(source)
        return found

    @cached_property
    def _parents(self) -> list[tuple[int, Reason]]:
        """For each node the one that led to it first, from the programs first."""
        found: list[tuple[int, Reason] | None] = [None] * len(self.nodes)
        found[ROOT] = (ROOT, Reason("unknown"))
        self._firsts = list(range(len(self.nodes)))  # of each node the first one of the chain that leads to it
        for starts in (self.programs, self.successors[ROOT]):
            waiting: deque[int] = deque()
            for node in starts:
                if found[node] is None:
                    found[node] = (ROOT, self.causes[node][ROOT])
                    waiting.append(node)
            while waiting:
                source = waiting.popleft()
                for target in self.successors[source]:
                    if found[target] is None:
                        found[target] = (source, self.causes[target][source])
                        self._firsts[target] = self._firsts[source]
                        waiting.append(target)
        return [item for item in found if item is not None]

    def _reach(self, without: Collection[int]) -> bytearray:
        """Return a byte for each node, 1 where it is reached although some nodes are gone."""
        reached = bytearray(len(self.nodes))
        gone = {*without, *self.links_to(without)}
        for node in gone:
            reached[node] = 1
        for _ in self._from(ROOT, reached):
            pass
        for node in gone:
            reached[node] = 0
        return reached

    def _from(self, start: int, reached: bytearray) -> Iterator[int]:
        reached[start] = 1
        waiting = [start]
        while waiting:
            node = waiting.pop()
            yield node
            for target in self.successors[node]:
                if not reached[target]:
                    reached[target] = 1
                    waiting.append(target)
