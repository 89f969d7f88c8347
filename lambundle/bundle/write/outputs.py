"""Where an output may go: never onto an input, onto another file of the user's only with ``--force``.

Every command that writes asks here before it does the work, so that what would be refused is refused at once.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.bundle import zipformat
from lambundle.bundle.reader import is_manifest
from lambundle.bundle.write.atomic import output_errors, try_directory
from lambundle.errors import OutputError, UsageError
from lambundle.machine import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lambundle.machine import Source


def check_output(
    out: Path,
    *,
    inputs: Iterable[str | os.PathLike[str]] = (),
    sources: Iterable[Source] = (),
    force: bool = False,
    is_ours: Callable[[Path], bool] | None = None,
) -> None:
    """Raise unless the file ``out`` may be written, or replaced.

    ``inputs`` are files and directories that are read, ``sources`` files of a machine; ``out`` must be none of them and
    in none of the directories, by whatever name. An existing file that ``is_ours`` (a bundle, by default) or is empty
    is replaced, any other only with ``force``. Raises UsageError, or OutputError where nothing can be written.
    """
    _refuse_dash(out)
    target = Path(os.path.realpath(out))
    with output_errors(out, 0):
        status = _status(target)
        if status is not None and not stat.S_ISREG(status.st_mode):
            raise OutputError(f"{out} exists and is not a file", hint="name another path with -o")
        try_directory(target.parent)
    if status is None:
        return
    _refuse_inputs(out, target, inputs)
    _refuse_sources(out, status, sources)
    if force or not status.st_size:
        return
    if not (is_ours or is_bundle)(target):
        raise UsageError(
            f"{out} exists, and lambundle did not write it",
            context=("it would be lost",),
            hint="name another file, or replace this one with --force",
        )
    if not os.access(target, os.W_OK):
        raise UsageError(f"{out} is write-protected", hint="name another file, or replace this one with --force")


def check_place(out: Path) -> None:
    """Raise OutputError unless a file can be made beside ``out``."""
    with output_errors(out, 0):
        try_directory(Path(os.path.realpath(out)).parent)


def check_tree_output(out: Path) -> None:
    """Raise UsageError unless the directory ``out`` is missing or empty, OutputError where it cannot be written."""
    _refuse_dash(out)
    target = Path(os.path.realpath(out))
    with output_errors(out, 0):
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise UsageError(
                f"{out} exists and is not an empty directory", hint="name a new directory, or empty this one"
            )
        try_directory(target.parent)


def is_bundle(path: Path) -> bool:
    """Return whether a file is a zip as lambundle wrote it: its last entry is its only manifest.

    A bundle to which somebody added files is theirs.
    """
    try:
        fd = open_regular(path)
    except OSError:
        return False
    try:
        records, _ = zipformat.read_records(fd)
    except zipformat.ZipFormatError:
        return False
    finally:
        os.close(fd)
    manifests = [is_manifest(record.name.decode(errors="replace")) for record in records]
    return manifests[-1:] == [True] and sum(manifests) == 1


def _refuse_dash(out: Path) -> None:
    if str(out) == "-":
        raise UsageError("the output is a file, and - is none", hint="name a file; ./- is one of that name")


def _status(target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except FileNotFoundError:
        return None


def _refuse_inputs(out: Path, target: Path, inputs: Iterable[str | os.PathLike[str]]) -> None:
    for given in inputs:
        path = Path(os.path.realpath(given))
        try:
            is_same = path.samefile(target)
        except (OSError, ValueError):  # it is missing: that is for who reads it to say
            continue
        if is_same or path in target.parents:
            where = "is" if is_same else "is a file of"
            raise UsageError(f"{out} {where} {os.fspath(given)}, which is read", hint="name another file to write")


def _refuse_sources(out: Path, status: os.stat_result, sources: Iterable[Source]) -> None:
    own = status.st_dev, status.st_ino
    for source in sources:
        if source.files.identity(source.path) == own:
            raise UsageError(
                f"{out} is {source}, which is packed", hint="name another file to write, or leave it out with --exclude"
            )
