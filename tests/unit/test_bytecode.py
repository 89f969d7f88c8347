"""Compiled Python in a bundle: valid though every time has changed, and only what is valid here."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.extract import extract
from lambundle.bundle.model import Entry, Kind, Manifest, PackedOn, Reason
from lambundle.bundle.write import write_tree, write_zip
from lambundle.gather.bytecode import add_bytecode, source_of, valid_head
from lambundle.machine import DiskFiles
from tests import here

if TYPE_CHECKING:
    from pathlib import Path

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = sys.implementation.cache_tag
REASON = Reason("add")
Mode = py_compile.PycInvalidationMode


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A module beside the file that says which Python there is."""
    home = tmp_path / "home"
    home.mkdir()
    (home / f"python{VERSION}").touch()
    module = home / "answer.py"
    module.write_text("VALUE = 42\n" + "# a long text\n" * 100)
    return module


def compiled(source: Path, mode: Mode = Mode.TIMESTAMP) -> Path:
    py_compile.compile(str(source), doraise=True, invalidation_mode=mode)
    return source.parent / f"__pycache__/{source.stem}.{TAG}.pyc"


def entries(*paths: Path, exclude: str = "", limit: int = 1 << 20) -> dict[str, Entry]:
    mirror = here.mirror(lambda path: bool(exclude) and path.endswith(exclude))
    for path in paths:
        mirror.add(str(path), REASON)
    add_bytecode(mirror, DiskFiles(), limit)
    return {os.path.basename(entry.path): entry for entry in mirror.entries("root")}


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("form", ["zip", "tree"])
def test_python_uses_it_though_all_times_are_others(source: Path, tmp_path: Path, mode: Mode, form: str) -> None:
    pyc = compiled(source, mode)
    found = entries(source, source.parent / f"python{VERSION}")
    assert found[pyc.name].reasons == (Reason("compiled", str(source)),)
    assert found[pyc.name].size == pyc.stat().st_size
    top = tmp_path / "out"
    plan = Manifest("m", (), PackedOn("", "", ""), tuple(found.values()))
    if form == "zip":
        write_zip(plan, tmp_path / "out.zip")
        extract(tmp_path / "out.zip", top)
    else:
        write_tree(plan, top)
    module = top / f"root{source}"
    os.utime(module, (0, 0))
    script = "import answer, sys; print(answer.VALUE)"
    command = [sys.executable, "-vBc", script]
    done = subprocess.run(command, cwd=module.parent, env={}, capture_output=True, text=True, check=True)
    assert done.stdout == "42\n"
    assert "matches" in done.stderr.partition("answer")[2]
    assert f"# code object from '{module}'" not in done.stderr


def test_what_is_not_valid_here_is_left_out(source: Path) -> None:
    pyc = compiled(source)
    source.write_text("VALUE = 43\n")
    assert pyc.name not in entries(source, source.parent / f"python{VERSION}")


def test_only_for_the_pythons_of_the_bundle(source: Path) -> None:
    pyc = compiled(source)
    assert pyc.name not in entries(source)
    other = source.parent / "libpython3.1.so.1.0"
    other.touch()
    assert pyc.name not in entries(source, other)
    own = source.parent / f"libpython{VERSION}.so.1.0"
    own.touch()
    assert pyc.name in entries(source, own)


def test_beside_a_link_that_python_finds_it_by(source: Path, tmp_path: Path) -> None:
    """Python looks for the compiled form beside the name that it found the source by."""
    link = tmp_path / "answer.py"
    link.symlink_to(source)
    pyc = compiled(link)
    found = entries(link, source.parent / f"python{VERSION}")
    assert found[pyc.name].path == f"root{tmp_path}/__pycache__/{pyc.name}"


def test_never_keeps_a_bundle_from_fitting(source: Path) -> None:
    pyc = compiled(source)
    mirror = here.mirror()
    for path in (source, source.parent / f"python{VERSION}"):
        mirror.add(str(path), REASON)
    together = source.stat().st_size + pyc.stat().st_size
    assert add_bytecode(mirror, DiskFiles(), together - 1) == pyc.stat().st_size
    assert mirror.size == source.stat().st_size
    assert add_bytecode(mirror, DiskFiles(), together) == 0
    assert mirror.size == together


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/a/__pycache__/b.cpython-311.pyc", "/a/b.py"),
        ("/a/__pycache__/b.cpython-311.opt-1.pyc", "/a/b.py"),
        ("/a/__pycache__/b.txt", None),
        ("/a/b.pyc", None),
    ],
)
def test_a_compiled_file_belongs_to_its_source(path: str, source: str | None) -> None:
    assert source_of(path) == source


def test_can_be_excluded(source: Path) -> None:
    pyc = compiled(source)
    assert pyc.name not in entries(source, source.parent / f"python{VERSION}", exclude=".pyc")


def test_a_source_that_is_gone_has_none(source: Path) -> None:
    compiled(source)
    mirror = here.mirror()
    mirror.add(str(source), REASON)
    mirror.add(str(source.parent / f"python{VERSION}"), REASON)
    source.unlink()
    assert add_bytecode(mirror, DiskFiles(), 1 << 20) == 0
    assert [entry.path for entry in mirror.entries("") if entry.path.endswith(".pyc")] == []


@pytest.mark.parametrize("content", [b"", b"short", b"\xa7\r\r\n" + b"\x04\0\0\0" + b"x" * 8])
def test_what_is_no_compiled_file_is_left_out(source: Path, content: bytes) -> None:
    pyc = compiled(source)
    pyc.write_bytes(content)
    assert valid_head(DiskFiles(), str(pyc), source.stat()) is None


def test_pipes_and_directories_are_left_out(source: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert valid_head(DiskFiles(), str(tmp_path / "pipe"), source.stat()) is None
    assert valid_head(DiskFiles(), str(tmp_path), source.stat()) is None


def test_a_head_longer_than_a_block_replaces_no_more(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"0123456789" * 300_000)
    head = b"h" * ((1 << 20) + 3)
    entry = Entry("f", Kind.FILE, 0o644, 3_000_000, source=here.source(file), edits=((0, head),))
    plan = Manifest("m", (), PackedOn("", "", ""), (entry,))
    write_tree(plan, tmp_path / "out")
    assert (tmp_path / "out/f").read_bytes() == head + file.read_bytes()[len(head) :]
