"""Resolving the user's arguments to programs of the packing machine."""

from __future__ import annotations

import difflib
import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.elf.headers import ElfFile, is_elf, read_elf
from lambundle.errors import (
    ForeignElfError,
    LambundleError,
    NotElfError,
    ProgramNotFoundError,
    UnreadableFileError,
    UsageError,
)
from lambundle.scripts.shebang import Shebang, find_command, headless_script, read_shebang
from lambundle.target import MACHINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.machine import Files, Machine

_BUNDLE_NAME = re.compile(r"[A-Za-z0-9_+@][A-Za-z0-9._+@-]*")
_NESTED_SCRIPTS = 4
_SHIM_MAX = 4096

COMPILED_SHIMS = {
    "rustup": "rustup which",
    "volta-shim": "volta which",
    "mise": "mise which",
    "proto-shim": "proto bin",
}
"""Compiled shims of version managers: under another name they start a program, which the command prints."""


@dataclass(frozen=True, slots=True)
class Requested:
    """A requested program.

    ``launcher`` is its name in ``bin``, ``path`` its absolute path as a shell starts it, ``real`` its real path.
    ``elf`` are its headers, for a script those of its interpreter. ``script`` is its shebang, with all arguments that
    Linux passes, ``interpreter`` the ELF program that runs it; ``between`` are scripts that interpret scripts.
    ``started`` is the real path of the ELF program: the program itself or its interpreter. ``place`` is ``path`` with
    the links of its directory followed.
    """

    launcher: str
    path: str
    real: str
    elf: ElfFile
    script: Shebang | None = None
    interpreter: str | None = None
    between: tuple[str, ...] = ()
    started: str = ""
    place: str = ""

    def __post_init__(self) -> None:
        if not self.started:
            object.__setattr__(self, "started", self.real)


def resolve(machine: Machine, argument: str) -> Requested:
    """Find a program, ``PROGRAM`` or ``NAME=PROGRAM``, by the machine's PATH and current directory.

    Raises ProgramNotFoundError, NotElfError, ForeignElfError, BadElfError, UnreadableFileError or UsageError.
    """
    launcher, equals, text = argument.partition("=")
    if not equals or "/" in launcher:
        launcher, text = "", argument
    files = machine.files
    path = _find(machine, text)
    launcher = launcher or posixpath.basename(path)
    if "/" in launcher or launcher in ("", ".", ".."):
        raise UsageError(f"{launcher!r} cannot be the name of a launcher")
    real = files.real(path)
    script = read_shebang(files, real, machine.search) or headless_script(files, real)
    if script is None:
        command = COMPILED_SHIMS.get(posixpath.basename(real))
        if command is not None and posixpath.basename(path) != posixpath.basename(real):
            raise NotElfError(
                f"{path} is a shim of {posixpath.basename(real)}: it starts another program",
                hint=f"give that program ({command} {posixpath.basename(path)} prints it)",
            )
        return Requested(launcher, path, real, _read(files, path), place=files.real_parent(path))
    if _is_shim(files, real):
        raise NotElfError(
            f"{path} is a shim of a version manager: it starts another program",
            hint="give that program (pyenv which NAME, asdf which NAME, rbenv which NAME)",
        )
    last, between = _interpreter(machine, path, script)
    return Requested(
        launcher,
        path,
        real,
        _read(files, last.interpreter),
        replace(script, arguments=last.arguments),
        last.interpreter,
        between,
        files.real(last.interpreter),
        files.real_parent(path),
    )


def each_once(requested: Iterable[Requested]) -> list[Requested]:
    """Return programs without repetitions. Raises UsageError for two that would have one launcher."""
    found: dict[str, Requested] = {}
    for program in requested:
        first = found.setdefault(program.launcher, program)
        if first.place != program.place:
            raise UsageError(
                f"two programs would be bin/{program.launcher} of the bundle",
                context=(first.path, program.path),
                hint=f"give one of them another name: NAME={program.path}",
            )
    return list(found.values())


def bundle_name(name: str | None, requested: Sequence[Requested]) -> str:
    """Return the bundle's name: ``name``, else the first launcher's in valid characters. Raises UsageError."""
    if name is None:
        made = re.sub(r"[^A-Za-z0-9._+@-]", "_", requested[0].launcher)
        return made if _BUNDLE_NAME.fullmatch(made) else f"_{made}"
    if not _BUNDLE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a bundle", hint="use letters, digits and . _ + @ - ; not first: . -"
        )
    return name


def machine_of(requested: Sequence[Requested]) -> str:
    """Return the architecture of all programs, as ``uname -m``. Raises ForeignElfError if they differ."""
    names = {MACHINES[program.elf.machine] for program in requested}
    if len(names) > 1:
        raise ForeignElfError(
            "the programs are for different machines",
            context=tuple(f"{program.path}: {MACHINES[program.elf.machine]}" for program in requested),
            hint="pack them one by one",
        )
    return names.pop()


def _find(machine: Machine, text: str) -> str:
    files = machine.files
    if "/" in text:
        path = machine.absolute(text)
        if not files.lexists(path):
            raise ProgramNotFoundError(f"{text} does not exist", hint=_nearest(files, path))
        if not files.exists(path):
            raise ProgramNotFoundError(f"{text} is a link to {files.real(path)}, which does not exist")
        return path
    if not text:
        raise UsageError("the name of a program is empty")
    found = find_command(files, text, machine.search)
    if found is not None:
        return found
    raise ProgramNotFoundError(
        f"no program {text}",
        context=(
            "looked in the directories of PATH:",
            *(f"  {directory}" for directory in dict.fromkeys(machine.search)),
        ),
        hint=_similar(machine, text),
    )


def _nearest(files: Files, path: str) -> str | None:
    directory = posixpath.dirname(path)
    if not files.is_directory(directory):
        return f"there is no directory {directory}"
    close = difflib.get_close_matches(posixpath.basename(path), files.names(directory), n=1)
    return f"did you mean {posixpath.join(directory, close[0])}?" if close else None


def _similar(machine: Machine, text: str) -> str:
    names = {name for directory in machine.search for name in machine.files.names(directory)}
    close = difflib.get_close_matches(text, sorted(names), n=3)
    return f"did you mean {' or '.join(close)}?" if close else "install it first, or give its path"


def _read(files: Files, path: str) -> ElfFile:
    if not files.is_file(path):
        raise NotElfError(
            f"{path} is not a program but a {'directory' if files.is_directory(path) else 'special file'}"
        )
    if not is_elf(files, path):
        raise _not_a_program(files, path)
    elf = read_elf(files, path)
    if elf.machine not in MACHINES or elf.bits != 64 or not elf.little:  # noqa: PLR2004
        raise ForeignElfError(
            f"{path} is for another machine (ELF machine {elf.machine}, {elf.bits} bit)",
            hint="Lambda runs 64-bit programs for x86_64 and aarch64",
        )
    if not elf.is_program:
        raise NotElfError(f"{path} is a library, not a program", hint="give it with --add PATH beside a program")
    return elf


def _interpreter(machine: Machine, path: str, script: Shebang) -> tuple[Shebang, tuple[str, ...]]:
    """Return the last shebang of a chain of scripts, with all arguments, and the scripts between (execve(2))."""
    between: list[str] = []
    for _ in range(_NESTED_SCRIPTS):
        interpreter = script.interpreter
        if not machine.files.is_file(interpreter):
            raise ProgramNotFoundError(
                f"{path} is a script for {interpreter}, which does not exist", hint="install that interpreter"
            )
        inner = read_shebang(machine.files, interpreter, machine.search)
        if inner is None:
            return script, tuple(between)
        if _is_shim(machine.files, interpreter):
            raise NotElfError(
                f"{path} is a script for {interpreter}, a shim of a version manager: it starts another program",
                hint="put the directory of that program first on PATH (pyenv which NAME, asdf which NAME)",
            )
        between.append(interpreter)
        script = replace(inner, arguments=(*inner.arguments, interpreter, *script.arguments))
    raise NotElfError(f"{path} is a script with more than {_NESTED_SCRIPTS} nested interpreters")


def _is_shim(files: Files, path: str) -> bool:
    """Return whether a script is a shim of a version manager."""
    if "/shims/" not in path:
        return False
    head = files.read(path, _SHIM_MAX)
    return any(word in head for word in (b"pyenv", b"rbenv", b"nodenv", b"asdf", b"mise"))


def _not_a_program(files: Files, path: str) -> LambundleError:
    if not files.is_readable(path):
        return UnreadableFileError(f"{path} cannot be read: Permission denied")
    if files.read(path, 2) == b"#!":
        return NotElfError(f"{path} is a script whose shebang names no interpreter on this machine")
    return NotElfError(f"{path} is neither an ELF program nor a script")


def resolve_file(machine: Machine, text: str) -> str:
    """Return the absolute path of a program or library that the user named. Raises as ``resolve``."""
    path = _find(machine, text)
    if not is_elf(machine.files, path):
        raise _not_a_program(machine.files, path)
    return path
