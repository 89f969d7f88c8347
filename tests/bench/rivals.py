"""The rivals: which are installed here, and exodus, which the benchmark installs for itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tests.bareroot import UnavailableError, cache_directory, locked
from tests.bench.measure import clean_environment, run

EXODUS = "exodus-bundler==2.0.4"


def installed(program: str, package: str | None = None) -> str:
    """Return the path of a program of this machine, or say which Debian package has it."""
    found = shutil.which(program)
    if found is None:
        raise UnavailableError(f"{program} is not installed: apt-get install {package or program}")
    return found


def exodus() -> Path:
    """Return the command of exodus, in an environment of its own in the cache."""
    directory = cache_directory() / EXODUS.replace("==", "-")
    command = directory / "bin" / "exodus"
    ready = directory / "ready"
    with locked(directory.with_name(f"{directory.name}.lock")):
        if not ready.exists():
            venv.create(directory, clear=True, with_pip=True)
            pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            done = subprocess.run([*pip, EXODUS], capture_output=True, text=True, env=clean_environment(), check=False)
            if done.returncode != 0:
                last = done.stderr.strip().splitlines()[-1:]
                raise UnavailableError(f"{EXODUS} could not be installed: {' '.join(last)}")
            ready.touch()
    return command


def exodus_tree(program: str, directory: Path) -> Path:
    """Bundle ``program`` with exodus, unpack it below ``directory``, and return what starts it there."""
    archive, tree = directory / f"{program}.tgz", directory / f"exodus-{program}"
    run([exodus(), "-q", "-t", installed(program), "-o", archive])
    tree.mkdir()
    run(["tar", "-xzf", archive, "-C", tree])
    return tree / "exodus" / "bin" / program


def lambundle() -> Path:
    """Return our own command, of the environment that this runs in."""
    found = shutil.which("lambundle", path=f"{sys.prefix}/bin")
    if found is None:
        raise UnavailableError("lambundle is not installed in this environment: pip install -e .")
    return Path(found)
