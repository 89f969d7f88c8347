"""The check ``integrity``: every entry against the manifest, and the tools that lose something named as such."""

from __future__ import annotations

import shutil
import stat
import subprocess
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambundle.bundle.extract import extract
from lambundle.bundle.write import write_tree, write_zip
from lambundle.errors import BadBundleError
from lambundle.verify.static import static_checks
from tests.unit.plans import file, folder, link, manifest
from tests.unit.verify.drafts import WINDOWS, Draft, assert_fails, details, failures, judged
from tests.unit.zips import raw, zipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOME = "lambundle/test"
ROOT = f"{HOME}/root"
REZIPPED = "re-zipped by a tool that drops modes or links: upload the zip that lambundle pack wrote itself"
PLAN = manifest(
    file("bin/test", b"#!/bin/sh\n", 0o755),
    file(f"{ROOT}/usr/bin/helper", b"#!/bin/sh\necho\n", 0o755),
    file(f"{ROOT}/usr/share/data", b"the data"),
    file(f"{ROOT}/usr/share/d/x", b"x"),
    folder(f"{ROOT}/usr/share/empty"),
    link(f"{ROOT}/usr/share/link", "data"),
    link(f"{ROOT}/usr/share/dlink", "d"),
)
DATA = f"{ROOT}/usr/share/data"
LINK = f"{ROOT}/usr/share/link"


@pytest.fixture
def good(tmp_path: Path) -> Draft:
    write_zip(PLAN, tmp_path / "good.zip")
    return Draft.read(tmp_path / "good.zip")


def without(draft: Draft, *paths: str) -> Draft:
    for path in paths:
        del draft.items[path]
    return draft


def entry(value: dict[str, Any], path: str) -> dict[str, Any]:
    return next(item for item in value["entries"] if item["path"] == path)


def test_what_was_packed_passes_as_zip_and_as_directory(tmp_path: Path, good: Draft) -> None:
    result = judged(good, tmp_path / "x.zip")
    assert failures(result) == {}
    assert details(result)["integrity"] == "every entry matches the manifest"
    assert result.subject
    assert result.subject.runnable
    assert [item.name for item in result.subject.manifests] == ["test"]
    assert result.subject.programs == PLAN.programs
    extract(tmp_path / "x.zip", tmp_path / "tree")
    assert details(static_checks(tmp_path / "tree"))["integrity"] == "every entry matches the manifest"


CHANGES: dict[str, tuple[Callable[[Draft], object], str]] = {
    "byte_flipped": (lambda draft: draft.edit(DATA, lambda _: b"the dada"), f"{DATA} has other bytes than were packed"),
    "launcher_replaced": (lambda draft: draft.edit("bin/test", lambda _: b"#!/bin/bash\n"), "bin/test has other bytes"),
    "data_removed": (lambda draft: without(draft, f"{ROOT}/usr/share/d/x"), "/usr/share/d/x is missing"),
    "empty_directory_removed": (lambda draft: without(draft, f"{ROOT}/usr/share/empty"), "empty is missing"),
    "link_changed": (lambda draft: draft.link(LINK, "d/x"), f"{LINK} leads to d/x, not to data"),
    "added": (lambda draft: draft.file(f"{ROOT}/usr/share/new"), "/usr/share/new was added"),
    "file_became_a_directory": (lambda draft: without(draft, LINK).folder(DATA), f"{DATA} is a directory, not a file"),
    "manifest_edited": (
        lambda draft: draft.manifest(f"{HOME}/manifest.json", lambda v: entry(v, DATA).update(sha256="0" * 64)),
        f"{DATA} has other bytes",
    ),
    "manifest_is_not_json": (
        lambda draft: draft.edit(f"{HOME}/manifest.json", lambda _: b"{"),
        "manifest.json is not a manifest: not JSON",
    ),
    "manifest_of_another": (
        lambda draft: draft.manifest(f"{HOME}/manifest.json", lambda v: v.update(name="other")),
        "it is the manifest of 'other'",
    ),
    "manifest_is_a_link": (
        lambda draft: draft.link(f"{HOME}/manifest.json", "root/usr/share/data"),
        "manifest.json is not a manifest: it is a link",
    ),
    "manifest_removed": (lambda draft: without(draft, f"{HOME}/manifest.json"), f"{HOME}/manifest.json is missing"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_fails(tmp_path: Path, good: Draft, name: str) -> None:
    change, phrase = CHANGES[name]
    change(good)
    result = judged(good, tmp_path / "x.zip")
    found = failures(result)
    assert phrase in found["integrity"]
    assert "changed since lambundle packed it" in found["integrity"]
    assert result.subject
    if result.subject.runnable:
        extract(tmp_path / "x.zip", tmp_path / "tree")
    else:
        with pytest.raises(BadBundleError):
            extract(tmp_path / "x.zip", tmp_path / "tree")


def flattened(draft: Draft) -> None:
    draft.file(LINK, draft.items[DATA].data)
    draft.folder(f"{ROOT}/usr/share/dlink").file(f"{ROOT}/usr/share/dlink/x", b"x")


def modes_dropped(draft: Draft) -> None:
    for path, item in draft.items.items():
        if stat.S_ISREG(item.mode):
            draft.chmod(path, 0o644)


def made_on_windows(draft: Draft) -> None:
    for path, item in draft.items.items():
        draft.items[path] = replace(item, system=WINDOWS)
        if stat.S_ISLNK(item.mode):
            draft.file(path, item.data)


TOOLS: dict[str, tuple[Callable[[Draft], object], str]] = {
    "links_became_copies": (flattened, "links became copies (2)"),
    "links_became_text": (lambda draft: draft.file(LINK, b"data"), "links became small text files (1)"),
    "modes": (modes_dropped, "modes were lost (2)"),
    "windows": (made_on_windows, "links became small text files (2)"),
}


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_that_loses_something_is_named(tmp_path: Path, good: Draft, name: str) -> None:
    change, phrase = TOOLS[name]
    change(good)
    found = failures(judged(good, tmp_path / "x.zip"))
    assert phrase in found["integrity"]
    assert REZIPPED in found["integrity"]


def test_a_directory_that_was_flattened_does_not_count_as_added_files(tmp_path: Path, good: Draft) -> None:
    flattened(good)
    assert "was added" not in failures(judged(good, tmp_path / "x.zip"))["integrity"]


@pytest.mark.skipif(not shutil.which("zip"), reason="zip is not installed")
def test_a_zip_that_keeps_all_may_come_from_any_tool(tmp_path: Path, good: Draft) -> None:
    """Info-ZIP's zip with -y keeps links and modes; with -D it leaves out directories, which come by themselves."""
    extract(good.write(tmp_path / "x.zip"), tmp_path / "tree")
    for options in (["-qry"], ["-qr"], ["-qryD"]):
        out = tmp_path / f"{options[0]}.zip"
        subprocess.run(["zip", *options, out, "."], cwd=tmp_path / "tree", check=True)
        found = failures(static_checks(out))
        if options == ["-qry"]:
            assert found == {}
        elif options == ["-qr"]:
            assert REZIPPED in found["integrity"]
        else:
            assert "empty is missing" in found["integrity"]
            assert "and" not in found["integrity"].partition("\n")[0].partition("is missing")[2]


def test_modes_that_make_no_difference_to_others_are_no_difference(tmp_path: Path, good: Draft) -> None:
    good.chmod(DATA, 0o666).chmod("bin/test", 0o555).chmod("bin", 0o777)
    assert failures(judged(good, tmp_path / "x.zip")) == {}


def test_directories_that_are_only_implied_are_no_difference(tmp_path: Path, good: Draft) -> None:
    without(good, ROOT, f"{ROOT}/usr", "bin")
    assert failures(judged(good, tmp_path / "x.zip")) == {}


def test_code_beside_a_bundle_is_no_difference(tmp_path: Path, good: Draft) -> None:
    good.file("handler.py", b"import os\n").file("vendor/data", b"x").file("bin/mine", b"#!/bin/sh\n", 0o755)
    assert failures(judged(good, tmp_path / "x.zip")) == {}


def test_merged_bundles_are_each_compared_with_their_own_manifest(tmp_path: Path) -> None:
    for name in ("a", "b"):
        plan = manifest(file(f"bin/{name}", b"#!/bin/sh\n", 0o755), file(f"lambundle/{name}/root/x"), name=name)
        write_tree(plan, tmp_path / name)
        shutil.copytree(tmp_path / name, tmp_path / "merged", dirs_exist_ok=True)
    result = static_checks(tmp_path / "merged")
    assert failures(result) == {}
    assert details(result)["integrity"] == "every entry matches the manifests"
    assert result.subject
    assert [item.name for item in result.subject.manifests] == ["a", "b"]
    (tmp_path / "merged/lambundle/b/root/x").write_text("another")
    assert_fails(static_checks(tmp_path / "merged"), integrity="lambundle/b/root/x has other bytes")


def test_without_a_manifest_the_checksums_of_a_zip_are_checked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as opened:
        opened.writestr("handler.py", b"content")
    result = static_checks(tmp_path / "x.zip")
    assert (
        details(result)["integrity"] == "no manifest (lambundle did not pack it), but all checksums are right (1 file)"
    )
    (tmp_path / "y.zip").write_bytes(zipped(raw(b"handler.py", b"content", crc=1)))
    result = static_checks(tmp_path / "y.zip")
    assert_fails(result, integrity=["'handler.py' has another checksum", "fetch it again"])
    assert result.subject
    assert not result.subject.runnable


def test_a_directory_without_a_manifest_has_nothing_to_compare(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text("")
    (check,) = (check for check in static_checks(tmp_path).checks if check.name == "integrity")
    assert check.status == "skip"
    assert "nothing to compare" in check.detail
