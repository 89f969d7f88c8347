"""The runtime: the C library that is preloaded into every bundled program.

In this room: its sources (``src``, explained in ``src/README.md``), their build for each architecture and libc
(``build.py``), the paths of the builds, the limits that both languages share (``limits.py``) and the reader of its
trace (``trace.py``). Nothing here knows how a bundle is planned, packed or verified; ``pack`` writes its configuration.
"""

from __future__ import annotations

from pathlib import Path

from lambundle.errors import UnreadableFileError
from lambundle.target import ARCHITECTURES

BUILT = Path(__file__).parent / "built"
MACHINES = tuple(ARCHITECTURES)
LIBCS = ("glibc", "musl")


def soname(libc: str) -> str:
    """Return the file name of the runtime in a bundle, for ``--preload``."""
    return f"liblambundle-{libc}.so"


def library(machine: str, libc: str) -> Path:
    """Return the built runtime for ``machine`` (as in ``uname -m``) and ``libc`` (``glibc`` or ``musl``).

    Raises UnreadableFileError if it was not built.
    """
    return _built(f"{machine}-{libc}.so", f"lambundle's runtime for {machine}, {libc},")


def handover(machine: str) -> Path:
    """Return the static program that starts a function in a sandbox. Raises as ``library``."""
    return _built(f"{machine}-handover", f"lambundle's handover for {machine}")


def _built(name: str, what: str) -> Path:
    path = BUILT / name
    if not path.is_file():
        raise UnreadableFileError(
            f"{what} is missing from this installation",
            context=(str(path),),
            hint="reinstall lambundle, or in a checkout run: python -m lambundle.runtime.build",
        )
    return path
