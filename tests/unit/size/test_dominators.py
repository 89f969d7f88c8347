"""Dominators, held against networkx, and against what really goes when a node goes."""

from __future__ import annotations

import networkx as nx  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from lambundle.size.dominators import ROOT, dominated, immediate_dominators

GRAPHS = st.integers(1, 24).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, size - 1), max_size=5), min_size=size, max_size=size)
)


def reached(successors: list[list[int]], without: int | None = None) -> set[int]:
    found = set() if without == ROOT else {ROOT}
    waiting = [*found]
    while waiting:
        for node in successors[waiting.pop()]:
            if node not in found and node != without:
                found.add(node)
                waiting.append(node)
    return found


@given(GRAPHS)
@settings(max_examples=300, deadline=None)
def test_networkx_finds_the_same(successors: list[list[int]]) -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(successors)))
    graph.add_edges_from((node, other) for node, others in enumerate(successors) for other in others)
    expected = nx.immediate_dominators(graph, ROOT)
    got = immediate_dominators(successors)
    assert {node for node, above in enumerate(got) if above is not None} == {ROOT, *expected}
    assert all(got[node] == above for node, above in expected.items() if node != ROOT)


@given(GRAPHS, st.data())
@settings(max_examples=200, deadline=None)
def test_the_sum_below_a_node_is_what_goes_when_it_goes(successors: list[list[int]], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 99), min_size=len(successors), max_size=len(successors)))
    sums = dominated(immediate_dominators(successors), weights)
    everything = reached(successors)
    for node in everything:
        gone = everything - reached(successors, without=node)
        assert sums[node] == sum(weights[each] for each in gone)


def test_a_long_chain_does_not_end_in_recursion() -> None:
    length = 20_000
    successors = [[node + 1] for node in range(length - 1)] + [[]]
    assert immediate_dominators(successors)[-1] == length - 2
    assert dominated(immediate_dominators(successors), [1] * length)[0] == length
