"""The check ``permissions``: what user 993, to whom nothing belongs, may read and start."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.write import write_zip
from lambundle.verify.static import static_checks
from tests.unit.plans import file, manifest
from tests.unit.test_elf import make_elf
from tests.unit.verify.drafts import WINDOWS, Draft, assert_fails, details, failures, judged

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = make_elf(type_=2, entry=64)
LIBRARY = make_elf(dynamic=[(14, b"libx.so.1")])
PLAN = manifest(
    file("bin/test", b"#!/bin/sh\n", 0o755),
    file("lambundle/test/root/usr/bin/helper", PROGRAM, 0o755),
    file("lambundle/test/root/usr/bin/script", b"#!/bin/sh\n", 0o755),
    file("lambundle/test/root/usr/lib/libx.so.1", LIBRARY, 0o755),
    file("lambundle/test/root/usr/lib/firmware", PROGRAM, 0o644),
)


@pytest.fixture
def packed(tmp_path: Path) -> Draft:
    write_zip(PLAN, tmp_path / "good.zip")
    return Draft.read(tmp_path / "good.zip")


def test_what_was_packed_passes(tmp_path: Path, packed: Draft) -> None:
    result = judged(packed, tmp_path / "x.zip")
    assert failures(result) == {}
    assert details(result)["permissions"] == "user 993 can read every file and start 3 programs"


@pytest.mark.parametrize(
    "path", ["bin/test", "lambundle/test/root/usr/bin/helper", "lambundle/test/root/usr/bin/script"]
)
def test_a_program_that_lost_its_execute_bit_fails(tmp_path: Path, packed: Draft, path: str) -> None:
    result = judged(packed.chmod(path, 0o644), tmp_path / "x.zip")
    phrases = [f"{path} is not executable for others (mode 0644)", "upload the zip that lambundle pack wrote"]
    assert_fails(result, permissions=phrases, integrity="modes were lost (1)")


def test_a_launcher_must_be_executable_whatever_the_manifest_says(tmp_path: Path, packed: Draft) -> None:
    packed.chmod("bin/test", 0o644).manifest(
        "lambundle/test/manifest.json", lambda value: value["entries"][1].update(mode="0644")
    )
    assert_fails(judged(packed, tmp_path / "x.zip"), permissions="bin/test is not executable")


def test_a_library_needs_no_execute_bit(tmp_path: Path, packed: Draft) -> None:
    packed.chmod("lambundle/test/root/usr/lib/libx.so.1", 0o644)
    found = failures(judged(packed, tmp_path / "x.zip"))
    assert "permissions" not in found
    assert "modes were lost" in found["integrity"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o711])
def test_a_file_that_others_cannot_read_fails(tmp_path: Path, mode: int) -> None:
    result = judged(Draft().file("data", mode=mode), tmp_path / "x.zip")
    assert_fails(result, permissions=[f"data is not readable for others (mode {mode:04o})", "chmod -R o+rX"])
    assert failures(judged(Draft().file("data", mode=0o604), tmp_path / "x.zip")) == {}


@pytest.mark.parametrize("mode", [0o700, 0o744, 0o711])
def test_a_directory_that_others_cannot_enter_fails(tmp_path: Path, mode: int) -> None:
    result = judged(Draft().folder("d", mode).file("d/x"), tmp_path / "x.zip")
    assert_fails(result, permissions=f"d/ is closed to others (mode {mode:04o})")


@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_a_set_id_bit_fails(tmp_path: Path, mode: int) -> None:
    result = judged(Draft().file("sudo", mode=mode), tmp_path / "x.zip")
    assert_fails(result, permissions=[f"sudo has mode {mode:04o}", "chmod u-s,g-s"])


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("bootstrap", PROGRAM),
        ("extensions/mine", b"#!/bin/bash\n"),
        ("bin/tool", b"#!/bin/sh\n"),
        ("a/b/tool", PROGRAM),
    ],
)
def test_what_something_will_start_must_be_executable(tmp_path: Path, path: str, data: bytes) -> None:
    result = judged(Draft().file(path, data), tmp_path / "x.zip")
    assert_fails(result, permissions=[f"{path} is not executable for others (mode 0644)", "chmod 0755"])
    assert failures(judged(Draft().file(path, data, 0o755), tmp_path / "x.zip")) == {}


def test_modules_with_a_first_line_need_no_execute_bit(tmp_path: Path) -> None:
    draft = Draft().file("handler.py", b"#!/usr/bin/env python3\n").file("lib/libx.so.1", LIBRARY)
    assert failures(judged(draft, tmp_path / "x.zip")) == {}


def test_entries_without_unix_attributes_fail_only_where_something_must_be_executable(tmp_path: Path) -> None:
    draft = Draft().file("handler.py").file("bootstrap", b"#!/bin/sh\n", mode=0o755)
    for path, item in draft.items.items():
        draft.items[path] = replace(item, system=WINDOWS)
    result = judged(draft, tmp_path / "x.zip")
    assert_fails(result, permissions="bootstrap has no Unix attributes in the zip: it cannot be executed")
    del draft.items["bootstrap"]
    result = judged(draft, tmp_path / "x.zip")
    assert failures(result) == {}
    assert "1 entry without Unix attributes" in details(result)["permissions"]


def test_a_directory_is_checked_by_its_modes(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree").chmod(0o700)  # the top becomes the mount point: its mode does not count
    (tmp_path / "tree/bootstrap").write_text("#!/bin/sh\n")
    (tmp_path / "tree/bootstrap").chmod(0o700)
    found = failures(static_checks(tmp_path / "tree"))
    assert "bootstrap is not executable for others (mode 0700)" in found["permissions"]
    assert "bootstrap is not readable for others" in found["permissions"]


def test_what_to_do_depends_on_whose_file_it_is(tmp_path: Path, packed: Draft) -> None:
    """Code beside a bundle never went through lambundle: no zip that pack wrote has it with another mode."""
    assert_fails(judged(packed.file("mine.py", mode=0o600), tmp_path / "x.zip"), permissions="chmod -R o+rX the tree")


def test_what_macos_leaves_is_read_by_nobody(tmp_path: Path, packed: Draft) -> None:
    packed.file(".DS_Store", mode=0o600).folder("__MACOSX", 0o700).file("__MACOSX/._bin", mode=0o600)
    packed.file("lambundle/test/root/.DS_Store", mode=0o600)
    result = judged(packed, tmp_path / "x y.zip")
    assert failures(result) == {}
    told = details(result)["permissions"]
    assert "4 entries of macOS that nobody needs (.DS_Store)" in told
    command = told.partition("zip -d ")[2]
    assert command == f"'{tmp_path}/x y.zip' '*.DS_Store' '__MACOSX/*'"
    if shutil.which("zip"):
        subprocess.run(f"zip -q -d {command}", shell=True, check=True)
        assert "macOS" not in details(static_checks(tmp_path / "x y.zip"))["permissions"]
