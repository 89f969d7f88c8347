"""How a function is started, and what is said of a sandbox that does not do its part."""

from __future__ import annotations

import importlib.metadata
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.errors import HandlerError, SandboxError
from lambundle.verify.function import lang
from lambundle.verify.function.handover import PLACE
from lambundle.verify.function.invoke import invoke_function
from lambundle.verify.function.model import Event, Function
from lambundle.verify.function.starting import own_runtime, plan_start
from lambundle.verify.sandbox.interface import MIB, Limits, Outcome

if TYPE_CHECKING:
    from lambundle.verify.sandbox.interface import Command

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
    commands: list[Command] = field(default_factory=list)
    name: str = "fake"

    def unavailable(self) -> str | None:
        return None

    def start(self, command: Command) -> FakeRun:
        self.commands.append(command)
        return FakeRun(self.outcome)

    def close(self) -> None:
        """Nothing is open."""


def outcome(status: int, stderr: bytes = b"") -> Outcome:
    return Outcome(status, b"", stderr, 0.0)


def test_custom_runtime(tmp_path: Path) -> None:
    sandbox = FakeSandbox(outcome(0))
    start = plan_start(sandbox, Function({"/var/task": Path("/task")}, environment={"TZ": "x"}), LIMITS, tmp_path)
    assert sandbox.commands == [], "nothing had to be tried"
    assert list(start.command.argv[3:]) == ["/var/task/bootstrap", "/opt/bootstrap"]
    assert start.programs == ("/var/task/bootstrap", "/opt/bootstrap")
    assert start.command.mounts == {"/var/task": Path("/task"), PLACE: start.place}
    assert start.command.environment["TZ"] == "x"
    assert start.command.environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert start.command.limits == LIMITS
    assert [path.name for path in start.place.iterdir()] == ["handover"]


def test_handler_in_an_image_that_has_a_python(tmp_path: Path) -> None:
    sandbox = FakeSandbox(outcome(0))
    start = plan_start(sandbox, Function({}, "handler.handler"), LIMITS, tmp_path)
    assert start.programs == ("/var/runtime/bootstrap",)
    assert set(start.command.mounts) == {PLACE}
    assert start.notes == ()
    assert start.command.environment["_HANDLER"] == "handler.handler"


def test_handler_in_an_image_that_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = {"/var/lang": Path("/l"), "/var/runtime": Path("/r")}
    monkeypatch.setattr("lambundle.verify.function.starting.stand_in", lambda _: mounts)
    start = plan_start(FakeSandbox(outcome(1)), Function({}, "handler.handler"), LIMITS, tmp_path)
    assert start.command.mounts == {PLACE: start.place, **mounts}
    [note] = start.notes
    assert "stands in for Lambda's" in note


@pytest.mark.parametrize("place", ["/var/task", "/opt"])
def test_a_handler_beside_a_bootstrap_is_the_bootstraps_own_business(tmp_path: Path, place: str) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/bootstrap").touch()
    (tmp_path / "tree/index.js").touch()
    sandbox = FakeSandbox(outcome(0))
    start = plan_start(sandbox, Function({place: tmp_path / "tree"}, "index.handler"), LIMITS, tmp_path)
    assert sandbox.commands == [], "Lambda's own Python was not looked for"
    assert start.programs == ("/var/task/bootstrap", "/opt/bootstrap")
    assert start.command.environment["_HANDLER"] == "index.handler"
    [note] = start.notes
    assert note.startswith(f"{place}/bootstrap is the runtime, with _HANDLER=index.handler")


def test_which_custom_runtime_there_is(tmp_path: Path) -> None:
    task, opt = tmp_path / "task", tmp_path / "opt"
    (task / "bootstrap").mkdir(parents=True)
    opt.mkdir()
    assert own_runtime({}) is None
    assert own_runtime({"/var/task": task, "/opt": opt}) is None, "a directory is none"
    (opt / "bootstrap").symlink_to("runtime")
    assert own_runtime({"/var/task": task, "/opt": opt}) == "/opt/bootstrap"
    (task / "bootstrap").rmdir()
    (task / "bootstrap").touch()
    assert own_runtime({"/var/task": task, "/opt": opt}) == "/var/task/bootstrap"


@pytest.mark.parametrize("installed", [True, False])
def test_that_boto3_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    monkeypatch.setattr("lambundle.verify.function.starting.stand_in", lambda _: {})
    modules = frozenset[str]() if installed else lang.OPTIONAL_MODULES
    monkeypatch.setattr("lambundle.verify.function.starting.lacking_modules", lambda: modules)
    start = plan_start(FakeSandbox(outcome(1)), Function({}, "handler.handler"), LIMITS, tmp_path)
    assert start.lacks == modules
    assert start.notes[0].endswith(", without boto3") is not installed


def test_boto3_is_lacking_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = importlib.metadata.distribution

    def without(name: str) -> importlib.metadata.Distribution:
        if name == "boto3":
            raise importlib.metadata.PackageNotFoundError(name)
        return everything(name)

    monkeypatch.setattr(importlib.metadata, "distribution", without)
    assert {"boto3", "botocore"} <= lang.lacking_modules()


def test_boto3_is_not_lacking_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Boto3(importlib.metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            return "Name: boto3\nVersion: 1\n" if filename == "METADATA" else None

        def locate_file(self, path: object) -> Path:
            raise AssertionError(path)

    everything = importlib.metadata.distribution
    monkeypatch.setattr(
        importlib.metadata, "distribution", lambda name: Boto3() if name == "boto3" else everything(name)
    )
    assert lang.lacking_modules() == frozenset()


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
    broken = SandboxError("the supervisor is gone")
    with pytest.raises(SandboxError, match="the supervisor is gone"):
        invoke_function(FakeSandbox(broken), Function({}), [Event("e", b"1")], LIMITS)
