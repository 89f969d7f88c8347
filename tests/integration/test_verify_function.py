"""Functions in the sandbox: what Lambda would answer, log and report, for those that work and those that do not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lambundle.errors import HandlerError
from lambundle.target import ENVIRONMENT, PAYLOAD_LIMIT
from lambundle.verify.function import python
from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable
from tests.integration.function_host import BASH, HANDLER, Host, error, reports, statuses

# --- both sandboxes


def test_custom_runtime(either_host: Host) -> None:
    report = either_host.custom({"a": 1}, [2], hook='echo "event $answer"')
    assert statuses(report) == ["ok", "ok"]
    first, second = report.runs
    assert (first.response, second.response) == ({"a": 1}, [2])
    assert (first.event, second.event) == ("event 0", "event 1")
    assert (first.stdout, first.stderr) == ('init\nevent {"a": 1}\n', "init error\n")
    assert (second.stdout, second.stderr) == ("event [2]\n", "")
    assert first.init_ms is not None
    assert second.init_ms is None
    assert first.tmp_mb is not None
    lines = report.log.splitlines()
    assert sorted(lines[:2]) == ["init", "init error"], "before the first invocation"
    assert [line.split()[0] for line in lines[2:]] == ["START", "event", "END", "REPORT"] * 2
    assert len(set(re.findall(r"RequestId: (\S+)", "\n".join(lines[2:6])))) == 1
    assert ["Init Duration" in line for line in lines if "REPORT" in line] == [True, False]


def test_python_handler(either_host: Host) -> None:
    report = either_host.python("ok", "wrong", "ok", "leave", "ok", "ok", "hog", "ok")
    assert statuses(report) == ["ok", "error", "ok", "died", "ok", "ok", "died", "ok"]
    counts = [run.response["count"] for run in report.runs if isinstance(run.response, dict) and run.status == "ok"]
    assert counts == [1, 3, 1, 2, 1], "warm until it died, cold afterwards"
    assert report.runs[0].stdout == "loaded\nto the log\n"
    assert error(report.runs[1]) == ("ValueError", "no good")
    assert error(report.runs[3]) == ("Runtime.ExitError", "Error: Runtime exited with error: exit status 3")
    assert error(report.runs[6]) == ("Runtime.OutOfMemory", "Error: Runtime exited with error: signal: killed")
    assert [run.init_ms is not None for run in report.runs] == [True] + [False] * 7
    peak = report.runs[6].max_memory_mb
    assert peak is not None
    assert peak > 200
    assert [note.split()[0] for note in report.notes] == ["Python"]


def test_entrypoint_that_is_none(either_host: Host) -> None:
    report = either_host.invoke({"/var/task": either_host.tree({})}, 1)
    message = "Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    assert error(report.runs[0]) == ("Runtime.InvalidEntrypoint", message)
    report = either_host.invoke({"/var/task": either_host.tree({"bootstrap": ("#!/bin/sh\n", 0o644)})}, 1)
    message = "Error: fork/exec /var/task/bootstrap: permission denied"
    assert error(report.runs[0]) == ("Runtime.InvalidEntrypoint", message)


# --- custom runtimes


def test_compiled_runtime_that_needs_nothing_of_the_host(host: Host) -> None:
    if shutil.which("gcc") is None:
        unavailable(UnavailableError("gcc is not installed"))
    task = host.tree({})
    source = Path(__file__).with_name("programs") / "bootstrap.c"
    subprocess.run(["gcc", "-static", "-O1", "-Wall", "-Werror", source, "-o", task / "bootstrap"], check=True)
    report = host.invoke({"/var/task": task}, {"a": [1]}, "x" * 100_000)
    assert [run.response for run in report.runs] == [{"a": [1]}, "x" * 100_000], "streamed in chunks"


def test_bootstrap_of_a_layer(host: Host) -> None:
    task = host.tree({"bootstrap/readme": ("", 0o644)})  # a directory is not what Lambda looks for
    opt = host.tree({"bootstrap": (BASH, 0o755)})
    assert host.invoke({"/var/task": task, "/opt": opt}, 1, HOOK=":", AFTER=":").runs[0].response == 1
    assert host.invoke({"/opt": opt}, 2, HOOK=":", AFTER=":").runs[0].response == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#!/bin/nosh\n", "no such file or directory"),
        ("#!/bin/sh\r\n", "no such file or directory"),
        ("no header\n", "exec format error"),
    ],
)
def test_bootstrap_that_cannot_be_started(host: Host, text: str, why: str) -> None:
    report = host.invoke({"/var/task": host.tree({"bootstrap": (text, 0o755)})}, 1)
    assert statuses(report) == ["died"]
    assert error(report.runs[0]) == ("Runtime.InvalidEntrypoint", f"Error: fork/exec /var/task/bootstrap: {why}")
    kind = "Status: error Error Type: Runtime.InvalidEntrypoint"
    assert reports(report) == [f"Phase: init {kind}", f"Phase: invoke {kind}", kind]


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("exit 0", "Runtime exited without providing a reason"),
        ("exit 7", "Runtime exited with error: exit status 7"),
        ("kill -ABRT $$", "Runtime exited with error: signal: aborted"),
    ],
)
def test_death_at_the_start_and_in_the_middle(host: Host, command: str, how: str) -> None:
    report = host.invoke({"/var/task": host.tree({"bootstrap": (f"#!/bin/sh\necho bye\n{command}\n", 0o755)})}, 1)
    assert (statuses(report), error(report.runs[0])) == (["died"], ("Runtime.ExitError", f"Error: {how}"))
    assert report.runs[0].stdout == "bye\nbye\n", "Lambda starts it again for the invocation"
    report = host.custom(1, 2, hook=f"[ $answer = 2 ] || {{ echo bye; {command}; }}")
    assert statuses(report) == ["died", "ok"]
    assert error(report.runs[0]) == ("Runtime.ExitError", f"Error: {how}")
    assert report.runs[0].stdout == "init\nbye\n"
    assert f"Error: {how}\nRuntime.ExitError\nEND" in report.log
    assert reports(report) == ["Status: error Error Type: Runtime.ExitError", ""]


def test_death_after_the_answer(host: Host) -> None:
    report = host.custom({"a": 1}, after="exit 1")
    assert statuses(report) == ["died"]
    assert report.runs[0].response == {"a": 1}, "the caller has it; Lambda counts an error all the same"
    assert reports(report) == ["Status: error Error Type: Runtime.ExitError"]


def test_time_spent_after_the_answer_counts(host: Host) -> None:
    report = host.custom(1, after="while :; do :; done", seconds=0.5)
    assert (statuses(report), report.runs[0].response) == (["timeout"], 1)


def test_nothing_of_ours_is_open_or_runs_in_there(host: Host) -> None:
    report = host.custom(1, hook="ls /proc/self/fd; cat /proc/[0-9]*/comm")
    *files, directory = (line for line in report.runs[0].stdout.splitlines()[1:] if line.isdigit())
    assert (files, directory) == (["0", "1", "2"], "3"), "the last is that of ls itself"
    processes = {line for line in report.runs[0].stdout.splitlines()[1:] if not line.isdigit()}
    assert processes == {"bwrap", "bootstrap"}


def test_background_process_lives_on_and_ends_with_the_environment(host: Host) -> None:
    hook = "if [ $answer = 1 ]; then (while :; do echo beat; sleep 0.01; done) & else sleep 0.1; fi"
    report = host.custom(1, 2, hook=hook)
    assert statuses(report) == ["ok", "ok"]
    assert "beat\nbeat\n" in report.runs[1].stdout


# --- Python


def test_timeout(host: Host) -> None:
    report = host.python("ok", "loop", "ok", seconds=0.7)
    assert statuses(report) == ["ok", "timeout", "ok"]
    assert error(report.runs[1]) == ("Sandbox.Timedout", "Error: Task timed out after 0.70 seconds")
    assert report.runs[1].duration_ms >= 700
    assert report.runs[1].stdout == "turning\n"
    assert report.runs[2].response == {"count": 1, "tmp": ["kept"]}, "a reset does not clear /tmp"
    assert reports(report) == ["", "Status: timeout", ""]


@pytest.mark.parametrize(
    ("event", "kind", "how"),
    [("vanish", "died", "without providing a reason"), ("crash", "died", "with error: signal: segmentation fault")],
)
def test_other_deaths(host: Host, event: str, kind: str, how: str) -> None:
    report = host.python(event)
    assert statuses(report) == [kind]
    assert error(report.runs[0]) == ("Runtime.ExitError", f"Error: Runtime exited {how}")


def test_answers_around_the_limit(host: Host) -> None:
    report = host.python("large", "larger", "strange", "deep", "ok")
    assert statuses(report) == ["ok", "error", "error", "error", "ok"]
    assert len(json.dumps(report.runs[0].response)) == PAYLOAD_LIMIT
    message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
    assert error(report.runs[1]) == ("Function.ResponseSizeTooLarge", message)
    assert error(report.runs[2])[0] == "Runtime.MarshalError"
    assert error(report.runs[3])[0] == "RecursionError", "its stack trace travels in a header of many kilobytes"


@pytest.mark.parametrize(
    ("code", "handler", "kind"),
    [
        ("import nothing_of_the_kind", "handler.handler", "Runtime.ImportModuleError"),
        ("x = (", "handler.handler", "Runtime.UserCodeSyntaxError"),
        ("", "handler.handler", "Runtime.HandlerNotFound"),
        ("", "handler", "Runtime.MalformedHandlerName"),
        ("raise ValueError('at the top')", "handler.handler", "ValueError"),
    ],
)
def test_handler_that_cannot_be_loaded(host: Host, code: str, handler: str, kind: str) -> None:
    report = host.invoke({"/var/task": host.tree({"handler.py": (code, 0o644)})}, 1, handler=handler)
    assert statuses(report) == ["error"]
    assert error(report.runs[0])[0] == kind
    assert reports(report)[0].startswith("Phase: init Status: error Error Type: ")
    assert report.runs[0].init_ms is None


def test_init_that_is_slow_once(host: Host) -> None:
    code = """
import os, time
if not os.path.exists("/tmp/second"):
    open("/tmp/second", "w").close()
    time.sleep(100)
def handler(event, context):
    return event
"""
    report = host.python(1, 2, code=code, init_seconds=0.7)
    assert [run.response for run in report.runs] == [1, 2]
    assert [run.init_ms for run in report.runs] == [None, None], "it was a part of the first invocation"
    assert reports(report) == ["Phase: init Status: timeout", "", ""]


def test_init_without_end(host: Host) -> None:
    report = host.python(1, 2, code="while True: pass", init_seconds=0.2, seconds=0.3)
    assert statuses(report) == ["timeout", "timeout"]
    phases = ["Phase: init Status: timeout", "Phase: invoke Status: timeout"]
    assert reports(report) == [*phases, "Status: timeout", "Status: timeout"]


def test_what_only_lambdas_python_has_leaves_the_answer_open(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = [package for package in python.packages() if package.name != "boto3"]
    monkeypatch.setattr(python, "packages", lambda: packages)
    code = "import boto3\ndef handler(event, context): return event"
    layer = host.tree({"python/boto3.py": ("", 0o644)})
    task = host.tree({"handler.py": (code, 0o644)})
    with pytest.raises(HandlerError, match="imports boto3, which Lambda's runtime has"):
        host.invoke({"/var/task": task}, 1, handler="handler.handler")
    report = host.invoke({"/var/task": task, "/opt": layer}, 1, handler="handler.handler")
    assert statuses(report) == ["ok"], "a layer may bring its own"
    assert report.notes[0].endswith(", without boto3")
    report = host.python("ok", code="import nothing_of_the_kind")
    assert error(report.runs[0])[0] == "Runtime.ImportModuleError", "what Lambda has not is an error there too"


def test_a_custom_runtime_gets_its_handler(host: Host) -> None:
    task = host.tree({"bootstrap": (BASH, 0o755), "index.js": ("", 0o644)})
    hook = 'answer=\\"$_HANDLER\\"'
    report = host.invoke({"/var/task": task}, 1, handler="index.handler", HOOK=hook, AFTER=":")
    assert report.runs[0].response == "index.handler"


def test_what_a_handler_finds(host: Host) -> None:
    layer = host.tree({"python/from_layer.py": ("VALUE = 'layer'", 0o644), "python/lib/x": ("", 0o644)})
    code = f"{HANDLER}\nimport from_layer\ndef layer(event, context): return from_layer.VALUE\n"
    task = host.tree({"handler.py": (code, 0o644)})
    mounts = {"/var/task": task, "/opt": layer}
    report = host.invoke(mounts, "look", "layer", "children", handler="handler.handler", GREETING="hello")
    found, from_layer, children = (run.response for run in report.runs)
    assert isinstance(found, dict)
    environment = found["environment"]
    expected = {**ENVIRONMENT, "GREETING": "hello", "_HANDLER": "handler.handler", "PYTHONPATH": "/var/runtime"}
    expected |= {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}
    assert {name: environment.get(name) for name in expected} == expected
    assert re.fullmatch(r"AWS_Lambda_python3\.\d+", environment["AWS_EXECUTION_ENV"])
    assert not {"HOME", "PYTHONHOME", "LD_PRELOAD"} & environment.keys()
    assert not [name for name in environment if name.startswith("LAMBUNDLE")]
    assert found["path"][0] == "/var/task"
    assert found["path"][2] == "/opt/python"
    assert found["prefix"] == ["/var/lang/bin/python3", "/var/lang"]
    assert 0 < found["remaining"] <= 20_000
    assert found["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:function"
    assert f"START RequestId: {found['id']} " in report.log
    assert from_layer == "layer"
    assert children == ["/var/lang/bin/python3"] * 2, "a Python that it starts is the same"
