"""What a person may consider leaving out: how, what it saves, and what stops without it.

SAVES is what ``pack --exclude`` really makes of it, so only what ``--exclude`` can name is offered. A library that a
program which was asked for is linked with can be left out too, but that program does not start any more: it is offered
for what it tells of the program, and says so.
"""

from __future__ import annotations

import glob
import heapq
import posixpath
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from lambundle.size.dominators import intervals
from lambundle.size.findings import WORTH
from lambundle.size.graph import LOADED
from lambundle.size.stops import stopped_without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lambundle.size.graph import ReasonGraph

LEAST = 1000
"""The part of a bundle, one in so many, that a drop must save to be worth a line."""
HARMLESS, HARMFUL = 10, 5
"""How many are offered that stop no program asked for, and that stop one."""
TRIED = 500
"""Files, and directories, that are looked at, the largest first."""
MOST = 8
"""The part of a bundle, one in so many, that a directory may hold to be offered as a whole: of more, what is in it."""
OURS = frozenset({"shell", "libc", "runtime"})
"""Kinds of reasons for what lambundle puts into every bundle: small, and missed by whom nobody can tell."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Something that could be left out.

    ``exclude`` are the arguments of ``--exclude`` that do it; ``saves`` is in bytes of the packed files, lambundle's
    own texts not counted. ``stops`` are the programs that were asked for and do not start without it; ``loses`` are
    programs that came along and go with it, or where there are none, the libraries and plug-ins that do not load.
    ``of`` is the program asked for that it is there for, empty where it is there for none.
    """

    name: str
    exclude: tuple[str, ...]
    saves: int
    stops: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    of: str = ""
    nodes: frozenset[int] = frozenset()


def drops(graph: ReasonGraph) -> tuple[Drop, ...]:
    """Return what could be left out, first what stops no program that was asked for, the largest first."""
    return _Offers(graph).all()


def enough(graph: ReasonGraph, offers: Sequence[Drop], excess: int) -> tuple[tuple[Drop, ...], int]:
    """Return as few harmless drops as give up ``excess`` bytes together, and what they save; all, if that is less."""
    chosen: list[Drop] = []
    saved = 0
    for offer in offers:
        if offer.stops or saved >= excess:
            continue
        nodes = {node for each in (*chosen, offer) for node in each.nodes}
        more = graph.saved_without(nodes)
        if more > saved:
            chosen.append(offer)
            saved = more
    return tuple(chosen), saved


@dataclass(slots=True)
class _DroppedDirectory:
    """A directory of the bundle: what its files are a part of, and in sum with all below, its bytes and savings."""

    path: str
    origins: set[str | None] = field(default_factory=set)
    weight: int = 0
    most: int = 0
    count: int = 0
    nodes: list[int] = field(default_factory=list)
    below: dict[str, _DroppedDirectory] = field(default_factory=dict)

    def all_nodes(self) -> Iterator[int]:
        """Give the files and links here and below."""
        waiting = [self]
        while waiting:
            here = waiting.pop()
            yield from here.nodes
            waiting += here.below.values()


def what_stops(drop: Drop, names: Callable[[Sequence[str]], str] = ", ".join) -> str:
    """Return in words what stops without something; ``names`` joins a list of programs."""
    if drop.stops:
        return names((*drop.stops, *drop.loses))
    if drop.loses:
        return names(drop.loses) + (f", for {drop.of}" if drop.of and drop.of not in drop.loses else "")
    return f"what {drop.of} does with it" if drop.of else "what reads it"


class _Offers:
    """Looks for drops in one graph."""

    def __init__(self, graph: ReasonGraph) -> None:
        self.graph = graph
        self.least = max(WORTH, graph.total // LEAST)
        self.names = Counter(part for node in graph.nodes if node.is_mirrored for part in {*node.name.split("/")})
        self.asked_for = {
            node: graph.nodes[program].name
            for program in graph.programs
            for node in graph.successors[program]
            if graph.causes[node][program].kind == "program" and not graph.nodes[node].is_link
        }
        self.started: dict[str, list[int]] = {}
        for node in graph.started:
            self.started.setdefault(self._basename(node), []).append(node)
        interpreters = set(self._interpreters())
        self.core = self.asked_for.keys() | interpreters
        self.starts = tuple(self.asked_for)
        self.without = stopped_without(graph.successors, graph.causes, self.starts)

    def _interpreters(self) -> Iterator[int]:
        """Interpreters of what was asked for. Behind a script of the same name stands the program itself."""
        for program, name in [*self.asked_for.items()]:
            for node in self.graph.successors[program]:
                if self.graph.causes[node][program].kind == "interpreter":
                    yield node
                    if node in self.graph.started:
                        self.asked_for |= dict.fromkeys(self.started.get(name, ()), name)

    def _basename(self, node: int) -> str:
        return posixpath.basename(self.graph.nodes[node].name)

    def all(self) -> tuple[Drop, ...]:
        files = [node for node in range(1, len(self.graph.nodes)) if self._is_file(node)]
        harmless = [node for node in files if not self.without[node]]
        offers = [*self._files(harmless), *self._directories(harmless)]
        offers.sort(key=_largest_first)
        needed = self._largest(node for node in files if self.without[node])
        harmful = [drop for node in needed for drop in self._needed(node, self._stopped(node))]
        # The largest of themselves: near the top of the tree nearly everything hangs on anything.
        harmful.sort(key=lambda drop: (-self._own_size(drop), drop.name))
        found = [*islice(self._apart(offers), HARMLESS)]
        found += sorted(islice(self._apart(harmful), HARMFUL), key=_largest_first)
        return tuple(replace(drop, loses=self._loses(drop)) for drop in found)

    def _is_file(self, node: int) -> bool:
        known = self.graph.nodes[node]
        is_ours = any(reason.kind in OURS for reason in self.graph.causes[node].values())
        return known.is_mirrored and not known.is_link and not is_ours and node not in self.core

    def _own_size(self, drop: Drop) -> int:
        return sum(self.graph.weights[node] for node in drop.nodes)

    def _stopped(self, node: int) -> tuple[str, ...]:
        """Programs asked for that do not start without a file."""
        bits = self.without[node]
        names = (self.asked_for[start] for place, start in enumerate(self.starts) if bits >> place & 1)
        return tuple(dict.fromkeys(names))

    def _largest(self, files: Iterable[int]) -> list[int]:
        """Return the files that save the most, in their order."""
        savings = self.graph.savings
        worth = [node for node in files if savings[node] >= self.least]
        return sorted(heapq.nsmallest(TRIED, worth, key=lambda node: (-savings[node], node)))

    def _files(self, files: Iterable[int]) -> Iterator[Drop]:
        for node in self._largest(files):
            yield self._drop(node, ())

    def _needed(self, node: int, stops: tuple[str, ...]) -> Iterator[Drop]:
        """What a program is directly linked with is the program: without that there is nothing to consider."""
        if not any(source in self.core for source in self.graph.causes[node]):
            yield self._drop(node, stops)

    def _drop(self, node: int, stops: tuple[str, ...]) -> Drop:
        known = self.graph.nodes[node]
        names = self.graph.names_of(node)
        nodes = frozenset({*names, *self.graph.links_to(names)})
        saves = self.graph.savings[node] if len(names) == 1 else self.graph.saved_without(nodes)
        patterns = tuple(self._pattern(name) for name in names)
        return Drop(known.name, patterns, saves, stops, (), self._of(node), nodes)

    def _of(self, node: int) -> str:
        first = self.graph.first_of(node)
        return "" if first is None or not self.graph.nodes[first].is_program else self.graph.nodes[first].name

    def _pattern(self, node: int) -> str:
        """The shortest argument of ``--exclude`` that means this file and nothing else."""
        path = self.graph.nodes[node].name
        name = posixpath.basename(path)
        return glob.escape(name if self.names[name] == 1 and not self._is_soname_of_another(name, node) else path)

    def _is_soname_of_another(self, name: str, node: int) -> bool:
        return name in self._sonames and self._sonames[name] != {node}

    @cached_property
    def _sonames(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for node, causes in enumerate(self.graph.causes):
            for reason in causes.values():
                if reason.kind in LOADED and not self.graph.nodes[node].is_link:
                    found.setdefault(reason.detail, set()).add(node)
        return found

    def _loses(self, drop: Drop) -> tuple[str, ...]:
        """Programs that came along and go with a drop; where there is none, what does not load without it."""
        loaders = sorted({*drop.nodes, *self.graph.loaders_of(*drop.nodes)} - self.asked_for.keys())
        started = [each for each in loaders if each in self.graph.started]
        without = started or [each for each in loaders if each not in drop.nodes and not drop.stops]
        return tuple(dict.fromkeys(map(self._basename, without)))

    def _directories(self, files: Sequence[int]) -> Iterator[Drop]:
        """The largest directories, not too large, with files of one origin that no program asked for is linked with."""
        waiting = [(-top.most, top.path, top) for top in self._tops(files)]
        heapq.heapify(waiting)
        for _ in range(TRIED):
            if not waiting or -waiting[0][0] < self.least:
                return
            *_, here = heapq.heappop(waiting)
            drop = self._directory(here)
            if drop is not None:
                yield drop
                continue
            for each in here.below.values():
                heapq.heappush(waiting, (-each.most, each.path, each))

    def _directory(self, here: _DroppedDirectory) -> Drop | None:
        if len(here.origins) != 1 or None in here.origins:
            return None
        if here.count < 2 or here.most < self.least or here.weight * MOST > self.graph.total:  # noqa: PLR2004
            return None
        inside = frozenset(here.all_nodes())
        if self.graph.leads_out(inside):
            return None
        nodes = inside.union(self.graph.links_below(here.path))
        saves = self.graph.saved_without(nodes)
        if not self.least <= saves <= self.graph.total // MOST:
            return None
        some = self.graph.nodes[min(inside)]
        name = here.path.removeprefix((some.path or "").removesuffix(some.name))
        return Drop(f"{name}/", (glob.escape(name),), saves, (), (), self._of(min(inside)), nodes)

    def _tops(self, files: Sequence[int]) -> Iterable[_DroppedDirectory]:
        """The directories below the roots of the mirrored trees, each with what is to be known of those below it."""
        free = frozenset(files)
        roots: dict[str, _DroppedDirectory] = {}
        for node, known in enumerate(self.graph.nodes):
            if not known.is_mirrored or known.path is None:
                continue
            root = known.path[: -len(known.name)]
            weight, most = self.graph.weights[node], self.graph.savings[node]
            origins = set() if known.is_link else {self._origin(node) if node in free else None}
            here = roots.get(root)
            if here is None:
                here = roots[root] = _DroppedDirectory(root)
            for part in known.name.split("/")[1:-1]:
                below = here.below.get(part)
                if below is None:
                    below = here.below[part] = _DroppedDirectory(f"{here.path}/{part}")
                here = below
                here.weight += weight
                here.most += most
                here.count += 1
                here.origins |= origins
            here.nodes.append(node)
        return [directory for root in roots.values() for directory in root.below.values()]

    def _origin(self, node: int) -> str:
        """What a file is a part of: its package, else what asked for it."""
        reason = next(iter(self.graph.causes[node].values()))
        return self.graph.nodes[node].package or f"{reason.kind} {reason.detail}"

    def _apart(self, offers: Iterable[Drop]) -> Iterator[Drop]:
        """Leave out what goes with something that is offered already, or is nearly the same."""
        enter, leave = intervals(self.graph.dominators)
        order = sorted((place, node) for node, place in enumerate(enter) if place >= 0)
        taken: list[Drop] = []
        gone: set[int] = set()  # all that goes with what is taken
        for offer in offers:
            first = min(offer.nodes)
            is_above = any(
                enter[node] <= enter[min(other.nodes)] < leave[node] for other in taken for node in offer.nodes
            )
            if gone.isdisjoint(offer.nodes) and first not in gone and not is_above:
                taken.append(offer)
                for node in sorted(offer.nodes, key=lambda node: enter[node]):
                    if node not in gone:
                        gone.update(each for _, each in order[enter[node] : leave[node]])
                yield offer


def _largest_first(drop: Drop) -> tuple[int, str]:
    return -drop.saves, drop.name
