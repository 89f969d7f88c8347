"""Programs that ask the kernel without libc, past the runtime: the absolute paths in them are not served.

Static programs have no runtime, and Go's programs call the kernel themselves even if they are dynamic.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.discover.evidence import FileEvidence
from lambundle.gather.mirror import HOST_FILES
from lambundle.target import HOST_PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.gather.programs import Requested
    from lambundle.machine import Files

GO_NOTE = re.compile(rb"\x04\x00{3}.{4}\x04\x00{3}Go\x00\x00", re.DOTALL)
"""The note with the build ID in every program of Go's linker: name of 4 bytes, type 4; see cmd/internal/buildid."""

HEAD = 64 << 10
"""Bytes of a program within which its notes are."""

OF_LIBC = ("/usr/lib/locale", "/usr/share/locale", "/usr/lib/getconf")
"""Directories that every static glibc program names and does without."""

NAMED = 3
"""Paths that a note names."""


def is_go(files: Files, program: Requested) -> bool:
    """Return whether a program was linked by Go."""
    with files.open(program.started) as file:
        return GO_NOTE.search(file.read(HEAD)) is not None


def notes(files: Files, programs: Iterable[Requested]) -> Iterator[str]:
    """Say which programs are so, and what of this machine they name."""
    evidence = FileEvidence(files)
    for program in programs:
        is_static = program.elf.is_static_program
        if not is_static and not is_go(files, program):
            continue
        what = "a static program" if is_static else "a Go program, which asks the kernel without libc"
        note = f"{program.launcher} is {what}: absolute paths in it are not redirected into the bundle"
        named = evidence.paths(program.started) - {program.elf.interpreter}
        # Data first: that says most of what will be missing.
        wanted = sorted(
            (path for path in named if _is_of_this_machine(files, path)), key=lambda path: (_is_code(path), path)
        )
        if wanted:
            more = f" and {len(wanted) - NAMED} more" if len(wanted) > NAMED else ""
            note += f"; it names {', '.join(wanted[:NAMED])}{more}, which this machine has"
        yield note


def _is_code(path: str) -> bool:
    return "bin" in path.split("/") or path.startswith(("/lib", "/usr/lib"))


def _is_of_this_machine(files: Files, path: str) -> bool:
    """Return whether a path leads here to what the host may not have."""
    if path in HOST_FILES or path.startswith(OF_LIBC) or posixpath.basename(path) in HOST_PROGRAMS:
        return False
    return files.is_file(path) or (path.count("/") > 2 and files.is_directory(path))  # noqa: PLR2004
