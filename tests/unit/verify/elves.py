"""ELF files that need libraries and versions, without a compiler."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lambundle.elf.headers import EM_X86_64
from tests.unit.test_elf import make_elf, make_note

if TYPE_CHECKING:
    from collections.abc import Sequence

LOADER = b"/lib64/ld-linux-x86-64.so.2"
ARM_LOADER = b"/lib/ld-linux-aarch64.so.1"
NEEDED, SONAME = 1, 14


def elf(
    *needed: bytes,
    wants: dict[bytes, Sequence[bytes]] | None = None,
    defines: Sequence[bytes] = (),
    soname: bytes | None = None,
    interpreter: bytes | None = None,
    machine: int = EM_X86_64,
    isa: int = 0,
) -> bytes:
    """An ELF file that needs libraries, wants versions of them (``wants``) and defines versions itself."""
    strings = bytearray(b"\0")

    def name(text: bytes) -> int:
        strings.extend(text + b"\0")
        return len(strings) - len(text) - 1

    need = b""
    for number, (library, versions) in enumerate((wants or {}).items()):
        last = number == len(wants or {}) - 1
        need += struct.pack("<HHIII", 1, len(versions), name(library), 16, 0 if last else 16 + 16 * len(versions))
        for at, version in enumerate(versions):
            after = 0 if at == len(versions) - 1 else 16
            need += struct.pack("<IHHII", 0, 0, at + 2, name(version), after)
    define = b"".join(
        struct.pack("<HHHHIII", 1, 0, at + 2, 1, 0, 20, 0 if at == len(defines) - 1 else 28)
        + struct.pack("<II", name(version), 0)
        for at, version in enumerate(defines)
    )
    dynamic: list[tuple[int, bytes | int]] = [(NEEDED, item) for item in needed]
    if soname is not None:
        dynamic.append((SONAME, soname))
    notes = b"" if not isa else make_note("<", b"GNU\0", 5, struct.pack("<III4x", 0xC0008002, 4, isa), 8)
    return make_elf(
        machine=machine,
        type_=3 if interpreter is None else 2,
        entry=0 if interpreter is None else 64,
        interpreter=interpreter,
        dynamic=dynamic or [(24, 0)],
        versions=(need, len(wants or {}), define, len(defines)),
        strings=bytes(strings),
        notes=notes,
        note_align=8,
    )


def program(*needed: bytes, machine: int = EM_X86_64, **more: Sequence[bytes]) -> bytes:
    wants = {b"libc.so.6": more["versions"]} if "versions" in more else None
    loader = LOADER if machine == EM_X86_64 else ARM_LOADER
    return elf(b"libc.so.6", *needed, wants=wants, interpreter=loader, machine=machine)
