"""The man page, made from the commands themselves: ``python -m lambundle.cli.man`` prints it.

Written for man(7) of groff and mandoc, in ASCII, so that it is the same wherever it is made.
"""

from __future__ import annotations

import inspect
import re
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from lambundle import __version__
from lambundle.cli.examples import EXAMPLES, lines
from lambundle.cli.main import cli
from lambundle.errors import EXIT_NO, EXIT_UNKNOWN, EXIT_USAGE, EXIT_YES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

EXIT_STATUS: Mapping[str, str] = MappingProxyType(
    {
        str(EXIT_YES): "The answer is yes, or the bundle was written.",
        str(EXIT_NO): "The answer is no, or a program, library or file cannot be packed.",
        str(EXIT_USAGE): "Wrong usage.",
        str(EXIT_UNKNOWN): "The answer could not be found out, or not be written.",
        "130": "Interrupted by Ctrl-C.",
    }
)

ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "PATH": "Where programs that are named without a slash are found.",
        "LD_LIBRARY_PATH": "Directories that pack and deps search for libraries, as the loader does; not with --root.",
        "SOURCE_DATE_EPOCH": "The time of every entry of a zip, in seconds since 1970; 1980-01-01 without it.",
        "NO_COLOR": "Print without colours.",
        "COLUMNS": "The width of the terminal.",
        "FORCE_COLOR": "Print as on a terminal, with colours, even into a pipe.",
        "XDG_CACHE_HOME": "Where verify keeps the sandbox's host; ~/.cache without it.",
        "DOCKER_HOST": "The Docker engine of verify --sandbox docker.",
        "LAMBUNDLE_HOST_ROOT": "A directory that the bubblewrap sandbox of verify takes as the host.",
        "LAMBUNDLE_HOME": (
            "Set where a bundled program runs: the HOME that its launcher gives it where none is set, /tmp without it; "
            "none for none."
        ),
        "LAMBUNDLE_TRACE": (
            "Set where a bundled program runs: a file to which it appends what it looked up, started and loaded."
        ),
    }
)

FILES: Mapping[str, str] = MappingProxyType(
    {
        "bin/PROGRAM": "In a bundle, the launcher of a program.",
        "lambundle/NAME/root": "The files of the bundle, below their own absolute paths.",
        "lambundle/NAME/runtime": "The library that serves them, and its configuration.",
        "lambundle/NAME/manifest.json": "Every entry with its digest and the reasons why it is there.",
    }
)

SEE_ALSO = ("ld.so(8)", "ldd(1)", "bwrap(1)", "docker(1)", "zip(1)")


def page() -> str:
    """Return the page as roff."""
    return "".join(f"{line}\n" for line in _page())


def main() -> None:
    """Print the page."""
    sys.stdout.write(page())


def _page() -> Iterator[str]:
    first, *rest = _paragraphs(cli)
    yield '.\\" Made by "python -m lambundle.cli.man": change the commands, not this file.'
    yield f'.TH LAMBUNDLE 1 "" "lambundle {__version__}" "User Commands"'
    yield ".nh"
    yield ".SH NAME"
    yield f"lambundle \\- {roff(first[:1].lower() + first[1:].rstrip('.'))}"
    yield ".SH SYNOPSIS"
    for command in _commands():
        yield _usage(command)
        yield ".br"
    yield f"{_bold('lambundle')} {_bold('--version')}"
    yield ".SH DESCRIPTION"
    yield from _prose(rest)
    yield from _examples(cli)
    yield ".SH COMMANDS"
    for command in _commands():
        yield from _section(command)
    for title, table in (("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        yield f".SH {title}"
        yield from _table((_bold(name), text) for name, text in table.items())
    yield ".SH SEE ALSO"
    yield ", ".join(f"{_bold(name)}({rest}" for name, _, rest in (item.partition("(") for item in SEE_ALSO))


def _commands() -> list[click.Command]:
    return [cli.commands[name] for name in EXAMPLES if name in cli.commands]


def _section(command: click.Command) -> Iterator[str]:
    yield f".SS lambundle {roff(command.name or '')}"
    yield _usage(command)
    yield ".PP"
    yield from _prose(_paragraphs(command))
    options = [item for item in command.params if isinstance(item, click.Option) and not item.hidden]
    yield from _table((_declaration(option), _meaning(option)) for option in options)
    yield from _examples(command)


def _usage(command: click.Command) -> str:
    arguments = [
        item.metavar or (item.name or "").upper() for item in command.params if isinstance(item, click.Argument)
    ]
    return " ".join((_bold("lambundle"), _bold(command.name or ""), "[\\fIOPTION\\fR]...", *map(roff, arguments)))


def _declaration(option: click.Option) -> str:
    names = ", ".join(map(_bold, option.opts))
    if option.is_flag:
        return names
    kind = option.type
    value = "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else option.metavar or ""
    return f"{names} \\fI{roff(value)}\\fR"


def _meaning(option: click.Option) -> str:
    text = re.sub(r" +", " ", option.help or "")
    facts = [f"default: {option.default}"] if option.show_default else []
    if isinstance(option.type, click.IntRange | click.FloatRange) and option.type.max is not None:
        facts.append(f"{option.type.min:,} to {option.type.max:,}")
    return f"{text} [{'; '.join(facts)}]" if facts else text


def _paragraphs(command: click.Command) -> list[str]:
    text = inspect.cleandoc(command.help or "")
    return [re.sub(r"\s+", " ", paragraph) for paragraph in text.split("\n\n")]


def _prose(paragraphs: Iterable[str]) -> Iterator[str]:
    yield "\n.PP\n".join(map(roff, paragraphs))


def _examples(command: click.Command) -> Iterator[str]:
    yield ".PP"
    yield "Examples:"
    yield ".PP"
    yield ".nf"
    yield ".RS 4"
    for line in lines(command.name or ""):
        yield roff(line)
    yield ".RE"
    yield ".fi"


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for head, text in rows:
        yield ".TP"
        yield head
        yield roff(text)


def _bold(text: str) -> str:
    return f"\\fB{roff(text)}\\fR"


def roff(text: str) -> str:
    """Write text that roff takes as it is: a hyphen can be searched for and pasted, no line is a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    main()
