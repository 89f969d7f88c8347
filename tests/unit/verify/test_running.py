"""Running jobs in a sandbox that is made up: what it is asked for, and what becomes of its answers."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from lambundle.bundle.model import Kind, Program, Smoke
from lambundle.bundle.write import write_zip
from lambundle.errors import SandboxError
from lambundle.runtime.trace import VARIABLE
from lambundle.verify.command import RUNNING_CHECKS, Surroundings, VerifyRequest, verify
from lambundle.verify.model import Check, Status, Verdict
from lambundle.verify.run import runner as timing
from lambundle.verify.run import tracing
from lambundle.verify.run.jobs import Job, Origin
from lambundle.verify.run.runner import JobRunner, environment
from lambundle.verify.sandbox import availability
from lambundle.verify.sandbox.interface import MIB, Command, Limits, Outcome
from lambundle.verify.static import StaticResult
from tests.unit.plans import file
from tests.unit.verify.made import ROOT, STARTED, MadeMachine, manifest, member, mounted, subject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TASK = Job(("/opt/bin/tool",), Origin.COMMAND, "did it", name="tool")
FINE = Outcome(0, b"out", b"", 0.2, memory=MIB, tmp=0)
TRACED, WARM = replace(FINE, seconds=0.3), replace(FINE, seconds=0.1)
THRICE = (FINE, FINE, FINE)


@dataclass
class MadeRun:
    """A run that has ended."""

    outcome: Outcome | BaseException
    killed: bool = False

    def wait(self, seconds: float | None = None) -> Outcome:
        """Give the outcome."""
        assert seconds
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def kill(self) -> None:
        """Note it."""
        self.killed = True


@dataclass
class MadeSandbox:
    """Gives ``outcomes`` one after the other; what runs leaves ``records`` where there is a trace."""

    outcomes: list[Outcome | BaseException]
    records: tuple[str, ...] = (STARTED,)
    name: str = "made"
    obstacle: str | None = None
    commands: list[Command] = field(default_factory=list)
    runs: list[MadeRun] = field(default_factory=list)
    closed: bool = False

    def unavailable(self) -> str | None:
        """Say what is in the way."""
        return self.obstacle

    def start(self, command: Command) -> MadeRun:
        """Run it at once."""
        self.commands.append(command)
        if VARIABLE in command.environment:
            with (command.mounts[tracing.MOUNT] / "trace").open("ab", buffering=0) as pipe:
                pipe.write("".join(record.replace(" ", "\t") + "\n" for record in self.records).encode())
        self.runs.append(MadeRun(self.outcomes.pop(0)))
        return self.runs[-1]

    def close(self) -> None:
        """Note it."""
        self.closed = True


@pytest.fixture(autouse=True)
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the runs that are only for the clock."""
    monkeypatch.setattr(timing, "TIMING", 0.0)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Return the directory of a trace's pipe."""
    tracing.make_pipe(tmp_path / "pipe")
    return tmp_path / "pipe"


def runner(sandbox: MadeSandbox, tmp_path: Path, pipe: Path, limits: Limits | None = None) -> JobRunner:
    """Return a runner for an empty bundle."""
    (tmp_path / "tree").mkdir()
    return JobRunner(sandbox, mounted(tmp_path / "tree"), limits or Limits(), pipe)


def test_a_task_runs_with_a_trace_then_cold_then_warm(tmp_path: Path, pipe: Path) -> None:
    sandbox = MadeSandbox([TRACED, FINE, WARM])
    [result] = runner(sandbox, tmp_path, pipe, Limits(memory=512 * MIB, seconds=9)).run([TASK])
    traced, *others = sandbox.commands
    assert traced.environment[VARIABLE] == tracing.PATH
    assert all(VARIABLE not in command.environment for command in others)
    assert traced.mounts.keys() == {"/opt", tracing.MOUNT}
    assert not traced.writable
    assert traced.limits.seconds == 9
    assert traced.environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert "HOME" not in traced.environment
    assert result.succeeded
    assert result.trace.starts
    first, second = result.runs()
    assert (first.stdout, first.max_memory_mb, first.duration_ms) == ("out", 1.0, 200.0)
    assert first.read_bytes == 0
    assert (second.duration_ms, second.read_bytes) == (100.0, None)


def test_a_short_task_is_timed_three_times(tmp_path: Path, pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "TIMING", 100.0)
    slow, slower = replace(FINE, seconds=0.4), replace(FINE, seconds=0.5)
    sandbox = MadeSandbox([TRACED, FINE, WARM, slow, FINE, slower, WARM, *THRICE, *THRICE, Outcome(3, b"", b"no", 0.1)])
    first, second = runner(sandbox, tmp_path, pipe).run([TASK, TASK])
    assert first.colds == (0.2, 0.4, 0.5)
    assert first.warms == (0.1, 0.2, 0.1)
    assert [run.duration_ms for run in first.runs()] == [200.0, 100.0], "the first of each is reported"
    assert second.failed, "a run for the clock that fails decides"
    assert second.worst.stderr == b"no"


def test_a_long_task_is_not_run_a_third_time(tmp_path: Path, pipe: Path) -> None:
    sandbox = MadeSandbox([Outcome(0, b"", b"", 9), FINE])
    [result] = runner(sandbox, tmp_path, pipe).run([TASK])
    assert [run.duration_ms for run in result.runs()] == [200.0, 9000.0]


def test_a_run_that_fails_cold_decides(tmp_path: Path, pipe: Path) -> None:
    sandbox = MadeSandbox([TRACED, Outcome(1, b"", b"again", 0.1)])
    [result] = runner(sandbox, tmp_path, pipe).run([TASK])
    assert result.failed
    assert result.error_output.strip() == "again"


def test_a_task_that_fails_is_not_run_again_and_the_next_one_is(tmp_path: Path, pipe: Path) -> None:
    sandbox = MadeSandbox([Outcome(1, b"", b"", 0.1), *THRICE])
    first, second = runner(sandbox, tmp_path, pipe).run([TASK, TASK])
    assert first.warm is None
    assert first.failed
    assert second.succeeded


def test_a_run_is_ended_when_waiting_for_it_is(tmp_path: Path, pipe: Path) -> None:
    sandbox = MadeSandbox([KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        runner(sandbox, tmp_path, pipe).run([TASK])
    assert sandbox.runs[0].killed
    descriptors = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)]
    assert not any(str(pipe) in path for path in descriptors)


def _is_open(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


def test_the_functions_own_programs_are_on_path_where_lambda_does_not_put_them() -> None:
    assert environment("/var/task", Limits())["PATH"].startswith("/var/task/bin:")
    assert environment("/opt", Limits())["PATH"].endswith(":/opt/bin")


# ---- the whole ----

SMOKE = Program("bin/tool", "/usr/bin/tool", "/usr/bin/tool", recipe="tool", smoke=Smoke("did a job", "true"))
STATIC = (Check("integrity", Status.PASS, "fine"),)


@dataclass
class Made:
    """A verification with everything around it made up."""

    sandbox: MadeSandbox
    request: VerifyRequest
    machine: MadeMachine
    around: Surroundings
    static: StaticResult

    def checks(self) -> dict[str, Check]:
        """Verify, and return the checks by their names."""
        return {check.name: check for check in verify(self.request, self.around).verification.checks}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Made]:
    """Return a maker of verifications."""

    def make(
        *outcomes: Outcome, records: tuple[str, ...] = (STARTED,), obstacle: str | None = None, **options: Any
    ) -> Made:
        sandbox = MadeSandbox(list(outcomes), records, obstacle=obstacle)
        monkeypatch.setattr(
            availability, "SANDBOXES", {name: lambda _work, _image: sandbox for name in ("bubblewrap", "docker")}
        )
        write_zip(manifest(SMOKE, entries=[file("bin/tool", mode=0o755)]), tmp_path / "tool.zip")
        work = tmp_path / "work"
        work.mkdir()
        bundle = replace(subject(manifests=(manifest(SMOKE),)), path=tmp_path / "tool.zip")
        static = StaticResult(STATIC, bundle)
        machine = MadeMachine({"/usr/share/data": "data"})
        setting = Made(
            sandbox,
            VerifyRequest(tmp_path / "tool.zip", **options),
            machine,
            Surroundings(work, machine, ()),
            static,
        )
        monkeypatch.setattr("lambundle.verify.command.static_checks", lambda *_, **__: setting.static)
        return setting

    return make


def test_everything_is_checked_in_order_and_the_sandbox_closed(made: Callable[..., Made]) -> None:
    item = made(*THRICE)
    found = verify(item.request, item.around).verification
    assert [check.name for check in found.checks] == ["integrity", *RUNNING_CHECKS]
    assert found.verdict is Verdict.PASS
    assert found.diagnosis is None
    assert len(found.runs) == 2
    assert item.sandbox.closed


def test_a_failure_is_diagnosed(made: Callable[..., Made]) -> None:
    records = (STARTED, "1 lookup nowhere open /usr/share/data")
    item = made(Outcome(1, b"", b"cannot open /usr/share/data", 0.1), records=records)
    found = verify(item.request, item.around)
    assert found.verification.verdict is Verdict.FAIL
    assert found.verification.diagnosis is not None
    assert found.verification.diagnosis.cause.startswith("/usr/share/data of package data is not in the bundle")
    assert found.verification.diagnosis.cure == "lambundle pack /usr/bin/tool --package data"
    assert found.cured is None


def test_static_runs_nothing(made: Callable[..., Made]) -> None:
    item = made(static=True)
    checks = item.checks()
    assert {checks[name].status for name in RUNNING_CHECKS} == {Status.SKIP}
    assert "--static" in checks["smoke"].detail
    assert item.sandbox.commands == []


@pytest.mark.parametrize("readable", [False, True])
def test_nothing_of_an_unsafe_bundle_is_unpacked_or_run(made: Callable[..., Made], readable: bool) -> None:
    item = made(FINE)
    unsafe = subject()
    object.__setattr__(unsafe, "runnable", False)
    item.static = StaticResult((Check("names", Status.FAIL, "../x", "no"),), unsafe if readable else None)
    checks = item.checks()
    assert checks["smoke"].status is Status.SKIP
    assert "not safe" in checks["smoke"].detail
    assert item.sandbox.commands == []
    assert list(item.around.work.iterdir()) == []


def test_without_a_sandbox_the_running_checks_are_skipped_with_the_reason(made: Callable[..., Made]) -> None:
    item = made(obstacle="no namespaces here")
    found = verify(item.request, item.around).verification
    assert "no namespaces here" in next(check for check in found.checks if check.name == "smoke").detail
    assert found.verdict is Verdict.UNKNOWN
    assert found.exit_code == 3
    assert item.sandbox.closed


@pytest.mark.parametrize("options", [{"sandbox": "bubblewrap"}, {"sandbox": "docker"}, {"image": "mine:1"}])
def test_a_sandbox_that_was_chosen_and_cannot_be_had_leaves_it_unknown(
    made: Callable[..., Made], options: dict[str, str]
) -> None:
    item = made(obstacle="no such thing here", **options)
    found = verify(item.request, item.around).verification
    assert "no such thing here" in next(check for check in found.checks if check.name == "smoke").detail
    assert found.exit_code == 3
    item.static = StaticResult((Check("names", Status.FAIL, "../x", "no"),), item.static.subject)
    assert verify(item.request, item.around).verification.exit_code == 1, "it is wrong whatever a run would show"


def test_who_names_a_host_has_chosen_bubblewrap(made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    item = made(*THRICE)
    item.machine.variables["LAMBUNDLE_HOST_ROOT"] = "/no/such"
    bubblewrap = MadeSandbox([], obstacle="/no/such has no /bin/sh")
    monkeypatch.setattr(
        availability,
        "SANDBOXES",
        {"bubblewrap": lambda _work, _image: bubblewrap, "docker": lambda _work, _image: item.sandbox},
    )
    found = verify(item.request, item.around).verification
    assert found.exit_code == 3
    assert item.sandbox.commands == [], "Docker would not run over that host"


def test_a_directory_bootstrap_is_no_function(made: Callable[..., Made]) -> None:
    item = made(*THRICE)
    held = subject(member("bootstrap", kind=Kind.DIRECTORY), manifests=(manifest(SMOKE),))
    item.static = StaticResult(STATIC, replace(held, path=item.request.bundle))
    assert item.checks()["smoke"].detail == "did a job (recipe tool)"


def test_strictly_what_was_skipped_is_unknown(made: Callable[..., Made]) -> None:
    item = made(obstacle="no namespaces here", strict=True)
    assert verify(item.request, item.around).verification.exit_code == 3


def test_a_bundle_of_another_machine_is_not_run(made: Callable[..., Made]) -> None:
    item = made()
    item.machine.architecture = "aarch64"
    assert item.checks()["smoke"].detail == "the bundle is for x86_64, and this machine is aarch64"


def test_a_broken_sandbox_is_an_error_and_closed(made: Callable[..., Made]) -> None:
    item = made()
    item.sandbox.outcomes.append(SandboxError("broke"))
    with pytest.raises(SandboxError):
        item.checks()
    assert item.sandbox.closed


def test_a_zip_with_nothing_to_run_is_skipped(made: Callable[..., Made]) -> None:
    item = made()
    item.static = StaticResult(STATIC, replace(subject(manifests=()), path=item.request.bundle))
    assert "give a command" in item.checks()["smoke"].detail


def test_an_image_is_a_check_of_its_own(made: Callable[..., Made]) -> None:
    checks = made(*THRICE, image="mine:1").checks()
    assert (checks["image"].status, checks["image"].detail) == (Status.PASS, "ran in mine:1")


def test_an_image_that_cannot_be_had_is_skipped_and_bubblewrap_takes_its_place(
    made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = made(*THRICE, image="mine:1")
    docker = MadeSandbox([], obstacle="mine:1 is not on this machine")
    monkeypatch.setattr(
        availability,
        "SANDBOXES",
        {"bubblewrap": lambda _work, _image: item.sandbox, "docker": lambda _work, _image: docker},
    )
    found = verify(item.request, item.around).verification
    checks = {check.name: check for check in found.checks}
    assert (checks["image"].status, checks["image"].detail) == (Status.SKIP, "mine:1 is not on this machine")
    assert checks["smoke"].status is Status.PASS
    assert found.exit_code == 3, "it was not found out how it is in the image"
    assert docker.closed


def test_docker_by_name_is_not_replaced(made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    item = made(sandbox="docker")
    docker = MadeSandbox([], obstacle="Docker is not running")
    monkeypatch.setattr(
        availability,
        "SANDBOXES",
        {"bubblewrap": lambda _work, _image: item.sandbox, "docker": lambda _work, _image: docker},
    )
    checks = item.checks()
    assert checks["image"].status is Status.SKIP
    assert checks["smoke"].status is Status.SKIP
    assert item.sandbox.commands == []


def test_a_variable_that_the_configuration_lacks_is_lost(made: Callable[..., Made]) -> None:
    item = made(*THRICE)
    lacking = subject(manifests=(manifest(SMOKE, environment={"A": "@/x"}),))
    item.static = StaticResult(STATIC, replace(lacking, path=item.request.bundle))
    assert item.checks()["environment"].status is Status.FAIL


def test_the_bundles_own_name_of_a_path_is_told(made: Callable[..., Made]) -> None:
    records = (STARTED, f"1 lookup nowhere open {ROOT}/usr/share/data")
    item = made(Outcome(1, b"", b"", 0.1), records=records)
    assert item.checks()["missing"].detail.startswith("/usr/share/data (package data)")
