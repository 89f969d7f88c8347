"""The README says what is so: its screens are real output, its options exist."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import click
import pytest

from lambundle.cli import man
from lambundle.cli.main import cli
from tests.bareroot import UnavailableError
from tests.integration import readme
from tests.integration.conftest import unavailable

RUN_DIFFERS = (
    (r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID"),
    (r"\d[\d,.]*", "N"),
    (r"\bN [KM]iB", "SIZE"),
    # A slow machine times a job once.
    (r"\bN ms \(N to N\)", "N ms"),
    (r", medians of N", ""),
    # A file system in memory does not say what was read of it.
    (r"cold it reads SIZE of SIZE|what it reads cannot be told here", "READ"),
)
"""What differs from run to run, and from one release of a program to the next."""
MACHINE_DIFFERS = (
    (r"^(N )?SIZE (SIZE )?(?!TOTAL|\[).*", r"\1SIZE FILE"),
    (r"(/|lib|ld-)\S*[^\s,]", "FILE"),
    (r"FILE(,? FILE)+", "FILE"),
    (r"^[│├└─ ]+", ""),
)
"""In rows about the files of a program: which those are, and their order, is another matter on each machine."""
ABOUT_FILES = re.compile(r"(N )?SIZE |[│├└]|needed as |FILE$|/\S+$")


def comparable(text: str) -> list[str]:
    """Lines of a screen without what is another on each machine; rows about files once for each form they have."""
    lines: list[str] = []
    for printed in text.splitlines():
        line = replaced(" ".join(printed.split()), RUN_DIFFERS)
        if not ABOUT_FILES.match(line):
            lines.append(line)
        elif (form := replaced(line, MACHINE_DIFFERS)) not in lines:
            lines.append(form)
    return lines


def replaced(line: str, patterns: tuple[tuple[str, str], ...]) -> str:
    for pattern, by in patterns:
        line = re.sub(pattern, by, line)
    return line


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the screens' commands run in."""
    directory = tmp_path_factory.mktemp("readme")
    need("gcc")
    readme.prepare(directory)
    readme.output("lambundle pack -q gcc", directory)  # the bundle of later screens, whichever is tested first
    return directory


def need(*names: str) -> None:
    """Skip where a program or file that a screen is about is not on this machine."""
    if missing := [name for name in names if shutil.which(name) is None and not Path(name).exists()]:
        unavailable(UnavailableError(f"{', '.join(missing)} not installed"))


def test_there_are_screens() -> None:
    assert len(readme.screens()) >= 3


@pytest.mark.parametrize(("command", "printed"), readme.screens(), ids=[screen[0] for screen in readme.screens()])
def test_a_screen_is_what_the_command_prints(
    command: str, printed: str, work: Path, request: pytest.FixtureRequest
) -> None:
    need(*(word for word in command.split() if word in {"gcc", "jq"} or word.startswith("/")))
    if "lambundle verify" in command:
        request.getfixturevalue("sandbox")
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
