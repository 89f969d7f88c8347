"""Examples in the help of commands do what they say, as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.cli.examples import EXAMPLES
from tests.integration import readme

if TYPE_CHECKING:
    from collections.abc import Mapping

LINES = [(name, example.line) for name, examples in EXAMPLES.items() for example in examples]
MADE: Mapping[str, str] = {
    "lambundle pack jq -o small.zip --only-recorded --record 'jq -n 1'": "small.zip",
    "lambundle size jq.zip --with function.zip --html size.html": "size.html",
    "lambundle pack jq git -o tools.zip": "tools.zip",
}
"""Files that examples write."""


def shell(line: str, directory: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    return subprocess.run(
        ["sh", "-c", line],
        cwd=directory,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files that examples name: bundles, a function, an event, a recipe."""
    directory = tmp_path_factory.mktemp("examples")
    readme.make_function(directory / "function.zip")
    (directory / "event.json").write_text("{}")
    (directory / "mine.toml").write_text('why = "mine"\nprograms = ["mine"]\n')
    for out in ("jq.zip", "small.zip"):
        done = shell(f"lambundle pack -q jq -o {out}", directory)
        assert done.returncode == 0, done.stderr
    return directory


@pytest.mark.integration
@pytest.mark.xdist_group("help")
@pytest.mark.parametrize(("name", "line"), LINES, ids=[line for _, line in LINES])
def test_an_example_works_as_printed(name: str, line: str, work: Path) -> None:
    done = shell(line, work)
    assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    assert done.stdout
    made = MADE.get(line)
    assert made is None or (work / made).stat().st_size > 0
