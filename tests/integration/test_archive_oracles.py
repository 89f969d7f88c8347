"""Other people's zip tools read our zips as we mean them, and we read theirs."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.extract import extract
from lambundle.bundle.model import Entry, Kind, Manifest, PackedOn
from lambundle.bundle.reader import open_bundle
from lambundle.bundle.write import write_tree, write_zip
from tests import here

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.integration

NAMES = [
    "plain",
    "two words",
    "-dash",
    "--",
    "ünïcödé",
    "日本語",
    "🦀",
    "back\\slash",
    "semicolon;1",
    "quote'\"`$(x)",
    "star*?[a]",
    "...",
    " ",
    "colon:name",
    "n" * 255,
    "é" * 127,
]


def _file(path: str, content: bytes, mode: int) -> Entry:
    return Entry(path, Kind.FILE, mode, len(content), content=content)


def _link(path: str, target: str) -> Entry:
    return Entry(path, Kind.LINK, 0o777, len(target.encode()), target=target)


@pytest.fixture(scope="module")
def plan() -> Manifest:
    """Return a plan with every unusual name as a file, a link and a directory, and every kind of content."""
    noise = random.Random(5)
    contents = [b"", b"a", noise.randbytes(70_000), b"text " * 50_000, b"\x1f\x8b" + b"text " * 100]
    entries = [
        Entry("empty", Kind.DIRECTORY, 0o755),
        Entry("read-only", Kind.DIRECTORY, 0o555),
        _file("read-only/x", b"x", 0o444),
        _link("to-directory", "read-only"),
        _link("dangling", "none/at/all"),
        _link("deep", "d/plain/../plain/x"),
    ]
    for number, name in enumerate(NAMES):
        entries.append(_file(f"f/{name}", contents[number % len(contents)], (0o644, 0o755, 0o600, 0o444)[number % 4]))
        entries.append(_link(f"l/{name}", f"../f/{name}"))
        entries.append(_file(f"d/{name}/x", b"below", 0o644))
    return Manifest("oracles", (), PackedOn("", "", ""), tuple(sorted(entries, key=lambda entry: entry.path)))


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, plan: Manifest) -> Path:
    out = tmp_path_factory.mktemp("packed") / "out.zip"
    write_zip(plan, out)
    return out


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, plan: Manifest) -> dict[str, tuple[int, bytes]]:
    out = tmp_path_factory.mktemp("tree") / "out"
    write_tree(plan, out)
    return _contents(out)


def _contents(top: Path) -> dict[str, tuple[int, bytes]]:
    """Return st_mode and content of everything below ``top``, names as bytes decoded without loss."""
    found = {}
    for directory, directories, files in os.walk(os.fsencode(top)):
        for name in (*directories, *files):
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            content = b""
            if stat.S_ISLNK(mode):
                content = os.readlink(path)
            elif stat.S_ISREG(mode):
                content = Path(os.fsdecode(path)).read_bytes()
            found[os.fsdecode(os.path.relpath(path, os.fsencode(top)))] = (mode, content)
    return found


def _run(*command: str | Path, cwd: Path | None = None) -> str:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "UNZIP": "", "ZIPINFO": ""}
    done = subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _need(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")


def _python(packed: Path, into: Path) -> None:
    """Unpack as a careful Python program would; zipfile itself knows no modes and no links."""
    with zipfile.ZipFile(packed) as opened:
        infos = opened.infolist()
        for info in infos:
            mode = info.external_attr >> 16
            if stat.S_ISLNK(mode):
                (into / info.filename).symlink_to(opened.read(info).decode())
            else:
                opened.extract(info, into)
        for info in reversed(infos):
            if not stat.S_ISLNK(info.external_attr >> 16):
                (into / info.filename).chmod(stat.S_IMODE(info.external_attr >> 16))


UNPACKERS: dict[str, Callable[[Path, Path], object]] = {
    # -V: unzip takes ";1" at the end of a name for a VMS version and drops it
    "unzip": lambda packed, into: _run("unzip", "-qV", packed, "-d", into),
    "bsdtar": lambda packed, into: _run("bsdtar", "-xpf", packed, "-C", into),
    "python3": _python,
    "ours": extract,
}


@pytest.mark.parametrize("tool", UNPACKERS)
def test_every_unpacker_gives_the_same_tree(
    tmp_path: Path, packed: Path, expected: dict[str, tuple[int, bytes]], tool: str
) -> None:
    if tool != "ours":
        _need(tool)
    (tmp_path / "into").mkdir()
    old = os.umask(0o022)
    try:
        UNPACKERS[tool](packed, tmp_path / "into")
    finally:
        os.umask(old)
    assert _contents(tmp_path / "into") == expected


def test_bsdtar_reads_it_from_a_pipe(tmp_path: Path, packed: Path, expected: dict[str, tuple[int, bytes]]) -> None:
    """Reading forward, it sees the local headers alone: the bytes must be right by those too."""
    _need("bsdtar")
    with packed.open("rb") as stream:
        subprocess.run(
            ["bsdtar", "-xf", "-", "-C", tmp_path],
            stdin=stream,
            check=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    found = _contents(tmp_path)
    assert set(found) == set(expected)
    for path, (mode, content) in expected.items():
        if stat.S_ISREG(mode):
            assert found[path][1] == content


def test_unzip_finds_no_error(packed: Path) -> None:
    _need("unzip")
    assert "No errors detected" in _run("unzip", "-t", packed)


def test_python_finds_no_error(packed: Path) -> None:
    with zipfile.ZipFile(packed) as opened:
        assert opened.testzip() is None


def test_7z_finds_no_error(packed: Path) -> None:
    _need("7z")
    told = _run("7z", "t", packed)
    assert "Everything is Ok" in told
    assert "Warning" not in told


def test_zipinfo_shows_what_was_planned(packed: Path, expected: dict[str, tuple[int, bytes]]) -> None:
    _need("zipinfo")
    lines = _run("zipinfo", "-s", "-h", "-t", packed).splitlines()
    shown = [line.split(maxsplit=8) for line in lines if line[:1] in "-dl" and " unx " in line]
    modes = sorted(stat.filemode(mode) for mode, _ in expected.values())
    assert sorted(fields[0] for fields in shown) == modes
    assert {(fields[1], fields[2]) for fields in shown} == {("2.0", "unx")}
    # "t" text or "b" binary, then "-": no extra field and no data descriptor (either would be x, l or X)
    assert {fields[4][1] for fields in shown} == {"-"}
    assert {fields[5] for fields in shown} <= {"stor", "defN"}
    assert {fields[6] for fields in shown} == {"80-Jan-01"}


def test_what_zip_packs_we_read(tmp_path: Path, plan: Manifest, expected: dict[str, tuple[int, bytes]]) -> None:
    _need("zip")
    write_tree(plan, tmp_path / "tree")
    _run("zip", "-qry", tmp_path / "out.zip", ".", cwd=tmp_path / "tree")
    extract(tmp_path / "out.zip", tmp_path / "again")
    assert _contents(tmp_path / "again") == expected


def test_what_bsdtar_packs_we_read(tmp_path: Path) -> None:
    """Its zips have data descriptors and zip64 extra fields, as those of a program that writes to a pipe."""
    _need("bsdtar")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "x").write_bytes(b"content " * 999)
    _run("bsdtar", "-cf", tmp_path / "out.zip", "--format", "zip", "-C", tmp_path / "tree", "x")
    with open_bundle(tmp_path / "out.zip") as bundle:
        assert bundle.read("x") == b"content " * 999


def test_real_files_come_back_as_they_are(tmp_path: Path) -> None:
    """The standard library: thousands of files, read from disk and unpacked by unzip."""
    _need("unzip")
    top = Path(os.__file__).parent
    sources = [path for path in top.rglob("*") if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"]
    entries = [
        Entry(f"lib/{path.relative_to(top)}", Kind.FILE, 0o644, path.stat().st_size, source=here.source(path))
        for path in sources
    ]
    entries = [entry for entry in entries if "site-packages" not in entry.path]
    write_zip(Manifest("lib", (), PackedOn("", "", sys.platform), tuple(entries)), tmp_path / "out.zip")
    _run("unzip", "-q", tmp_path / "out.zip", "-d", tmp_path / "into")
    for entry in entries:
        assert entry.source
        assert (tmp_path / "into" / entry.path).read_bytes() == Path(entry.source.path).read_bytes()
