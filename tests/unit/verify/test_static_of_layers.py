"""Layers are checked at rest as the bundle is; every finding has its layer's name in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.write import write_zip
from lambundle.elf.headers import EM_AARCH64
from lambundle.verify.model import Check, Status
from lambundle.verify.static.outcome import failed, passed, skipped, with_layers
from tests.unit.plans import file, link, manifest
from tests.unit.verify.drafts import Draft, assert_fails, failures, judged
from tests.unit.verify.elves import elf, program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = "lambundle/layer/root/usr/share/data"
LINK = "lambundle/layer/root/usr/share/link"


@pytest.fixture
def packed(tmp_path: Path) -> Draft:
    entries = (file("bin/test", b"#!/bin/sh\n", 0o755), file(DATA, b"data"), link(LINK, "data"))
    write_zip(manifest(*entries, name="layer"), tmp_path / "good.zip")
    return Draft.read(tmp_path / "good.zip")


CHANGES: dict[str, tuple[Callable[[Draft], object], dict[str, str]]] = {
    "mode": (
        lambda draft: draft.chmod(DATA, 0o600),
        {"permissions": f"{DATA} is not readable for others", "integrity": "modes were lost (1)"},
    ),
    "byte": (lambda draft: draft.edit(DATA, lambda _: b"dada"), {"integrity": f"{DATA} has other bytes"}),
    "file": (
        lambda draft: draft.items.pop(DATA),
        {"integrity": f"{DATA} is missing", "links": f"{LINK} leads to {DATA}, which does not exist"},
    ),
    "name": (lambda draft: draft.file("../x"), {"names": "'../x' contains '..'"}),
    "libc": (lambda draft: draft.file("lib/libc.so.6"), {"layout": "lib/libc.so.6 lies where LD_LIBRARY_PATH"}),
    "library": (
        lambda draft: draft.file("bin/tool", program(b"libnone.so.1"), 0o755),
        {"closure": "bin/tool needs libnone.so.1, which is neither inside"},
    ),
    "machine": (
        lambda draft: draft.file("bin/tool", program(machine=EM_AARCH64), 0o755),
        {"platform": "bin/tool is for aarch64, not x86_64"},
    ),
    "script": (
        lambda draft: draft.file("extensions/x", b"#!/usr/bin/nope\n", 0o755),
        {"closure": "extensions/x has a first line that names /usr/bin/nope"},
    ),
}


@pytest.mark.parametrize("mount", ["/opt", "/var/task"])
@pytest.mark.parametrize("name", CHANGES)
def test_what_would_fail_in_a_bundle_fails_in_a_layer(tmp_path: Path, packed: Draft, name: str, mount: str) -> None:
    change, phrases = CHANGES[name]
    function = Draft().file("app.py").file("so.so", elf())
    good = packed.copy().write(tmp_path / "layer.zip")
    assert failures(judged(function, tmp_path / "x.zip", mount=mount, layers=[good])) == {}
    change(packed)
    layer = packed.write(tmp_path / "changed.zip")
    result = judged(function, tmp_path / "x.zip", mount=mount, layers=[layer])
    assert_fails(result, **{check: [f"{layer}: ", phrase] for check, phrase in phrases.items()})


def test_a_layer_may_need_what_the_function_or_another_layer_has(tmp_path: Path) -> None:
    tool = Draft().file("bin/tool", program(b"libx.so.1"), 0o755).link("data", "share/data")
    layer = tool.write(tmp_path / "tool.zip")
    library = Draft().file("lib/libx.so.1", elf(soname=b"libx.so.1")).file("share/data").write(tmp_path / "lib.zip")
    function = Draft().file("app.py")
    assert failures(judged(function, tmp_path / "x.zip", mount="/var/task", layers=[layer, library])) == {}
    function.file("lib/libx.so.1", elf(soname=b"libx.so.1"))
    result = judged(function, tmp_path / "x.zip", mount="/var/task", layers=[layer])
    assert_fails(result, links="data leads to share/data, which does not exist")


class TestWords:
    """How findings of layers are put beside the bundle's own."""

    def test_without_failures_nothing_is_added(self) -> None:
        own = passed("links", "fine")
        assert with_layers(own, [("a.zip", passed("links", "also")), ("b.zip", skipped("links", "no"))]) is own

    def test_one_finding_of_one_layer(self) -> None:
        layer = failed("links", ["x leads nowhere"], "mend it")
        assert with_layers(passed("links", "fine"), [("a.zip", layer)]) == Check(
            "links", Status.FAIL, "a.zip: x leads nowhere", "mend it"
        )

    def test_the_bundles_own_come_first_and_all_are_listed(self) -> None:
        own = failed("links", ["x"], "mend x")
        layers = [("a.zip", failed("links", ["y", "z"], "mend y")), ("b.zip", failed("links", ["v"], "mend v"))]
        assert with_layers(own, layers) == Check(
            "links",
            Status.FAIL,
            "x; a.zip: y, and 1 more; b.zip: v",
            "mend x",
            ("x", "a.zip: y", "a.zip: z", "b.zip: v"),
        )
