"""Graphs of strangers: chains, rings, ladders and links cost in proportion to what the manifest holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import networkx as nx  # type: ignore[import-untyped]
import pytest

from lambundle.bundle.manifest import PROGRAMS_MAX, decode_manifest, encode_manifest
from lambundle.bundle.model import Entry, Kind, Program, Reason
from lambundle.bundle.names import BadLinkError, check_tree
from lambundle.errors import BadBundleError
from lambundle.size.dominators import immediate_dominators
from lambundle.size.drops import drops
from lambundle.size.facts import chain
from lambundle.size.graph import WAY_MAX, ReasonGraph
from lambundle.size.stops import STOPPING, stopped_without
from lambundle.size.tree import branches
from tests.scaling import assert_scales
from tests.unit.plans import manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambundle.bundle.model import Manifest

ROOT = "lambundle/test/root"


def files(count: int, by: Callable[[int, int], list[int]]) -> Manifest:
    """A manifest whose files were needed by others, by their numbers."""
    entries = []
    for number in range(count):
        reasons = [Reason("needed", f"/f{other}", f"l{number}") for other in by(number, count)]
        reasons = reasons or [Reason("program", None, "test")]
        entries.append(Entry(f"{ROOT}/f{number}", Kind.FILE, 0o644, 5000, reasons=tuple(reasons), sha256="0" * 64))
    return manifest(*entries)


def links(count: int, _by: object = None) -> Manifest:
    """Half of the entries are links to a directory, all have one reason."""
    why = (Reason("package", "q", "x"),)
    entries = [
        Entry(f"{ROOT}/d/f{number}", Kind.FILE, 0o644, 5000, reasons=why, sha256="0" * 64) for number in range(count)
    ]
    entries += [Entry(f"{ROOT}/l{number}", Kind.LINK, 0o777, 1, target="d", reasons=why) for number in range(count)]
    return manifest(*entries)


SHAPES: dict[str, Callable[[int, int], list[int]]] = {
    "chain": lambda number, _: [number - 1] if number else [],
    "ring": lambda number, count: [(number + 1) % count],
    "both ways": lambda number, count: [each for each in (number - 1, number + 1) if 0 <= each < count],
    "ladder": lambda number, count: [number - 1, count - number, number // 2] if number > 2 else [],
    "star": lambda number, _: [0] if number else [],
}


def measured(plan: Manifest) -> ReasonGraph:
    graph = ReasonGraph([plan], {entry.path: entry.size for entry in plan.entries})
    drops(graph)
    for node in range(1, len(graph.nodes)):
        chain(graph, node)
    sum(1 for _ in branches(graph, 10))
    return graph


@pytest.mark.parametrize("shape", [*SHAPES, "links"])
def test_ten_times_the_entries_are_ten_times_the_work(shape: str) -> None:
    assert_scales(lambda count: links(count) if shape == "links" else files(count, SHAPES[shape]), measured, 200)


@pytest.mark.parametrize("shape", SHAPES)
def test_dominators_are_those_of_networkx(shape: str) -> None:
    graph = measured(files(60, SHAPES[shape]))
    theirs = nx.DiGraph([(node, target) for node, targets in enumerate(graph.successors) for target in targets])
    expected = {node: above for node, above in nx.immediate_dominators(theirs, 0).items() if node}
    found = immediate_dominators(graph.successors)
    assert {node: above for node, above in enumerate(found) if node} == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_what_stops_is_what_a_walk_back_finds(shape: str) -> None:
    graph = measured(files(40, SHAPES[shape]))
    starts = [3, 7, 20]
    found = stopped_without(graph.successors, graph.causes, starts)
    for node in range(len(graph.nodes)):
        loaders = graph.loaders_of(node)
        assert [start for place, start in enumerate(starts) if found[node] >> place & 1] == [
            start for start in starts if start in loaders
        ]
    assert {"needed", "interpreter"} == STOPPING


def test_of_a_long_chain_the_first_and_the_last_steps_are_told() -> None:
    graph = measured(files(100, SHAPES["chain"]))
    told = chain(graph, graph.by_path[f"{ROOT}/f99"])
    assert len(told) == WAY_MAX + 1
    assert told[:2] == ("test", "…")
    assert told[-1] == "/f98"


def test_programs_are_counted_and_have_launchers_of_their_own() -> None:
    plan = files(2, SHAPES["chain"])
    twice = replace(plan, programs=plan.programs * 2)
    with pytest.raises(BadBundleError) as found:
        decode_manifest(encode_manifest(twice))
    assert found.value.context == ("two of its programs have one launcher",)
    many = tuple(Program(f"bin/p{number}", "/p", "/p") for number in range(PROGRAMS_MAX + 1))
    with pytest.raises(BadBundleError) as found:
        decode_manifest(encode_manifest(replace(plan, programs=many)))
    assert "programs, and a bundle" in found.value.context[0]
    assert len(decode_manifest(encode_manifest(replace(plan, programs=many[1:]))).programs) == PROGRAMS_MAX


def test_values_without_end_are_no_manifest() -> None:
    text = encode_manifest(files(2, SHAPES["chain"]))
    junk = text.replace(b'"programs":[', b'"junk":[' + b"{}," * 1_600_000 + b'{}],"programs":[', 1)
    with pytest.raises(BadBundleError) as found:
        decode_manifest(junk)
    assert found.value.context == ("it has more values than any manifest",)


def test_links_in_deep_directories_are_counted_by_their_depth() -> None:
    deep = "/".join(["d"] * 1500)
    nodes = [(f"{deep}/l{number}", Kind.LINK, "x") for number in range(1000)]
    with pytest.raises(BadLinkError, match="components to follow"):
        check_tree(nodes)
