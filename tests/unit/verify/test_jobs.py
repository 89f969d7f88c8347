"""What is run of a bundle, and what its ends say."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import Kind, Program, Smoke
from lambundle.recipes.recipe import Recipe
from lambundle.verify.checks.smoke import smoke_check
from lambundle.verify.model import RunReport, Status
from lambundle.verify.run.jobs import MAX_NAME, PRELUDE, Job, Origin, jobs
from lambundle.verify.run.result import JobResult
from tests.unit.verify.made import TOOL, manifest, member, mounted, outcome, result, subject

if TYPE_CHECKING:
    from pathlib import Path

JOB = Smoke("did a job", '"$P" -x\n')
BOOK = [Recipe("tools", "", ("tool",), smoke=JOB)]
BINS = (member("bin/tool", 0o755), member("bin/other", 0o755), member("bin/data", 0o644))


def test_a_command_is_looked_for_among_the_bundles_programs_first() -> None:
    [job] = jobs(subject(*BINS), mounted(), ("tool", "-x"), BOOK)
    assert job.command == ("/opt/bin/tool", "-x")
    assert job.origin is Origin.COMMAND
    assert job.program is TOOL
    assert job.cwd == "/var/task"
    assert jobs(subject(*BINS), mounted(), ("ls",), BOOK)[0].command == ("ls",)
    assert jobs(subject(*BINS), mounted(), ("/opt/bin/tool",), BOOK)[0].program is TOOL


def test_a_long_command_has_a_short_name() -> None:
    [job] = jobs(subject(), mounted(), ("sh", "-c", "x" * 500), BOOK)
    assert len(job.name) == MAX_NAME
    [job] = jobs(subject(), mounted(), ("sh", "-c", "a\nb"), BOOK)
    assert "\n" not in job.name


def test_the_smoke_job_of_the_manifest_comes_before_that_of_a_recipe_here() -> None:
    own = Program("bin/tool", "/usr/bin/tool", "/usr/bin/tool", recipe="there", smoke=Smoke("did its own", "true"))
    [job] = jobs(subject(manifests=(manifest(own),)), mounted(), (), BOOK)
    assert (job.does, job.recipe, job.origin) == ("did its own", "there", Origin.SMOKE)
    [job] = jobs(subject(), mounted(), (), BOOK)
    assert (job.does, job.recipe, job.cwd) == ("did a job", "tools", "/tmp")


def test_without_a_smoke_job_the_version_is_asked_for() -> None:
    [job] = jobs(subject(), mounted(), (), [])
    assert job.command == ("/opt/bin/tool", "--version")
    assert job.origin is Origin.VERSION


def test_of_a_zip_of_somebody_else_the_programs_in_bin_are_run() -> None:
    bundle = subject(*BINS, member("bin/link", kind=Kind.LINK), member("lib/x", 0o755), manifests=())
    found = jobs(bundle, mounted(is_ours=False), (), BOOK)
    assert [job.name for job in found] == ["tool", "other", "link"]
    assert [job.origin for job in found] == [Origin.SMOKE, Origin.VERSION, Origin.VERSION]


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ('same "$P" /opt/bin/tool; same "$B" /opt', 0, ""),
        ('same "$(pwd)" /tmp/smoke', 0, ""),
        ("same a b", 1, "smoke job: got 'a' instead of 'b'"),
        ("fail it broke", 1, "smoke job: it broke"),
        ("false; true", 1, ""),
        ("echo $UNSET_VARIABLE", 1, "UNSET_VARIABLE"),
    ],
)
def test_a_smoke_job_runs_with_what_is_documented(script: str, status: int, said: str, tmp_path: Path) -> None:
    [job] = jobs(subject(), mounted(), (), [Recipe("tools", "", ("tool",), smoke=Smoke("ran", script))])
    text = job.command[2].replace("/tmp/smoke", f"{tmp_path}/smoke")
    done = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode != 0) == (status != 0)
    assert said.replace("/tmp/smoke", f"{tmp_path}/smoke") in done.stderr


def test_every_smoke_job_begins_in_an_empty_directory(tmp_path: Path) -> None:
    text = PRELUDE.replace("/tmp/smoke", f"{tmp_path}/smoke") + "test ! -e left; touch left"
    for _ in range(2):
        subprocess.run(["/bin/sh", "-c", text], check=True)


# ---- how it ended ----


def test_a_smoke_job_that_succeeded_is_told_with_its_recipe() -> None:
    check = smoke_check([result(origin=Origin.SMOKE)])
    assert (check.status, check.detail) == (Status.PASS, "did it (recipe tool)")


def test_version_alone_is_said_to_prove_little() -> None:
    check = smoke_check([result(origin=Origin.VERSION)])
    assert check.status is Status.PASS
    assert "--version only" in check.detail
    assert not check.hint
    check = smoke_check([result(origin=Origin.SMOKE), result(origin=Origin.VERSION)])
    assert "2 programs ran, 1 of them with --version only" in check.detail
    assert len(check.context) == 2


def test_a_program_that_does_not_know_version_tells_nothing() -> None:
    check = smoke_check([result(1, "unknown option", origin=Origin.VERSION)])
    assert check.status is Status.SKIP
    assert "give a real command" in check.hint


@pytest.mark.parametrize(
    ("status", "stderr", "ended_by"),
    [
        (127, "", ""),
        (126, "", ""),
        (139, "", ""),
        (1, "", "timeout"),
        (1, "x: error while loading shared libraries: liba.so: cannot open shared object file", ""),
    ],
)
def test_a_program_that_could_not_run_fails_even_when_only_its_version_was_asked_for(
    status: int, stderr: str, ended_by: str
) -> None:
    check = smoke_check([result(status, stderr, origin=Origin.VERSION, ended_by=ended_by)])
    assert check.status is Status.FAIL


@pytest.mark.parametrize(
    ("failed", "detail"),
    [
        (result(3), "tool ended with 3"),
        (result(3, origin=Origin.SMOKE), "the smoke job of tool ended with 3"),
        (result(139), "tool was ended by SIGSEGV"),
        (result(255), "tool ended with 255"),
        (result(124, ended_by="timeout"), "tool had not ended after 0.5 s"),
        (result(137, ended_by="memory"), "tool was ended because it used more memory than it may"),
    ],
)
def test_a_failure_is_told_in_one_line(failed: JobResult, detail: str) -> None:
    assert smoke_check([failed]).detail == detail


def test_a_run_that_fails_only_the_second_time_fails() -> None:
    job = Job(("x",), Origin.COMMAND, "did", name="x")
    check = smoke_check([JobResult(job, outcome(), outcome(1, "exists already"))])
    assert check.status is Status.FAIL
    assert "again" in check.detail
    assert check.context == ("exists already",)


def test_the_last_lines_are_shown_those_of_stderr_first() -> None:
    job = Job(("x",), Origin.COMMAND, "did", name="x")
    check = smoke_check([JobResult(job, outcome(1, "\n".join(map(str, range(50))), "out"))])
    assert check.context == tuple(map(str, range(42, 50)))
    assert smoke_check([JobResult(job, outcome(1, "", "out"))]).context == ("out",)


def test_several_failures_are_counted() -> None:
    assert smoke_check([result(1), result(2), result()]).detail == "tool ended with 1; 1 more failed"


def test_a_function_is_told_by_the_event_it_failed_on() -> None:
    runs = (
        RunReport("ok", "", "", 1, event="a.json"),
        RunReport("died", "", "", 1, event="b.json", response={"errorType": "Runtime.ExitError"}),
    )
    job = Job(("bootstrap",), Origin.FUNCTION, "bootstrap answered 2 events", name="bootstrap")
    check = smoke_check([JobResult(job, outcome(1, "log"), invocations=runs)])
    assert check.detail == "the function bootstrap died on event b.json: Runtime.ExitError"
    check = smoke_check([JobResult(job, outcome(), invocations=runs[:1])])
    assert (check.status, check.detail) == (Status.PASS, "bootstrap answered 2 events")
