"""The command ``lambundle deps``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lambundle import api
from lambundle.cli.examples import CommandWithExamples
from lambundle.errors import EXIT_NO

_DIRECTORY = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(cls=CommandWithExamples)
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
    from lambundle.cli.pack_screen import note_line
    from lambundle.cli.speaker import Speaker
    from lambundle.cli.terminal import Terminal
    from lambundle.gather.library_path import found_by_variable

    machine = api.open_machine(root)
    closure = api.find_libraries(programs, machine=machine, library_path=library_path)
    say = Speaker(quiet=as_json, out=Terminal.of(sys.stdout, keep_bytes=True))
    note = found_by_variable(machine, library_path, closure)
    say.remarks([] if note is None else [note_line(note)])
    if as_json:
        from lambundle.cli.deps_json import to_json

        say.out.write_json(to_json(closure))
    else:
        from lambundle.cli.deps_screen import tree_lines

        say.answers(tree_lines(closure, unicode=say.out.unicode))
    if closure.missing:
        sys.exit(EXIT_NO)
