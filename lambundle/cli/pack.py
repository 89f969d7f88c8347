"""The command ``lambundle pack``."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lambundle import api
from lambundle.cli.examples import CommandWithExamples
from lambundle.errors import RecordingError, UsageError

if TYPE_CHECKING:
    from lambundle.bundle.write import Written
    from lambundle.cli.speaker import Speaker
    from lambundle.pack.request import Plan, Recorded

_DIRECTORY = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(cls=CommandWithExamples)
@click.argument("programs", nargs=-1, required=True, metavar="PROGRAM...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="The zip to write.  [default: NAME.zip]"
)
@click.option("--force", is_flag=True, help="Replace FILE even if it is no bundle.")
@click.option(
    "--tree",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the unpacked bundle to this directory instead.",
)
@click.option("--name", metavar="NAME", help="Name of the bundle.  [default: the first program's]")
@click.option("--add", multiple=True, metavar="PATH", help="Add a file, or a directory with all it holds. [repeatable]")
@click.option(
    "--package", multiple=True, metavar="NAME", help="Add an installed package, with what it needs. [repeatable]"
)
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
    force: bool,
    tree: Path | None,
    name: str | None,
    add: tuple[str, ...],
    package: tuple[str, ...],
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
    from lambundle.cli import pack_screen as screen
    from lambundle.cli.pack_json import pack_json
    from lambundle.cli.speaker import Speaker
    from lambundle.cli.terminal import Terminal

    if tree is not None and output is not None:
        raise UsageError("--tree and --output exclude each other", hint="give one of them")
    if only_recorded and not record:
        raise UsageError("--only-recorded needs --record", hint="give the command to record: --record 'COMMAND'")
    if record and root is not None:
        raise UsageError(
            "--record runs a command on this machine, and --root packs another",
            hint="pack inside that root, or name what is needed with --add PATH",
        )
    if not dry_run:
        _check_output(output, tree, () if root else (*programs, *add, *recipe), force=force)
    recorded, notes = _record(record, only=only_recorded) if record else (None, ())
    gc.disable()  # a plan makes hundreds of thousands of objects and drops few: collecting costs a tenth of its time
    plan = api.make_plan(
        programs,
        machine=api.open_machine(root),
        name=name,
        add=add,
        package=package,
        exclude=exclude,
        library_path=library_path,
        recipes=recipe,
        recorded=recorded,
    )
    out = tree or output or Path(f"{plan.manifest.name}.zip")
    say = Speaker(quiet=quiet or as_json, out=Terminal.of(sys.stdout, keep_bytes=True))
    say.remarks(screen.note_lines((*notes, *plan.notes), all_of_them=verbose))
    say.answers(screen.plan_lines(plan))
    say.answers(screen.entry_lines(plan) if verbose else [])
    say.answers([] if why is None else screen.why_lines(plan, why))
    written = None if dry_run else _write(plan, out, say, is_tree=tree is not None, level=level, force=force)
    if written is None:
        say.answers(screen.planned_lines(plan))
    else:
        say.answers(screen.written_lines(out, written))
        say.err.write(screen.warnings(written))
        say.answers([screen.next_line(out)])
    if as_json:
        say.out.write_json(pack_json(plan, written, None if tree else out, tree))
    elif quiet and written is not None:
        say.out.write_bare(str(out))


def _check_output(output: Path | None, tree: Path | None, inputs: tuple[str | Path, ...], *, force: bool) -> None:
    """Refuse an output that cannot be written, before all the work; what is packed is known after it."""
    from lambundle.bundle.write.outputs import check_output, check_place, check_tree_output

    if tree is not None:
        check_tree_output(tree)
    elif output is not None:
        check_output(output, inputs=filter(os.path.isfile, inputs), force=force)
    else:
        check_place(Path("NAME.zip"))


def _record(commands: tuple[str, ...], *, only: bool) -> tuple[Recorded, tuple[str, ...]]:
    from lambundle.pack.request import Recorded

    recording = api.record_commands(commands)
    for command, status in zip(commands, recording.status, strict=True):
        if status != 0:
            raise RecordingError(
                f"the recorded command ended with {status}: {command}", hint="give a command that does its job here"
            )
    return Recorded(recording.files, only, commands), recording.notes


def _write(plan: Plan, out: Path, say: Speaker, *, is_tree: bool, level: int, force: bool) -> Written:
    from lambundle.bundle.write import epoch_of
    from lambundle.cli.waiting import progress_bar

    epoch = None if is_tree else epoch_of(os.environ)
    with progress_bar(say.err, plan.unzipped, quiet=say.quiet) as progress:
        return api.write_bundle(
            plan, out, as_directory=is_tree, level=level, epoch=epoch, force=force, progress=progress
        )
