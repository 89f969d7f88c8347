"""The rows of a bundle added up: by package, by directory, by program."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.size.dominators import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambundle.size.facts import Row, SizeFacts
    from lambundle.size.graph import ReasonGraph

OURS = "lambundle's own files"
NO_PACKAGE = "no package"
SHARED = "shared by several"
EVERY = "in every bundle"


@dataclass(frozen=True, slots=True)
class Sum:
    """Rows that belong together: what they are called, their paths in the bundle, and their bytes."""

    name: str
    paths: tuple[str, ...]
    size: int
    compressed: int | None


def saves(facts: SizeFacts, group: Sum) -> int | None:
    """Return the bytes that go when all of a group goes; None where no manifest tells."""
    graph = facts.graph
    return None if graph is None else graph.saved_without([graph.by_path[path] for path in group.paths])


def by_package(facts: SizeFacts) -> tuple[Sum, ...]:
    """Add up what each package of the packing machine owns."""
    return _sums(facts, lambda row: row.package or (OURS if _is_ours(row) else NO_PACKAGE))


def by_directory(facts: SizeFacts) -> tuple[Sum, ...]:
    """Add up what lies in each directory itself, as on the packing machine."""
    return _sums(facts, lambda row: posixpath.dirname(row.name) or ".")


def by_program(facts: SizeFacts) -> tuple[Sum, ...]:
    """Add up what each program alone is the cause of, what several are, and what is there for none.

    Nothing is counted twice, so what a program alone is the cause of is what goes when it is not packed.
    """
    graph = facts.graph
    if graph is None:
        return ()
    owner = _owners(graph)
    return _sums(facts, lambda row: owner[graph.by_path[row.path]])


def _owners(graph: ReasonGraph) -> Mapping[int, str]:
    """Say of each node which program it is there for."""
    found: dict[int, str] = {}
    for program in graph.programs:
        own = {program}
        waiting = [program]
        while waiting:
            node = waiting.pop()
            if found.get(node) == SHARED:
                continue  # and so is all that it leads to
            found[node] = SHARED if node in found else graph.nodes[program].name
            for target in graph.successors[node]:
                if target not in own:
                    own.add(target)
                    waiting.append(target)
    others = set(graph.successors[ROOT]) - {*graph.programs} - graph.anchored
    found |= dict.fromkeys(graph.reached_from(others), EVERY)
    return found


def _is_ours(row: Row) -> bool:
    return row.name == row.path


def _sums(facts: SizeFacts, key: Callable[[Row], str]) -> tuple[Sum, ...]:
    groups: dict[str, list[Row]] = {}
    for row in facts.rows:
        groups.setdefault(key(row), []).append(row)
    found = [
        Sum(
            name,
            tuple(row.path for row in rows),
            sum(row.size for row in rows),
            None if facts.contents.zipped is None else sum(row.compressed or 0 for row in rows),
        )
        for name, rows in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: (-group.size, group.name)))
