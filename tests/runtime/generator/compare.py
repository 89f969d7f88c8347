"""Runs programs at home and bundled, and says where they differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from tests.runtime.generator.paths import POINTERS
from tests.runtime.generator.programs import write_program
from tests.runtime.worlds import BUNDLE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.runtime.generator.tree import Roots

BATCH = 500
"""Programs of one process: each leaves its files in the sandbox's /tmp."""

BUNDLE = f"/opt/lambundle/{BUNDLE_NAME}/root"


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


TWO_NAMES = ("rename", "renameat", "renameat2", "link", "linkat")
"""A bundle is another file system than the host: between them EXDEV comes before any other error."""


def as_at_home(line: str) -> str:
    """Take the bundle's root off a line where the runtime's README says that it is there."""
    function, colon, rest = line.partition(":")
    if function.strip() == "bindtextdomain":
        rest = rest.replace(BUNDLE, "")
    if function.strip().startswith("realpath"):
        rest = rest.replace(" //", " /")  # musl keeps two slashes in front
    if function.strip() in TWO_NAMES:
        rest = re.sub(r" errno \d+", " failed", rest)
    return function + colon + rest


def functions_of(roots: Roots) -> list[str]:
    """Names of the functions that the program on both sides was built with."""
    return sorted(roots.run_at_home("--list").stdout.split())


_WITH_A_CLEAN_ENVIRONMENT = ("execve", "execvpe", "execle", "syscall_execve", "dlopen")


def _without_what_sanitizers_mind(program: str) -> str:
    """Leave out wild pointers, which they follow, programs without their options, RTLD_DEEPBIND and small stacks."""
    lines = program.splitlines()
    kept = [line for line in lines if not {*line.split("\t")} & {*POINTERS[:3], *_WITH_A_CLEAN_ENVIRONMENT}]
    return "\n".join([*(re.sub("^(own-stack|small-thread)\t", "main\t", line) for line in kept), ""])


def differences(roots: Roots, seed: int, numbers: Sequence[int]) -> list[Difference]:
    """Run programs of a seed on both sides; return the calls that differ."""
    names = functions_of(roots)
    found = []
    for at in range(0, len(numbers), BATCH):
        programs = {number: write_program(seed, number, names) for number in numbers[at : at + BATCH]}
        found += _compare(roots, programs)
    return found


def differences_of(roots: Roots, calls: Sequence[str]) -> list[Difference]:
    """Run one program of these calls on both sides."""
    return _compare(roots, {1: "\n".join(["program 1", *calls, ""])})


def _compare(roots: Roots, programs: Mapping[int, str]) -> list[Difference]:
    if roots.env:
        programs = {number: _without_what_sanitizers_mind(text) for number, text in programs.items()}
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
            wild = " signal " in line and any(f"\t{pointer}\t" in call for pointer in POINTERS)
            if not wild and as_at_home(line) != as_at_home(other):
                found.append(Difference(number, call, line, other))
    return found
