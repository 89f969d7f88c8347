"""Libraries that a user's own scripts open by name: with ctypes, cffi, Fiddle, FFI and their like.

What packages open is found among what they depend on. A script of no package depends on nothing that is written down,
so its literal names count: whole (``libmagic.so.1``), or as ``find_library`` and ``ffi_lib`` take them (``magic``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.elf.environment import environment_for
from lambundle.elf.headers import ElfFile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from lambundle.gather.gathering import Gathering

MAX_TEXT = 1 << 20
"""Bytes of a script that are read."""

_ENDINGS = (".py", ".rb", ".lua", ".pl", ".pm", ".php", ".js", ".cjs", ".mjs", ".tcl", ".R", ".jl")
_OPENS = rb"(?:[CP]y?DLL|LoadLibrary|find_library|dlopen|ffi_lib|ffi\.load|FFI::load|FFI::cdef|koffi\.load|Library)"
_NAME = re.compile(rb"[\"'](lib[\w+.-]{1,100}?\.so(?:\.\d[\d.]{0,16})?)[\"']")
_SHORT = re.compile(rb"\b" + _OPENS + rb"[ \t]{0,8}[(\[]?[ \t\n]{0,80}[\"']([\w+-]{1,100}(?:\.\d{1,4}){0,3})[\"']")
_CALLS = re.compile(rb"\b" + _OPENS + rb"\b")


def opened_libraries(text: bytes) -> tuple[list[str], list[str]]:
    """Return the names of libraries that a script may open: whole ones, and those without ``lib`` and ``.so``."""
    if _CALLS.search(text) is None:
        return [], []
    whole, short = (list(dict.fromkeys(pattern.findall(text))) for pattern in (_NAME, _SHORT))
    return [name.decode() for name in whole], [name.decode() for name in short]


def add_opened(gathering: Gathering, is_owned: Callable[[str], bool], shell: str) -> None:
    """Add the libraries that scripts of no package open, if they are installed; found as for ``shell``, a program."""
    loaded = set(gathering.loaded)
    elf = gathering.elves.elf(shell)
    cached: Collection[str] = ()
    if isinstance(elf, ElfFile):
        cached = environment_for(elf, gathering.elves).cache or ()
    for path in gathering.mirror.files():
        if path in loaded or is_owned(path) or not _is_script(gathering, path):
            continue
        whole, short = opened_libraries(gathering.files.read(path, MAX_TEXT))
        for soname in (*whole, *(found for name in short for found in _sonames(name, cached))):
            gathering.opened(soname, shell, Reason("opened", path, soname))


def _is_script(gathering: Gathering, path: str) -> bool:
    return path.endswith(_ENDINGS) or gathering.files.read(path, 2) == b"#!"


def _sonames(short: str, cached: Collection[str]) -> Iterator[str]:
    """Return the names in ld.so.cache of a library that is named without ``lib`` and ``.so``."""
    whole = f"lib{short}.so"
    return (name for name in cached if name == whole or name.startswith(f"{whole}."))
