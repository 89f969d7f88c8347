"""Failures of a function that say nothing of Lambda: what it wanted is there, and the sandbox has not got it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lambundle.errors import HandlerError
from lambundle.machine import here
from lambundle.target import HOST_PROGRAMS
from lambundle.verify.function.node import STREAMING
from lambundle.verify.function.results import error_type, missing_module
from lambundle.verify.installing import system_command

if TYPE_CHECKING:
    from lambundle.verify.function.model import FunctionReport
    from lambundle.verify.function.starting import FunctionStart
    from lambundle.verify.sandbox.interface import Sandbox

_NOT_FOUND = re.compile(r": (?:exec: )?([\w.+-]+|\[): (?:command )?not found|spawn ([\w.+-]+) ENOENT")


def check_answered(report: FunctionReport, sandbox: Sandbox, start: FunctionStart) -> None:
    """Raise HandlerError when a run failed for want of what it would have found on Lambda."""
    failed = [run for run in report.runs if run.status != "ok"]
    if any(error_type(run.response) == STREAMING for run in failed):
        raise HandlerError(
            "the handler streams its response (awslambda.streamifyResponse), which is not emulated here",
            hint="use the image of a Node.js runtime: --image public.ecr.aws/lambda/nodejs:22",
        )
    instead = start.stand_in
    if instead is not None:
        name = next((name for run in failed if (name := missing_module(run.response)) in instead.lacks), None)
        if name is not None:
            raise HandlerError(
                f"the function imports {name}, which Lambda's runtime has, and the one that stands in for it has not",
                hint=instead.hint,
            )
    if failed:
        _check_programs(report.log, sandbox, start)


def _check_programs(log: str, sandbox: Sandbox, start: FunctionStart) -> None:
    called = {name for match in _NOT_FOUND.finditer(log) for name in match.groups() if name in HOST_PROGRAMS}
    for name in sorted(called):
        probe = ("/bin/sh", "-c", f"command -v '{name}'")
        if sandbox.start(replace(start.command, argv=probe, cwd="/")).wait().status == 0:
            continue  # it is there, so the function looked elsewhere
        install = system_command(name, here().os_release)
        raise HandlerError(
            f"the function calls {name}, which Lambda has, and the sandbox ({sandbox.name}) has not",
            context=("so nothing can be said of the function",),
            hint=install if install and sandbox.name == "bubblewrap" else "use an image of Lambda's: --image",
        )
