"""What a program starts that only has the name of a compiler."""

from __future__ import annotations

from lambundle.discover.evidence import FileEvidence
from lambundle.discover.wrappers import wrapped_programs
from lambundle.machine import MemoryFiles

SEARCH = ("/usr/lib/ccache", "/usr/local/bin", "/usr/bin")


def first(path: str, text: bytes | str, links: dict[str, str] | None = None) -> tuple[str, ...]:
    """The best group that is not empty, for a wrapper with a text, on a machine with compilers."""
    content: dict[str, bytes | str] = {
        "/usr/bin/gcc": b"\x7fELF",
        "/usr/bin/gcc-12": b"\x7fELF",
        "/usr/bin/g++": b"\x7fELF",
    }
    files = MemoryFiles(content | {path: text}, links=links or {}, modes={path: 0o755})
    start = next(iter(links), path) if links else path
    return next(filter(None, wrapped_programs(files, FileEvidence(files), start, SEARCH)), ())


def test_a_shell_script_starts_what_it_executes() -> None:
    assert first("/usr/local/bin/gcc", '#!/bin/sh\nexec /usr/bin/gcc-12 -g "$@"\n') == ("/usr/bin/gcc-12",)


def test_the_default_of_a_variable_counts() -> None:
    assert first("/usr/bin/musl-gcc", '#!/bin/sh\nexec "${REALGCC:-gcc}" "$@" -specs x\n') == ("/usr/bin/gcc",)


def test_a_link_to_a_cache_starts_the_program_of_its_name() -> None:
    found = first("/usr/bin/ccache", b"\x7fELF\0execvp\0gcc\0g++\0", {"/usr/lib/ccache/gcc": "../../bin/ccache"})
    assert found == ("/usr/bin/gcc",)


def test_a_compiled_wrapper_starts_the_path_that_it_contains() -> None:
    assert first("/opt/bin/my-gcc", b"\x7fELF\0execv\0/usr/bin/gcc-12\0") == ("/usr/bin/gcc-12",)


def test_a_script_of_another_language_starts_what_it_quotes() -> None:
    text = '#!/usr/bin/python3\nimport os, sys\nos.execvp("g++", sys.argv)\n'
    assert first("/opt/bin/my-gcc", text) == ("/usr/bin/g++",)
