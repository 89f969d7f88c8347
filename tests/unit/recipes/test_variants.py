"""Large sets of a compiler's libraries are left out, and that is said."""

from __future__ import annotations

from lambundle.machine import MemoryFiles
from lambundle.recipes.variants import MAX_VARIANTS, without_variants

GCC = "/usr/lib/gcc/arm-none-eabi/12"


def machine(size: int) -> MemoryFiles:
    """A compiler with two variants, each of ``size`` bytes, and a C library that is none."""
    paths = [f"{GCC}/{name}" for name in ("libgcc.a", "thumb/v6/libgcc.a", "thumb/v7/hard/libgcc.a", "include/x.h")]
    content = dict.fromkeys((*paths, "/usr/arm/lib/libc.a"), "")
    return MemoryFiles(content, sizes=dict.fromkeys((*paths[1:3], "/usr/arm/lib/libc.a"), size))


def test_large_variants_are_left_out_with_a_note_that_brings_one() -> None:
    paths, notes = without_variants(machine(MAX_VARIANTS), {GCC: ("*.py",), "/usr/arm": ()})
    assert paths == {GCC: ("*.py", f"{GCC}/thumb/v6", f"{GCC}/thumb/v7/hard"), "/usr/arm": ()}
    assert len(notes) == 1
    assert "2 variants" in notes[0]
    assert f"--add {GCC}/thumb/v7/hard" in notes[0]


def test_small_variants_come() -> None:
    paths, notes = without_variants(machine(1), {GCC: ()})
    assert (paths, notes) == ({GCC: ()}, [])
