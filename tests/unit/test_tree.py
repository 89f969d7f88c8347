"""The directory destination: the same tree as the zip unpacks to, whole or not there."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from lambundle.bundle.extract import extract
from lambundle.bundle.write import DESTINATIONS, write_tree, write_zip
from lambundle.errors import OutputError, UsageError
from tests.unit.plans import contents, expected, file, folder, link, manifest, plans

if TYPE_CHECKING:
    from lambundle.bundle.model import Manifest


@given(plan=plans())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_destinations_give_the_same_tree(plan: Manifest) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        unzipped = write_zip(plan, top / "out.zip")
        written = write_tree(plan, top / "tree")
        extract(top / "out.zip", top / "unpacked")
        found = contents(top / "tree")
        assert found == contents(top / "unpacked")
        assert found.items() >= expected(plan).items()
        assert (written.unzipped, written.zipped, written.digests) == (
            unzipped.unzipped,
            None,
            unzipped.digests,
        )


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_modes_are_the_planned_ones_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    plan = manifest(
        folder("d", 0o555),
        file("d/x", mode=0o666),
        file("e/x", mode=0o4755),
        folder("f", 0o1777),
        file("g", mode=0),
    )
    old = os.umask(umask)
    try:
        write_tree(plan, tmp_path / "out")
    finally:
        os.umask(old)
    modes = {path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {
        "out": 0o755,
        "out/d": 0o555,
        "out/d/x": 0o666,
        "out/e": 0o755,
        "out/e/x": 0o755,
        "out/f": 0o777,
        "out/g": 0o000,
        "out/lambundle": 0o755,
        "out/lambundle/test": 0o755,
        "out/lambundle/test/manifest.json": 0o644,
    }


@pytest.mark.parametrize(("epoch", "told"), [(None, 315_532_800), (1_700_000_001, 1_700_000_001), (0, 0)])
def test_every_time_is_the_one_asked_for(tmp_path: Path, epoch: int | None, told: int) -> None:
    out = tmp_path / "out"
    write_tree(manifest(file("d/x"), link("d/l", "x"), folder("e")), out, epoch=epoch)
    assert {path.lstat().st_mtime for path in (out, *out.rglob("*"))} == {told}


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_tree(manifest(file("x")), tmp_path / "out")
    assert (tmp_path / "out" / "x").read_bytes() == b"content"


def test_a_directory_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not an empty directory") as caught:
        write_tree(manifest(file("x")), tmp_path / "out")
    assert caught.value.hint
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError):
        write_tree(manifest(file("x")), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_what_came_into_being_meanwhile_is_left_alone(tmp_path: Path) -> None:
    def progress(_: int) -> None:
        (tmp_path / "out" / "mine").mkdir(parents=True)

    with pytest.raises(OutputError, match="not empty"):
        write_tree(manifest(file("x")), tmp_path / "out", progress=progress)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_failure_leaves_nothing(tmp_path: Path, failure: BaseException) -> None:
    def progress(_: int) -> None:
        raise failure

    plan = manifest(folder("a", 0o500), file("a/b", b"x"), link("a/a", "b"))
    with pytest.raises(OutputError if isinstance(failure, OSError) else failure):  # type: ignore[arg-type]
        write_tree(plan, tmp_path / "out", progress=progress)
    assert not list(tmp_path.iterdir())


def test_a_failure_after_the_modes_are_set_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(_: Path, __: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        write_tree(manifest(folder("a/b", 0o000), file("a/b/c")), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_no_such_directory(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such file or directory"):
        write_tree(manifest(file("x")), tmp_path / "none" / "out")


def test_destinations_are_looked_up_by_name(tmp_path: Path) -> None:
    for name, write in DESTINATIONS.items():
        write(manifest(file("x")), tmp_path / name)
    assert (tmp_path / "zip").is_file()
    assert (tmp_path / "directory").is_dir()
