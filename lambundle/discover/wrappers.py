"""Wrappers: programs that are named like a compiler and start one, such as musl-gcc, or gcc as a link to ccache.

A recipe is for the program that its directories belong to. Of a wrapper these are not there: it starts another program,
which its text names or which has the same name further down PATH.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.scripts.shebang import find_command, started_programs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambundle.discover.evidence import FileEvidence
    from lambundle.machine import Files


def wrapped_programs(files: Files, evidence: FileEvidence, path: str, search: Sequence[str]) -> Iterator[str]:
    """Return the programs that a wrapper at ``path`` may start, the best evidence first; ``search`` is PATH."""
    real = files.real(path)
    name = posixpath.basename(path)
    named = [*started_programs(files, real, search)] if files.read(real, 2) == b"#!" else []
    named += sorted(evidence.paths(real))
    words = evidence.started_names(real) | evidence.words([real])
    named += [found for word in sorted(words) if (found := find_command(files, word, search)) is not None]
    named += [posixpath.join(directory, name) for directory in search]
    yield from (found for found in dict.fromkeys(named) if files.is_executable(found) and files.real(found) != real)
