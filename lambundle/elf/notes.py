"""The notes of an ELF file: libraries that it opens, and the x86-64 level that it requires."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.elf.reader import structure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.elf.reader import Layout, Reader

_NT_GNU_PROPERTY_TYPE_0 = 5
_NT_FDO_DLOPEN = 0x407C_0C0A
_GNU_PROPERTY_X86_ISA_1_NEEDED = 0xC000_8002
_MAX_NOTES = 1 << 18
"""Bytes of all note segments, far above the output of any linker."""
_MAX_SONAMES = 1 << 10
"""Libraries that a file says it opens; each is searched for. systemd's library, which has the most, names some 30."""


@dataclass(frozen=True, slots=True)
class DlopenNote:
    """An entry of ``.note.dlopen`` (UAPI group, "dlopen() Metadata"): libraries that the file opens at run time.

    ``sonames`` are alternatives, the preferred one first. ``priority`` is ``required``, ``recommended`` or
    ``suggested`` (the default), ``feature`` the name of the feature, often empty.
    """

    sonames: tuple[str, ...]
    priority: str = "suggested"
    feature: str = ""


def read_notes(
    source: Reader, layout: Layout, segments: list[tuple[int, int, int, int]]
) -> tuple[tuple[DlopenNote, ...], int]:
    """Return the dlopen notes and the required x86-64 levels; malformed notes are ignored, as by the loader."""
    dlopen: list[DlopenNote] = []
    isa_needed = 0
    left = _MAX_NOTES
    for offset, _address, size, align in segments:
        left -= size  # thousands of segments may overlap
        if left < 0 or offset + size > source.size:
            break
        data = source.read(offset, size, "a note")
        for owner, type_, content in _note_records(data, layout.word, align):
            if owner == b"FDO\0" and type_ == _NT_FDO_DLOPEN:
                dlopen.extend(_dlopen_notes(content, _MAX_SONAMES - sum(len(note.sonames) for note in dlopen)))
            elif owner == b"GNU\0" and type_ == _NT_GNU_PROPERTY_TYPE_0:
                isa_needed |= _isa_needed(content, layout)
    return tuple(dlopen), isa_needed


def _note_records(data: bytes, order: str, align: int) -> Iterator[tuple[bytes, int, bytes]]:
    """Return the notes of a segment as (owner, type, content); the alignment is 4 unless it is 8."""
    align = 8 if align == 8 else 4  # noqa: PLR2004
    header = structure(order + "III")
    offset = 0
    while offset + header.size <= len(data):
        name_size, content_size, type_ = header.unpack_from(data, offset)
        start = offset + header.size
        content = -(-(start + name_size) // align) * align
        if content + content_size > len(data):
            return
        yield data[start : start + name_size], type_, data[content : content + content_size]
        offset = -(-(content + content_size) // align) * align


def _dlopen_notes(content: bytes, left: int) -> Iterator[DlopenNote]:
    """Return the entries of a note, up to that many sonames."""
    try:
        entries = json.loads(content.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        sonames = entry.get("soname")
        if not isinstance(sonames, list):
            continue
        names = tuple(name for name in sonames[:left] if isinstance(name, str))
        left -= len(names)
        priority, feature = entry.get("priority"), entry.get("feature")
        if names:
            yield DlopenNote(
                sonames=names,
                priority=priority if isinstance(priority, str) else "suggested",
                feature=feature if isinstance(feature, str) else "",
            )


def _isa_needed(content: bytes, layout: Layout) -> int:
    """Return GNU_PROPERTY_X86_ISA_1_NEEDED (x86-64 psABI, "Program Property"); 0 without it."""
    header, value = structure(layout.word + "II"), structure(layout.word + "I")
    step = layout.bits // 8
    offset = 0
    while offset + header.size <= len(content):
        type_, size = header.unpack_from(content, offset)
        offset += header.size
        if type_ == _GNU_PROPERTY_X86_ISA_1_NEEDED and size == value.size and offset + size <= len(content):
            return int(value.unpack_from(content, offset)[0])
        offset += -(-size // step) * step
    return 0
