"""The command line: parse, call, render, exit. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import gc
import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from lambundle import __version__, api
from lambundle.cli import ending
from lambundle.cli.examples import CommandWithExamples, write_examples
from lambundle.cli.size import size
from lambundle.cli.verify import verify
from lambundle.errors import (
    EXIT_NO,
    LambundleError,
    NotInBundleError,
    OutputError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.bundle.write import Written
    from lambundle.pack.request import Plan, Recorded

_DIRECTORY = click.Path(path_type=Path, exists=True, file_okay=False)

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Commands(click.Group):
    """A group whose commands have examples, and raise LambundleError for whatever a person can act on."""

    command_class = CommandWithExamples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self, formatter)
        super().format_epilog(ctx, formatter)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with ending.orderly():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with ending.orderly():
            try:
                return super().invoke(ctx)
            except LambundleError as error:
                _fail(error)


@click.group("lambundle", cls=_Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="lambundle")
def cli() -> None:
    """Pack an installed program into one zip that does its real job on AWS Lambda.

    The same zip serves as a function's package and as a Layer. Exit status: 0 yes, 1 the answer is
    no, 2 wrong usage, 3 could not find out.
    """


@cli.command()
@click.argument("programs", nargs=-1, required=True, metavar="PROGRAM...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="The zip to write.  [default: NAME.zip]"
)
@click.option(
    "--tree",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the unpacked bundle to this directory instead.",
)
@click.option("--name", metavar="NAME", help="Name of the bundle.  [default: the first program's]")
@click.option("--add", multiple=True, metavar="PATH", help="Add a file, or a directory with all it holds. [repeatable]")
@click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave out a soname, file name or absolute path. [repeatable]"
)
@click.option(
    "--library-path", multiple=True, metavar="DIR", help="Search DIR first, as LD_LIBRARY_PATH does. [repeatable]"
)
@click.option(
    "--recipe",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use a recipe of yours. [repeatable]",
)
@click.option("--root", type=_DIRECTORY, metavar="DIR", help="Pack from the Linux below DIR instead of this machine.")
@click.option(
    "--record", multiple=True, metavar="COMMAND", help="Run COMMAND here; add what it opens and starts. [repeatable]"
)
@click.option("--only-recorded", is_flag=True, help="Keep nothing but what was recorded: the smallest bundle.")
@click.option("--why", metavar="PATH", help="Say why PATH is in the bundle.")
@click.option(
    "--level",
    type=click.IntRange(1, 12),
    metavar="N",
    default=6,
    show_default=True,
    help="Compression level: 1 is fast, 12 is small.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be packed; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the path of what was written.")
@click.option("-v", "--verbose", is_flag=True, help="List every file with the reason why it is there.")
def pack(
    programs: tuple[str, ...],
    output: Path | None,
    tree: Path | None,
    name: str | None,
    add: tuple[str, ...],
    exclude: tuple[str, ...],
    library_path: tuple[str, ...],
    recipe: tuple[Path, ...],
    root: Path | None,
    record: tuple[str, ...],
    only_recorded: bool,
    why: str | None,
    level: int,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Pack installed programs into one zip.

    PROGRAM is a name on PATH or a path; NAME=PROGRAM gives its launcher another name. The zip holds a
    launcher bin/NAME for each; on Lambda a Layer's are on PATH as /opt/bin/NAME.
    """
    from lambundle.cli import pack_report as report

    if tree is not None and output is not None:
        raise UsageError("--tree and --output exclude each other", hint="give one of them")
    if only_recorded and not record:
        raise UsageError("--only-recorded needs --record", hint="give the command to record: --record 'COMMAND'")
    if record and root is not None:
        raise UsageError(
            "--record runs a command on this machine, and --root packs another",
            hint="pack inside that root, or name what is needed with --add PATH",
        )
    recorded, notes = _record(record, only=only_recorded) if record else (None, ())
    gc.disable()  # a plan makes hundreds of thousands of objects and drops few: collecting costs a tenth of its time
    plan = api.make_plan(
        programs,
        machine=api.open_machine(root),
        name=name,
        add=add,
        exclude=exclude,
        library_path=library_path,
        recipes=recipe,
        recorded=recorded,
    )
    out = output or Path(f"{plan.manifest.name}.zip")
    say = _Speaker(quiet=quiet or as_json)
    for line in report.note_lines((*notes, *plan.notes), all_of_them=verbose):
        say.aside(line)
    say.answers(report.plan_lines(plan))
    say.answers(_entry_lines(plan) if verbose else [])
    say.answers([] if why is None else _why_lines(plan, why))
    written = None
    if not dry_run:
        written = _write(plan, tree or out, is_tree=tree is not None, level=level, quiet=quiet or as_json)
        say.answers([f"{'Wrote':>11}  {tree or out}", *report.size_lines(written)])
        for line in report.warnings(written):
            click.echo(line, err=True)
        say.answers([f"next: lambundle verify {shlex.quote(str(tree or out))}"])
    else:
        say.answers([*report.planned_size_lines(plan), "nothing was written (--dry-run)"])
    if as_json:
        click.echo(json.dumps(report.pack_json(plan, written, None if tree else out, tree), indent=1))
    elif quiet and written is not None:
        click.echo(tree or out)


@cli.command()
@click.argument("programs", nargs=-1, required=True, metavar="PROGRAM...")
@click.option(
    "--library-path", multiple=True, metavar="DIR", help="Search DIR first, as LD_LIBRARY_PATH does. [repeatable]"
)
@click.option("--root", type=_DIRECTORY, metavar="DIR", help="Look into the Linux below DIR instead of this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print the closure as JSON.")
def deps(programs: tuple[str, ...], library_path: tuple[str, ...], root: Path | None, as_json: bool) -> None:
    """Show the libraries that programs load.

    Each stands with the rule by which it is found. The answer is ld.so's own, but nothing is executed. Exit status 1
    when a library is missing.
    """
    from lambundle.cli import deps_report

    closure = api.find_libraries(programs, machine=api.open_machine(root), library_path=library_path)
    if as_json:
        click.echo(json.dumps(deps_report.to_json(closure), indent=1))
    else:
        deps_report.print_tree(closure)
    if closure.missing:
        sys.exit(EXIT_NO)


@cli.command("recipes")
@click.option(
    "--recipe", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="List yours too. [repeatable]"
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_recipes(recipe: tuple[Path, ...], as_json: bool) -> None:
    """List the recipes and the smoke jobs.

    A recipe says what a family of programs needs that no rule finds, and why. A smoke job is a small real task that
    verify gives to a program.
    """
    from lambundle.cli import pack_report as report
    from lambundle.recipes.recipe import all_recipes, read_recipe

    book = (*(read_recipe(path) for path in recipe), *all_recipes())
    if as_json:
        found = [
            {
                "name": item.name,
                "programs": list(item.programs),
                "why": item.why.strip(),
                "smoke": None if item.smoke is None else item.smoke.does,
            }
            for item in book
        ]
        click.echo(json.dumps({"version": 1, "recipes": found}, indent=1))
    else:
        click.echo("\n".join(report.recipe_lines(book)))


cli.add_command(verify)
cli.add_command(size)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit, whatever becomes of the standard streams and whenever Ctrl-C comes."""
    ending.run(lambda: cli.main(args=arguments, prog_name="lambundle", standalone_mode=False))


class _Speaker:
    """Says things to a person, unless the answer alone is wanted."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def answers(self, lines: Sequence[str]) -> None:
        """Lines of the answer, on stdout."""
        if not self._quiet:
            for line in lines:
                click.echo(line)

    def aside(self, line: str) -> None:
        """A remark, on stderr."""
        if not self._quiet:
            click.echo(line, err=True)


def _record(commands: tuple[str, ...], *, only: bool) -> tuple[Recorded, tuple[str, ...]]:
    from lambundle.errors import RecordingError
    from lambundle.pack.request import Recorded

    recording = api.record_commands(commands)
    for command, status in zip(commands, recording.status, strict=True):
        if status != 0:
            raise RecordingError(
                f"the recorded command ended with {status}: {command}", hint="give a command that does its job here"
            )
    return Recorded(recording.files, only), recording.notes


def _write(plan: Plan, out: Path, *, is_tree: bool, level: int, quiet: bool) -> Written:
    from lambundle.bundle.write import epoch_of
    from lambundle.cli import pack_report as report

    epoch = None if is_tree else epoch_of(os.environ)
    with report.progress_bar(plan.unzipped, quiet=quiet) as progress:
        return api.write_bundle(plan, out, as_directory=is_tree, level=level, epoch=epoch, progress=progress)


def _why_lines(plan: Plan, path: str) -> list[str]:
    from lambundle.cli.pack_report import why_lines

    lines = why_lines(plan, path)
    if lines is None:
        raise NotInBundleError(f"{path} is not in the bundle", hint="add it with --add PATH")
    return lines


def _entry_lines(plan: Plan) -> list[str]:
    lines = []
    for entry in plan.manifest.entries:
        why = entry.reasons[0] if entry.reasons else None
        text = "" if why is None else " ".join(part for part in (why.kind, why.detail, why.by or "") if part)
        lines.append(f"{entry.size:>11,}  {entry.path}  {text}".rstrip())
    return lines


def _fail(error: LambundleError) -> NoReturn:
    from lambundle.cli.pack_report import error_text

    click.echo(error_text(error), err=True)
    if isinstance(error, OutputError):
        click.echo("Nothing was written.", err=True)
    sys.exit(error.exit_code)
