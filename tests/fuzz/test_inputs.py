"""Every target reads its seeds, and what fuzzing once found, without harm; the command names targets that there are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

HERE = Path(__file__).parent
INPUTS = sorted(path for top in ("seeds", "found") for path in (HERE / top).glob("*/*"))


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_inputs_are_read_at_once(path: Path) -> None:
    before = time.process_time()
    TARGETS[path.parent.name](path.read_bytes())
    assert time.process_time() - before < 5


@pytest.mark.parametrize("name", TARGETS)
def test_each_target_has_seeds(name: str) -> None:
    assert any((HERE / "seeds" / name).iterdir())


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_and_noise_are_read(name: str) -> None:
    for data in (b"", b"\0", b"\n" * 5000, b"\xff" * 5000, bytes(range(256)) * 20):
        TARGETS[name](data)
