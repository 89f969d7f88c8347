"""Runs programs at home and bundled, and says where they differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from tests.runtime.generator.paths import POINTERS
from tests.runtime.generator.programs import write_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.runtime.generator.tree import Roots

BATCH = 500
"""Programs of one process: each leaves its files in the sandbox's /tmp."""

BUNDLE = "/opt/lambundle/made/root"


@dataclass(frozen=True, slots=True)
class Difference:
    """A call that printed something else."""

    program: int
    line: str
    at_home: str
    bundled: str

    def __str__(self) -> str:
        """The call as it is written, and both lines."""
        return f"program {self.program}: {self.line}\n  at home: {self.at_home}\n  bundled: {self.bundled}"


def printed(output: str) -> dict[int, list[str]]:
    """Split an output into the lines of each program."""
    found: dict[int, list[str]] = {}
    for line in output.splitlines():
        start = re.fullmatch(r"program (\d+)", line)
        if start:
            lines = found[int(start[1])] = []
        else:
            lines.append(line)
    return found


NAMES_OF_THE_BUNDLE = ("getcwd", "get_current_dir_name", "fts_open", "fts64_open", "bindtextdomain")
"""Functions that return a path in the bundle, as the runtime's README says."""

TWO_NAMES = ("rename", "renameat", "renameat2", "link", "linkat")
"""A bundle is another file system than the host: between them EXDEV comes before any other error."""


def as_at_home(line: str) -> str:
    """Take the bundle's root off a line where the runtime's README says that it is there."""
    function, colon, rest = line.partition(":")
    if function.strip() in NAMES_OF_THE_BUNDLE:
        rest = rest.replace(BUNDLE, "")
        head, *names = re.split(r" \[", rest)
        if names:
            last, bracket, tail = names[-1].rpartition("]")
            names = sorted([*names[:-1], last + bracket])
            rest = " [".join([head, *names]) + tail
    if function.strip().startswith("realpath"):
        rest = rest.replace(" //", " /")  # musl keeps two slashes in front
    if function.strip() in TWO_NAMES:
        rest = re.sub(r" errno \d+", " failed", rest)
    return function + colon + rest


def functions_of(roots: Roots) -> list[str]:
    """Names of the functions that the program on both sides was built with."""
    return sorted(roots.run_at_home("--list").stdout.split())


NOT_COVERED = {"musl": {"glob"}}
"""As the runtime's README says."""


def differences(roots: Roots, seed: int, numbers: Sequence[int]) -> list[Difference]:
    """Run programs of a seed on both sides; return the calls that differ."""
    names = [name for name in functions_of(roots) if name not in NOT_COVERED.get(roots.libc, ())]
    found = []
    for at in range(0, len(numbers), BATCH):
        found += _compare(roots, {number: write_program(seed, number, names) for number in numbers[at : at + BATCH]})
    return found


def differences_of(roots: Roots, calls: Sequence[str]) -> list[Difference]:
    """Run one program of these calls on both sides."""
    return _compare(roots, {1: "\n".join(["program 1", *calls, ""])})


def _compare(roots: Roots, programs: Mapping[int, str]) -> list[Difference]:
    text = "".join(programs.values())
    home, bundled = roots.run_at_home(text), roots.run_bundled(text)
    assert home.status == bundled.status == 0, (home.stderr, bundled.stderr)
    at_home, there = printed(home.stdout), printed(bundled.stdout)
    assert at_home.keys() == programs.keys()
    found = []
    for number, lines in at_home.items():
        calls = [*programs[number].splitlines()[1:], "the end"]
        others = there.get(number, [])
        for call, line, other in zip_longest(calls, lines, others, fillvalue="nothing"):
            # Where libc itself follows a wild pointer there is no answer to compare.
            wild = " signal 11" in line and any(f"\t{pointer}\t" in call for pointer in POINTERS)
            if not wild and as_at_home(line) != as_at_home(other):
                found.append(Difference(number, call, line, other))
    return found
