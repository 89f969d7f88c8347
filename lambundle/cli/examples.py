"""Examples of every command: in its ``--help`` and in the man page, and run as they stand by the tests."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import click


@dataclass(frozen=True, slots=True)
class Example:
    """A command line, and what it does in a few words."""

    does: str
    line: str


EXAMPLES = MappingProxyType(
    {
        "lambundle": (
            Example("pack jq as jq.zip", "lambundle pack jq"),
            Example("prove that it works on Lambda", "lambundle verify jq.zip"),
            Example("see what every megabyte is for", "lambundle size jq.zip"),
        ),
        "pack": (
            Example("jq with all that it needs, as jq.zip", "lambundle pack jq"),
            Example("two programs in one zip", "lambundle pack jq git -o tools.zip"),
            Example(
                "no more than a run of it used", "lambundle pack jq -o small.zip --only-recorded --record 'jq -n 1'"
            ),
            Example("why a file is in the bundle", "lambundle pack jq --dry-run --why /bin/sh"),
        ),
        "verify": (
            Example("check the zip, and run the smoke job of each program", "lambundle verify jq.zip"),
            Example("run a command of your own instead", "lambundle verify jq.zip -- jq -n 1"),
            Example("look at the zip only", "lambundle verify jq.zip --static"),
            Example("invoke a function", "lambundle verify function.zip --layer jq.zip --event event.json"),
        ),
        "size": (
            Example("the largest files, why each is there, what to drop", "lambundle size jq.zip"),
            Example("add up by package, show all", "lambundle size jq.zip --by package -n 0"),
            Example(
                "a layer and its function together, as a page",
                "lambundle size jq.zip --with function.zip --html size.html",
            ),
            Example("what changed since another bundle", "lambundle size jq.zip --against small.zip"),
        ),
        "deps": (
            Example("the libraries of git, each with the rule that found it", "lambundle deps git"),
            Example("those of two programs, as JSON", "lambundle deps git jq --json"),
        ),
        "recipes": (
            Example("the recipes that come with lambundle", "lambundle recipes"),
            Example("one of your own among them, as JSON", "lambundle recipes --recipe mine.toml --json"),
        ),
    }
)
"""By the command's name."""


def lines(name: str) -> list[str]:
    """The examples of a command as a shell takes them: what each does is a comment above it."""
    return [line for example in EXAMPLES[name] for line in (f"# {example.does}", example.line)]


class CommandWithExamples(click.Command):
    """A command whose help ends with its examples."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, each line as it is."""
        write_examples(self, formatter)
        super().format_epilog(ctx, formatter)


def write_examples(command: click.Command, formatter: click.HelpFormatter) -> None:
    """Write the examples of a command below its options."""
    with formatter.section("Examples"):
        for line in lines(command.name or ""):
            formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
