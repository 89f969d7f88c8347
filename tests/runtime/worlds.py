"""Bundles for tests of the runtime, each in a world of its own: a libc, a loader, a way of building the runtime.

A world's data directory was packed with a program and then replaced by the host's own, so that for each kind of
file there is one that only the bundle has, one that only the host has, one that both have, and none at all.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from lambundle import runtime
from lambundle.bundle.write import write_tree
from lambundle.pack import library_path
from lambundle.pack import plan as planning
from lambundle.pack.request import Request
from lambundle.runtime import build
from tests import here
from tests.bareroot import UnavailableError, bare_root
from tests.runtime.functions import KINDS, OWN_DIRECTORY, Kind, probes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAMS = Path(__file__).parent / "programs"
RUNTIME_SOURCES = build.SOURCES
BUNDLE_NAME = "tested"
STARTED = ("report", "run", "odd", "narrow", "again", "view", "bad")
PROBED = ("bundle", "host", "both", "neither")
LIBRARIES = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH') or 'x86_64-linux-gnu'}"
HOST_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1", "-fno-omit-frame-pointer")
SANITIZER_LIBRARIES = ("libasan.so.8", "libubsan.so.1")
SANITIZED_PRELOAD = f"{SANITIZER_LIBRARIES[0]}:{runtime.soname('glibc')}"


@dataclass(frozen=True, slots=True)
class Result:
    """How a process ended; ``status`` is the exit status, negative for a signal."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """What the program ``report`` said."""
        assert self.out, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | str = "/",
    stdin: str | None = None,
    status: int | None = 0,
) -> Result:
    """Run a command with exactly the environment ``env``; ``status`` is the one it must end with (None: any)."""
    done = subprocess.run(
        [os.fspath(part) for part in command],
        env=dict(HOST_ENVIRONMENT if env is None else env),
        cwd=cwd,
        input=None if stdin is None else stdin.encode(),
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=20,
        check=False,
    )
    result = Result(
        done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")
    )
    assert status is None or result.status == status, result
    return result


@dataclass(frozen=True, slots=True)
class World:
    """An unpacked bundle and the host's files beside it."""

    name: str
    top: Path
    env: Mapping[str, str] = field(default_factory=lambda: HOST_ENVIRONMENT)

    @property
    def data(self) -> Path:
        """The directory that the bundle and the host both have."""
        return self.top / "data"

    @property
    def programs(self) -> Path:
        """Where the programs were when they were packed."""
        return self.top / "programs"

    @property
    def host_report(self) -> Path:
        """The program ``report`` in a directory that only the host has."""
        return self.data / "only/host/report"

    @property
    def native(self) -> Path:
        """Where the same programs are, to be started without a bundle."""
        return self.top / "native"

    @property
    def unpacked(self) -> Path:
        """Where the zip was unpacked."""
        return self.top / "opt"

    @property
    def bundle(self) -> Path:
        """The bundle's own directory."""
        return self.unpacked / "lambundle" / BUNDLE_NAME

    @property
    def root(self) -> Path:
        """The mirrored root."""
        return self.bundle / "root"

    def in_bundle(self, path: Path | str) -> Path:
        """Where the bundle keeps an absolute path."""
        return Path(f"{self.root}{path}")

    def launcher(self, name: str) -> Path:
        """The launcher of a program."""
        return self.unpacked / "bin" / name

    def run(
        self,
        name: str,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | str = "/",
        stdin: str | None = None,
        status: int | None = 0,
    ) -> Result:
        """Start a program of the bundle by its launcher; ``env`` is added to the usual environment."""
        return run(
            [self.launcher(name), *arguments], env={**self.env, **(env or {})}, cwd=cwd, stdin=stdin, status=status
        )

    def report(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, status: int | None = 0
    ) -> dict[str, Any]:
        """Start a program by the program ``run`` and return what it reported: HOW PATH [ARGUMENT…]."""
        return self.run("run", *arguments, env=env, status=status).report


def compile_c(compiler: Sequence[str], output: Path, *sources: Path, flags: Sequence[str] = ()) -> Path:
    """Compile, without a word from the compiler."""
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [*compiler, "-w", "-O1", "-pthread", *map(str, sources), "-o", str(output), *flags]
    subprocess.run(command, check=True, capture_output=True)
    return output


def pack(programs: Sequence[str], tree: Path, *, add: Sequence[Path | str] = (), name: str = BUNDLE_NAME) -> None:
    """Pack with the command line and unpack."""
    command = [sys.executable, "-m", "lambundle", "pack", "-q", "--name", name, "--tree", str(tree), *programs]
    for path in add:
        command += ["--add", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def pack_for_old_loader(programs: Sequence[str], tree: Path, *, add: Sequence[Path | str] = ()) -> None:
    """Pack as on a machine whose ld.so knows neither --preload nor --argv0."""
    request = Request(tuple(programs), here.machine(("/usr/bin",)), BUNDLE_NAME, tuple(map(str, add)))
    with mock.patch.object(library_path, "OLDEST_ARGV0", (999, 0)):
        plan = planning.make_plan(request)
    write_tree(plan.manifest, tree)


# --- the two sides


def _fill(directory: Path, kind: Kind, case: str, who: str, built: Path) -> None:
    path = directory / case
    if kind is Kind.FILE:
        path.write_text(f"{who}\n")
        path.chmod(0o755 if who == "bundle" else 0o644)
    elif kind is Kind.DIRECTORY:
        path.mkdir()
        (path / who).touch()
    elif kind is Kind.EMPTY:
        path.mkdir()
    elif kind is Kind.LINK:
        (directory / f"to-{who}").touch()
        path.symlink_to(f"to-{who}")
    elif kind is Kind.PLUGIN:
        shutil.copy(built / f"{who}.so", path)
    elif kind is Kind.PROGRAM:
        shutil.copy(built / who, path)


def fill(data: Path, who: str, built: Path) -> None:
    """Make the data directory as ``who``, the bundle or the host, has it."""
    for name, kind in {**{kind.value: kind for kind in Kind}, **OWN_DIRECTORY}.items():
        directory = data / name
        directory.mkdir(parents=True)
        for case in (who, "both"):
            _fill(directory, kind, case, who, built)
    (data / "only" / who).mkdir(parents=True)
    (data / "only" / who / "file").write_text(f"{who}\n")


def label(data: Path, who: str) -> None:
    """Give the files extended attributes; they do not travel in a zip."""
    for name in KINDS["xattr"]:
        for case in (who, "both"):
            os.setxattr(data / name / case, "user.who", who.encode())
            os.setxattr(data / name / case, f"user.of-{who}", b"1")


def write_probes(directory: Path, libc: str) -> list[str]:
    """Write the list of functions that the probe program is built with; returns its compiler flags."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "probes.h").write_text("".join(f"HAS({name})\n" for name in probes_of(libc)))
    return [f"-I{directory}", f"-I{RUNTIME_SOURCES}"]


# --- the worlds


def libc_of(name: str) -> str:
    """Return what a world's programs are built for."""
    return name if name in ("musl", "glibc-2.31") else "glibc"


def compiler_of(libc: str) -> list[str]:
    """Return the command of the C compiler for a libc; raises UnavailableError."""
    tool = "musl-gcc" if libc == "musl" else "gcc"
    if shutil.which(tool) is None:
        raise UnavailableError(f"{tool} is not installed")
    if libc == "glibc-2.31":
        return [sys.executable, "-m", "ziglang", "cc", "-target", f"{os.uname().machine}-linux-gnu.2.31"]
    return [tool]


def make_world(name: str, top: Path) -> World:
    """Build a world: ``glibc``, ``musl``, ``old-loader``, ``glibc-2.31`` or ``sanitized``.

    Raises UnavailableError where this machine cannot.
    """
    world = World(name, top / name)
    built, programs = world.top / "built", world.programs
    libc = libc_of(name)
    compiler = compiler_of(libc)
    for who in ("bundle", "host"):
        define = f'-DWHO="{who}"'
        compile_c(compiler if who == "bundle" else ["gcc"], built / who, PROGRAMS / "whoami.c", flags=[define])
        compile_c(compiler, built / f"{who}.so", PROGRAMS / "whoami.c", flags=[define, "-shared", "-fPIC"])
    fortified = ["-O2", "-D_FORTIFY_SOURCE=2"] if name == "old-loader" else []
    flags = [*write_probes(built, libc), "-ldl", *fortified]
    compile_c(compiler, programs / "probe", PROGRAMS / "probe.c", flags=flags)
    for program in STARTED:
        compile_c(compiler, programs / program, PROGRAMS / f"{program}.c", flags=["-ldl", *fortified])
    compile_c(compiler, world.data / "report", PROGRAMS / "report.c", flags=['-DWHO="in bundle"'])
    for kind in ("static", "static-pie"):
        compile_c(["gcc"], world.data / kind, PROGRAMS / "report.c", flags=[f"-{kind}", f'-DWHO="{kind}"'])
    compile_c(compiler, programs / "fixed", PROGRAMS / "fixed.c", flags=["-no-pie", "-fno-pie"])
    _plugins(world.data, compiler)
    _scripts(world.data)
    _catalogue(world.data, libc)
    _absolute_links(world.data)
    fill(world.data, "bundle", built)
    arguments = [str(programs / program) for program in ("probe", "fixed", *STARTED)]
    if name in ("old-loader", "glibc-2.31"):
        pack_for_old_loader(arguments, world.unpacked, add=[world.data])
    else:
        extra = [f"{LIBRARIES}/{library}" for library in SANITIZER_LIBRARIES] if name == "sanitized" else []
        pack(arguments, world.unpacked, add=[world.data, *extra])
    shutil.rmtree(world.data)
    programs.rename(world.native)  # a program that is found by its old name was found in the bundle
    fill(world.data, "host", built)
    compile_c(["gcc"], world.host_report, PROGRAMS / "report.c", flags=['-DWHO="on host"'])
    for side, who in ((world.data, "host"), (world.in_bundle(world.data), "bundle")):
        label(side, who)
    if name == "glibc-2.31":
        _graft_old_glibc(world)
    if name == "sanitized":
        return sanitize(world, built)
    return world


def _plugins(data: Path, compiler: Sequence[str]) -> None:
    """Build a plug-in that loads a library which only its own RUNPATH leads to, and a message catalogue."""
    shared = ["-shared", "-fPIC"]
    compile_c(compiler, data / "plug/in/libhidden.so", PROGRAMS / "whoami.c", flags=['-DWHO="hidden"', *shared])
    runpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/in"
    compile_c(compiler, data / "plug/plugin.so", PROGRAMS / "plugin.c", flags=[runpath, *shared])
    compile_c(compiler, data / "plug/about.so", PROGRAMS / "about.c", flags=shared)
    triplet = f"{os.uname().machine}-linux-gnu"
    for who, place in {"plain": "preload", "token": f"preload/lib/{triplet}"}.items():
        compile_c(compiler, data / place / "libsays.so", PROGRAMS / "preloaded.c", flags=[f'-DWHO="{who}"', *shared])
    messages = data / "messages/xx/LC_MESSAGES/odd.mo"
    messages.parent.mkdir(parents=True)
    # The GNU format: a table of lengths and places for each language, then the texts.
    header, hello, translated = b"Content-Type: text/plain; charset=UTF-8\n", b"hello", b"bonjour"
    texts, at = [b"", hello, header, translated], 28 + 4 * 8
    table = [0x950412DE, 0, 2, 28, 28 + 2 * 8, 0, 0]
    for text in texts:
        table += [len(text), at]
        at += len(text) + 1
    messages.write_bytes(struct.pack(f"={len(table)}I", *table) + b"".join(text + b"\0" for text in texts))


def _catalogue(data: Path, libc: str) -> None:
    """Write a catalogue for catopen: set 1 has message 1. Each libc has a format of its own."""
    catalogue = data / "catalogues/de/odd.cat"
    catalogue.parent.mkdir(parents=True)
    message = b"guten Tag\0"
    if libc == "musl":
        numbers = (0xFF88FF89, 1, 24 + len(message), 12, 24, 1, 1, 0, 1, len(message), 0)
        catalogue.write_bytes(struct.pack(f">{len(numbers)}I", *numbers) + message)
    else:
        entry = (2, 1, 0)
        header = struct.pack("=3I", 0x960408DE, 1, 1)
        catalogue.write_bytes(header + struct.pack("<3I", *entry) + struct.pack(">3I", *entry) + message)


def _absolute_links(data: Path) -> None:
    """Make links to absolute paths, and one that is relative."""
    directory = data / "absolute"
    directory.mkdir(parents=True)
    for name, target in {"file": f"{data}/report", "relative": "../report"}.items():
        (directory / name).symlink_to(target)


def _scripts(data: Path) -> None:
    """Write scripts that only the bundle has."""
    texts = {
        "script": f'#!/bin/sh\nexec {data}/report script "$0" "$@"\n',
        "argument": f"#!{data}/report  one argument \n",
        "nested": f"#!{data}/argument second\n",
        "env": '#!/usr/bin/env sh\necho "env $0 $*"\n',
        "env-split": '#!/usr/bin/env -S sh -eu\necho "split $0 $- $*"\n',
        "not-executable": "#!/bin/sh\necho no\n",
        "no-header": 'echo "plain $0 $*"\n',
        "lost": "#!/nowhere/at/all\n",
        "empty-header": "#!\necho no\n",
        "empty": "",
        "too-long": f"#!/{'a' * 300}\necho no\n",
        "hosted": f"#!{data}/only/host/report\n",
        "hosted-nested": f"#!{data}/hosted\n",
        "static-interpreter": f"#!{data}/static word\n",
    }
    # Each starts the one before it; the kernel goes along with five.
    for depth in range(1, 7):
        texts[f"depth-{depth}"] = f"#!{data}/depth-{depth - 1}\n" if depth > 1 else "#!/bin/echo\n"
    for name, text in texts.items():
        (data / name).write_text(text)
        (data / name).chmod(0o644 if name == "not-executable" else 0o755)


def _graft_old_glibc(world: World) -> None:
    """Put glibc 2.31, its loader, a shell and env built for it in the place of this machine's."""
    host = bare_root()
    libraries = world.in_bundle(LIBRARIES)
    for name in ("libc.so.6", "libdl.so.2", "libpthread.so.0", "libtinfo.so.6"):
        shutil.copyfile(host / "usr/lib64" / name, libraries / name)
    [loader] = libraries.glob("ld-linux-*")
    shutil.copyfile(next((host / "usr/lib64").glob("ld-linux-*")), loader)
    for path, program in (("/bin/sh", "bash"), ("/usr/bin/env", "env")):
        there = world.in_bundle(path).resolve()
        assert there.is_relative_to(world.root)
        shutil.copyfile(host / "usr/bin" / program, there)


def sanitize(world: World, built: Path) -> World:
    """Put a runtime with sanitizers in the place of the released one, behind their libraries."""
    flags = [
        *SANITIZED,
        *build.MACROS,
        "-std=gnu11",
        "-shared",
        "-fPIC",
        "-fvisibility=hidden",
        f'-DLB_GLIBC_RUNTIME="{SANITIZED_PRELOAD}"',
        "-Wl,-z,now",
        "-ldl",
    ]
    sources = sorted(RUNTIME_SOURCES.glob("*.c"))
    library = compile_c(["gcc"], built / "runtime.so", *sources, flags=flags)
    shutil.copyfile(library, world.bundle / "runtime" / runtime.soname("glibc"))
    for launcher in (world.unpacked / "bin").iterdir():
        text = launcher.read_text()
        changed = text.replace(f"--preload {runtime.soname('glibc')}", f"--preload {SANITIZED_PRELOAD}")
        assert changed != text
        launcher.write_text(changed)
    # The loader's way of preloading is not the one that ASan looks for.
    options = "detect_leaks=0:verify_asan_link_order=0:abort_on_error=1"
    return World(world.name, world.top, {**HOST_ENVIRONMENT, "ASAN_OPTIONS": options})
