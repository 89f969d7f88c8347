"""What is fuzzed: each target reads some bytes, and lets nothing out but the errors that its callers expect."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from lambundle.bundle.manifest import decode_manifest
from lambundle.bundle.reader import open_bundle
from lambundle.elf.files import ElfFiles
from lambundle.elf.headers import parse_elf
from lambundle.elf.ldconfig import built_in, parse_cache, read_conf
from lambundle.errors import LambundleError
from lambundle.machine import MemoryFiles
from lambundle.packages.apk import LOCATIONS, ApkDatabase
from lambundle.packages.dpkg import DpkgDatabase
from lambundle.packages.pacman import PacmanDatabase
from lambundle.packages.rpm.database import RpmDatabase
from lambundle.packages.rpm.header import Header, Tag
from lambundle.scripts.env_line import parse_env
from lambundle.scripts.python_imports import PythonImports, imported_names
from lambundle.scripts.shebang import read_shebang
from lambundle.scripts.shell_words import all_words, command_words
from lambundle.scripts.started_commands import started_commands
from lambundle.size.contents import open_contents
from lambundle.size.drops import drops
from lambundle.size.graph import ReasonGraph
from lambundle.size.symbols import strippable
from lambundle.verify.function.api import RuntimeApi
from lambundle.verify.function.exchange import Exchange, Invocation
from lambundle.verify.function.results import answered
from lambundle.verify.function.wire import talk
from lambundle.verify.run.trace import TraceCollector
from lambundle.verify.static.symbols import Budget, read_symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lambundle.packages.base import PackageDatabase

BETWEEN = b"\n--next--\n"
"""Parts the files of a target that reads several."""


def elf(data: bytes) -> None:
    """Headers, dynamic symbols, sections, and a loader's constants."""
    with contextlib.suppress(LambundleError):
        parse_elf(data, "fuzz")
    with contextlib.suppress(LambundleError):
        read_symbols(data, Budget())
    strippable(data)
    built_in(data, 62, 64)


@contextlib.contextmanager
def _in_file(data: bytes) -> Iterator[Path]:
    fd = os.memfd_create("fuzz")
    try:
        os.write(fd, data)
        yield Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def zip_(data: bytes) -> None:
    """A zip as ``verify`` opens it, and as ``size`` does."""
    with _in_file(data) as path:
        with contextlib.suppress(LambundleError), open_bundle(path) as bundle:
            for member in bundle.members:
                if member.target is None and member.size:
                    b"".join(bundle.blocks(member.path))
        with contextlib.suppress(LambundleError), open_contents(path) as contents:
            list(contents.items)


def manifest(data: bytes) -> None:
    """A manifest, and the graph of its reasons."""
    try:
        found = decode_manifest(data)
    except LambundleError:
        return
    graph = ReasonGraph([found], {entry.path: entry.size for entry in found.entries if entry.kind != "directory"})
    drops(graph)
    for node in range(1, len(graph.nodes)):
        graph.way_to(node)


def trace(data: bytes) -> None:
    """The runtime's trace, in two blocks."""
    collector = TraceCollector()
    collector.feed(data[: len(data) // 2])
    collector.feed(data[len(data) // 2 :])
    collector.trace()


def shell(data: bytes) -> None:
    """Words of shell scripts, and shebangs."""
    text = data.decode("utf-8", "replace")
    command_words(text)
    all_words(text)
    parse_env(text[:256])
    read_shebang(MemoryFiles({"/x": data}), "/x", ("/bin",))


def commands(data: bytes) -> None:
    """Commands that scripts of other languages start."""
    started_commands(data.decode("utf-8", "replace"), "/usr/bin/perl")


def imports(data: bytes) -> None:
    """Imports of Python sources."""
    files = MemoryFiles({"/s/site-packages/m.py": data, "/s/site-packages/a/__init__.py": ""})
    found = PythonImports(files)
    found.add_sites(["/s/site-packages"])
    found.start(["/s/site-packages/m.py"])
    imported_names(files, "/s/site-packages/m.py")


def _ask(database: PackageDatabase) -> None:
    for package in [*database.packages()][:50]:
        database.package(package)
        database.files(package)
        database.directories(package)
        database.depends(package)
    database.owner("/usr/bin/tool")
    database.installed_by_name()


def _files(data: bytes, *paths: str) -> MemoryFiles:
    parts = data.split(BETWEEN)
    return MemoryFiles(dict(zip(paths, parts, strict=False)))


def dpkg(data: bytes) -> None:
    """Debian's database."""
    top = "/var/lib/dpkg"
    paths = (f"{top}/status", f"{top}/info/tool.list", f"{top}/diversions", f"{top}/alternatives/tool")
    files = _files(data, *paths, "/var/lib/apt/extended_states")
    with contextlib.suppress(LambundleError):
        _ask(DpkgDatabase(files))


def rpm(data: bytes) -> None:
    """A header, and SUSE's and Fedora's databases."""
    with contextlib.suppress(LambundleError):
        header = Header(data)
        for tag in Tag:
            header.strings(tag)
            header.numbers(tag)
    for name in ("Packages.db", "rpmdb.sqlite"):
        with contextlib.suppress(LambundleError):
            _ask(RpmDatabase(MemoryFiles({f"/var/lib/rpm/{name}": data})))


def apk(data: bytes) -> None:
    """Alpine's database."""
    with contextlib.suppress(LambundleError):
        _ask(ApkDatabase(_files(data, LOCATIONS[-1], "/etc/apk/world")))


def pacman(data: bytes) -> None:
    """Arch's database."""
    top = "/var/lib/pacman/local/tool-1-1"
    with contextlib.suppress(LambundleError):
        _ask(PacmanDatabase(_files(data, f"{top}/desc", f"{top}/files")))


def ldso(data: bytes) -> None:
    """ld.so.cache and ld.so.conf."""
    for little in (True, False):
        parse_cache(data, 62, 64, little=little)
    read_conf(ElfFiles(_files(data, "/etc/ld.so.conf", "/etc/ld.so.conf.d/a.conf")))


def http(data: bytes) -> None:
    """The Runtime API's HTTP, and what is made of an answer."""
    exchange = Exchange()
    exchange.give(Invocation("id", b"{}", 1))
    api = RuntimeApi.__new__(RuntimeApi)
    api._exchange = exchange  # noqa: SLF001  (it would listen)
    api._arn = "arn:aws:lambda:us-east-1:1:function:f"  # noqa: SLF001
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            theirs.send(data[: 1 << 16])
        theirs.shutdown(socket.SHUT_WR)
        end = threading.Timer(5, exchange.end)
        ours.settimeout(5)
        end.start()
        try:
            talk(ours, api._answer)  # noqa: SLF001
        finally:
            end.cancel()
    if exchange.answer is not None:
        answered(exchange.answer)


TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {
        "elf": elf,
        "zip": zip_,
        "manifest": manifest,
        "trace": trace,
        "shell": shell,
        "commands": commands,
        "imports": imports,
        "dpkg": dpkg,
        "rpm": rpm,
        "apk": apk,
        "pacman": pacman,
        "ldso": ldso,
        "http": http,
    }
)
