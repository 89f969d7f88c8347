"""Compiles the runtime with the C compiler of the package ``ziglang``, for each machine and libc.

glibc 2.17 is the floor (CentOS 7, Amazon Linux 2 has 2.26): a symbol of a later version would keep the
runtime out of an older bundle. ``python -m lambundle.runtime.build`` builds what is out of date.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lambundle.runtime import BUILT, LIBCS, MACHINES, soname

SOURCES = Path(__file__).parent / "src"
TARGETS = {"glibc": "linux-gnu.2.17", "musl": "linux-musl"}
FLAGS = (
    "-std=gnu11",
    "-shared",
    "-fPIC",
    "-O2",
    "-fno-sanitize=undefined",  # zig's own default, meant for debugging
    "-fvisibility=hidden",
    "-ftls-model=initial-exec",  # the library is always there from the start: no call for its thread variables
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wl,-z,now",  # nothing may be bound between vfork and exec
    "-Wl,--no-undefined",
    "-Wl,-s",
)


def compile_command(machine: str, libc: str, output: Path) -> list[str]:
    """Command line that builds the runtime for one target."""
    return [
        *(sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-{TARGETS[libc]}"),
        *FLAGS,
        f"-Wl,-soname,{soname(libc)}",
        *(str(source) for source in sorted(SOURCES.glob("*.c"))),
        *("-o", str(output)),
    ]


def build_all() -> None:
    """Build every target that is older than a source; a build appears whole under its name or not at all."""
    BUILT.mkdir(exist_ok=True)
    newest = max(path.stat().st_mtime for path in (*SOURCES.iterdir(), Path(__file__)))
    for machine in MACHINES:
        for libc in LIBCS:
            output = BUILT / f"{machine}-{libc}.so"
            if output.exists() and output.stat().st_mtime >= newest:
                continue
            unfinished = output.with_suffix(f".{os.getpid()}")
            subprocess.run(compile_command(machine, libc, unfinished), check=True)
            unfinished.chmod(0o755)
            unfinished.replace(output)


if __name__ == "__main__":
    build_all()
