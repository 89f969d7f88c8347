"""``--input``: files that a job finds in a directory of its own below /tmp, where it then runs."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.errors import SandboxError, UsageError
from lambundle.verify.sandbox.interface import MIB, Command
from lambundle.verify.sandbox.streams import tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.verify.sandbox.interface import Limits, Sandbox

DIRECTORY = "/tmp/job"  # noqa: S108  (of the sandbox)
"""The directory of the job."""

_IN = "/run/lambundle-input"
_FILL = ("/bin/sh", "-c", 'rm -rf "$2"; cp -RP "$1" "$2"', "sh", _IN, DIRECTORY)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file here, ``source``, and its ``path`` in the job's directory."""

    source: Path
    path: str


def read_input(text: str) -> InputFile:
    """Read ``FILE`` or ``FILE=PATH``; a file whose name has a = in it is itself. Raise UsageError."""
    name, equals, path = text.rpartition("=")
    if not equals or Path(text).exists():
        name, path = text, posixpath.basename(text)
    if not name or not path:
        raise UsageError(f"--input {text!r} names no file", hint="write --input FILE, or --input FILE=PATH")
    if path.startswith("/") or ".." in path.split("/") or posixpath.normpath(path) == "." or "\0" in path:
        hint = "PATH is relative to the job's own directory, and leads not out of it"
        raise UsageError(f"--input {text!r}: {path!r} is no path in the job's directory", hint=hint)
    source = Path(name)
    if source.is_dir() or not source.exists():
        what = "is a directory" if source.is_dir() else "does not exist"
        raise UsageError(f"--input: {name} {what}", hint="name a file; of several, each by an --input of its own")
    return InputFile(source, posixpath.normpath(path))


def check_inputs(inputs: Sequence[InputFile]) -> None:
    """Raise UsageError where two of them are to lie at one path, or one below the other."""
    seen: dict[str, InputFile] = {}
    for item in inputs:
        if item.path in seen:
            raise UsageError(
                f"{seen[item.path].source} and {item.source} are both to be {item.path}",
                hint="give one --input another =PATH",
            )
        seen[item.path] = item
    for item in inputs:
        parents = (parent for parent in _parents(item.path) if parent in seen)
        for parent in parents:
            raise UsageError(f"{seen[parent].source} is to be {parent}, which {item.source} needs as a directory")


def _parents(path: str) -> Iterable[str]:
    while path := posixpath.dirname(path):
        yield path


def stage_inputs(inputs: Iterable[InputFile], to: Path, limits: Limits) -> None:
    """Copy the files into the new directory ``to``, for the sandbox's user to read.

    Raise UsageError for one that cannot be read, and where together they are larger than /tmp.
    """
    to.mkdir()
    left = limits.tmp
    for item in inputs:
        left = _copy(item, to / item.path, left)
        if left < 0:
            size = f"{limits.tmp // MIB:,} MiB"
            raise UsageError(
                f"the files of --input are larger than /tmp, which has {size}", hint="give more by --tmp MB"
            )
    for place, _, _ in os.walk(to):
        Path(place).chmod(0o755)


def _copy(item: InputFile, to: Path, left: int) -> int:
    """Copy one file; return how many of the bytes ``left`` are left then, fewer than none where it has more."""
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        with item.source.open("rb") as source, to.open("xb") as copy:
            while left >= 0 and (block := source.read(min(_BLOCK, left + 1))):
                copy.write(block)
                left -= len(block)
            is_program = bool(os.fstat(source.fileno()).st_mode & stat.S_IXUSR)
    except OSError as error:
        raise UsageError(f"--input: {item.source} cannot be read: {error.strerror}") from error
    to.chmod(0o755 if is_program else 0o644)
    return left


def fill(sandbox: Sandbox, inputs: Path, limits: Limits) -> None:
    """Make the job's directory anew, with the files that were staged in ``inputs``. Raise SandboxError."""
    command = Command(_FILL, {"PATH": "/usr/bin:/bin"}, {_IN: inputs}, "/", limits=limits)
    outcome = sandbox.start(command).wait(limits.seconds)
    if outcome.status != 0:
        raise SandboxError(
            "the files of --input cannot be copied into the sandbox's /tmp", context=(tail(outcome.stderr),)
        )
