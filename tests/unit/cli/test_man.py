"""The man page is the one that the commands make, says all of them, and is roff without a fault."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import NoReturn

import click
import pytest

from lambundle.cli import man
from lambundle.cli.examples import EXAMPLES
from lambundle.cli.main import cli
from tests.bareroot import UnavailableError, required

REPOSITORY = Path(__file__).parents[3]
PAGE = REPOSITORY / "docs/man/lambundle.1"


def unavailable(reason: UnavailableError) -> NoReturn:
    if required():
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason))


def test_the_page_is_the_one_that_the_commands_make() -> None:
    made = man.page()
    assert PAGE.read_text(encoding="ascii") == made, "run: make man"


def test_every_command_option_and_example_is_in_the_page() -> None:
    text = man.page()
    for command in cli.commands.values():
        section = text.partition(f"\n.SS lambundle {command.name}\n")[2].partition("\n.S")[0]
        for option in command.params:
            if isinstance(option, click.Option):
                assert all(f"\\fB{name}\\fR".replace("-", "\\-") in section for name in option.opts)
        for example in EXAMPLES[command.name or ""]:
            assert example.line.replace("-", "\\-").replace("'", "\\(aq") in section


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (".so file", "\\&.so file"),
        ("'quoted'", "\\(aqquoted\\(aq"),
        ("--add a\\b", "\\-\\-add a\\eb"),
    ],
)
def test_no_text_is_a_request(text: str, written: str) -> None:
    assert man.roff(text) == written


def test_it_is_formatted_without_a_warning() -> None:
    formatters = (("groff", "-man", "-Tascii", "-ww"), ("mandoc", "-T", "ascii", "-W", "error"))
    found = [command for command in formatters if shutil.which(command[0])]
    if not found:
        unavailable(UnavailableError("groff is not installed: apt-get install groff-base"))
    for command in found:
        done = subprocess.run([*command, str(PAGE)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "lambundle pack jq -o small.zip --only-recorded --record 'jq -n 1'" in done.stdout


def test_the_wheel_carries_it() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {str(PAGE.relative_to(REPOSITORY)): "share/man/man1/lambundle.1"}
