"""The graph of reasons: what is in a bundle because of what, as its manifests tell it.

Nodes are the programs, the files and links, and the groups (packages, facilities); an edge leads from what asked
for something to what it got. What goes when a file goes is what only it leads to.
"""

from __future__ import annotations

import posixpath
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind, Reason
from lambundle.size.dominators import ROOT, dominated, immediate_dominators

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from lambundle.bundle.model import Entry, Manifest

LINKS_MAX = 40
"""Links followed in one path, as Linux does (path_resolution(7))."""

LOADED = ("needed", "opened", "libc")
"""Kinds of reasons that ask for a library by its name."""

_FOR_PROGRAM = ("package", "add-on", "recipe", "installation")
"""Kinds of reasons that count because a program was asked for, not because its file is there."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: what it is called, and its path in the bundle where it is an entry.

    ``name`` is a program's name, an entry's absolute path on the packing machine (in the bundle, if it has none
    there), or a group's name. ``package`` is the one that owns the file. ``is_mirrored`` says that it is a copy of
    what is there on the packing machine.
    """

    name: str
    path: str | None = None
    package: str | None = None
    is_program: bool = False
    is_link: bool = False
    is_mirrored: bool = False


class ReasonGraph:
    """What is there because of what, of all manifests of a bundle together.

    ``sizes`` has every file and link of the bundle with its unpacked bytes; what no manifest lists is there for no
    reason that is known. ``nodes[0]`` stands for the bundle; ``started`` are programs, dynamic ones and scripts: they
    have an interpreter.
    """

    def __init__(self, manifests: Sequence[Manifest], sizes: Mapping[str, int]) -> None:
        self.nodes = [Node("")]
        self.weights = [0]
        self.successors: list[list[int]] = [[]]
        self.causes: list[dict[int, Reason]] = [{}]
        self.by_path: dict[str, int] = {}
        self.programs: list[int] = []
        self.started: set[int] = set()
        self.anchored: set[int] = set()
        self._links: dict[int, frozenset[int]] = {}
        self._to_directories: dict[int, str] = {}
        for manifest in manifests:
            _GraphReader(self, manifest, sizes).read()
        for path, size in sizes.items():
            if path not in self.by_path:
                self.add(Node(path, path), size)
        for node in range(1, len(self.nodes)):
            if not self.causes[node]:
                self.lead(ROOT, node, Reason("unknown"))
        self._settle()

    # ---- made once, by the reader ----

    def add(self, node: Node, size: int = 0) -> int:
        """Add a node that nothing leads to yet; return its number."""
        number = len(self.nodes)
        self.nodes.append(node)
        self.weights.append(size)
        self.successors.append([])
        self.causes.append({})
        if node.path is not None:
            self.by_path[node.path] = number
        if node.is_program:
            self.programs.append(number)
        return number

    def lead(self, source: int, target: int, reason: Reason) -> None:
        """Note that ``source`` asked for ``target``; of several reasons of the same two, the first counts."""
        if reason.kind == "interpreter":
            self.started.add(source)
        if source != target and source not in self.causes[target]:
            self.causes[target][source] = reason
            self.successors[source].append(target)

    def anchor(self, node: int, reason: Reason) -> None:
        """Note that something was chosen for the programs that were asked for, whatever is left out of the rest."""
        if ROOT not in self.causes[node]:
            self.anchored.add(node)
            self.lead(ROOT, node, reason)

    def link(self, link: int, files: frozenset[int]) -> None:
        """Note which files a link is there for."""
        self._links[link] = files

    def link_to_directory(self, link: int, path: str) -> None:
        """Note that a link leads to a directory, by its path in the bundle."""
        self._to_directories[link] = path

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
        for link, files in self._links.items():
            if len(files) != 1:
                continue
            (file,) = files
            above = self.dominators[link]
            while above not in (None, ROOT, file):
                above = self.dominators[above]
            if above != file:
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

        Where no program leads to it, it is the shortest chain from something else that is there for itself.
        """
        steps: list[int] = []
        source, reason = self._parents[node]
        while source != ROOT:
            steps.append(source)
            source = self._parents[source][0]
        return tuple(reversed(steps)), reason

    def names_of(self, node: int) -> list[int]:
        """Return a file and its other names: hard links of the packing machine, which are links in a bundle."""
        return [node, *(source for source, reason in self.causes[node].items() if reason.kind == "link")]

    def links_to(self, nodes: Collection[int]) -> Iterator[int]:
        """Give the links that are there for nothing but some files."""
        gone = frozenset(nodes)
        return (link for link, files in self._links.items() if files <= gone)

    def links_below(self, path: str) -> Iterator[int]:
        """Give the links that lead to a directory of the bundle, or to one below it."""
        for link, target in self._to_directories.items():
            if target == path or target.startswith(f"{path}/"):
                yield link

    def leads_out(self, nodes: frozenset[int]) -> bool:
        """Whether a link among some nodes is there for a file that is not: the file may be here because of the link."""
        return any(link in nodes and not files <= nodes for link, files in self._links.items())

    def loaders_of(self, node: int) -> set[int]:
        """Return what the loader refuses, or the kernel cannot start, once a file is gone: all that links with it."""
        found: set[int] = set()
        waiting = [node]
        while waiting:
            for source, reason in self.causes[waiting.pop()].items():
                if source not in found and reason.kind in {"needed", "interpreter"}:
                    found.add(source)
                    waiting.append(source)
        return found

    @cached_property
    def _parents(self) -> list[tuple[int, Reason]]:
        """For each node the one that led to it first, from the programs first."""
        found: list[tuple[int, Reason] | None] = [None] * len(self.nodes)
        found[ROOT] = (ROOT, Reason("unknown"))
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


class _GraphReader:
    """Reads one manifest into a graph."""

    def __init__(self, graph: ReasonGraph, manifest: Manifest, sizes: Mapping[str, int]) -> None:
        self.graph = graph
        self.manifest = manifest
        self.sizes = sizes
        self.root = f"lambundle/{manifest.name}/root"
        self.entries = [entry for entry in manifest.entries if entry.kind is not Kind.DIRECTORY and entry.path in sizes]
        self.links = {entry.path: entry.target or "" for entry in self.entries if entry.kind is Kind.LINK}
        self.launchers: dict[str, int] = {}
        self.asked_for: dict[str, int] = {}
        self.groups: dict[tuple[str, str], int] = {}
        self.chosen: dict[Reason, int] = {}
        self.real: dict[str, int | None] = {}

    def read(self) -> None:
        """Add all nodes, then all edges."""
        for program in self.manifest.programs:
            name = program.launcher.rpartition("/")[2]
            self.launchers[name] = number = self.graph.add(Node(name, is_program=True))
            self.graph.lead(ROOT, number, Reason("program", None, name))
            for path in (program.path, program.real):
                self.asked_for.setdefault(path, number)
        for group in self.manifest.groups:
            name = f"package {group.name}" if group.kind == "package" else group.name
            number = self.groups.setdefault((group.kind, group.name), self.graph.add(Node(name)))
            if group.kind == "package":
                self.chosen |= dict.fromkeys(group.reasons, number)
        numbers = [self._add(entry) for entry in self.entries]
        for group in self.manifest.groups:
            number = self.groups[group.kind, group.name]
            for reason in group.reasons:
                self.graph.lead(self._asker(reason), number, reason)
            if group.kind == "package" and group.reasons:
                self.graph.anchor(number, group.reasons[0])
        for number, entry in zip(numbers, self.entries, strict=True):
            self._lead(number, entry.reasons)
        self._link(dict(zip(numbers, self.entries, strict=True)))

    def _link(self, entries: Mapping[int, Entry]) -> None:
        """Say of links what they are there for: the file that they lead to, or what has a reason in common."""
        sharing: dict[Reason, list[int]] = {}
        for number, entry in entries.items():
            if entry.kind is Kind.FILE:
                for reason in entry.reasons:
                    sharing.setdefault(reason, []).append(number)
        for number, entry in entries.items():
            if entry.kind is Kind.LINK:
                path = self._resolved(entry.path)
                if path in self.links:  # it leads round in a circle
                    continue
                target = self.graph.by_path.get(path)
                if target is None:
                    self.graph.link_to_directory(number, path)
                files = [target] if target else [file for reason in entry.reasons for file in sharing.get(reason, ())]
                if files:
                    self.graph.link(number, frozenset(files))

    def _add(self, entry: Entry) -> int:
        below = entry.path.removeprefix(f"{self.root}/")
        is_mirrored = below != entry.path
        name = f"/{below}" if is_mirrored else entry.path
        node = Node(name, entry.path, entry.package, is_link=entry.kind is Kind.LINK, is_mirrored=is_mirrored)
        return self.graph.add(node, self.sizes[entry.path])

    def _lead(self, number: int, reasons: Sequence[Reason]) -> None:
        for reason in reasons:
            self.graph.lead(self._source(reason), number, reason)
            if reason.kind == "started":
                self.graph.anchor(number, reason)

    def _source(self, reason: Reason) -> int:
        """Return what a reason of an entry comes from: the package as a whole, where that was chosen."""
        chosen = self.chosen.get(reason)
        return self._asker(reason) if chosen is None else chosen

    def _asker(self, reason: Reason) -> int:
        """Return what a reason names; the bundle itself where that is not in it, or nothing is named."""
        found: int | None = None
        if reason.kind == "program":
            found = self.launchers.get(reason.detail)
        elif reason.kind == "facility" and reason.by is None:
            found = self.groups.get((reason.kind, reason.detail))
        elif reason.by is None:
            found = None
        elif reason.kind in _FOR_PROGRAM and reason.by in self.asked_for:
            found = self.asked_for[reason.by]
        elif reason.kind == "link":  # another name of the file that is asked for, not what it leads to
            found = self.graph.by_path.get(self.root + reason.by)
        elif reason.by.startswith("/"):
            found = self._file(reason.by)
        else:
            found = self.groups.get(("package" if reason.kind == "add-on" else reason.kind, reason.by))
        return ROOT if found is None else found

    def _file(self, path: str) -> int | None:
        if path not in self.real:
            place = self.root + path
            number = self.graph.by_path.get(place)
            if number is None or place in self.links:
                number = self.graph.by_path.get(self._resolved(place))
            self.real[path] = number
        return self.real[path]

    def _resolved(self, path: str) -> str:
        """Follow the bundle's own links."""
        here, rest, followed = "", path.split("/"), 0
        rest.reverse()
        while rest:
            part = rest.pop()
            if part == "..":
                here = posixpath.dirname(here)
                continue
            here = f"{here}/{part}" if here else part
            if here in self.links:
                followed += 1
                if followed > LINKS_MAX:
                    return path
                rest += [step for step in reversed(self.links[here].split("/")) if step not in {"", "."}]
                here = posixpath.dirname(here)
        return here
