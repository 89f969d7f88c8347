"""The README says what is so: its screens are real output, its options exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest

from lambundle.cli import man
from lambundle.cli.main import cli
from tests.integration import readme

if TYPE_CHECKING:
    from pathlib import Path


def comparable(text: str) -> str:
    """Leave out what differs between two machines: figures, and the places that hang on them."""
    without_ids = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    return re.sub(r"\s+", " ", re.sub(r"\d[\d,.]*", "N", without_ids))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the screens' commands run in."""
    directory = tmp_path_factory.mktemp("readme")
    readme.prepare(directory)
    readme.output("lambundle pack -q gcc", directory)  # the bundle of later screens, whichever is tested first
    return directory


def test_there_are_screens() -> None:
    assert len(readme.screens()) >= 3


@pytest.mark.parametrize(("command", "printed"), readme.screens(), ids=[screen[0] for screen in readme.screens()])
def test_a_screen_is_what_the_command_prints(command: str, printed: str, work: Path) -> None:
    assert comparable(readme.output(command, work)) == comparable(printed)


def test_every_command_is_in_the_readme_and_every_option_there_or_in_the_man_page() -> None:
    text = readme.README.read_text(encoding="utf-8") + man.page().replace("\\-", "-")
    for name, command in cli.commands.items():
        assert f"`lambundle {name}" in readme.README.read_text(encoding="utf-8")
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert any(option in text for option in parameter.opts), f"{name} {parameter.opts}"


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (readme.REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^make (\w+)", readme.README.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
