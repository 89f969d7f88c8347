"""How long ``lambundle verify`` takes, against the smoke job and unzipping alone.

``python -m tests.bench.verify_ratio [PROGRAM]`` packs a program (gcc), and measures by turns: ``unzip -q`` of the zip,
its smoke job in the sandbox, and verify of the zip. The fastest of each counts; verify may take three times the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.bundle.reader import open_bundle
from lambundle.runtime.trace import VARIABLE
from lambundle.verify.run.jobs import jobs
from lambundle.verify.run.mounted import Mounted
from lambundle.verify.run.runner import environment
from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.interface import Command, Limits
from lambundle.verify.static import static_checks

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
AIM = 3.0


def main() -> int:
    """Measure and print."""
    program = sys.argv[1] if len(sys.argv) > 1 else "gcc"
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        work.chmod(0o755)
        bundle = work / "bundle.zip"
        subprocess.run([sys.executable, "-m", "lambundle", "pack", "-q", program, "-o", bundle], check=True, stdout=2)
        tree = work / "tree"
        smoke = _smoke(bundle, tree, work)
        best = {"unzip": 1e9, "smoke job": 1e9, "verify": 1e9}
        for _ in range(ROUNDS):
            subprocess.run(["rm", "-rf", tree], check=True)
            best["unzip"] = min(best["unzip"], _timed(["unzip", "-q", str(bundle), "-d", str(tree)], work))
            best["smoke job"] = min(best["smoke job"], smoke())
            command = [sys.executable, "-m", "lambundle", "verify", "-q", str(bundle)]
            best["verify"] = min(best["verify"], _timed(command, work))
    ratio = best["verify"] / (best["unzip"] + best["smoke job"])
    for name, seconds in best.items():
        sys.stdout.write(f"{name:>10}  {seconds:6.2f} s\n")
    sys.stdout.write(f"{'ratio':>10}  {ratio:6.2f}    aim: at most {AIM}; load {os.getloadavg()[0]:.1f}\n")
    return 0 if ratio <= AIM else 1


def _timed(command: list[str], work: Path) -> float:
    """Run a command that unpacks below ``work``: on a full file system the place matters."""
    begun = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(work)})
    return time.monotonic() - begun


def _smoke(bundle: Path, tree: Path, work: Path) -> Callable[[], float]:
    """Return what runs the smoke job once in the sandbox and says how long that took."""
    subject = static_checks(bundle).subject
    assert subject is not None
    mounted = Mounted("/opt", {"/opt": tree}, {})
    [job] = jobs(subject, mounted, (), ())
    command = Command(job.command, environment("/opt", Limits()), mounted.trees, cwd=job.cwd)
    with open_bundle(bundle) as opened:
        assert opened.programs[0].smoke is not None
    assert VARIABLE not in command.environment

    def run() -> float:
        sandbox = BubblewrapSandbox(work)
        begun = time.monotonic()
        try:
            assert sandbox.start(command).wait().status == 0
            return time.monotonic() - begun
        finally:
            sandbox.close()

    return run


if __name__ == "__main__":
    sys.exit(main())
