"""The C library that is preloaded into every bundled program, and what Python has to know of it.

In this room: its sources (``src``, explained in ``src/README.md``), their build for each machine and libc before the
wheel is made (``build.py``), where the builds lie, the bounds that both languages keep (``limits.py``) and the reader
of the trace that it writes (``trace.py``). Nothing here knows how a bundle is planned, packed or verified; the
texts that the library reads are written by ``pack``. Raises LambundleErrors only.
"""

from __future__ import annotations

from pathlib import Path

from lambundle.errors import UnreadableFileError
from lambundle.target import ARCHITECTURES

BUILT = Path(__file__).parent / "built"
MACHINES = tuple(ARCHITECTURES)
LIBCS = ("glibc", "musl")


def soname(libc: str) -> str:
    """Name of the runtime in a bundle, by which the loader is told to preload it."""
    return f"liblambundle-{libc}.so"


def library(machine: str, libc: str) -> Path:
    """The built runtime for ``machine`` (as in ``uname -m``) and ``libc`` (``glibc`` or ``musl``).

    Raises UnreadableFileError where this installation has none, which means that it was not built.
    """
    return _built(f"{machine}-{libc}.so", f"lambundle's runtime for {machine}, {libc},")


def handover(machine: str) -> Path:
    """The static program with which a function is started in a sandbox; otherwise as ``library``."""
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
