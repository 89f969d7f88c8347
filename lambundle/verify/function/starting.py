"""The start of a function: its own bootstrap, or Lambda's for a Python handler.

On Lambda the function's configuration says which. Here there is none: a bootstrap that is there is meant to be used,
and a handler is then its own business, in _HANDLER.
"""

from __future__ import annotations

import platform
import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.errors import HandlerError
from lambundle.target import BOOTSTRAP, OPT, TASK
from lambundle.verify.function import handover
from lambundle.verify.function.lang import OPTIONAL, lacking_modules, stand_in
from lambundle.verify.function.variables import function_variables
from lambundle.verify.sandbox.interface import Command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lambundle.verify.function.model import Function
    from lambundle.verify.sandbox.interface import Limits, Sandbox

CUSTOM = (f"{TASK}/{BOOTSTRAP}", f"{OPT}/{BOOTSTRAP}")
"""Where Lambda looks for a custom runtime, in its order."""
MANAGED = "/var/runtime/bootstrap"
"""Where Lambda's own runtimes begin."""

_OTHERS = {".js": "Node.js", ".mjs": "Node.js", ".cjs": "Node.js", ".rb": "Ruby"}


@dataclass(frozen=True, slots=True)
class FunctionStart:
    """A command that runs the first of ``programs`` that is there; ``place`` is where it hands over; ``notes`` to tell.

    ``lacks`` names the modules that Lambda's runtime has, and the one that stands in for it has not.
    """

    command: Command
    programs: tuple[str, ...]
    place: Path
    notes: tuple[str, ...] = ()
    lacks: frozenset[str] = frozenset()


def plan_start(sandbox: Sandbox, function: Function, limits: Limits, work: Path) -> FunctionStart:
    """Say how ``function`` is started in ``sandbox``, with what that needs in ``work``.

    Raise HandlerError when it is a Python handler and neither the sandbox nor this machine can run it.
    """
    own = own_runtime(function.mounts)
    is_custom = function.handler is None or own is not None
    if function.handler is not None and not is_custom:
        _check_language(function.handler, function.mounts.get(TASK))
    place = work / "handover"
    handover.prepare(place)
    mounts = {**function.mounts, handover.PLACE: place}
    variables = function_variables(function, limits.memory)
    programs = CUSTOM if is_custom else (MANAGED,)
    start = FunctionStart(Command(handover.command(programs), variables, mounts, limits=limits), programs, place)
    if is_custom:
        return start if function.handler is None else replace(start, notes=(_custom_note(own, function.handler),))
    if _has_python(sandbox, start.command):
        return start
    command = replace(start.command, mounts={**mounts, **stand_in(work)})
    note = f"Python {platform.python_version()} of this machine stands in for Lambda's in /var/lang"
    lacks = lacking_modules()
    if lacks:
        note += f", without {OPTIONAL}"
    return replace(start, command=command, notes=(note,), lacks=lacks)


def own_runtime(mounts: Mapping[str, Path]) -> str | None:
    """Return the custom runtime that Lambda would find in a function and its layers, None when there is none."""
    for program in CUSTOM:
        tree = mounts.get(posixpath.dirname(program))
        if tree is not None and _is_program(tree / posixpath.basename(program)):
            return program
    return None


def _is_program(path: Path) -> bool:
    return path.is_symlink() or path.is_file()  # a link may lead to where only the sandbox has something


def _custom_note(runtime: str | None, handler: str) -> str:
    return f"{runtime} is the runtime, with _HANDLER={handler}: a zip with a bootstrap is for an OS-only runtime"


def _check_language(handler: str, task: Path | None) -> None:
    """Raise HandlerError when the handler is of another language than Python."""
    module = handler.rpartition(".")[0]
    for suffix, language in _OTHERS.items():
        if task is not None and module and (task / f"{module}{suffix}").is_file():
            raise HandlerError(
                f"{handler} is a handler in {language} ({module}{suffix}), and only those in Python can be started",
                hint="test a bundle with a Python handler, or with a bootstrap",
            )


def _has_python(sandbox: Sandbox, command: Command) -> bool:
    """Whether the sandbox's host is one of Lambda's own images for Python."""
    probe = ("/bin/sh", "-c", f"test -x {MANAGED} && test -x /var/lang/bin/python3")
    return sandbox.start(replace(command, argv=probe, cwd="/")).wait().status == 0
