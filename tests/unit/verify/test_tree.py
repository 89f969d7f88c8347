"""Following links in a list of members gives what the kernel gives on a disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambundle.bundle.listing import Member
from lambundle.bundle.model import Kind
from lambundle.verify.tree import DeadEnd, Landing, MemberTree


def member(path: str, kind: Kind = Kind.FILE, target: str | None = None) -> Member:
    return Member(path, Kind.LINK if target is not None else kind, 0o755, 0, None, target)


TREE = MemberTree(
    [
        member("d", Kind.DIRECTORY),
        member("d/x"),
        member("implied/by/this"),
        member("l", target="d"),
        member("m", target="l/x"),
        member("top", target="."),
        member("out", target="../y"),
        member("abs", target="/etc"),
        member("gone", target="d/none/at/all"),
        member("a", target="b"),
        member("b", target="a"),
        member("below_a_file", target="d/x/y"),
    ]
)


@pytest.mark.parametrize(
    ("path", "landing"),
    [
        ("d/x", Landing("d/x")),
        ("m", Landing("d/x")),
        ("top/l/x", Landing("d/x")),
        ("implied/by", Landing("implied/by")),
        ("l/../d/./x", Landing("d/x")),
        ("", Landing("")),
        ("out", Landing("", DeadEnd.OUTSIDE)),
        ("..", Landing("", DeadEnd.OUTSIDE)),
        ("abs/passwd", Landing("/etc", DeadEnd.ABSOLUTE)),
        ("gone", Landing("d/none/at/all", DeadEnd.ABSENT)),
        ("below_a_file", Landing("d/x/y", DeadEnd.ABSENT)),
    ],
)
def test_where_a_path_leads(path: str, landing: Landing) -> None:
    assert TREE.follow(path) == landing


def test_links_in_a_circle_lead_nowhere() -> None:
    assert TREE.follow("a").lost is DeadEnd.LOOP


def test_what_is_asked_of_a_tree() -> None:
    found = TREE.member("m")
    assert found is not None
    assert found.path == "d/x"
    assert TREE.member("l") is None
    assert TREE.is_directory("l")
    assert TREE.is_directory("implied/by")
    assert not TREE.is_directory("m")
    assert TREE.has_directory("implied/by")
    assert not TREE.has_directory("l")
    assert not TREE.has_directory("none/of/it")
    assert list(TREE.names_in("l")) == ["x"]
    assert list(TREE.names_in("gone")) == []
    assert [above.path for above in TREE.above("d/x/y/z")] == ["d", "d/x"]


@pytest.mark.parametrize("target", ["f/.", "f/", "d/../f/./"])
def test_below_a_file_even_a_dot_leads_nowhere(target: str) -> None:
    tree = MemberTree([member("f"), member("d/x"), member("l", target=target), member("m", target="d/./")])
    assert tree.follow("l").lost is DeadEnd.ABSENT
    assert tree.follow("m/x") == Landing("d/x")


def test_of_layers_the_last_one_has_a_path() -> None:
    tree = MemberTree([member("x"), member("d/y")], [member("x", target="d")])
    assert tree.is_directory("x")
    assert tree.follow("x/y") == Landing("d/y")


_NAMES = st.sampled_from("abc")
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_TARGETS = st.lists(st.one_of(_NAMES, st.just(".."), st.just(".")), min_size=1, max_size=4).map("/".join)


@given(files=st.lists(_PATHS, max_size=4), links=st.dictionaries(_PATHS, _TARGETS, max_size=5), asked=_TARGETS)
@settings(max_examples=200, deadline=None)
def test_a_path_leads_where_the_kernel_leads_it(files: list[str], links: dict[str, str], asked: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name, *"01234", "top")  # some levels to climb, in which nothing has one of these names
        top.mkdir(parents=True)
        members = []
        for path, target in [*((path, None) for path in files), *links.items()]:
            place = top / path
            if any((top / parent).is_symlink() for parent in Path(path).parents) or os.path.lexists(place):
                continue
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                continue
            if target is None:
                place.touch()
            else:
                place.symlink_to(target)
            members.append(member(path, target=target))
        landing = MemberTree(members).follow(asked)
        real = os.path.realpath(top / asked)
        is_there = os.path.exists(f"{top}/{asked}")  # noqa: PTH110  (a Path would drop the dot of "file/.")
        inside = real == str(top) or real.startswith(f"{top}/")
        if landing.lost is None:
            assert real == str(top / landing.path).rstrip("/")
            assert is_there
        elif landing.lost is DeadEnd.OUTSIDE:
            # It climbs over the top, if only to come back.
            assert not inside or ".." in asked or any(".." in target for target in links.values())
        else:
            assert not is_there
