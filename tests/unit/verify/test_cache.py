"""Trees in the cache: built once, again when a source changes, elsewhere when the cache is of no use."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from lambundle.verify.run.work import work_directory
from lambundle.verify.sandbox.cache import cache_directory, kept

if TYPE_CHECKING:
    from pathlib import Path


class Builder:
    """Builds a tree from one file, and counts."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.count = 0

    def __call__(self, top: Path) -> list[str]:
        self.count += 1
        (top / "copy").write_bytes(self.source.read_bytes())
        return [str(self.source)]


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "source"
    source.write_text("old")
    return Builder(source)


def test_built_once(builder: Builder, tmp_path: Path) -> None:
    first = kept("name", builder, instead=tmp_path)
    assert kept("name", builder, instead=tmp_path) == first
    assert builder.count == 1
    assert (first / "copy").read_text() == "old"
    assert first.is_relative_to(cache_directory())
    assert [entry.name for entry in cache_directory().iterdir()] == ["name"]
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in (first, first.parent))


def test_built_again_when_a_source_changed_or_went(builder: Builder, tmp_path: Path) -> None:
    kept("name", builder, instead=tmp_path)
    builder.source.write_text("newer")
    tree = kept("name", builder, instead=tmp_path)
    assert (tree / "copy").read_text() == "newer"
    os.utime(builder.source, ns=(0, 0))
    kept("name", builder, instead=tmp_path)
    assert builder.count == 3
    builder.source.unlink()
    with pytest.raises(FileNotFoundError):
        kept("name", builder, instead=tmp_path)


@pytest.mark.parametrize("stamp", ["", "[]", "null", '{"/nowhere": [1, 2]}'])
def test_damaged_stamp_is_no_stamp(builder: Builder, tmp_path: Path, stamp: str) -> None:
    tree = kept("name", builder, instead=tmp_path)
    (tree.parent / "sources.json").write_text(stamp)
    kept("name", builder, instead=tmp_path)
    assert builder.count == 2


@pytest.mark.usefixtures("builder")
def test_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail(top: Path) -> list[str]:
        (top / "half").touch()
        raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        kept("name", fail, instead=tmp_path)
    assert list(cache_directory().iterdir()) == []


def test_no_cache_to_write(builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    work = tmp_path / "work"
    work.mkdir()
    tree = kept("name", builder, instead=work)
    assert tree.parent == work
    assert (tree / "copy").read_text() == "old"


def test_relative_cache_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache/lambundle"


def test_two_at_once_build_one_tree(builder: Builder, tmp_path: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slowly(top: Path) -> list[str]:
        entered.set()
        go_on.wait(10)
        return builder(top)

    found: list[Path] = []
    first = threading.Thread(target=lambda: found.append(kept("name", slowly, instead=tmp_path)))
    first.start()
    entered.wait(10)
    second = threading.Thread(target=lambda: found.append(kept("name", builder, instead=tmp_path)))
    second.start()
    go_on.set()
    first.join(10)
    second.join(10)
    assert found[0] == found[1]
    assert builder.count == 1


def test_a_tree_that_was_replaced_stays_for_a_verify_that_took_it(builder: Builder, tmp_path: Path) -> None:
    with work_directory() as work:
        (work / "round").mkdir()
        used = os.open(kept("name", builder, instead=work / "round"), os.O_RDONLY | os.O_DIRECTORY)
        builder.source.write_text("newer")
        kept("name", builder, instead=tmp_path)
        assert os.listdir(used) == ["copy"]
        os.close(used)
    builder.source.write_text("newest")
    kept("name", builder, instead=tmp_path)
    assert [entry.name for entry in cache_directory().iterdir()] == ["name"]
