"""The jobs of a bundle: the command given, else a smoke job or --version of each of its programs."""

from __future__ import annotations

import enum
import posixpath
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.target import TASK, TMP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.bundle.model import Program, Smoke
    from lambundle.recipes.recipe import Recipe
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.sandbox.stdin import SharedInput
    from lambundle.verify.subject import Subject

MAX_NAME = 60
"""Characters of a command by which a report names it."""
MAX_GUESSED = 20
"""So many programs of a zip without a manifest are asked for their version."""

SMOKE = "/tmp/smoke"  # noqa: S108  (of the sandbox)
"""The directory of a smoke job."""
PRELUDE = """\
set -eu
fail() { echo "smoke job: $*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "got '$1' instead of '$2'"; }
rm -rf /tmp/smoke
mkdir /tmp/smoke
cd /tmp/smoke
"""
"""The beginning of every smoke job (see ``recipes/recipe.py``). The directory is empty in a warm run too."""


class Origin(enum.Enum):
    """Where a job comes from."""

    COMMAND = "the command given"
    SMOKE = "smoke job"
    VERSION = "--version"
    FUNCTION = "the function"


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to run.

    ``does`` says in a few words of the past tense what it is good for; ``recipe`` is where a smoke job comes from.
    ``program`` is the program of the bundle that it is about, None when the command given is none of the bundle's.
    ``is_ours`` says that neither the command nor its script comes from the bundle itself.
    """

    command: tuple[str, ...]
    origin: Origin
    does: str
    cwd: str = TASK
    recipe: str = ""
    program: Program | None = None
    name: str = ""
    stdin: bytes | SharedInput = b""
    is_ours: bool = True

    @property
    def makes_in(self) -> str:
        """The directory of the files that it makes: all of /tmp, or the smoke job's own."""
        return SMOKE if self.origin is Origin.SMOKE else TMP


def jobs(
    subject: Subject,
    mounted: Mounted,
    command: Sequence[str],
    book: Sequence[Recipe],
    *,
    cwd: str = TASK,
    stdin: bytes | SharedInput = b"",
) -> tuple[Job, ...]:
    """The jobs of a bundle: ``command`` in ``cwd`` if there is one, else one for each of its programs.

    A program's smoke job is the manifest's, else that of the recipe in ``book`` with its name, else it is asked for
    its version, which proves little.
    """
    if command:
        return (replace(_given(subject, mounted, command), cwd=cwd, stdin=stdin),)
    found = [_of_program(program, mounted, book) for program in subject.programs]
    if not subject.manifests:
        found = [_guessed(path, mounted, book) for path in executables(subject)[:MAX_GUESSED]]
    return tuple(found)


def executables(subject: Subject) -> tuple[str, ...]:
    """The programs in ``bin`` of a zip that has no manifest, by their paths in it."""
    return tuple(
        member.path
        for member in subject.members
        if posixpath.dirname(member.path) == "bin"
        and (member.kind is Kind.LINK or (member.kind is Kind.FILE and member.mode & 0o111))
    )


def _given(subject: Subject, mounted: Mounted, command: Sequence[str]) -> Job:
    """The user's command: its first word is looked for among the bundle's programs before it is on PATH."""
    first = command[0]
    here = f"bin/{first}"
    if "/" not in first and here in subject.by_path:
        first = f"{mounted.mount}/{here}"
    program = next((item for item in subject.programs if mounted.launcher(item) == posixpath.normpath(first)), None)
    text = _short(shlex.join(command))
    return Job((first, *command[1:]), Origin.COMMAND, f"{text} succeeded", program=program, name=text)


def _short(text: str) -> str:
    """One line of a command that may be a whole script."""
    first = text.partition("\n")[0]
    return text if first == text and len(text) <= MAX_NAME else f"{first[: MAX_NAME - 3]}..."


def _of_program(program: Program, mounted: Mounted, book: Sequence[Recipe]) -> Job:
    launcher = mounted.launcher(program)
    if program.smoke is not None:
        is_ours = any(recipe.smoke == program.smoke for recipe in book)
        return replace(_task(launcher, mounted, program.recipe, program.smoke, program), is_ours=is_ours)
    names = {posixpath.basename(path) for path in (program.path, program.real)}
    recipe, smoke = _smoke_of(names, book, is_packed=True)
    return _task(launcher, mounted, recipe, smoke, program)


def _guessed(path: str, mounted: Mounted, book: Sequence[Recipe]) -> Job:
    recipe, smoke = _smoke_of({posixpath.basename(path)}, book)
    return _task(f"{mounted.mount}/{path}", mounted, recipe, smoke, None)


def _smoke_of(names: set[str], book: Sequence[Recipe], *, is_packed: bool = False) -> tuple[str, Smoke | None]:
    """Return name and smoke job of a recipe; whether a program is what a recipe's directories say, packing told."""
    from lambundle.recipes.recipe import smoke_recipe_for

    found = smoke_recipe_for(names, book, without_directories=is_packed)
    return ("", None) if found is None else (found.name, found.smoke)


def _task(launcher: str, mounted: Mounted, recipe: str, smoke: Smoke | None, program: Program | None) -> Job:
    name = posixpath.basename(launcher)
    if smoke is None:
        does = f"{name} --version succeeded"
        return Job((launcher, "--version"), Origin.VERSION, does, program=program, name=name)
    # Not exported: the bundle has to find itself without a hint from the environment.
    places = f"B={shlex.quote(mounted.mount)}\nP={shlex.quote(launcher)}\n"
    command = ("/bin/sh", "-c", f"{places}{PRELUDE}{smoke.script}")
    return Job(command, Origin.SMOKE, smoke.does, cwd=TMP, recipe=recipe, program=program, name=name)
