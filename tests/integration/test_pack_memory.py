"""Packing a large program fits into a small build machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bareroot import UnavailableError
from tests.bench.groups import PEAK
from tests.bench.measure import peak
from tests.bench.rivals import installed, lambundle
from tests.integration.conftest import unavailable

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def test_packing_ffmpeg_takes_less_than_300_mb(tmp_path: Path) -> None:
    try:
        program = installed("ffmpeg")
    except UnavailableError as reason:
        unavailable(reason)
    ballast = b"x" * PEAK  # what the process that asks holds is not the command's
    assert peak([lambundle(), "pack", "-q", program, "-o", tmp_path / "ffmpeg.zip"]) < PEAK
    assert len(ballast) == PEAK
