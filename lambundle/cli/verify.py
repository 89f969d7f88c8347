"""The command ``lambundle verify``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lambundle import api
from lambundle.cli.examples import CommandWithExamples
from lambundle.errors import UsageError
from lambundle.target import ARCHITECTURES, MOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambundle.cli.line import Line
    from lambundle.cli.speaker import Speaker
    from lambundle.verify.command import Findings, VerifyRequest
    from lambundle.verify.sandbox.stdin import SharedInput

_PATH = click.Path(path_type=Path)
_MACHINES = {name: machine for machine, item in ARCHITECTURES.items() for name in (item.service, machine)}


@click.command(cls=CommandWithExamples, context_settings={"ignore_unknown_options": False})
@click.argument("bundle", type=_PATH)
@click.argument("command", nargs=-1, metavar="[-- COMMAND...]", type=click.UNPROCESSED)
@click.option("--image", metavar="IMAGE", help="Run in this container image, by Docker.")
@click.option(
    "--sandbox", type=click.Choice(["bubblewrap", "docker"]), help="Run in this sandbox.  [default: bubblewrap]"
)
@click.option("--mount", type=click.Choice(MOUNTS), help="Where the bundle is: a layer, or the function.")
@click.option(
    "--memory",
    type=click.IntRange(128, 10_240),
    default=2048,
    show_default=True,
    metavar="MB",
    help="The function's memory.",
)
@click.option(
    "--tmp",
    type=click.IntRange(1, 10_240),
    default=512,
    show_default=True,
    metavar="MB",
    help="The size of /tmp.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 900),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="End a run after this time.",
)
@click.option(
    "--layer",
    "layers",
    type=_PATH,
    multiple=True,
    metavar="ZIP",
    help="Another layer of the function. [repeatable, in order]",
)
@click.option(
    "--arch", type=click.Choice(list(_MACHINES)), help="The function's architecture.  [default: the bundle's]"
)
@click.option(
    "--handler", metavar="HANDLER", help="Start the bundle as a function with this handler in Python or JavaScript."
)
@click.option(
    "--event",
    "events",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="Give the function this event. [repeatable, in order]",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="FILE[=PATH]",
    help="Copy a file into a directory below /tmp, where COMMAND then runs. [repeatable]",
)
@click.option("--no-compare", is_flag=True, help="Do not run the job on this machine too, to compare its result.")
@click.option("--static", is_flag=True, help="Run nothing: only the checks of the bundle at rest.")
@click.option("--fix", is_flag=True, help="Add what a failing run misses, and write a new bundle beside the old one.")
@click.option(
    "-o",
    "--output",
    type=_PATH,
    metavar="DIR|FILE",
    help="Keep in a new directory what COMMAND made; with --fix, the new zip.  [default: NAME.fixed.zip]",
)
@click.option("--force", is_flag=True, help="With --fix: replace FILE even if it is no bundle.")
@click.option("--strict", is_flag=True, help="Treat skipped checks as unknown (status 3), warnings as failures.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the verdict.")
@click.option("-v", "--verbose", is_flag=True, help="Print all that the checks saw and the runs printed.")
def verify(
    bundle: Path,
    command: tuple[str, ...],
    image: str | None,
    sandbox: str | None,
    mount: str | None,
    memory: int,
    tmp: int,
    timeout: float,
    layers: tuple[Path, ...],
    arch: str | None,
    handler: str | None,
    events: tuple[Path, ...],
    inputs: tuple[str, ...],
    no_compare: bool,
    static: bool,
    fix: bool,
    output: Path | None,
    force: bool,
    strict: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Check a bundle, and run it as Lambda would.

    BUNDLE is a zip or a directory, made by lambundle or not. It is looked at, and then run: COMMAND, else the smoke
    job of each of its programs, else --version. A zip with a bootstrap, or with --handler, is started as a function.

    Exit status: 0 it passed, 1 a check failed, 3 nothing could be found out.
    """
    from lambundle.cli.line import line
    from lambundle.cli.speaker import Speaker
    from lambundle.cli.waiting import status
    from lambundle.verify.command import VerifyRequest
    from lambundle.verify.run.inputs import read_input
    from lambundle.verify.sandbox.interface import MIB, Limits

    request = VerifyRequest(
        bundle=bundle,
        command=command,
        image=image,
        sandbox=sandbox,
        mount=mount,
        limits=Limits(memory * MIB, tmp * MIB, timeout),
        layers=layers,
        arch=None if arch is None else _MACHINES[arch],
        handler=handler,
        events=events,
        inputs=tuple(map(read_input, inputs)),
        stdin=_stdin() if command else None,
        output=None if fix else output,
        compares=not no_compare,
        strict=strict,
        static=static,
    )
    _check(request, fix=fix)
    say = Speaker(quiet=quiet or as_json)
    with status(say.err, quiet=say.quiet) as progress:
        findings, fixed = _carry_out(request, fix=fix, output=output, force=force, progress=progress)
    (say.err if say.quiet else say.out).write(map(line, fixed))
    _tell(findings, say, as_json=as_json, verbose=verbose)
    sys.exit(findings.verification.exit_code)


def _stdin() -> SharedInput | None:
    """What lambundle itself is given to read, unless that is a terminal."""
    from lambundle.verify.sandbox.stdin import SharedInput

    try:
        return None if sys.stdin.isatty() else SharedInput(source=sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):  # closed
        return None


def _check(request: VerifyRequest, *, fix: bool) -> None:
    """Refuse what has no meaning together."""
    from lambundle.verify.run.inputs import check_inputs
    from lambundle.verify.run.output import check_output

    for option, value in (("--handler", request.handler), ("--image", request.image)):
        if value is not None and not value.strip():
            raise UsageError(f"{option} is empty", hint="give it a value, or leave it out")
    if request.command and (request.handler or request.events):
        raise UsageError("a command and --handler or --event exclude each other", hint="give one of them")
    if request.image is not None and request.sandbox == "bubblewrap":
        raise UsageError("--image needs Docker", hint="leave out --sandbox bubblewrap")
    if fix and request.static:
        raise UsageError("--fix needs a run to learn from", hint="leave out --static")
    for option, is_given in (("--input", bool(request.inputs)), ("--output", request.output is not None)):
        if is_given and (not request.command or request.static):
            raise UsageError(f"{option} is for a command that is run", hint="give the command after --")
    check_inputs(request.inputs)
    if request.output is not None:
        check_output(request.output)


def _carry_out(
    request: VerifyRequest, *, fix: bool, output: Path | None, force: bool, progress: Callable[[str], None]
) -> tuple[Findings, tuple[str, ...]]:
    if not fix:
        return api.verify_bundle(request, progress=progress), ()
    fixed = api.repair_bundle(request, output, force=force, progress=progress)
    return fixed.findings, fixed.lines


def _tell(findings: Findings, say: Speaker, *, as_json: bool, verbose: bool) -> None:
    from lambundle.cli.verify_json import to_json
    from lambundle.cli.verify_screen import screen, tally

    verification = findings.verification
    if as_json:
        say.out.write_json(to_json(verification))
    elif say.quiet:
        say.out.write([tally(verification)])
        say.err.write(_unknown(findings))
    else:
        say.answers(screen(verification, findings.log, verbose=verbose))


def _unknown(findings: Findings) -> list[Line]:
    """Why nothing could be found out: the only thing that the verdict alone does not tell."""
    from lambundle.cli.line import line
    from lambundle.verify.model import Status, Verdict

    if findings.verification.verdict is not Verdict.UNKNOWN:
        return []
    why = next((check.detail for check in findings.verification.checks if check.status is Status.SKIP), None)
    return [] if why is None else [line(("error:", "error"), f" {why}", hang=" " * 7)]
