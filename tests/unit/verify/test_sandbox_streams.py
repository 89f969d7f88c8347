"""Streams feed a run and keep its output, whatever the run does with its ends."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from lambundle.verify.sandbox import stdin, streams
from lambundle.verify.sandbox.stdin import SharedInput
from lambundle.verify.sandbox.streams import feeding


def run(script: str, stdin: bytes = b"") -> tuple[bytes, bytes, int]:
    with feeding(stdin) as ends:
        process = subprocess.Popen(["sh", "-c", script], stdin=ends.stdin, stdout=ends.stdout, stderr=ends.stderr)
    process.wait()
    return ends.finish(10)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_input_goes_in_and_both_outputs_come_out() -> None:
    content = bytes(range(256)) * 4096
    assert run("cat; echo err >&2", content) == (content, b"err\n", 0)


def test_a_run_need_not_read() -> None:
    assert run("echo out", b"x" * 1_000_000) == (b"out\n", b"", 0)


def test_input_is_read_after_the_outputs_were_closed(tmp_path: Path) -> None:
    run(f"exec >&- 2>&-; cat > {tmp_path}/all", b"x" * 500_000)
    assert (tmp_path / "all").stat().st_size == 500_000


def test_what_is_over_the_limit_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "OUTPUT_LIMIT", 1000)
    out, err, dropped = run("head -c 5000 /dev/zero; head -c 200 /dev/zero >&2")
    assert (len(out), len(err), dropped) == (1000, 200, 4000)


def test_somebody_who_holds_the_output_open_is_not_waited_for() -> None:
    with feeding(b"") as ends:
        kept = os.dup(ends.stdout)
        os.write(kept, b"before")
    assert ends.finish(0.05) == (b"before", b"", 0)
    os.close(kept)


def test_nothing_stays_open() -> None:
    before = open_files()
    run("cat", b"x")
    with pytest.raises(ZeroDivisionError), feeding(b"x"):
        raise ZeroDivisionError
    assert open_files() == before


def shared(script: str, input_: SharedInput) -> bytes:
    with feeding(input_) as ends:
        process = subprocess.Popen(["sh", "-c", script], stdin=ends.stdin, stdout=ends.stdout, stderr=ends.stderr)
    process.wait()
    return ends.finish(10)[0]


def test_what_one_run_read_the_next_ones_read_again_and_go_on() -> None:
    source, ours = os.pipe()
    content = bytes(range(1, 256)) * 2000
    input_ = SharedInput(source=source)
    os.write(ours, b"first\n")
    assert shared("head -n 1", input_) == b"first\n"
    assert shared("true", input_) == b""
    os.write(ours, content[:60_000])
    os.close(ours)
    assert shared("cat", input_) == b"first\n" + content[:60_000]
    assert shared("cat", input_) == b"first\n" + content[:60_000]
    os.close(source)


def test_an_input_that_does_not_come_holds_up_nobody_who_does_not_read_it() -> None:
    source, ours = os.pipe()
    begun = time.monotonic()
    before = open_files()
    assert shared("echo out", SharedInput(source=source)) == b"out\n"
    assert time.monotonic() - begun < 5
    assert open_files() == before
    os.close(ours)
    os.close(source)


def test_a_file_and_the_null_device_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    with (tmp_path / "file").open("rb") as file, Path("/dev/null").open("rb") as null:
        input_ = SharedInput(source=file.fileno())
        assert [shared("wc -c", input_).strip() for _ in range(2)] == [b"300000"] * 2
        assert shared("wc -c", SharedInput(source=null.fileno())).strip() == b"0"


def test_of_an_endless_input_so_much_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdin, "INPUT_LIMIT", 100_000)
    with Path("/dev/zero").open("rb") as zero:
        input_ = SharedInput(source=zero.fileno())
        assert shared("wc -c", input_).strip() == b"100000"
    assert input_.is_cut
