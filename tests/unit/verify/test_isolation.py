"""Isolation: what of the host counts as used, and what is the user's own or known to be on Lambda."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import Program
from lambundle.verify.checks.isolation import isolation_check
from lambundle.verify.model import Status
from lambundle.verify.run.trace import Trace
from tests.unit.verify.made import ROOT, STARTED, TOOL, mounted, result, trace

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.verify.model import Check


def checked(*records: str, tree: Path | None = None, status: int = 0) -> Check:
    """Check one run that left these records."""
    place = mounted() if tree is None else mounted(tree)
    return isolation_check([result(status, records=trace(STARTED, *records))], place, "sandbox")


@pytest.mark.parametrize(
    "record",
    [
        f"1 object {ROOT}/usr/lib/libx.so.1",
        "1 object /opt/lib/mine.so",
        "1 object /var/task/mine.so",
        "1 object /tmp/made.so",
        "9 object /usr/lib64/libc.so.6",
        f"1 exec bundle {ROOT}/usr/bin/helper",
        "1 exec host /tmp/compiled",
        "1 exec host /var/task/mine",
        "1 lookup host open /etc/passwd",
    ],
)
def test_what_is_the_bundles_the_users_or_of_no_bundled_program_is_no_breach(record: str) -> None:
    check = checked(record)
    assert check.status is Status.PASS
    assert "(sandbox)" in check.detail


def test_programs_that_lambda_has_are_told_and_pass() -> None:
    check = checked("1 exec host /usr/bin/sed", "1 exec host /bin/ls")
    assert check.status is Status.PASS
    assert "the host's ls, sed" in check.detail


@pytest.mark.parametrize(
    ("record", "detail", "hint"),
    [
        (
            "1 object /usr/lib64/libm.so.6",
            "/usr/bin/tool took the host's /usr/lib64/libm.so.6",
            "--add /usr/lib64/libm",
        ),
        ("1 object /lib64/ld-linux-x86-64.so.2", "started by the host's loader", "launcher"),
        ("1 exec host /usr/bin/perl", "started the host's /usr/bin/perl", "--add /usr/bin/perl"),
        ("1 exec host /usr/local/bin/ls", "started the host's /usr/local/bin/ls", "--add"),
        ("1 object /opt/../usr/lib64/libm.so.6", "took the host's", "--add"),
    ],
)
def test_what_only_the_host_has_is_a_breach(record: str, detail: str, hint: str) -> None:
    check = checked(record)
    assert check.status is Status.FAIL
    assert detail in check.detail
    assert hint in check.hint


def test_breaches_are_all_listed() -> None:
    check = checked("1 object /usr/lib64/liba.so", "1 object /usr/lib64/libb.so")
    assert "and 1 more" in check.detail
    assert len(check.context) == 1


def test_a_host_shell_may_not_interpret_the_bundles_script(tmp_path: Path) -> None:
    script = tmp_path / "lambundle/tool/root/usr/lib/tool/helper"
    script.parent.mkdir(parents=True)
    script.write_text("#!/usr/bin/bash\n")
    records = (
        "1 lookup bundle execve /usr/lib/tool/helper",
        "1 lookup host execve /usr/bin/bash",
        "1 exec host /usr/bin/bash",
    )
    check = checked(*records, tree=tmp_path)
    assert check.status is Status.FAIL
    assert check.detail == "/usr/lib/tool/helper of the bundle was run by the host's /usr/bin/bash"
    script.write_text("no script: it could not be started, and the shell was asked for next")
    assert checked(*records, tree=tmp_path).status is Status.PASS


def test_a_dynamic_program_started_without_the_bundles_loader_is_a_breach(tmp_path: Path) -> None:
    program = tmp_path / "lambundle/tool/root/usr/bin/helper"
    program.parent.mkdir(parents=True)
    shutil.copy("/usr/bin/env", program)
    record = f"1 exec static {ROOT}/usr/bin/helper"
    check = checked(record, tree=tmp_path)
    assert check.status is Status.FAIL
    assert "/usr/bin/helper was started by the host's loader: its own, /lib" in check.detail
    program.write_bytes(b"\x7fELF")
    assert checked(record, tree=tmp_path).status is Status.PASS


def test_a_program_that_did_its_job_and_left_no_trace_had_no_runtime() -> None:
    check = isolation_check([result(records=Trace())], mounted(), "sandbox")
    assert check.status is Status.FAIL
    assert "ran without the bundle's runtime" in check.detail


@pytest.mark.parametrize(
    ("program", "status"), [(TOOL, 1), (None, 0), (Program("bin/tool", "/t", "/t", static=True), 0)]
)
def test_where_nothing_can_be_known_the_check_is_skipped(program: Program | None, status: int) -> None:
    check = isolation_check([result(status, records=Trace(), program=program)], mounted(), "sandbox")
    assert check.status is Status.SKIP
    assert check.detail


def test_a_program_that_failed_before_its_runtime_is_not_said_to_be_none() -> None:
    """Its launcher was started, and its interpreter could not be."""
    check = isolation_check([result(126, "Permission denied", records=Trace())], mounted(), "sandbox")
    assert check.status is Status.SKIP
    assert check.detail == "no program of a bundle left a trace of what it used"


def test_without_lambundles_runtime_there_is_nothing_to_go_by() -> None:
    check = isolation_check([result(program=None)], mounted(is_ours=False), "sandbox")
    assert check.status is Status.SKIP
    assert "runtime" in check.detail


def test_a_trace_that_is_not_whole_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambundle.verify.run.trace.RECORDS_MAX", 1)
    assert checked("1 object /opt/a", "1 object /opt/b").status is Status.SKIP
