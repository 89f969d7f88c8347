"""Compiles the C parts for each architecture, with the C compiler in the package ``ziglang``.

The runtime is built for each libc; for glibc it needs 2.17 or later (CentOS 7; Amazon Linux 2 has 2.26). ``handover``,
with which ``verify`` starts a function, is a static program. ``python -m lambundle.runtime.build`` builds what is
outdated.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.runtime import BUILT, LIBCS, MACHINES, limits, soname

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SOURCES = Path(__file__).parent / "src"
HANDOVER = Path(__file__).parents[1] / "verify/function/handover.c"
TARGETS = {"glibc": "linux-gnu.2.17", "musl": "linux-musl"}
COMMON = (
    "-std=gnu11",
    "-O2",
    "-fno-sanitize=undefined",  # zig's default, for debugging
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wl,-s",
)
FLAGS = (
    *COMMON,
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
    "-ftls-model=initial-exec",  # the library is loaded at start: thread variables need no call
    "-Wl,-z,now",  # no binding between vfork and exec
    "-Wl,--no-undefined",
)
MACROS = tuple(f"-D{name}={value}" for name, value in limits.MACROS.items())


def compile_command(machine: str, libc: str, output: Path) -> list[str]:
    """Return the command line that builds the runtime for one target."""
    return [
        *_compiler(machine, TARGETS[libc]),
        *FLAGS,
        *MACROS,
        f"-Wl,-soname,{soname(libc)}",
        *(str(source) for source in sorted(SOURCES.glob("*.c"))),
        *("-o", str(output)),
    ]


def handover_command(machine: str, output: Path) -> list[str]:
    """Return the command line that builds ``handover`` for one architecture."""
    return [*_compiler(machine, TARGETS["musl"]), *COMMON, "-pedantic", "-static", str(HANDOVER), "-o", str(output)]


def build_all() -> None:
    """Build every target that is older than a source, atomically. Raises CalledProcessError."""
    BUILT.mkdir(exist_ok=True)
    for output, command, sources in _products():
        newest = max(path.stat().st_mtime for path in (*sources, Path(__file__), Path(limits.__file__)))
        if output.exists() and output.stat().st_mtime >= newest:
            continue
        unfinished = output.with_suffix(f".{os.getpid()}")
        subprocess.run(command(unfinished), check=True)
        unfinished.chmod(0o755)
        unfinished.replace(output)


def _products() -> Iterator[tuple[Path, Callable[[Path], list[str]], Sequence[Path]]]:
    """Give the path of each target, the function that returns its command line, and its sources."""
    for machine in MACHINES:
        for libc in LIBCS:
            yield BUILT / f"{machine}-{libc}.so", partial(compile_command, machine, libc), [*SOURCES.iterdir()]
        yield BUILT / f"{machine}-handover", partial(handover_command, machine), [HANDOVER]


def _compiler(machine: str, target: str) -> tuple[str, ...]:
    return sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-{target}"


if __name__ == "__main__":
    build_all()
