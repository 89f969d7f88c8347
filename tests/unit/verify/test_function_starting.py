"""How a function is started, and what is said of a sandbox that does not do its part."""

from __future__ import annotations

import importlib.metadata
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.errors import HandlerError, SandboxError
from lambundle.verify.function import Event, Function, invoke_function, lang
from lambundle.verify.function.handover import PLACE
from lambundle.verify.function.starting import plan_start
from lambundle.verify.sandbox import MIB, Limits, Outcome

if TYPE_CHECKING:
    from lambundle.verify.sandbox import Job

LIMITS = Limits(memory=512 * MIB)


@dataclass
class FakeRun:
    """A run that ended before anybody asked."""

    outcome: Outcome | Exception

    def wait(self, seconds: float | None = None) -> Outcome:  # noqa: ARG002
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def kill(self) -> None:
        raise AssertionError("it has ended")


@dataclass
class FakeSandbox:
    """A sandbox in which every run ends in the same way."""

    outcome: Outcome | Exception
    jobs: list[Job] = field(default_factory=list)
    name: str = "fake"

    def unavailable(self) -> str | None:
        return None

    def start(self, job: Job) -> FakeRun:
        self.jobs.append(job)
        return FakeRun(self.outcome)

    def close(self) -> None:
        """Nothing is open."""


def outcome(status: int, stderr: bytes = b"") -> Outcome:
    return Outcome(status, b"", stderr, 0.0)


def test_custom_runtime(tmp_path: Path) -> None:
    sandbox = FakeSandbox(outcome(0))
    start = plan_start(sandbox, Function({"/var/task": Path("/task")}, environment={"TZ": "x"}), LIMITS, tmp_path)
    assert sandbox.jobs == [], "nothing had to be tried"
    assert list(start.job.command[3:]) == ["/var/task/bootstrap", "/opt/bootstrap"]
    assert start.programs == ("/var/task/bootstrap", "/opt/bootstrap")
    assert start.job.mounts == {"/var/task": Path("/task"), PLACE: start.place}
    assert start.job.environment["TZ"] == "x"
    assert start.job.environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert start.job.limits == LIMITS
    assert [path.name for path in start.place.iterdir()] == ["handover"]


def test_handler_in_an_image_that_has_a_python(tmp_path: Path) -> None:
    sandbox = FakeSandbox(outcome(0))
    start = plan_start(sandbox, Function({}, "handler.handler"), LIMITS, tmp_path)
    assert start.programs == ("/var/runtime/bootstrap",)
    assert set(start.job.mounts) == {PLACE}
    assert start.notes == ()
    assert start.job.environment["_HANDLER"] == "handler.handler"


def test_handler_in_an_image_that_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = {"/var/lang": Path("/l"), "/var/runtime": Path("/r")}
    monkeypatch.setattr("lambundle.verify.function.starting.stand_in", lambda _: mounts)
    start = plan_start(FakeSandbox(outcome(1)), Function({}, "handler.handler"), LIMITS, tmp_path)
    assert start.job.mounts == {PLACE: start.place, **mounts}
    [note] = start.notes
    assert "stands in for Lambda's" in note


@pytest.mark.parametrize(("name", "language"), [("index.mjs", "Node.js"), ("index.rb", "Ruby")])
def test_handler_in_another_language(tmp_path: Path, name: str, language: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(HandlerError, match=language):
        plan_start(FakeSandbox(outcome(0)), Function({"/var/task": tmp_path}, "index.handler"), LIMITS, tmp_path)


def test_awslambdaric_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", lookup)
    with pytest.raises(HandlerError) as raised:
        lang.stand_in(tmp_path)
    assert "awslambdaric" in raised.value.message
    assert raised.value.hint is not None
    assert "pip install 'lambundle[handler]'" in raised.value.hint


def test_what_packages_require_comes_along() -> None:
    names = {package.name for package in lang.packages()}
    assert {"awslambdaric", "simplejson", "snapshot-restore-py"} <= names


def test_sandbox_that_does_not_come_up() -> None:
    before = set(threading.enumerate())
    sandbox = FakeSandbox(outcome(1, b"first\nno such namespace\n"))
    with pytest.raises(SandboxError) as raised:
        invoke_function(sandbox, Function({}), [Event("e", b"1")], LIMITS)
    assert "fake" in raised.value.message
    assert raised.value.context == ("first", "no such namespace")
    assert set(threading.enumerate()) == before


def test_sandbox_that_breaks() -> None:
    broken = SandboxError("the keeper is gone")
    with pytest.raises(SandboxError, match="the keeper is gone"):
        invoke_function(FakeSandbox(broken), Function({}), [Event("e", b"1")], LIMITS)
