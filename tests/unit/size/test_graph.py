"""The graph of reasons: what leads to what, the shortest way, and what goes together."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambundle.bundle.model import Entry, Group, Manifest, Reason
from lambundle.size.facts import chain
from lambundle.size.graph import ReasonGraph
from tests.unit.size.made import KIB, LIB, MIB, ROOT, asked, file, link, manifest, needed, player


def graph_of(made: Manifest) -> ReasonGraph:
    return ReasonGraph([made], {entry.path: entry.size for entry in made.entries})


def at(graph: ReasonGraph, path: str) -> int:
    return graph.by_path[f"{ROOT}{path}"]


def test_a_file_saves_itself_and_what_only_it_leads_to() -> None:
    graph = graph_of(player())
    assert graph.savings[at(graph, f"{LIB}/libdata.so.2")] == 60 * MIB
    assert graph.savings[at(graph, f"{LIB}/libtext.so.2")] == (12 + 60 + 6) * MIB  # the fonts are there for its sake
    assert graph.savings[at(graph, "/usr/bin/probe")] == (1 + 9) * MIB
    assert graph.savings[at(graph, f"{LIB}/libc.so.6")] == 2 * MIB  # the loader is asked for by others too


def test_links_go_with_the_file_that_they_lead_to() -> None:
    graph = graph_of(player())
    codec = at(graph, f"{LIB}/libcodec.so.9.1")
    below = (30 + 12 + 60 + 6) * MIB
    assert graph.savings[codec] == below + len("libcodec.so.9.1")
    assert graph.saved_without([codec]) == graph.savings[codec]


def test_the_chain_is_the_shortest_from_a_program() -> None:
    graph = graph_of(player())
    assert chain(graph, at(graph, "/usr/bin/play")) == ("play",)
    assert chain(graph, at(graph, f"{LIB}/libdata.so.2")) == (
        "play",
        f"{LIB}/libcodec.so.9.1",
        f"{LIB}/libtext.so.2",
    )
    assert chain(graph, at(graph, f"{LIB}/icons/one.png")) == ("play", "package play")
    assert chain(graph, at(graph, "/usr/share/fonts/a.ttf"))[-2:] == (f"{LIB}/libtext.so.2", "the text needs fonts")
    assert chain(graph, at(graph, "/usr/share/doc/play/manual.html")) == ("--add doc",)
    assert chain(graph, graph.by_path["lambundle/test/runtime/config"]) == ("lambundle's own",)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (Reason("recorded"), ("a recorded command",)),
        (Reason("shell"), ("every bundle has /bin/sh",)),
        (Reason("recipe", "/usr/bin/p", "gcc"), ("p", "recipe gcc")),
        (Reason("opened", "/usr/bin/p", "libx.so.1"), ("p", "opened by name")),
        (Reason("libc", "/usr/bin/p", "libgcc_s.so.1"), ("p", "the C library: libgcc_s.so.1")),
        (Reason("installation", "/usr/bin/p", "what lies beside it"), ("p", "what lies beside it")),
        (Reason("facility", None, "no group of that name"), ("no group of that name",)),
        (Reason("needed", "/usr/lib/not-in-the-bundle.so", "x"), ()),
        (Reason("a kind of tomorrow", None, "x"), ("a kind of tomorrow",)),
    ],
)
def test_every_kind_of_reason_is_told(reason: Reason, told: tuple[str, ...]) -> None:
    made = manifest([file("/usr/bin/p", 1, *asked("p")), file("/x", 1, reason)], {"p": "/usr/bin/p"})
    graph = graph_of(made)
    assert chain(graph, at(graph, "/x")) == told


def test_a_reason_names_a_file_by_any_of_its_paths() -> None:
    made = manifest(
        [
            file("/usr/bin/p", 1, *asked("p")),
            link("/lib", "usr/lib", *needed("/usr/bin/p", name="l.so.1")),
            link("/usr/lib/l.so.1", "../lib/l.so.1.5", *needed("/usr/bin/p", name="l.so.1")),
            file("/usr/lib/l.so.1.5", 10, *needed("/usr/bin/p", name="l.so.1")),
            file("/usr/lib/m.so", 100, *needed("/lib/l.so.1")),
        ],
        {"p": "/usr/bin/p"},
    )
    graph = graph_of(made)
    assert graph.savings[at(graph, "/usr/lib/l.so.1.5")] == 110 + len("../lib/l.so.1.5") + len("usr/lib")


def test_links_that_lead_round_in_circles_are_links_like_others() -> None:
    made = manifest([link("/a", "b", Reason("add")), link("/b", "a", Reason("add"))], {})
    graph = graph_of(made)
    assert graph.savings[at(graph, "/a")] == 1


def test_a_ring_that_nothing_leads_to_is_there_all_the_same() -> None:
    made = manifest([file("/a", 3, *needed("/b")), file("/b", 4, *needed("/a"))], {})
    graph = graph_of(made)
    assert graph.total == 7
    assert graph.savings[at(graph, "/a")] == 7
    assert graph.way_to(at(graph, "/b"))[0] == (at(graph, "/a"),)


def test_a_package_was_chosen_for_the_program_not_for_the_files_that_went() -> None:
    helper = "/usr/bin/helper"
    helpers = Reason("package", helper, "helpers")
    made = manifest(
        [
            file("/usr/bin/p", 1, *asked("p")),
            file(helper, 10, Reason("started", "/usr/bin/p", "helper")),
            file("/usr/share/helper/data", 100, helpers),
        ],
        {"p": "/usr/bin/p"},
        [Group("package", "helpers", (helpers,))],
    )
    graph = graph_of(made)
    assert graph.savings[at(graph, helper)] == 10
    assert chain(graph, at(graph, "/usr/share/helper/data")) == ("p", helper, "package helpers")


def test_hard_links_are_two_names_of_one_file() -> None:
    made = manifest(
        [
            file("/usr/bin/p", 1, *asked("p")),
            file("/usr/bin/perl", 50, *needed("/usr/bin/p"), Reason("link", "/usr/bin/perl5")),
            link("/usr/bin/perl5", "perl", Reason("add")),
        ],
        {"p": "/usr/bin/p"},
    )
    graph = graph_of(made)
    perl, other = at(graph, "/usr/bin/perl"), at(graph, "/usr/bin/perl5")
    assert graph.names_of(perl) == [perl, other]
    assert graph.savings[at(graph, "/usr/bin/p")] == 1  # by its other name it stays


def test_what_no_manifest_lists_counts_and_has_no_reason() -> None:
    made = player()
    sizes = {entry.path: entry.size for entry in made.entries} | {"lambundle/test/manifest.json": 7 * KIB}
    graph = ReasonGraph([made], sizes)
    assert graph.total == sum(sizes.values())
    assert chain(graph, graph.by_path["lambundle/test/manifest.json"]) == ()


def test_two_manifests_of_one_bundle_are_read_apart() -> None:
    one = player()
    other = Manifest(
        "other", one.programs, one.packed_on, (Entry("lambundle/other/root/x", one.entries[0].kind, 0o755),)
    )
    graph = ReasonGraph([one, other], {entry.path: entry.size for each in (one, other) for entry in each.entries})
    assert len(graph.programs) == 2
    assert graph.nodes[graph.by_path["lambundle/other/root/x"]].name == "/x"


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Draw files that ask for one another in any way."""
    number = draw(st.integers(1, 12))
    paths = [f"/f{place}" for place in range(number)]
    entries = [
        file(
            path,
            draw(st.integers(0, 1000)),
            *needed(*draw(st.lists(st.sampled_from(paths), max_size=4))),
            *(asked("p") if place == 0 else ()),
        )
        for place, path in enumerate(paths)
    ]
    entries += [
        link(f"{entry.path.removeprefix(ROOT)}.link", entry.path.rpartition("/")[2], *entry.reasons[:1])
        for entry in entries
        if draw(st.booleans())
    ]
    return manifest(entries, {"p": "/f0"})


@given(manifests())
@settings(max_examples=200, deadline=None)
def test_savings_are_what_a_second_look_without_the_file_gives(made: Manifest) -> None:
    graph = graph_of(made)
    for node, known in enumerate(graph.nodes):
        if known.path is not None and not known.is_link:
            assert graph.savings[node] == graph.saved_without([node])


def test_a_command_was_chosen_for_the_program_whatever_became_of_the_one_that_names_it() -> None:
    script, helper = "/usr/bin/script", "/usr/bin/helper"
    made = manifest(
        [
            file("/usr/bin/p", 1, *asked("p")),
            file(script, 10, Reason("started", "/usr/bin/p", "script")),
            file(helper, 100, Reason("started", script, "helper")),
        ],
        {"p": "/usr/bin/p"},
    )
    graph = graph_of(made)
    assert graph.savings[at(graph, script)] == 10
    assert chain(graph, at(graph, helper)) == ("p", script, "started")
    assert graph.tree[at(graph, helper)] == at(graph, script)
