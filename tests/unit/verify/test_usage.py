"""Memory and /tmp against their limits."""

from __future__ import annotations

import pytest

from lambundle.verify.checks.limits import memory_check, tmp_check
from lambundle.verify.model import Status
from lambundle.verify.sandbox.interface import MIB, Limits
from tests.unit.verify.made import result

LIMITS = Limits(memory=256 * MIB, tmp=512 * MIB)


def test_the_highest_peak_is_told_with_its_limit() -> None:
    runs = [result(memory=30 * MIB, tmp=MIB // 2), result(memory=50 * MIB, tmp=2 * MIB)]
    assert (memory_check(runs, LIMITS).status, memory_check(runs, LIMITS).detail) == (
        Status.PASS,
        "50 MiB of 256 MiB at most, mapped files not counted",
    )
    assert tmp_check(runs, LIMITS).detail == "2 MiB of 512 MiB at most"


def test_what_cannot_be_measured_is_skipped() -> None:
    assert memory_check([result()], LIMITS).status is Status.SKIP
    assert tmp_check([result()], LIMITS).status is Status.SKIP


def test_too_little_memory_fails_with_what_to_try() -> None:
    check = memory_check([result(137, ended_by="memory", memory=256 * MIB)], LIMITS)
    assert check.status is Status.FAIL
    assert "256 MiB" in check.detail
    assert "--memory 512" in check.hint


@pytest.mark.parametrize(
    ("stderr", "used"),
    [("cp: write error: No space left on device", 100 * MIB), ("quota?", 511 * MIB)],
)
def test_a_full_tmp_fails_with_what_to_try(stderr: str, used: int) -> None:
    check = tmp_check([result(1, stderr, tmp=used)], LIMITS)
    assert check.status is Status.FAIL
    assert "--tmp 1024" in check.hint


def test_a_full_tmp_that_did_no_harm_is_no_failure_but_told() -> None:
    check = tmp_check([result(0, tmp=512 * MIB)], LIMITS)
    assert check.status is Status.PASS
    assert check.detail.startswith("512 MiB of 512 MiB at most: it was full, which no run failed for; try --tmp 1024")
    assert "full" not in tmp_check([result(0, tmp=400 * MIB)], LIMITS).detail
    assert tmp_check([result(1, "other", tmp=MIB)], LIMITS).status is Status.PASS


def test_nothing_beyond_lambdas_own_limit_is_advised() -> None:
    check = memory_check([result(137, ended_by="memory")], Limits(memory=10_240 * MIB))
    assert "10,240" in check.hint
    assert "--memory 512" in tmp_check_hint(1).replace("--tmp", "--memory")


def tmp_check_hint(size: int) -> str:
    """The hint where /tmp has so many MiB."""
    return tmp_check([result(1, "No space left on device")], Limits(tmp=size * MIB)).hint
