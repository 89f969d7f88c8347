"""Reads a manifest into the graph of reasons: its nodes, what led to each of them, and what links are there for."""

from __future__ import annotations

import itertools
import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind, Reason
from lambundle.size.dominators import ROOT
from lambundle.size.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lambundle.bundle.model import Entry, Manifest
    from lambundle.size.nodes import ReasonNodes

LINKS_MAX = 40
"""Links followed in one path, as Linux does (path_resolution(7))."""

_STEPS_MAX, _SHARED_MAX = 5_000_000, 4_000_000
"""Components of paths that are followed, and files that links are there for; a large manifest has 100,000."""

_FOR_PROGRAM = ("package", "add-on", "recipe", "installation")
"""Kinds of reasons that count because a program was asked for, not because its file is there."""


def read_manifest(graph: ReasonNodes, manifest: Manifest, sizes: Mapping[str, int]) -> None:
    """Add what a manifest tells of the files and links in ``sizes``."""
    _GraphReader(graph, manifest, sizes).read()


class _GraphReader:
    """Reads one manifest into a graph."""

    def __init__(self, graph: ReasonNodes, manifest: Manifest, sizes: Mapping[str, int]) -> None:
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
        self.shared: dict[tuple[Reason, ...], frozenset[int]] = {}
        self.shared_left = _SHARED_MAX
        self.steps_left = _STEPS_MAX

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
                files = frozenset([target]) if target else self._sharing(entry.reasons, sharing)
                if files:
                    self.graph.link(number, files)

    def _sharing(self, reasons: tuple[Reason, ...], sharing: Mapping[Reason, Sequence[int]]) -> frozenset[int]:
        """Return the files that have one of some reasons; none when there were too many of them so far."""
        if reasons not in self.shared:
            found = [sharing.get(reason, ()) for reason in reasons]
            self.shared_left -= sum(map(len, found))
            self.shared[reasons] = frozenset(itertools.chain(*found) if self.shared_left >= 0 else ())
        return self.shared[reasons]

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
        self.steps_left -= len(rest)
        while rest and self.steps_left > 0:
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
                self.steps_left -= len(rest)
                here = posixpath.dirname(here)
        return here
