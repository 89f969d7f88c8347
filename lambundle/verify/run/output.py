"""``--output``: keeps the files that a job made in the bundle, in a directory that appears whole."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.errors import OutputError, UsageError
from lambundle.verify.run.made import open_made

if TYPE_CHECKING:
    from lambundle.verify.run.made import Made, MadeFile


def check_output(directory: Path) -> None:
    """Raise UsageError where ``directory`` cannot become that of the files: it must be new, or empty."""
    if not directory.parent.is_dir():
        raise UsageError(f"--output: there is no directory {directory.parent}", hint="make it first")
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise UsageError(f"--output: {directory} is there and is no directory", hint="name a new or an empty one")
    if directory.is_dir() and any(directory.iterdir()):
        raise UsageError(f"--output: {directory} is not empty", hint="name a new or an empty directory")


def keep_output(made: Made, top: str, directory: Path) -> int:
    """Write what a job made below ``top`` to ``directory``; return the number of files. Raise OutputError."""
    wanted = [item for item in made.files.values() if item.path.startswith(f"{top}/")]
    try:
        building = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
        try:
            for item in wanted:
                _copy(item, building / item.path[len(top) + 1 :])
            building.chmod(0o755)
            building.rename(directory)  # takes the place of an empty directory, as rename(2) does
        except OSError:
            shutil.rmtree(building, ignore_errors=True)
            raise
    except OSError as error:
        raise OutputError(f"{directory} cannot be written: {error.strerror}") from error
    return len(wanted)


def _copy(item: MadeFile, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with open_made(item.place) as source, to.open("xb") as copy:
        shutil.copyfileobj(source, copy)
    to.chmod(0o755 if item.is_executable else 0o644)
