"""Variables: what the bundle must set, and what a program asked for that is set here and not on Lambda.

Only getenv is seen. Shells, Python and Perl read the environment as a whole, and what they look at in it stays unknown.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.verify.model import Check, Status
from lambundle.verify.run.jobs import Origin
from lambundle.verify.run.statement import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lambundle.bundle.model import Manifest
    from lambundle.pack.config import Config
    from lambundle.recipes.recipe import Recipe
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.result import JobResult

USUAL = re.compile(
    r"HOME|PATH|LANG|LANGUAGE|LC_.*|TERM|TERMINFO|COLORTERM|USER|LOGNAME|SHELL|PWD|OLDPWD|SHLVL|MAIL|HOSTNAME|TZ|TMPDIR|TMP"
    r"|TEMP|DISPLAY|WAYLAND_DISPLAY|XDG_.*|SSH_.*|DBUS_.*|COLUMNS|LINES|EDITOR|VISUAL|PAGER|LESS.*|LS_COLORS|NO_COLOR"
    r"|FORCE_COLOR|CI|DEBUGINFOD_.*|LD_.*|LAMBUNDLE_.*|_"
    r"|PYTHON(?!HOME|PATH).*|NODE_OPTIONS|\w+_CA_(?:BUNDLE|CERTS)|\w*SSL_.*|(?i:\w+_proxy)|MALLOC_.*|GLIBC_.*|G_.*"
    r"|GIT_(?:ASKPASS|TERMINAL_PROMPT|PAGER|EDITOR|(?:AUTHOR|COMMITTER)_.*)|PIP_.*|CONDA_.*|VIRTUAL_ENV|DEBIAN_FRONTEND"
    r"|CC|CXX|\w*FLAGS|MAKELEVEL"
)
"""Variables that differ between any two machines, and that programs ask for without needing them."""


@dataclass(frozen=True, slots=True)
class LostVariable:
    """A variable that the bundle in the directory ``directory`` ought to set and does not."""

    name: str
    value: str
    directory: str
    asked_by: str


def lost_variables(
    bundles: Mapping[str, Manifest], configs: Mapping[str, Config], book: Sequence[Recipe]
) -> tuple[LostVariable, ...]:
    """Variables of the manifests, and of the recipes for their programs, that the runtime's configuration has not.

    ``bundles`` are the bundles by their directories, ``configs`` the runtime's configurations in these.
    """
    found = []
    for directory, manifest in bundles.items():
        wanted = {name: (value, "its manifest") for name, value in manifest.environment.items()}
        if not wanted:
            wanted = {name: (value, f"recipe {by}") for name, value, by in _by_recipe(manifest, book)}
        is_set = configs[directory].environment if directory in configs else {}
        found += [
            LostVariable(name, value, directory, by)
            for name, (value, by) in wanted.items()
            if is_set.get(name) != value
        ]
    return tuple(found)


def _by_recipe(manifest: Manifest, book: Sequence[Recipe]) -> list[tuple[str, str, str]]:
    from lambundle.recipes.recipe import recipe_named

    found = []
    for program in manifest.programs:
        names = {posixpath.basename(program.path), posixpath.basename(program.real)}
        packed_by = next((item for item in book if item.name == program.recipe), None)
        recipe = packed_by or recipe_named(names, book)
        if recipe is not None and not program.static:
            found += [(name, value, recipe.name) for name, value in recipe.environment.items()]
    return found


@dataclass(frozen=True, slots=True)
class VariableDifference:
    """A variable that a program asked for, that is not set there.

    ``is_here`` says that it is set where verify runs, ``is_named`` that the program complained of it.
    """

    name: str
    by: str
    is_here: bool
    is_named: bool

    @property
    def is_unusual(self) -> bool:
        """Whether it says something that it is set here."""
        return self.is_here and USUAL.fullmatch(self.name) is None


_COMPLAINT = re.compile(
    r"\b(?:not|isn't|un(?:set|defined|bound)|missing|must|should|need|require|set|export|empty|null|variable|define)",
    re.IGNORECASE,
)


def complains_of(words: str, name: str) -> bool:
    """Whether an output complains of the variable ``name``: in one line with what is to be done, and not in a list."""
    said = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)(?!\s*=)")
    return name in words and any(said.search(line) and _COMPLAINT.search(line) for line in words.splitlines())


def differences(
    results: Iterable[JobResult], here: Mapping[str, str], mounted: Mounted
) -> tuple[VariableDifference, ...]:
    """The variables that the runs asked for and did not get, those first that explain most."""
    found: dict[str, VariableDifference] = {}
    for result in results:
        words, last = result.error_output, "\n".join(statement(result.error_output.splitlines()))
        for variable in result.trace.variables:
            if variable.is_set or variable.name in found:
                continue
            by = posixpath.basename(mounted.original(result.trace.program_of(variable.process)))
            # One that is set nowhere is no reason of the bundle's, unless it is what the program ended with.
            is_named = complains_of(words if variable.name in here else last, variable.name)
            found[variable.name] = VariableDifference(variable.name, by, variable.name in here, is_named)
    ranked = sorted(found.values(), key=lambda item: (not item.is_named, not item.is_unusual, item.name))
    return tuple(item for item in ranked if item.is_here or item.is_named)


def environment_check(
    results: Sequence[JobResult],
    lost: Sequence[LostVariable],
    different: Sequence[VariableDifference],
    *,
    is_explained: bool,
) -> Check:
    """Whether a variable is missing.

    One that the bundle ought to set always is. One that merely differs counts where a run failed: if the program
    named it, or if nothing else explains the failure (``is_explained``) and it is not one that always differs.
    """
    if lost:
        first = lost[0]
        detail = f"{first.name} is not set by the bundle {_name(first)}, and {first.asked_by} asks for it"
        lines = tuple(f"{item.name} of {_name(item)}, {item.asked_by}" for item in lost[1:])
        return Check("environment", Status.FAIL, detail, _set_again(first), lines)
    if not any(result.trace.starts for result in results):
        return Check("environment", Status.SKIP, "there is no trace of the variables that were asked for")
    lines = tuple(
        f"{item.name}, asked for by {item.by}{'' if item.is_here else ', is set nowhere'}" for item in different
    )
    causes = [item for item in different if item.is_named or (item.is_unusual and not is_explained)]
    if causes and any(result.failed for result in results):
        cause = causes[0]
        others = tuple(line for line in lines if not line.startswith(f"{cause.name},"))
        where = "set here and not on Lambda" if cause.is_here else "set neither here nor on Lambda"
        detail = f"{cause.name} is {where}, and {cause.by} asked for it"
        return Check("environment", Status.FAIL, detail, _set(cause, results), others)
    count = f"{len(different)} variable{'s' if len(different) != 1 else ''} asked for that only this machine sets"
    text = "all variables read by getenv match this machine" if not different else f"{count}: none was needed"
    if different and any(result.failed for result in results):
        text = f"{count}, as everywhere"
    return Check("environment", Status.PASS, text, context=lines)


def _set(item: VariableDifference, results: Sequence[JobResult]) -> str:
    """The cure; a command that was given can be tried with the value that is set here."""
    cure = f"set {item.name} in the function's configuration"
    job = next(result.job for result in results if result.failed)
    if job.origin is not Origin.COMMAND or not item.is_here or any("\n" in word for word in job.command):
        return cure
    return f'{cure}; to try it: -- env {item.name}="${item.name}" {shlex.join(job.command)}'


def _name(lost: LostVariable) -> str:
    return posixpath.basename(lost.directory)


def _set_again(lost: LostVariable) -> str:
    value = lost.value
    if value.startswith("@"):
        value = f"{lost.directory}/root{value[1:]}"
    return f"pack again, or set {lost.name}={value} in the function's configuration"
