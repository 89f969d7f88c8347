"""Each function that the runtime stands before: bundle first, then the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime.conftest import WORLDS
from tests.runtime.functions import PROBES, Probe
from tests.runtime.worlds import PROBED, libc_of

if TYPE_CHECKING:
    from tests.runtime.conftest import Worlds

ROWS = [
    pytest.param(name, probe, id=f"{name}-{probe.name}")
    for name in WORLDS
    for probe in PROBES
    if libc_of(name) in probe.libcs
]


@pytest.mark.parametrize(("name", "probe"), ROWS)
def test_function_takes_the_bundles_file_before_the_hosts(worlds: Worlds, name: str, probe: Probe) -> None:
    world = worlds(name)
    done = world.run("probe", probe.name, world.data / probe.directory, world.root)
    assert done.out.splitlines() == [f"{case} {answer}" for case, answer in zip(PROBED, probe.answers, strict=True)]
    assert done.err == ""
