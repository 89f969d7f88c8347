"""What is started for a function: its own bootstrap, or Lambda's for a Python handler."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.errors import HandlerError
from lambundle.verify.function import handover
from lambundle.verify.function.lang import stand_in
from lambundle.verify.function.variables import function_variables
from lambundle.verify.sandbox import Job

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.verify.function.model import Function
    from lambundle.verify.sandbox import Limits, Sandbox

CUSTOM = ("/var/task/bootstrap", "/opt/bootstrap")
"""Where Lambda looks for a custom runtime, in its order."""
MANAGED = "/var/runtime/bootstrap"
"""Where Lambda's own runtimes begin."""

_OTHERS = {".js": "Node.js", ".mjs": "Node.js", ".cjs": "Node.js", ".rb": "Ruby"}


@dataclass(frozen=True, slots=True)
class Start:
    """A job that runs the first of ``programs`` that is there; ``place`` is where it hands over; ``notes`` to tell."""

    job: Job
    programs: tuple[str, ...]
    place: Path
    notes: tuple[str, ...] = ()


def plan_start(sandbox: Sandbox, function: Function, limits: Limits, work: Path) -> Start:
    """Say how ``function`` is started in ``sandbox``, with what that needs in ``work``.

    Raise HandlerError when it is a Python handler and neither the sandbox nor this machine can run it.
    """
    if function.handler is not None:
        _check_language(function.handler, function.mounts.get("/var/task"))
    place = work / "handover"
    handover.prepare(place)
    mounts = {**function.mounts, handover.PLACE: place}
    variables = function_variables(function, limits.memory)
    programs = CUSTOM if function.handler is None else (MANAGED,)
    start = Start(Job(handover.command(programs), variables, mounts, limits=limits), programs, place)
    if function.handler is None or _has_python(sandbox, start.job):
        return start
    job = replace(start.job, mounts={**mounts, **stand_in(work)})
    note = f"Python {platform.python_version()} of this machine stands in for Lambda's in /var/lang"
    return replace(start, job=job, notes=(note,))


def _check_language(handler: str, task: Path | None) -> None:
    """Raise HandlerError when the handler is of another language than Python."""
    module = handler.rpartition(".")[0]
    for suffix, language in _OTHERS.items():
        if task is not None and module and (task / f"{module}{suffix}").is_file():
            raise HandlerError(
                f"{handler} is a handler in {language} ({module}{suffix}), and only those in Python can be started",
                hint="test a bundle with a Python handler, or with a bootstrap",
            )


def _has_python(sandbox: Sandbox, job: Job) -> bool:
    """Whether the sandbox's host is one of Lambda's own images for Python."""
    probe = ("/bin/sh", "-c", f"test -x {MANAGED} && test -x /var/lang/bin/python3")
    return sandbox.start(replace(job, command=probe, cwd="/")).wait().status == 0
