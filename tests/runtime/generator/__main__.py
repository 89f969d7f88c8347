"""Runs random programs at home and bundled: ``python -m tests.runtime.generator --count 2000``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.runtime.generator.compare import differences
from tests.runtime.generator.tree import WORLDS, make_roots


def main() -> int:
    """Print the calls that differ; the status says whether there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.runtime.generator", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="how many programs")
    parser.add_argument("--seed", type=int, default=1, help="which programs")
    parser.add_argument("--world", choices=WORLDS, default="glibc")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lambundle-test-", dir="/var/tmp") as directory:
        roots = make_roots(Path(directory), chosen.world)
        found = differences(roots, chosen.seed, range(1, chosen.count + 1))
    for difference in found:
        sys.stdout.write(f"{difference}\n")
    programs = {difference.program for difference in found}
    same = chosen.count - len(programs)
    sys.stdout.write(f"{same} of {chosen.count} programs print the same, {len(found)} calls differ\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
