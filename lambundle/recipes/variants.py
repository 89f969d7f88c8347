"""Variants of a compiler's libraries (multilibs): a compiler for microcontrollers has them for dozens of processors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lambundle.machine import Files

LIBRARIES = ("libgcc.a", "libc.a")
"""Archives of which each variant has its own."""

MAX_VARIANTS = 64 << 20
"""Most bytes of all variants that are added without being asked for."""

MAX_DEPTH = 6


def without_variants(
    files: Files, paths: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the paths of a recipe, each with its patterns, and notes; large sets of variants become patterns."""
    found: dict[str, tuple[str, ...]] = {}
    notes = []
    for path, without in paths.items():
        variants = sorted(_variants(files, path)) if files.is_directory(path) else []
        size = sum(_size(files, variant) for variant in variants)
        found[path] = without
        if size > MAX_VARIANTS:
            found[path] += tuple(variants)
            notes.append(
                f"libraries for {len(variants)} variants of the target ({size / 1e6:.0f} MB) are left out; "
                f"--add {variants[-1]} brings those of one"
            )
    return found, notes


def _variants(files: Files, directory: str, depth: int = 0, *, is_below: bool = False) -> Iterator[str]:
    """Return the directories with libraries of their own, below one that has the usual ones."""
    is_below |= _has_libraries(files, directory)
    for item in files.items(directory) if depth < MAX_DEPTH else ():
        if item.is_directory:
            if is_below and _has_libraries(files, item.path):
                yield item.path
            yield from _variants(files, item.path, depth + 1, is_below=is_below)


def _has_libraries(files: Files, directory: str) -> bool:
    return any(files.is_file(f"{directory}/{name}") for name in LIBRARIES)


def _size(files: Files, directory: str) -> int:
    """Return the bytes of the files in a directory."""
    return sum(files.size(item.path) for item in files.items(directory) if item.is_file)
