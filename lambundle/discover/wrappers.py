"""Wrappers: programs that are named like a compiler and start one, such as musl-gcc, or gcc as a link to ccache.

A recipe is for the program that its directories belong to. Of a wrapper these are not there: it starts another program,
which its text names or which has the same name further down PATH.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.scripts.shebang import started_programs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambundle.discover.evidence import FileEvidence
    from lambundle.machine import Files


def wrapped_programs(
    files: Files, evidence: FileEvidence, path: str, search: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Return the programs that a wrapper at ``path`` may start, in groups, the best evidence first.

    These are what a shell script starts, the programs of the same name on PATH (``search``), and what any other program
    names.
    """
    real = files.real(path)
    is_script = files.read(real, 2) == b"#!"
    words = sorted(evidence.started_names(real) | evidence.words([real]))
    groups = (
        started_programs(files, real, search) if is_script else (),
        (posixpath.join(directory, posixpath.basename(path)) for directory in search),
        sorted(evidence.paths(real)),
        (posixpath.join(directory, word) for word in words for directory in search),
    )
    for group in groups:
        paths = dict.fromkeys(group)
        yield tuple(item for item in paths if files.is_executable(item) and files.real(item) != real)
