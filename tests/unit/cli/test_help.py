"""Help: every command has a text and examples, every option says what it does and whether it may be repeated."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from lambundle.cli.examples import EXAMPLES
from lambundle.cli.main import cli

COMMANDS = [cli, *cli.commands.values()]
OPTIONS = [
    pytest.param(command, option, id=f"{command.name} {option.opts[-1]}")
    for command in COMMANDS
    for option in command.params
    if isinstance(option, click.Option)
]


def help_of(command: click.Command) -> str:
    arguments = ["--help"] if command is cli else [command.name or "", "--help"]
    done = CliRunner().invoke(cli, arguments, prog_name="lambundle")
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_has_help_and_two_to_four_examples(command: click.Command) -> None:
    text = help_of(command)
    assert command.help
    assert 2 <= len(EXAMPLES[command.name or ""]) <= 4
    for example in EXAMPLES[command.name or ""]:
        assert f"  # {example.does}\n  {example.line}\n" in text


def test_only_commands_have_examples() -> None:
    assert EXAMPLES.keys() == {command.name for command in COMMANDS}


@pytest.mark.parametrize("command", cli.commands.values(), ids=lambda command: command.name)
def test_the_first_sentence_is_whole_in_the_list_of_commands(command: click.Command) -> None:
    assert not command.get_short_help_str(limit=60).endswith("...")


@pytest.mark.parametrize("example", [example.line for name in EXAMPLES for example in EXAMPLES[name]])
def test_an_example_is_a_line_that_the_command_takes(example: str) -> None:
    prog, name, *arguments = shlex.split(example)
    assert prog == "lambundle"
    command = cli.commands[name]
    with command.make_context(name, list(arguments)) as context:
        assert context.command is command
    assert len(f"  {example}") <= 80


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_an_option_says_what_it_does(command: click.Command, option: click.Option) -> None:
    assert option.help, f"{command.name} {option.opts}"
    assert option.help[0].isupper()
    assert re.search(r"[.\]]$", option.help)


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_an_option_says_whether_it_may_be_repeated(command: click.Command, option: click.Option) -> None:
    assert ("[repeatable" in (option.help or "")) == option.multiple, f"{command.name} {option.opts}"


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_the_value_of_an_option_has_a_name(command: click.Command, option: click.Option) -> None:
    has_value = not option.is_flag and not isinstance(option.type, click.Choice)
    assert not has_value or option.metavar, f"{command.name} {option.opts}"
