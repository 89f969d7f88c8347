"""Links in a bundle: where they lead to is where the kernel would go, and a hard link is one only of programs."""

from __future__ import annotations

import pytest

from lambundle.bundle.model import Kind, Reason
from lambundle.gather.links import bundled_target
from lambundle.gather.mirror import Mirror
from lambundle.machine import MemoryFiles

WHY = Reason("add", None, "test")
ELF = b"\x7fELF and so on"


@pytest.mark.parametrize(
    ("path", "target", "bundled"),
    [
        ("/usr/bin/tool", "../lib/tool", "../lib/tool"),
        ("/usr/bin/tool", "../../../../../usr/lib/tool", "../../usr/lib/tool"),
        ("/tool", "../usr/lib/tool", "usr/lib/tool"),
        ("/tool", "..", "."),
        ("/usr/bin/tool", "/usr/lib/tool", ".//../../usr/lib/tool"),
        ("/usr/bin/tool", "/../usr//lib/tool", ".//../../usr/lib/tool"),
        ("/tool", "/usr/lib/tool", ".//usr/lib/tool"),
        ("/usr/bin/tool", "/", ".//../.."),
        ("/usr/bin/tool", ".//tool", "tool"),
        ("/usr/bin/tool", "sub/../../../../usr/lib/tool", "sub/../../../usr/lib/tool"),
        # `short` is a link to /usr: two steps up from there are one too many.
        ("/usr/lib/deep/down/tool", "short/../../usr/lib/tool", "short/../usr/lib/tool"),
        ("/usr/bin/tool", "/deep/../tool", ".//../../deep/../tool"),
        ("/usr/bin/tool", "./same/", "./same/"),
    ],
)
def test_a_link_with_one_step_up_too_many_stops_at_the_root(path: str, target: str, bundled: str) -> None:
    files = MemoryFiles(
        {"/usr/lib/tool": b"", "/usr/bin/sub/x": b"", "/usr/lib/deep/down/x": b""},
        links={"/usr/lib/deep/down/short": "/usr", "/deep": "usr/lib/deep"},
    )
    assert bundled_target(files, path, target) == bundled


def test_a_link_that_climbs_above_the_root_is_packed_as_one_that_does_not() -> None:
    mirror = Mirror(MemoryFiles({"/usr/lib/data": b"12"}, links={"/opt/data": "../../../usr/lib/data"}))
    assert mirror.add("/opt/data", WHY) == "/usr/lib/data"
    [link] = [entry for entry in mirror.entries("root") if entry.kind is Kind.LINK]
    assert (link.target, link.size) == ("../usr/lib/data", len("../usr/lib/data"))


@pytest.mark.parametrize(
    ("content", "first", "second", "kind"),
    [
        (b"module.exports = require('./x')", "/store/a/index.js", "/store/b/index.js", Kind.FILE),
        (b"export default 1", "/app/index.mjs", "/app/index.cjs", Kind.FILE),
        (b"#!/bin/sh\n", "/usr/bin/gunzip", "/usr/bin/uncompress", Kind.FILE),
        (b"data", "/usr/share/zoneinfo/GB", "/usr/share/zoneinfo/Europe/London", Kind.FILE),
        (ELF, "/usr/bin/git", "/usr/libexec/git-core/git", Kind.FILE),
        (ELF, "/store/a/addon.node", "/store/b/addon.node", Kind.FILE),
        (ELF, "/usr/bin/perl", "/usr/bin/perl5.36.0", Kind.LINK),
        (ELF, "/usr/lib/dri/iris_dri.so", "/usr/lib/dri/zink_dri.so", Kind.LINK),
    ],
)
def test_a_hard_link_is_a_link_only_of_programs_in_one_directory(
    content: bytes, first: str, second: str, kind: Kind
) -> None:
    mirror = Mirror(MemoryFiles({first: content}, hard_links={second: first}))
    for path in (first, second):
        assert mirror.add(path, WHY) == path
    found = {entry.path: entry for entry in mirror.entries("")}
    assert found[first].kind is Kind.FILE
    assert found[second].kind is kind
    if kind is Kind.FILE:
        assert found[second].target is None
        assert mirror.size == 2 * len(content)


def test_many_names_in_two_directories_are_one_file_in_each() -> None:
    names = [f"/usr/{directory}/git{suffix}" for directory in ("bin", "libexec") for suffix in ("", "-add", "-am")]
    mirror = Mirror(MemoryFiles({names[0]: ELF}, hard_links=dict.fromkeys(names[1:], names[0])))
    for path in names:
        mirror.add(path, WHY)
    assert sorted(mirror.files()) == ["/usr/bin/git", "/usr/libexec/git"]
    targets = {entry.path: entry.target for entry in mirror.entries("") if entry.kind is Kind.LINK}
    assert targets == {path: "git" for path in names if path not in mirror.files()}
