"""Bundles made up for tests: a manifest in a few words, with sizes that nothing on disk has to have."""

from __future__ import annotations

import hashlib
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.bundle.model import Entry, Group, Kind, Manifest, PackedOn, Program, Reason
from lambundle.size.contents import SizedContents, SizedItem
from lambundle.size.facts import SizeFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME = "test"
HOME = f"lambundle/{NAME}"
ROOT = f"{HOME}/root"
LIB = "/usr/lib/x86_64-linux-gnu"
KIB, MIB = 1 << 10, 1 << 20


class Told(SizedContents):
    """Contents that are only told of: no zip, no directory."""

    def __init__(
        self,
        items: Sequence[SizedItem],
        manifests: Sequence[Manifest] = (),
        zipped: int | None = None,
        path: str = "x.zip",
    ) -> None:
        self.path = Path(path)
        self.items = tuple(sorted(items, key=lambda item: item.path))
        self.manifests = tuple(manifests)
        self.zipped = zipped
        self._fd = None


def needed(*askers: str, name: str = "") -> tuple[Reason, ...]:
    return tuple(Reason("needed", asker, name) for asker in askers)


def asked(name: str) -> tuple[Reason, ...]:
    return (Reason("program", None, name),)


def file(path: str, size: int, *reasons: Reason, package: str | None = None, content: str = "") -> Entry:
    """Return a file; an absolute path is one of the packing machine. Its content is its path unless told."""
    place = f"{ROOT}{path}" if path.startswith("/") else path
    digest = hashlib.sha256((content or path).encode()).hexdigest()
    return Entry(place, Kind.FILE, 0o755, size, reasons=reasons, sha256=digest, package=package)


def link(path: str, target: str, *reasons: Reason) -> Entry:
    return Entry(f"{ROOT}{path}", Kind.LINK, 0o777, len(target), target=target, reasons=reasons)


def manifest(entries: Sequence[Entry], programs: Mapping[str, str], groups: Sequence[Group] = ()) -> Manifest:
    """Return a manifest; ``programs`` are paths of programs by the name of their launcher."""
    return Manifest(
        NAME,
        tuple(Program(f"bin/{name}", path, path) for name, path in programs.items()),
        PackedOn("Debian GNU/Linux 12 (bookworm)", "glibc 2.36", "x86_64"),
        tuple(sorted(entries, key=lambda entry: entry.path)),
        groups=tuple(groups),
    )


def told(made: Manifest, *, ratio: float | None = 0.4, path: str = f"{NAME}.zip") -> Told:
    """Return contents with just what a manifest tells of; ``ratio`` is of packed to unpacked, None for no zip."""
    items = [
        SizedItem(
            entry.path,
            entry.kind is Kind.LINK,
            entry.size,
            None if ratio is None else int(entry.size * ratio),
        )
        for entry in made.entries
    ]
    zipped = None if ratio is None else sum(item.packed or 0 for item in items) + 100 * len(items)
    return Told(items, [made], zipped, path)


def player() -> Manifest:
    """Return a program with libraries, a plug-in, data, and another program: a little of everything."""
    play = "/usr/bin/play"
    codec, text, data, icons = (
        f"{LIB}/{name}" for name in ("libcodec.so.9.1", "libtext.so.2", "libdata.so.2", "icons")
    )
    prober = "/usr/bin/probe"
    package = Reason("package", play, "play")
    fonts = "the text needs fonts"
    loader = f"{LIB}/ld-linux-x86-64.so.2"
    entries = [
        file("bin/play", 900, *asked("play")),
        file(play, 2 * MIB, *asked("play"), package, package="play"),
        file(prober, MIB, package, package="play"),
        file(codec, 30 * MIB, *needed(play, prober, name="libcodec.so.9"), package="libcodec9"),
        link(f"{LIB}/libcodec.so.9", posixpath.basename(codec), *needed(play, prober, name="libcodec.so.9")),
        file(text, 12 * MIB, *needed(codec, name="libtext.so.2"), package="libtext2"),
        file(data, 60 * MIB, *needed(text, name="libdata.so.2"), package="libtext2"),
        file(f"{LIB}/libprobe.so.1", 9 * MIB, *needed(prober, name="libprobe.so.1"), package="play"),
        file(f"{LIB}/libc.so.6", 2 * MIB, *needed(play, prober, codec, name="libc.so.6"), package="libc6"),
        file(
            loader,
            200 * KIB,
            Reason("interpreter", play),
            Reason("interpreter", prober),
            *needed(f"{LIB}/libc.so.6", name="ld-linux-x86-64.so.2"),
            package="libc6",
        ),
        *(file(f"/usr/share/fonts/{name}.ttf", 3 * MIB, Reason("facility", None, fonts)) for name in "ab"),
        file(f"{icons}/one.png", 5 * MIB, package, package="play", content="icon"),
        file(f"{icons}/two.png", 5 * MIB, package, package="play", content="icon"),
        file("/usr/share/doc/play/manual.html", MIB, Reason("add", None, "doc")),
        file(f"{HOME}/runtime/config", 77, Reason("runtime")),
    ]
    groups = [
        Group("package", "play", (package,)),
        Group("facility", fonts, (Reason("facility", text),)),
    ]
    return manifest(entries, {"play": play}, groups)


def facts(made: Manifest | None = None) -> SizeFacts:
    return SizeFacts(told(made or player()))
