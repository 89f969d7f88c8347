"""Plans to write: a few words for making one, and a strategy for making any."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from lambundle.bundle.model import Entry, Kind, Manifest, PackedOn, Program, Reason
from tests import here

if TYPE_CHECKING:
    from pathlib import Path

WHY = (Reason("add", detail="test"),)
PACKED_ON = PackedOn("Debian GNU/Linux 12 (bookworm)", "glibc 2.36", "x86_64")


def file(path: str, content: bytes = b"content", mode: int = 0o644) -> Entry:
    return Entry(path, Kind.FILE, mode, len(content), content=content, reasons=WHY)


def source(path: str, at: Path, mode: int = 0o644, size: int | None = None) -> Entry:
    return Entry(
        path, Kind.FILE, mode, at.stat().st_size if size is None else size, source=here.source(at), reasons=WHY
    )


def link(path: str, target: str) -> Entry:
    return Entry(path, Kind.LINK, 0o777, len(target.encode()), target=target, reasons=WHY)


def folder(path: str, mode: int = 0o755) -> Entry:
    return Entry(path, Kind.DIRECTORY, mode, reasons=WHY)


def manifest(*entries: Entry, name: str = "test") -> Manifest:
    programs = (Program("bin/test", "/usr/bin/test", "/usr/bin/test"),)
    return Manifest(name, programs, PACKED_ON, tuple(sorted(entries, key=lambda entry: entry.path)))


def contents(top: Path) -> dict[str, tuple[str, int, bytes]]:
    """Return kind, mode and content of everything below ``top``."""
    found = {}
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        name = path.relative_to(top).as_posix()
        if path.is_symlink():
            found[name] = ("link", 0o777, str(path.readlink()).encode())
        elif path.is_dir():
            found[name] = ("directory", stat.S_IMODE(status.st_mode), b"")
        else:
            found[name] = ("file", stat.S_IMODE(status.st_mode), path.read_bytes())
    return found


def expected(plan: Manifest) -> dict[str, tuple[str, int, bytes]]:
    """Return what ``contents`` must give for ``plan``, less the manifest and directories nobody planned."""
    return {
        entry.path: (
            entry.kind.value,
            0o777 if entry.kind is Kind.LINK else entry.mode & 0o777,
            (entry.target or "").encode() if entry.kind is Kind.LINK else entry.content or b"",
        )
        for entry in plan.entries
    }


_PARTS = st.one_of(
    st.sampled_from(
        ["a", "b", "lib", "-dash", " ", "two words", "ä", "日本", "🦀", "a;1", "back\\slash", "...", "'\"`$"]
    ),
    st.text(st.characters(exclude_characters="/", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(
        lambda part: part not in {".", ".."}
    ),
    st.just("n" * 255),
)
_MODES = st.sampled_from([0o644, 0o755, 0o600, 0o444, 0o555, 0o700, 0o4755, 0o1777])
_BYTES = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda text, times: text * times, st.binary(min_size=1, max_size=20), st.integers(1, 5000)),
)


@st.composite
def plans(draw: st.DrawFn) -> Manifest:
    """Draw a plan of at most a dozen entries whose paths nest, sorted, of all three kinds."""
    entries: dict[str, Entry] = {}
    folders = [""]
    for _ in range(draw(st.integers(0, 12))):
        above = draw(st.sampled_from(folders))
        path = f"{above}/{draw(_PARTS)}".removeprefix("/")
        if path in entries or len(path.encode()) > 1500 or path.split("/")[0] == "lambundle":
            continue
        kind = draw(st.sampled_from(Kind))
        if kind is Kind.DIRECTORY:
            entries[path] = folder(path, draw(_MODES))
            folders.append(path)
        elif kind is Kind.LINK:
            up = "../" * draw(st.integers(0, path.count("/")))
            entries[path] = link(path, up + draw(_PARTS))
        else:
            entries[path] = file(path, draw(_BYTES), draw(_MODES))
    return manifest(*entries.values())
