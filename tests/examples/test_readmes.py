"""From a fresh clone, the commands in each example's README work as they stand."""

from __future__ import annotations

import filecmp
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.bareroot import UnavailableError
from tests.examples import aws, readme
from tests.integration.conftest import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.examples.conftest import Made

pytestmark = [pytest.mark.integration]


def examples(*names: str) -> pytest.MarkDecorator:
    """Every example by its name, each with one worker for all that is asked of it."""
    chosen = names or readme.NAMES
    return pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in chosen])


@examples()
def test_every_command_of_a_readme_is_in_a_known_section(name: str) -> None:
    sections = [block.section for block in readme.blocks(name) if block.language == "sh"]
    assert tuple(dict.fromkeys(sections)) == readme.SECTIONS


@examples()
@pytest.mark.usefixtures("verifiable")
def test_the_zips_are_verified(name: str, made: Callable[[str], Made]) -> None:
    printed = made(name).run("Verify")
    verdicts = re.findall(r"^(PASS|FAIL|UNKNOWN)  ", printed, re.MULTILINE)
    assert verdicts == ["PASS"] * (4 if name == "cpp-judge" else 1), printed


@examples()
def test_the_size_is_told(name: str, made: Callable[[str], Made]) -> None:
    example = made(name)
    # Figures that take a minute have a test of their own.
    script = readme.commands(name, "See the size").partition("./figures")[0]
    done = readme.run(script, example.directory, {})
    assert done.returncode == 0, done.stdout
    assert "TOTAL" in done.stdout
    assert "250 MiB" in done.stdout


@examples("git-clone")
def test_the_recorded_layer_is_small(name: str, made: Callable[[str], Made]) -> None:
    assert (made(name).out / "layer.zip").stat().st_size < 50_000_000


@examples()
def test_deploying_and_calling_work_as_the_readme_says(
    name: str, made: Callable[[str], Made], pretended_aws: Mapping[str, str]
) -> None:
    example = made(name)
    directory = example.directory
    if name == "ffmpeg-thumbnail":
        (example.out / "event.json").write_text("{}")  # the call's, where nothing was verified before
    example.run("Deploy", "Call", environment=pretended_aws)
    assert (example.out / "answer.json").exists()
    # What a template's zip became is the zip itself, with its links.
    for packaged in example.out.glob("packaged*.yaml"):
        uris = re.findall(r"(?:Code|Content)Uri: (s3://\S+)", packaged.read_text())
        assert uris
        for uri in uris:
            stored = readme.run(f"aws s3 cp --quiet {uri} out/stored.zip", directory, pretended_aws)
            assert stored.returncode == 0, stored.stdout
            copy = example.out / "stored.zip"
            assert any(filecmp.cmp(path, copy, shallow=False) for path in {*example.out.glob("*.zip")} - {copy})


@examples()
def test_templates_are_sound_and_name_the_zips(name: str) -> None:
    if missing := aws.missing_tools():
        unavailable(UnavailableError(f"{', '.join(missing)} not installed: pip install -e '.[examples]'"))
    templates = sorted((readme.EXAMPLES / name).glob("template*.yaml"))
    assert templates
    done = subprocess.run(
        [readme.SCRIPTS / "cfn-lint", "--non-zero-exit-code", "informational", "--", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for template in templates:
        uris = re.findall(r"(?:Code|Content)Uri: (\S+)", template.read_text())
        assert uris
        assert all(re.fullmatch(r"out/\w+\.zip", uri) for uri in uris)
