"""The diagnosis of functions: out of what Lambda would answer, not out of the last line of a log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambundle.verify.diagnosis import Evidence, diagnose
from lambundle.verify.diagnosis.evidence import LINE_MAX, excerpt
from lambundle.verify.model import Check, Diagnosis, RunReport, Status
from lambundle.verify.run.jobs import Job, Origin
from lambundle.verify.run.mounted import Mounted
from lambundle.verify.run.statement import telling
from tests.unit.verify.made import MadeMachine, entry, manifest, member, result, subject

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.verify.subject import Subject

SMOKE = Check("smoke", Status.FAIL, "the function failed")
LOG = """\
START RequestId: 1 Version: $LATEST
[ERROR] {error}\rTraceback (most recent call last):\r\xa0\xa0File "/var/task/app.py", line 2, in handler\r{more}
END RequestId: 1
REPORT RequestId: 1\tDuration: 1 ms
"""
STARTS = 'File "/var/lang/lib/python3.13/subprocess.py", line 1, in _execute_child'


def answered(
    kind: str,
    message: str,
    log: str = "",
    *checks: Check,
    status: str = "error",
    bundle: Subject | None = None,
    tree: Path | None = None,
) -> Evidence:
    """A function that did not answer well."""
    response: object = {"errorType": kind, "errorMessage": message} if kind else message
    run = RunReport(status, "", log, 1.0, event="{}", response=response)
    made = result(1, LOG.format(error=f"{kind}: {message}", more=log), program=None)
    job = Job(("app.handler",), Origin.FUNCTION, "answered", name="app.handler")
    bundle = bundle or subject(manifests=())
    trees = {} if tree is None else {"/var/task": tree}
    mounted = Mounted("/var/task", trees, {})
    return Evidence(
        MadeMachine(), (SMOKE, *checks), [replace(made, job=job, invocations=(run,))], subject=bundle, mounted=mounted
    )


def found(item: Evidence) -> Diagnosis:
    """The diagnosis."""
    answer = diagnose(item)
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("kind", "message", "cure"),
    [
        ("ValueError", "no good", "its log above"),
        ("Runtime.UserCodeSyntaxError", "Syntax error in module 'app': expected ':' (app.py, line 1)", "mend the code"),
        ("Runtime.HandlerNotFound", "Handler 'x' missing on module 'app'", "--handler"),
        ("Runtime.MarshalError", "Unable to marshal response: object", "json.dumps"),
        ("Function.ResponseSizeTooLarge", "Response payload size exceeded", "answer with less"),
    ],
)
def test_the_message_of_the_answer_is_the_cause(kind: str, message: str, cure: str) -> None:
    answer = found(answered(kind, message))
    assert answer.cause == f"the function app.handler answered with an error on event {{}}: {kind}: {message}"
    assert cure in answer.cure
    assert "--record" not in answer.cure


def test_an_answer_that_is_only_text_is_the_cause_too() -> None:
    assert found(answered("", "boom")).cause.endswith("on event {}: boom")


@pytest.mark.parametrize(
    ("message", "log", "end", "cure"),
    [
        ("Runtime exited with error: exit status 3", "", "exit status 3", "must not end by itself"),
        ("Runtime exited with error: exit status 7", "oh\nno\n", "exit status 7; it last printed: no", "must not end"),
        ("Runtime exited with error: signal: segmentation fault", "", "segmentation fault", "faulthandler"),
    ],
)
def test_how_a_runtime_died_is_told(message: str, log: str, end: str, cure: str) -> None:
    answer = found(answered("Runtime.ExitError", f"RequestId: 1-2 Error: {message}", log, status="died"))
    assert answer.cause.endswith(end)
    assert "RequestId" not in answer.cause
    assert cure in answer.cure


def test_a_command_that_was_not_packed_comes_as_a_layer() -> None:
    answer = found(answered("FileNotFoundError", "[Errno 2] No such file or directory: 'nosuchgit'", STARTS))
    assert answer.cause == "nosuchgit is neither in the bundle nor on Lambda"
    assert "lambundle pack nosuchgit, and give the function that layer: --layer nosuchgit.zip" in answer.cure


def test_a_file_that_was_opened_is_no_command() -> None:
    answer = found(answered("FileNotFoundError", "[Errno 2] No such file or directory: 'data.csv'"))
    assert answer.cause.endswith("'data.csv'")
    path = found(answered("FileNotFoundError", "[Errno 2] No such file or directory: '/data/x'"))
    assert path.cause == "/data/x is neither in the bundle nor on Lambda"
    assert "/var/task" in path.cure


def test_a_command_beside_the_path_is_named_with_its_directory() -> None:
    bundle = subject(member("bin/tool", 0o755), manifests=())
    answer = found(answered("FileNotFoundError", "No such file or directory: 'tool'", STARTS, bundle=bundle))
    assert answer.cause.startswith("tool is in the zip as /var/task/bin/tool, and Lambda's PATH does not")
    assert "/opt/bin is on PATH" in answer.cure


def test_a_file_of_the_layer_without_its_mode(tmp_path: Path) -> None:
    tool = tmp_path / "bin/tool"
    tool.parent.mkdir()
    tool.touch(0o644)
    packed = manifest(entries=[entry("bin/tool", 0o755)])
    for name in ("tool", "/opt/bin/tool"):
        item = answered("PermissionError", f"[Errno 13] Permission denied: '{name}'", STARTS)
        mounted = Mounted("/var/task", {"/opt": tmp_path}, {"/opt/lambundle/tool": packed})
        answer = found(replace(item, mounted=mounted))
        assert (
            answer.cause
            == "tool is not executable in the layer (mode 0644): it was re-zipped by a tool that drops modes"
        )
        assert answer.cure == "upload tool.zip itself, as lambundle wrote it"


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        (
            "Command '['tool', '-x', 'a b']' returned non-zero exit status 1.",
            "lambundle verify tool.zip -- tool -x 'a b'",
        ),
        ("Command '['other']' died with <Signals.SIGSEGV: 11>.", "capture_output"),
        ("Command 'tool | cat' returned non-zero exit status 1.", "capture_output"),
    ],
)
def test_what_a_command_kept_to_itself_can_be_made_visible(text: str, cure: str) -> None:
    item = answered("CalledProcessError", text)
    answer = found(replace(item, mounted=Mounted("/var/task", {}, {"/opt/lambundle/tool": manifest()})))
    assert answer.cause.endswith(text)
    assert cure in answer.cure


def test_the_layer_at_rest_comes_before_a_command_that_said_nothing() -> None:
    check = Check("integrity", Status.FAIL, "layer.zip: a file is missing", "pack again")
    text = "Command '['tool']' returned non-zero exit status 127."
    assert found(answered("CalledProcessError", text, "", check)).cause == check.detail


def test_a_function_is_told_of_the_network_what_a_function_can_do() -> None:
    answer = found(answered("URLError", "<urlopen error [Errno -3] Temporary failure in name resolution>"))
    assert "asks for the network" in answer.cause
    assert "--event" in answer.cure
    assert " -- " not in answer.cure


@pytest.mark.parametrize(
    ("kind", "message", "log", "name"),
    [
        ("KeyError", "'TABLE_NAME'", 'File "<frozen os>", line 679, in __getitem__', "TABLE_NAME"),
        ("Runtime.ExitError", "exit status 1", "\n/var/task/bootstrap: line 3: TABLE: unbound variable", "TABLE"),
        ("Runtime.ExitError", "exit status 1", "\nbash: line 1: TABLE: parameter null or not set", "TABLE"),
    ],
)
def test_a_variable_without_which_the_code_ends(kind: str, message: str, log: str, name: str) -> None:
    answer = found(answered(kind, message, log))
    assert answer.cause == f"the variable {name} is not set, and it is asked for without a default"
    assert f"set {name} in the function's configuration" in answer.cure


def test_a_key_of_another_dictionary_is_no_variable() -> None:
    assert found(answered("KeyError", "'TABLE_NAME'", "in handler")).cause.endswith("KeyError: 'TABLE_NAME'")


# ---- what it said ----


def test_a_message_without_end_is_cut() -> None:
    assert len(found(answered("ValueError", "x" * 10_000)).cause) < 500


def test_lambdas_own_lines_are_no_words_of_the_program() -> None:
    log = "START RequestId: 1\nhello\r\xa0 there\r\nx LAMBDA_WARNING: Unhandled\nREPORT RequestId: 1\n"
    assert excerpt(log) == ["hello", "there"]


def test_an_endless_output_is_cut_at_its_middle_and_in_its_width() -> None:
    lines = excerpt("\n".join(["first", *("x" * 2_000 for _ in range(2_000)), "last"]))
    assert (lines[0], lines[-1]) == ("first", "last")
    assert len(lines) < 1_000
    assert max(map(len, lines)) == LINE_MAX


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["Can't locate X.pm in @INC", "BEGIN failed--compilation aborted."], "Can't locate X.pm in @INC"),
        (["Error: Cannot find module 'x'", "  at y", "Node.js v20.1"], "Error: Cannot find module 'x'"),
        (["x: not found", "smoke job: got '' instead of 'done'"], "x: not found"),
        (["smoke job: got '' instead of 'done'"], "smoke job: got '' instead of 'done'"),
        (["one", "two"], "two"),
        (["x.c:1: error: no y", "x.c:2: error: no z"], "x.c:1: error: no y"),
        (["perl: warning: Setting locale failed.", "out of cheese"], "out of cheese"),
        (["Traceback (most recent call last):", "raise Error('x')", "LookupError: none"], "LookupError: none"),
        ([], ""),
    ],
)
def test_the_telling_line_is_that_of_the_error(lines: list[str], line: str) -> None:
    assert telling(lines) == line
