"""Programs that could not be started: missing commands, scripts without their interpreter, the bootstrap."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from lambundle.elf.headers import MAGIC, read_elf
from lambundle.errors import LambundleError
from lambundle.machine import DiskFiles
from lambundle.scripts.shebang import SHEBANG_MAX
from lambundle.target import BOOTSTRAP, INTERPRETERS, MOUNTS, OPT, TASK, is_on_host
from lambundle.verify.diagnosis.evidence import of_check
from lambundle.verify.diagnosis.modes import closed_text
from lambundle.verify.diagnosis.packed import (
    bringing,
    brought,
    held,
    inside,
    is_ours,
    not_as_packed,
    repacked,
    rezipped,
)
from lambundle.verify.diagnosis.words import FIELD, QUOTE, WORD, absent
from lambundle.verify.first_line import fault_of
from lambundle.verify.model import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lambundle.verify.diagnosis.evidence import Evidence

_INTERPRETER = re.compile(rf"({FIELD}): (\S+): bad interpreter|({FIELD}): cannot execute: required file not found")
_COMMANDS = (
    re.compile(r"(?:^|\n)(?:\S*/)?(?:sh|bash|dash)(?:: line \d+|: \d+)?: ([^\s:]+): (?:command )?not found"),
    re.compile(r"(?:^|\n)\S+: line \d+: ([^\s:]+): command not found"),  # bash, of a script
    re.compile(r"(?:^|\n)/\S+: \d+: ([^\s:]+): not found"),  # dash, of a script
    re.compile(
        rf"\b(?:env|xargs|nohup|nice|timeout|stdbuf|find|time): "
        rf"(?:failed to run command |cannot run command )?{QUOTE}?([^\s:/'`\u2018\u2019]+){QUOTE}?: No such file"
    ),
    re.compile(rf"exec: {QUOTE}?([^\s:/\"']+){QUOTE}?: executable file not found"),
    re.compile(r"\bspawn ([^\s:/]+) ENOENT"),
    re.compile(rf"Can't exec {QUOTE}([^\s:/\"']+){QUOTE}"),
)
_PYTHON_STARTS = re.compile(r"_execute_child|_execvpe|_posix_spawn")
_PYTHON = re.compile(rf"No such file or directory: {QUOTE}([^/'\"]+){QUOTE}")
_ENTRYPOINT = "Runtime.InvalidEntrypoint"
_BOOTSTRAPS = tuple(f"{mount}/{BOOTSTRAP}" for mount in (TASK, OPT))


def entrypoint(evidence: Evidence) -> Diagnosis | None:
    """A custom runtime whose bootstrap cannot be started."""
    if evidence.error_type != _ENTRYPOINT or evidence.mounted is None:
        return None
    places = [(path, evidence.mounted.here(path)) for path in _BOOTSTRAPS]
    path, here = next(((path, here) for path, here in places if here and os.path.lexists(here)), ("", None))
    if here is None:
        return _no_bootstrap(evidence)
    if here.is_dir():
        return Diagnosis(f"{path} is a directory", "let bootstrap be the file that starts the runtime, then zip again")
    closed = next((file for file in held(evidence, path) if file.path == "bootstrap" and file.is_closed), None)
    if closed is not None:
        return rezipped(closed_text(closed), closed)
    return _unstartable(evidence, path)


def _no_bootstrap(evidence: Evidence) -> Diagnosis:
    layout = evidence.check("layout")
    if layout is not None:
        return of_check(layout)
    return Diagnosis(
        "there is no bootstrap at the top of the zip or of a layer",
        "name a Python function by --handler, as its configuration does, or put bootstrap at the top of the zip",
    )


def interpreter_missing(evidence: Evidence) -> Diagnosis | None:
    """A script or program whose interpreter is not there: the kernel says "not found" of the script itself."""
    match = _INTERPRETER.search(evidence.words)
    if match is not None:
        name = next(filter(None, match.groups()))
        return _unstartable(evidence, name) or _bad_interpreter(evidence, name, match[2])
    for name in absent(evidence.words):
        found = _unstartable(evidence, name) if name.startswith("/") else None
        if found is not None:
            return found
    return None


def _bad_interpreter(evidence: Evidence, name: str, interpreter: str | None) -> Diagnosis | None:
    if not interpreter:
        return not_as_packed(evidence, name)
    cause = f"{name} cannot start: {interpreter} is not there"
    if is_ours(evidence) and evidence.machine.has(interpreter):
        return repacked(evidence, cause, bringing(evidence, interpreter, None))
    return brought(evidence, cause, posixpath.basename(interpreter))


def _unstartable(evidence: Evidence, path: str) -> Diagnosis | None:
    """The fault in the first bytes of a file of the bundle that was to be started, None when it is not there."""
    mounted = evidence.mounted
    here = None if mounted is None else inside(mounted, path)
    if mounted is None or here is None or not os.access(here, os.X_OK):
        return None
    packed = not_as_packed(evidence, path)
    if packed is not None:
        return packed
    head = _head(here)
    name = _in_zip(path)

    def is_there(other: str) -> bool:
        served = mounted.served(other) if mounted.is_bundled(path) else None
        return is_on_host(other) or served is not None or inside(mounted, other) is not None

    fault = fault_of(name, head, is_there)
    if fault is not None:
        if fault.interpreter and mounted.is_bundled(path):
            return repacked(evidence, f"{name} {fault.why}", bringing(evidence, fault.interpreter, None))
        return Diagnosis(f"{name} {fault.why}", fault.cure)
    return _elf(evidence, here, path, is_there) if head.startswith(MAGIC) else None


def _in_zip(path: str) -> str:
    top = next((top for top in MOUNTS if path.startswith(f"{top}/")), "")
    return path[len(top) + 1 :] if top else path


def _head(here: Path) -> bytes:
    try:
        with here.open("rb") as file:
            return file.read(SHEBANG_MAX)
    except OSError:
        return MAGIC


def _elf(evidence: Evidence, here: Path, path: str, is_there: Callable[[str], bool]) -> Diagnosis | None:
    """An ELF file that is for another machine, or whose loader is not there."""
    for name in ("platform", "closure"):
        check = evidence.check(name)
        if check is not None:
            return of_check(check)
    try:
        loader = read_elf(DiskFiles(), str(here)).interpreter
    except LambundleError:
        return None
    if loader is None or is_there(loader) or loader in INTERPRETERS:
        return None
    name = posixpath.basename(path)
    return Diagnosis(
        f"{name} cannot start: the loader that it asks for, {loader}, is not there",
        f"pack {name} with lambundle, which brings its loader, or link it with -static",
    )


def command_missing(evidence: Evidence) -> Diagnosis | None:
    """A command that neither the bundle nor Lambda has."""
    names = [match[1] for pattern in _COMMANDS if (match := pattern.search(evidence.words)) is not None]
    if not names and _PYTHON_STARTS.search(evidence.words):
        names = _PYTHON.findall(evidence.words)
    if not names or not re.fullmatch(WORD, names[0]):
        return None
    name = posixpath.basename(names[0])
    packed = not_as_packed(evidence, f"bin/{name}")
    if packed is not None:
        return packed
    beside = _not_on_path(evidence, name)
    if beside is not None:
        return beside
    return brought(evidence, f"{names[0]} is neither in the bundle nor on Lambda", name)


def _not_on_path(evidence: Evidence, name: str) -> Diagnosis | None:
    """The zip has it, in a directory that Lambda's PATH does not name."""
    subject, mounted = evidence.subject, evidence.mounted
    if subject is None or mounted is None or mounted.mount != TASK:
        return None
    path = next((path for path in (f"bin/{name}", name) if path in subject.by_path), None)
    if path is None:
        return None
    return Diagnosis(
        f"{name} is in the zip as {TASK}/{path}, and Lambda's PATH does not name that directory",
        f"start it as {shlex.quote(f'{TASK}/{path}')}, or put it into a layer: {OPT}/bin is on PATH",
    )
