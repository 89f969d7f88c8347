"""Each example, made once as its README says, for all tests of it."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.bareroot import UnavailableError
from tests.examples import aws, readme
from tests.integration.conftest import sandbox, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.bareroot import Sandbox

__all__ = ["sandbox"]

PACKED = {
    "cpp-judge": ("gcc", "g++", "/usr/bin/python3"),
    "ffmpeg-thumbnail": ("ffmpeg",),
    "git-clone": ("git",),
    "jq-node": ("jq", "node"),
}
"""Programs that the examples pack, or need for being verified."""


@dataclass(frozen=True, slots=True)
class Made:
    """An example that was made: its name, its directory, and in ``out`` there what was made."""

    name: str
    directory: Path

    @property
    def out(self) -> Path:
        return self.directory / "out"

    def run(self, *sections: str, environment: Mapping[str, str] | None = None) -> str:
        """Run the commands of the README's sections; gives what they print."""
        done = readme.run(readme.commands(self.name, *sections), self.directory, environment or {})
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Made]]:
    """Make an example, the first time that somebody asks for it."""
    found: dict[str, Made] = {}

    def make(name: str) -> Made:
        if name not in found:
            found[name] = _make(name, tmp_path_factory.mktemp(name))
        return found[name]

    yield make
    # Hundreds of megabytes each, of which pytest would keep three sessions'.
    for example in found.values():
        shutil.rmtree(example.out)


def _make(name: str, directory: Path) -> Made:
    for program in (*PACKED[name], "git"):
        if shutil.which(program) is None:
            unavailable(UnavailableError(f"{program} is not installed"))
    top = readme.checkout(directory)
    done = readme.run(readme.commands(name, "Make"), top, {})
    assert done.returncode == 0, done.stdout
    return Made(name, top / "examples" / name)


@pytest.fixture
def verifiable(sandbox: Sandbox) -> Sandbox:
    """What ``lambundle verify`` needs is what the bare root needs."""
    return sandbox


@pytest.fixture
def pretended_aws() -> Iterator[Mapping[str, str]]:
    """The variables that lead ``aws`` to an empty AWS of moto."""
    if missing := aws.missing_tools():
        unavailable(UnavailableError(f"{', '.join(missing)} not installed: pip install -e '.[examples]'"))
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(aws.pretended())
