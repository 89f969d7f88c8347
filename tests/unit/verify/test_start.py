"""Cold and warm starts, and what a run brings into the page cache."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambundle.verify.checks.start import start_check
from lambundle.verify.model import RunReport, Status
from lambundle.verify.run.jobs import Job, Origin
from lambundle.verify.run.page_cache import FEW, PageCache, touched_files
from lambundle.verify.run.result import JobResult
from lambundle.verify.run.trace import Trace
from lambundle.verify.sandbox.interface import MIB, Outcome
from tests.unit.verify.made import ROOT, mounted, result, trace

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_dropped_and_read_again_is_counted_in_pages(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/big").write_bytes(b"x" * 300_000)
    (tmp_path / "small").write_bytes(b"x")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("small")
    for path in ("below/big", "small"):  # what has not reached the disk cannot be dropped
        with (tmp_path / path).open("rb+") as file:
            os.fsync(file.fileno())
    cache = PageCache(touched_files(Trace(), mounted(tmp_path)))
    assert cache.size == 74 * 4096 + 4096
    assert cache.resident() == cache.size
    left = cache.drop()
    if left == cache.size:
        pytest.skip("files here are in memory only")
    assert left == 0
    assert cache.brought_in(left) == 0
    (tmp_path / "small").read_bytes()
    assert cache.brought_in(left) == 4096


def test_of_a_large_bundle_only_what_the_trace_names_is_dropped(tmp_path: Path) -> None:
    root = tmp_path / "lambundle/tool/root"
    names = ["usr/bin/tool", "usr/lib/libx.so.1.2", "usr/share/data", "usr/lib/locale/C/x", "other"]
    files = {name: root / name for name in names} | {"launcher": tmp_path / "bin/tool"}
    for path in (*files.values(), *(root / "many" / str(number) for number in range(FEW))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (root / "usr/lib/libx.so.1").symlink_to("libx.so.1.2")
    records = trace(
        f"1 start {ROOT}/usr/bin/tool",
        f"1 object {ROOT}/usr/lib/libx.so.1",
        "1 lookup bundle open /usr/share/data",
        "1 lookup nowhere open /other",
    )
    touched = set(touched_files(records, mounted(tmp_path)))
    assert touched == {str(path) for name, path in files.items() if name != "other"}
    assert len(touched_files(Trace(), mounted(tmp_path))) == FEW + len(files)


def test_where_too_much_stays_in_memory_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 4096 * 10)
    cache = PageCache([str(tmp_path / "file")])
    assert cache.brought_in(4096 * 5) is None
    assert cache.brought_in(0) == cache.resident()


def test_a_file_that_cannot_be_opened_counts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    cache = PageCache([str(path)])
    path.unlink()
    assert cache.resident() == 0


def measured(cold: float, warm: float, read: int | None, name: str = "tool") -> JobResult:
    """A job that was done twice."""
    job = Job(("x",), Origin.COMMAND, "did", name=name)
    first, again = Outcome(0, b"", b"", 9), Outcome(0, b"", b"", warm)
    return JobResult(job, first, Outcome(0, b"", b"", cold), again, read=read)


def test_both_times_and_what_was_read_are_told() -> None:
    check = start_check([measured(1.234, 0.1, 3 * MIB)], 10 * MIB)
    assert check.status is Status.PASS
    assert check.detail == "cold 1,234 ms, warm 100 ms; cold it reads 3.0 MiB of 10.0 MiB"
    assert "cannot be told" in start_check([measured(1, 1, None)], 1).detail


def test_of_several_runs_the_median_and_the_spread_are_told() -> None:
    several = replace(measured(5, 4, MIB), colds=(5, 1, 2), warms=(0.3, 0.1, 0.2))
    told = "cold 2,000 ms (1,000 to 5,000), warm 200 ms (100 to 300), medians of 3; cold it reads"
    assert start_check([several], MIB).detail.startswith(told)


def test_warm_events_of_a_function_are_told_by_their_median() -> None:
    runs = tuple(RunReport("ok", "", "", ms, event=str(ms)) for ms in (50.0, 3, 1, 9))
    job = Job(("bootstrap",), Origin.FUNCTION, "did", name="bootstrap")
    check = start_check([JobResult(job, Outcome(0, b"", b"", 1), read=MIB, invocations=runs)], MIB)
    assert check.detail.startswith("50 ms, warm 3 ms (1 to 9); ")


def test_of_several_the_slowest_is_told() -> None:
    check = start_check([measured(1, 0.1, 0, "a"), measured(2, 0.1, 0, "b"), result(1)], MIB)
    assert check.detail.startswith("b, the slowest: cold 2,000 ms")
    assert [line[:2] for line in check.context] == ["a:", "b:"]


def test_a_task_that_failed_is_not_measured() -> None:
    assert start_check([result(1)], MIB).status is Status.SKIP


def test_a_function_is_told_by_its_init() -> None:
    runs = (RunReport("ok", "", "", 12.4, event="a", init_ms=100.2), RunReport("ok", "", "", 3, event="b"))
    job = Job(("bootstrap",), Origin.FUNCTION, "did", name="bootstrap")
    check = start_check([JobResult(job, Outcome(0, b"", b"", 1), read=MIB, invocations=runs)], MIB)
    assert check.detail == "init 100 ms, then 12 ms, warm 3 ms; cold it reads 1.0 MiB of 1.0 MiB"
