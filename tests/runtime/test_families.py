"""Each function that the runtime stands before: bundle first, then the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lief
import pytest

from lambundle import runtime
from tests.runtime.conftest import WORLDS
from tests.runtime.functions import ELSEWHERE, PROBES, Probe
from tests.runtime.worlds import PROBED, _compilers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.worlds import World

ROWS = [
    pytest.param(name, probe, id=f"{name}-{probe.name}")
    for name in WORLDS
    for probe in PROBES
    if _compilers(name)[1] in probe.libcs
]


@pytest.mark.parametrize(("name", "probe"), ROWS)
def test_function_takes_the_bundles_file_before_the_hosts(
    worlds: Callable[[str], World], name: str, probe: Probe
) -> None:
    world = worlds(name)
    done = world.run("probe", probe.name, world.data / probe.directory, world.root)
    assert done.out.splitlines() == [
        f"{case} {answer}" for case, answer in zip(PROBED, probe.answers, strict=True)
    ]
    assert done.err == ""
