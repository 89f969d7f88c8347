"""The nodes of the graph of reasons and what led from one to another, while a manifest is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.size.dominators import ROOT

if TYPE_CHECKING:
    from lambundle.bundle.model import Reason


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


class ReasonNodes:
    """Nodes with their edges; ``nodes[0]`` stands for the bundle."""

    def __init__(self) -> None:
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
