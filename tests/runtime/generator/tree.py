"""The files that random programs look at, and the two roots: with the files, and bare with a bundle of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bareroot import LAMBDA_ENVIRONMENT, CompletedRun, Sandbox, bare_root
from tests.runtime.worlds import (
    BUNDLE_NAME,
    LIBRARIES,
    PROGRAMS,
    RUNTIME_SOURCES,
    SANITIZER_LIBRARIES,
    World,
    compile_c,
    compiler_of,
    libc_of,
    sanitize,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORLDS = ("glibc", "musl", "sanitized")
HOME = "/usr/local/made"
PROGRAM = f"{HOME}/bin/calls"
ENVIRONMENT = {
    **LAMBDA_ENVIRONMENT,
    "PATH": f"/usr/bin:/bin:{HOME}/bin",
    "HOME": "/tmp",
    "LANG": "C",
    "LD_LIBRARY_PATH": "",
}

FILES = {
    f"{HOME}/file": "file of made\n",
    f"{HOME}/empty": "",
    f"{HOME}/with space": "a space\n",
    f"{HOME}/näme": "not ASCII\n",
    f"{HOME}/{'n' * 255}": "a long name\n",
    f"{HOME}/dir/a": "a of dir\n",
    f"{HOME}/dir/b": "b of dir\n",
    f"{HOME}/dir/.hidden": "hidden\n",
    f"{HOME}/dir/sub/deep/leaf": "a leaf\n",
    f"{HOME}/dir/sub/mid": "in the middle\n",
    "/opt/made/file": "file of opt\n",
    "/opt/made/sub/x": "x of opt\n",
    "/srv/made/file": "file of srv\n",
    "/etc/made/conf": "conf of etc\n",
    "/etc/made/conf.d/10": "ten\n",
    "/var/lib/made/state": "state of var\n",
    "/home/made/note": "note of home\n",
    "/etc/services": "echo 7/tcp\necho 7/udp\nmade 4711/tcp alias-of-made # a comment\nother 4712/udp\n",
    "/etc/protocols": "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nmade 250 MADE\n",
}
SCRIPTS = {
    f"{HOME}/bin/script": f'#!/bin/sh\nread -r line < {HOME}/file\necho "script $0 $* $line"\nexit 4\n',
    f"{HOME}/bin/nested": f"#!{HOME}/bin/script word\nnot read\n",
    f"{HOME}/bin/by-say": f"#!{HOME}/bin/say  two words \n",
    f"{HOME}/bin/by-env": '#!/usr/bin/env sh\necho "env $0 $*"\n',
    f"{HOME}/bin/plain": 'echo "plain $0 $*"\n',
    f"{HOME}/bin/lost": "#!/nowhere/at/all\n",
    f"{HOME}/bin/relative": '#!/bin/sh\ncd "${0%/*}" && read -r line < ../file && echo "$line"\n',
    f"{HOME}/bin/starts": f"#!/bin/sh\n{HOME}/bin/say from script\necho $?\n",
}
LINKS = {
    f"{HOME}/rel": "file",
    f"{HOME}/abs": f"{HOME}/file",
    f"{HOME}/chain": "chain2",
    f"{HOME}/chain2": f"{HOME}/abs",
    f"{HOME}/todir": "dir",
    f"{HOME}/toabsdir": f"{HOME}/dir",
    f"{HOME}/tosub": "todir/sub",
    f"{HOME}/toopt": "/opt/made/file",
    f"{HOME}/tosrv": "../../../srv/made",
    f"{HOME}/dir/up": "../file",
    f"{HOME}/dir/upup": "../../made/dir/a",
    f"{HOME}/dir/dot": ".",
    f"{HOME}/bin/linked": "say",
    "/opt/made/back": f"{HOME}/toopt",
    "/opt/made/dirback": f"{HOME}/toabsdir",
    "/srv/made/down": "../made/file",
}


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the same program runs twice; ``env`` is what the bundled one needs besides."""

    libc: str
    home: Path
    bundle: Path
    env: Mapping[str, str]

    def run_at_home(self, programs: str) -> CompletedRun:
        """Run programs of calls where the files are."""
        # A launcher is a shell script, and some shells leave a variable behind.
        command = ["/bin/sh", "-c", 'exec "$0" "$@"', PROGRAM]
        return _run(_Home(self.home, {**ENVIRONMENT, **self.env}), command, {}, programs)

    def run_bundled(self, programs: str) -> CompletedRun:
        """Run them in the bare root."""
        sandbox = Sandbox(bare_root(), {**ENVIRONMENT, **self.env})
        return _run(sandbox, ["/opt/bin/calls"], {"/opt": self.bundle}, programs)


def _run(sandbox: Sandbox, command: Sequence[str], mounts: Mapping[str, Path], programs: str) -> CompletedRun:
    if programs.startswith("--"):
        return sandbox.run([*command, programs], mounts=mounts, cwd="/")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        Path(directory, "programs").write_text(programs)
        mounts = {**mounts, "/var/task": Path(directory)}
        return sandbox.run([*command, "/var/task/programs"], mounts=mounts, cwd="/", timeout=600)


class _Home(Sandbox):
    """The whole root as one file system, as a machine has it."""

    def _mounts(self, mounts: Mapping[str, Path]) -> list[str]:
        arguments = ["--ro-bind", str(self.root), "/", "--proc", "/proc", "--perms", "0755", "--tmpfs", "/dev"]
        for device in ("null", "zero", "full", "random", "urandom"):
            arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
        arguments += ["--remount-ro", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]
        for point, tree in mounts.items():
            arguments += ["--ro-bind", str(tree), point]
        return arguments


def make_roots(top: Path, name: str) -> Roots:
    """Build both roots of a world below ``top``, the bundle by packing from the first; raises UnavailableError."""
    Sandbox(bare_root()).check()
    libc = libc_of(name)
    world = World(name, top)
    home = top / "home"
    shutil.copytree(bare_root(), home, symlinks=True)
    _put_libc(home, libc)
    _fill(home, libc)
    command = [sys.executable, "-m", "lambundle", "pack", "-q", "--root", str(home), "--name", BUNDLE_NAME]
    command += ["--tree", str(world.unpacked), PROGRAM]
    added = [
        HOME,
        "/opt/made",
        "/srv/made",
        "/etc/made",
        "/var/lib/made",
        "/home/made",
        "/etc/services",
        "/etc/protocols",
    ]
    if name == "sanitized":
        for library in (*SANITIZER_LIBRARIES, "libgcc_s.so.1", "libstdc++.so.6", "libm.so.6"):
            shutil.copy(f"{LIBRARIES}/{library}", home / "usr/lib64" / library)
        added += [f"/usr/lib64/{library}" for library in SANITIZER_LIBRARIES]
    for path in added:
        command += ["--add", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    env = {}
    if name == "sanitized":
        options = sanitize(world, top / "built").env["ASAN_OPTIONS"]
        # A program of the host that follows a wild pointer ends by the signal; so here.
        env = {"ASAN_OPTIONS": f"{options}:handle_segv=0:handle_abort=0"}
    return Roots(libc, home, world.unpacked, env)


def _put_libc(home: Path, libc: str) -> None:
    """Give the root this machine's libc, for which the programs are built."""
    libraries = home / "usr/lib64"
    if libc == "musl":
        shutil.copy(
            os.path.realpath(f"/lib/ld-musl-{os.uname().machine}.so.1"),
            libraries / f"ld-musl-{os.uname().machine}.so.1",
        )
        return
    here = Path(f"/lib/{os.uname().machine}-linux-gnu")
    for library in libraries.iterdir():
        if library.name in _GLIBC or library.name.startswith(("ld-linux-", "libnss_")):
            shutil.copy(here / library.name, library)


_GLIBC = {"libc.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2"}


def _fill(home: Path, libc: str) -> None:
    for name in ("proc", "dev", "tmp", "var/task"):
        (home / name).mkdir(exist_ok=True)
    compiler = compiler_of(libc)
    flags = [f"-I{RUNTIME_SOURCES}", "-ldl"]
    compile_c(compiler, home / PROGRAM[1:], *sorted(PROGRAMS.glob("calls*.c")), flags=flags)
    compile_c(compiler, home / f"{HOME[1:]}/bin/say", PROGRAMS / "say.c")
    for name in ("one", "two"):
        library = home / f"{HOME[1:]}/lib/{name}.so"
        compile_c(compiler, library, PROGRAMS / "whoami.c", flags=[f'-DWHO="{name}"', "-shared", "-fPIC"])
    for path, text in {**FILES, **SCRIPTS}.items():
        file = home / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if path in SCRIPTS else 0o644)
    for link, target in LINKS.items():
        (home / link[1:]).symlink_to(target)
