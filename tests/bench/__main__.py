"""``python -m tests.bench [GROUP…]``: every ratio against a rival in the same run, as one table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.bareroot import UnavailableError
from tests.bench.groups import GROUPS, Rows
from tests.bench.measure import CommandError
from tests.bench.table import Skipped, machine, render

BUSY = 0.5


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="measure so much (default: %(default)s)")
    given = parser.parse_args()
    if unknown := set(given.groups) - set(GROUPS):
        parser.error(f"no such group: {' '.join(sorted(unknown))}")
    if given.rounds < 1:
        parser.error("--rounds must be 1 or more")

    load = os.getloadavg()[0]
    measured: list[tuple[str, Rows]] = []
    failed = False
    for name, (title, _) in GROUPS.items():
        if given.groups and name not in given.groups:
            continue
        sys.stderr.write(f"measuring {name}\n")
        try:
            measured.append((title, measure(name, given.rounds)))
        except CommandError as error:
            sys.stderr.write(f"{error}\n")
            measured.append((title, [Skipped(name, "a command failed")]))
            failed = True
    sys.stdout.writelines(f"{line}\n" for line in render(measured, notes(load)))
    return 1 if failed else 0


def measure(name: str, rounds: int) -> Rows:
    """Return the rows of one group, measured in a directory of its own."""
    title, group = GROUPS[name]
    with tempfile.TemporaryDirectory(prefix="lambundle-bench-") as work:
        try:
            return group(Path(work), rounds)
        except UnavailableError as missing:
            return [Skipped(title.partition(",")[0], str(missing))]


def notes(load: float) -> list[str]:
    """Say how to read the table, and where it was made."""
    lines = [
        "Ratio: ours / rival; below 1 is faster or smaller. Times are the fastest run of",
        "each command, rivals in turn. Ours include Python's start unless they say so.",
    ]
    if load > BUSY:
        lines.append(f"Other work was running on the machine (load {load:.1f} at the beginning).")
    return [*lines, f"Machine: {machine()}."]


if __name__ == "__main__":
    sys.exit(main())
