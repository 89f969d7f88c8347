"""What is gone from a bundle, and what of it this machine can give back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lambundle.bundle.write import write_zip
from lambundle.verify.fix.extend import Addition
from lambundle.verify.fix.lost import WHY, LostFiles, gone, lost_files
from tests.unit.plans import PACKED_ON, file, folder, link, manifest
from tests.unit.verify.made import MadeMachine

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.bundle.model import Manifest

ROOT = "lambundle/test/root"
WHOLE = manifest(
    file("bin/test", b"#!/bin/sh\n", 0o755),
    folder(f"{ROOT}/usr/share"),
    file(f"{ROOT}/usr/share/a"),
    link(f"{ROOT}/usr/share/b", "a"),
    file(f"{ROOT}/usr/share/own"),
    file("lambundle/test/runtime/config", b""),
)
MACHINE = MadeMachine(
    {"/usr/share/a": "data", "/usr/share/b": "data", "/usr/share/own": ""}, distribution=PACKED_ON.distribution
)


def without(tmp_path: Path, plan: Manifest, *paths: str) -> Path:
    """Return a bundle from which files were taken out, unpacked so that its manifest stays."""
    from lambundle.bundle.extract import extract

    write_zip(plan, tmp_path / "x.zip")
    extract(tmp_path / "x.zip", tmp_path / "tree")
    for path in paths:
        (tmp_path / "tree" / path).unlink()
    return tmp_path / "tree"


def test_what_is_gone_are_files_and_links() -> None:
    assert gone(WHOLE, {entry.path for entry in WHOLE.entries}) == ()
    assert gone(WHOLE, {"bin/test", f"{ROOT}/usr/share/own", "lambundle/test/runtime/config"}) == (
        f"{ROOT}/usr/share/a",
        f"{ROOT}/usr/share/b",
    )


def test_what_a_package_owns_here_comes_back_and_the_rest_is_named(tmp_path: Path) -> None:
    names = ("a", "b", "own")
    bundle = without(tmp_path, WHOLE, *(f"{ROOT}/usr/share/{name}" for name in names), "lambundle/test/runtime/config")
    assert lost_files(bundle, MACHINE) == LostFiles(
        (Addition("/usr/share/a", "data", WHY), Addition("/usr/share/b", "data", WHY)),
        (f"{ROOT}/usr/share/own", "lambundle/test/runtime/config"),
    )


def test_a_whole_bundle_and_another_machine_have_lost_nothing(tmp_path: Path) -> None:
    assert lost_files(without(tmp_path, WHOLE), MACHINE) == LostFiles()
    (tmp_path / "tree" / f"{ROOT}/usr/share/a").unlink()
    assert lost_files(tmp_path / "tree", replace(MACHINE, distribution="Other 2")) == LostFiles()


def test_of_what_is_no_bundle_nothing_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    assert lost_files(tmp_path, MACHINE) == LostFiles()
    (tmp_path / "x.zip").write_bytes(b"PK")
    assert lost_files(tmp_path / "x.zip", MACHINE) == LostFiles()
