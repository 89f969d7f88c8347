"""The start of a function: its own bootstrap, or Lambda's for a handler in Python or JavaScript.

On Lambda the function's configuration says which. Here there is none: a bootstrap that is there is meant to be used,
and a handler is then its own business, in _HANDLER. Else the file with the handler's module tells the language.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from lambundle.errors import HandlerError
from lambundle.target import BOOTSTRAP, OPT, TASK
from lambundle.verify.function import handover, node, python
from lambundle.verify.function.lang import LANG, RUNTIME
from lambundle.verify.function.variables import function_variables
from lambundle.verify.sandbox.interface import Command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lambundle.verify.function.lang import StandIn
    from lambundle.verify.function.model import Function
    from lambundle.verify.sandbox.interface import Limits, Sandbox

CUSTOM = (f"{TASK}/{BOOTSTRAP}", f"{OPT}/{BOOTSTRAP}")
"""Where Lambda looks for a custom runtime, in its order."""
MANAGED = f"{RUNTIME}/bootstrap"
"""Where Lambda's own runtimes begin."""


class _Maker(Protocol):
    """A module that makes what stands in for one of Lambda's runtimes."""

    def stand_in(self, work: Path) -> StandIn: ...


@dataclass(frozen=True, slots=True)
class _Language:
    """A language that handlers are written in: endings of its modules, and the name of its program in /var/lang/bin.

    ``maker`` is None where nothing here can run it.
    """

    name: str
    endings: tuple[str, ...]
    program: str = ""
    maker: _Maker | None = None


_PYTHON = _Language("Python", (".py", "/__init__.py"), "python3", python)
_NODE = _Language("Node.js", (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"), "node", node)
_LANGUAGES = (_PYTHON, _NODE, _Language("Ruby", (".rb",)))
_WHERE = {TASK: ("",), OPT: ("python/", "nodejs/node_modules/", "ruby/lib/")}
"""Directories of the function and of a layer where modules lie."""


@dataclass(frozen=True, slots=True)
class FunctionStart:
    """A command that runs the first of ``programs`` that is there; ``place`` is where it hands over; ``notes`` to tell.

    ``stand_in`` is what takes the place of Lambda's runtime, None where nothing has to.
    """

    command: Command
    programs: tuple[str, ...]
    place: Path
    notes: tuple[str, ...] = ()
    stand_in: StandIn | None = None


def plan_start(sandbox: Sandbox, function: Function, limits: Limits, work: Path) -> FunctionStart:
    """Say how ``function`` is started in ``sandbox``, with what that needs in ``work``.

    Raise HandlerError for a handler that neither the sandbox nor this machine can run.
    """
    own = own_runtime(function.mounts)
    is_custom = function.handler is None or own is not None
    language = None if function.handler is None or is_custom else _language(function.handler, function.mounts)
    place = work / "handover"
    handover.prepare(place)
    mounts = {**function.mounts, handover.PLACE: place}
    variables = function_variables(function, limits.memory)
    programs = CUSTOM if is_custom else (MANAGED,)
    start = FunctionStart(Command(handover.command(programs), variables, mounts, limits=limits), programs, place)
    if language is None:
        return start if function.handler is None else replace(start, notes=(_custom_note(own, function.handler),))
    if language.maker is None or _has(sandbox, start.command, language):
        return start
    instead = language.maker.stand_in(work)
    command = replace(start.command, mounts={**mounts, **instead.mounts})
    return replace(start, command=command, notes=(instead.note,), stand_in=instead)


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


def _language(handler: str, mounts: Mapping[str, Path]) -> _Language:
    """The language of a handler's module; raise HandlerError for one that nothing here can run.

    Where there is no such module, it is the one of all that lies at the top of the function, else Python.
    """
    language = _of_module(handler, mounts) or _of_all(mounts.get(TASK)) or _PYTHON
    if language.maker is None:
        raise HandlerError(
            f"{handler} is a handler in {language.name}, and only those in Python and JavaScript can be started",
            hint="test a bundle with such a handler, or with a bootstrap",
        )
    return language


def _of_module(handler: str, mounts: Mapping[str, Path]) -> _Language | None:
    names = _modules(handler)
    for mount, directories in _WHERE.items():
        tree = mounts.get(mount)
        for language in _LANGUAGES if tree is not None else ():
            paths = (f"{place}{name}{end}" for place in directories for name in names for end in language.endings)
            if any((tree / path).is_file() for path in paths if tree is not None):
                return language
    return None


def _modules(handler: str) -> tuple[str, ...]:
    """Where the module of a handler may be: Python's name ends at the last dot, JavaScript's at the first."""
    folder, base = posixpath.split(handler)
    first = posixpath.join(folder, base.partition(".")[0])
    return tuple(name for name in (handler.rpartition(".")[0].replace(".", "/"), first) if name and ".." not in name)


def _of_all(task: Path | None) -> _Language | None:
    if task is None:
        return None
    names = [path.name for path in task.iterdir() if path.is_file()]
    found = [language for language in _LANGUAGES if any(name.endswith(language.endings) for name in names)]
    return found[0] if len(found) == 1 else _NODE if not found and "package.json" in names else None


def _has(sandbox: Sandbox, command: Command, language: _Language) -> bool:
    """Whether the sandbox's host is one of Lambda's own images for the language."""
    probe = ("/bin/sh", "-c", f"test -x {MANAGED} && test -x {LANG}/bin/{language.program}")
    return sandbox.start(replace(command, argv=probe, cwd="/")).wait().status == 0
