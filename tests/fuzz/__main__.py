"""Runs the fuzz targets, one after the other: ``python -m tests.fuzz [--minutes N] [TARGET...]``.

What is found is written to ``tests/fuzz/found/TARGET/``; once it is mended, it stays there as a test.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import TARGETS

HERE = Path(__file__).parent
SECONDS, MEGABYTES, LONGEST = 5, 600, 1 << 16
"""Most that one input may take (libFuzzer's own memory counts too), and its most bytes."""


def main() -> int:
    """Run the targets that were named, all by default; 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], metavar="TARGET")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long each is run")
    given = parser.parse_args()
    found = [name for name in given.targets or TARGETS if not fuzz(name, given.minutes)]
    print(f"found something in: {', '.join(found)}" if found else "nothing was found")  # noqa: T201
    return bool(found)


def fuzz(name: str, minutes: float) -> bool:
    """Run one target; return whether nothing was found."""
    crashes = HERE / "found" / name
    crashes.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-") as corpus:
        options = [
            f"-max_total_time={max(1, round(minutes * 60))}",
            f"-timeout={SECONDS}",
            f"-rss_limit_mb={MEGABYTES}",
            f"-max_len={LONGEST}",
            f"-artifact_prefix={crashes}/",
            "-print_final_stats=1",
        ]
        places = [corpus, str(HERE / "seeds" / name), str(crashes)]
        command = [sys.executable, "-m", "tests.fuzz.run", name, *options, *places]
        return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
