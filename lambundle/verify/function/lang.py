"""An interpreter of this machine, moved: it stands in for Lambda's own in /var/lang, and its runtime in /var/runtime.

The interpreter and all that it loads are copied, since the host of the sandbox has nothing of them: an older libc,
other directories. It is started as ``ld.so --library-path``, which no child inherits.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.elf.files import ElfFiles
from lambundle.elf.walk import Walker
from lambundle.errors import HandlerError, LambundleError
from lambundle.machine import DiskFiles
from lambundle.pack.library_path import OLDEST_ARGV0, glibc_version, libc_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LANG, RUNTIME = "/var/lang", "/var/runtime"
OWN = f"{LANG}/lib/lambundle"
"""Has what Lambda's has not: the loader, libraries, the interpreter itself."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Something in the place of one of Lambda's runtimes.

    ``mounts`` are its trees by their mount points, ``note`` says what it is. ``lacks`` names the modules that Lambda's
    has and this has not, ``hint`` what to do where one of them is wanted.
    """

    mounts: Mapping[str, Path]
    note: str
    lacks: frozenset[str] = frozenset()
    hint: str = ""


def closure_of(executable: str, modules: Iterable[str], *, language: str, hint: str) -> Mapping[str, str]:
    """Find all that an interpreter and its ``modules`` load: path by the name that it is looked for under.

    Raise HandlerError where it cannot be moved.
    """
    walker = Walker(ElfFiles(DiskFiles()))
    walker.add(executable)
    for module in modules:
        with contextlib.suppress(LambundleError):  # of use or not, it is no library
            walker.add_plugin(module, executable)
    closure = walker.closure()
    version = glibc_version(closure)
    if not any(map(_is_loader, closure.files)) or (version is not None and version < OLDEST_ARGV0):
        raise HandlerError(
            f"the {language} of this machine ({executable}) cannot stand in for Lambda's",
            context=("it is static, or its glibc is older than 2.33, whose ld.so has no --argv0",),
            hint=hint,
        )
    own = {executable, *modules}
    return {os.path.basename(path): file.real for path, file in closure.files.items() if path not in own}


def loader_command(closure: Iterable[str]) -> str:
    """Return the loader among the names of ``closure``, with the option by which it asks nobody's cache."""
    loader = next(name for name in closure if _is_loader(name))
    return f"{OWN}/{loader} --inhibit-cache" if libc_of(loader) == "glibc" else f"{OWN}/{loader}"


def copy_files(taken: Mapping[str, Path]) -> None:
    """Copy files, each to its place, readable for everybody."""
    for source, to in taken.items():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, to)
        shutil.copystat(source, to)  # compiled modules know their source's time
        to.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def write_programs(programs: Mapping[Path, str]) -> None:
    """Write scripts that can be started."""
    for path, text in programs.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)


def open_directories(top: Path) -> None:
    """Let everybody walk through the directories below ``top``."""
    for directory, _, _ in os.walk(top):
        Path(directory).chmod(0o755)


def _is_loader(path: str) -> bool:
    return os.path.basename(path).startswith("ld-")
