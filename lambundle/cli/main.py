"""The command line: its commands, and how errors are told. Each command imports what is heavy when it is called."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from lambundle import __version__
from lambundle.cli import ending
from lambundle.cli.deps import deps
from lambundle.cli.examples import write_examples
from lambundle.cli.pack import pack
from lambundle.cli.recipes import recipes
from lambundle.cli.size import size
from lambundle.cli.verify import verify
from lambundle.errors import LambundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Commands(click.Group):
    """A group whose commands have examples, and raise LambundleError for whatever a person can act on."""

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


for command in (pack, deps, recipes, verify, size):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit, whatever becomes of the standard streams and whenever Ctrl-C comes."""
    ending.run(lambda: cli.main(args=arguments, prog_name="lambundle", standalone_mode=False))


def _fail(error: LambundleError) -> NoReturn:
    from lambundle.cli.error_screen import error_lines
    from lambundle.cli.terminal import Terminal

    terminal = Terminal.of(sys.stderr)
    terminal.write(error_lines(error, terminal))
    sys.exit(error.exit_code)
