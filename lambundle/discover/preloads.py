"""Libraries that a script or a program puts into LD_PRELOAD or LD_AUDIT: those that its text names.

Source: ld.so(8). A path counts anywhere in such a text, since it may be in a variable; a bare name only beside the
name of the variable, where the loader would search for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.elf.environment import environment_for
from lambundle.elf.headers import ElfFile
from lambundle.elf.loader import expand
from lambundle.gather.candidate import Candidate
from lambundle.gather.gathering import TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.gather.gathering import Gathering

MAX_TEXT = 1 << 20
"""Bytes of a script that are read."""

_VARIABLE = re.compile(rb"LD_(?:PRELOAD|AUDIT)")
_PATH = re.compile(rb"(?<![\w.+@-])/(?:[\w.+@-]|\$LIB|\$\{LIB\}|/){2,300}?\.so(?:\.\d[\d.]{0,16})?(?![\w.+-])")
_NAME = re.compile(rb"LD_(?:PRELOAD|AUDIT)[^\w\n/]{1,6}([\w+-][\w.+-]{0,200}?\.so(?:\.\d[\d.]{0,16})?)(?![\w.+-])")


def preloaded_libraries(text: bytes) -> Iterator[str]:
    """Return the paths and names of libraries that a text may preload; ``$LIB`` is left as it is."""
    if _VARIABLE.search(text) is None:
        return
    for found in dict.fromkeys([*_PATH.findall(text), *_NAME.findall(text)]):
        yield found.decode("utf-8", "replace")


def add_preloaded(gathering: Gathering, programs: Iterable[str], shell: str) -> None:
    """Add what the bundle's scripts and some ELF ``programs`` (real paths) preload, if it is installed.

    Names are searched, and ``$LIB`` is expanded, as for ``shell``, a program that was walked.
    """
    loaded = set(gathering.loaded)
    scripts = [
        path
        for path in gathering.mirror.files()
        if path not in loaded and not path.endswith(TEXTS) and gathering.files.is_executable(path)
    ]
    for path in (*scripts, *programs):
        text = gathering.files.read(path, MAX_TEXT)
        if path in loaded or text.startswith(b"#!"):
            for name in preloaded_libraries(text):
                _add(gathering, name, path, shell)


def _add(gathering: Gathering, name: str, by: str, shell: str) -> None:
    reason = Reason("opened", by, name)
    elf = gathering.elves.elf(shell)
    if "/" not in name:
        gathering.opened(name, shell, reason)
    elif isinstance(elf, ElfFile):
        path = expand(name, "", environment_for(elf, gathering.elves)) if "$" in name else name
        if path is not None and gathering.files.is_file(path):
            gathering.add([Candidate(path, reason)])
