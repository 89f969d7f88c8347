"""The worlds, each built once by each worker that needs it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import pytest

from tests.bareroot import UnavailableError, required
from tests.runtime.worlds import World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator

WORLDS = ("glibc", "musl", "old-loader", "glibc-2.31", "sanitized")


class Worlds(Protocol):
    """Gives a world by its name."""

    def __call__(self, name: str, /) -> World: ...


def unavailable(reason: UnavailableError) -> NoReturn:
    """Skip a test for want of a tool, or fail it where everything has to be there."""
    if required():
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason))


@pytest.fixture(scope="session")
def outside_tmp() -> Iterator[Path]:
    """Return a directory that is not below /tmp: what is packed from there is looked up in the bundle."""
    with tempfile.TemporaryDirectory(prefix="lambundle-test-", dir="/var/tmp") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def worlds(outside_tmp: Path) -> Worlds:
    made: dict[str, World | UnavailableError] = {}

    def get(name: str) -> World:
        if name not in made:
            try:
                made[name] = make_world(name, outside_tmp)
            except UnavailableError as reason:
                made[name] = reason
                shutil.rmtree(outside_tmp / name, ignore_errors=True)
        world = made[name]
        if isinstance(world, UnavailableError):
            unavailable(world)
        return world

    return get


@pytest.fixture(params=WORLDS)
def world(worlds: Worlds, request: pytest.FixtureRequest) -> World:
    """Return one world after the other."""
    return worlds(request.param)


@pytest.fixture
def glibc(worlds: Worlds) -> World:
    """Return the world of a usual program on this machine."""
    return worlds("glibc")
