"""Handlers in Python and JavaScript, each with the answer and the log that Lambda's documentation says."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lambundle import target
from lambundle.errors import HandlerError
from lambundle.target import PAYLOAD_LIMIT
from lambundle.verify.function import node
from lambundle.verify.function.node import find_node
from lambundle.verify.sandbox import hostroot
from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.docker.docker import DockerSandbox
from tests.bareroot import UnavailableError
from tests.docker import runtime_image
from tests.integration.conftest import unavailable
from tests.integration.function_host import error, hosted, reports, statuses

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.function_host import Host

TOO_LARGE = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
KILLED = "Error: Runtime exited with error: signal: killed"


@dataclass(frozen=True)
class Case:
    """A handler, and what becomes of the event ``{"n": 1}``.

    ``error`` is the answer's errorType and a pattern of its errorMessage, ``log`` a pattern that the log has.
    """

    name: str
    file: str
    code: str
    status: str = "ok"
    answer: object = None
    error: tuple[str, str] = ("", "")
    log: str = ""
    more: tuple[tuple[str, str], ...] = ()


X = '#!/bin/sh\necho "$0 $1 mine=$MINE handler=${_HANDLER-none} home=${HOME-none}"\n'
ID = r"[0-9a-f-]{36}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"

PYTHON = [
    Case("good", "index.py", "def handler(e, c): return e['n'] + 1", answer=2),
    Case("throws", "index.py", "def handler(e, c): raise KeyError('gone')", "error", error=("KeyError", "'gone'")),
    Case("import", "index.py", "import gone", "error", error=("Runtime.ImportModuleError", "No module named 'gone'")),
    Case("syntax", "index.py", "def handler(", "error", error=("Runtime.UserCodeSyntaxError", "Syntax error in")),
    Case("no handler", "index.py", "", "error", error=("Runtime.HandlerNotFound", "Handler 'handler' missing")),
    Case(
        "endless", "index.py", "def handler(e, c):\n  while 1: pass", "timeout", error=("Sandbox.Timedout", "timed out")
    ),
    Case(
        "hog",
        "index.py",
        "def handler(e, c):\n  x = []\n  while 1: x.append(bytearray(1 << 23))",
        "died",
        error=("Runtime.OutOfMemory", KILLED),
    ),
    Case(
        "large",
        "index.py",
        f"def handler(e, c): return 'x' * {PAYLOAD_LIMIT}",
        "error",
        error=("Function.ResponseSizeTooLarge", re.escape(TOO_LARGE)),
    ),
    Case("logs", "index.py", "def handler(e, c):\n  print('told')\n", log=r"START .*\ntold\nEND "),
    Case(
        "starts",
        "index.py",
        "import subprocess\ndef handler(e, c):\n"
        "  return subprocess.run(['/opt/bin/X', 'a'], env={'MINE': 'b'}, capture_output=True, text=True).stdout",
        answer="/opt/bin/X a mine=b handler=none home=none\n",
    ),
]

NODE = [
    Case("module", "index.mjs", "export const handler = async (e) => e.n + 1", answer=2),
    Case("commonjs", "index.js", "exports.handler = async (e) => ({ dir: __dirname })", answer={"dir": "/var/task"}),
    Case("cjs", "index.cjs", "module.exports = { handler: async (e) => e.n }", answer=1),
    Case(
        "type module",
        "index.js",
        "import fs from 'node:fs'; export function handler(e, c) { c.succeed(typeof fs) }",
        answer="object",
        more=(("package.json", '{"type": "module"}'),),
    ),
    Case(
        "promise", "index.js", "exports.handler = (e) => new Promise((r) => setTimeout(r, 50, 'late'))", answer="late"
    ),
    Case("nothing", "index.js", "exports.handler = () => 7", answer=None),
    Case(
        "context",
        "index.mjs",
        "export const handler = async (e, c) => [c.functionName, c.memoryLimitInMB, c.functionVersion, c.logGroupName,"
        " c.invokedFunctionArn.split(':')[5], c.awsRequestId.length, c.callbackWaitsForEmptyEventLoop,"
        " c.getRemainingTimeInMillis() > 0 && c.getRemainingTimeInMillis() <= 20000]",
        answer=["function", "256", "$LATEST", "/aws/lambda/function", "function", 36, True, True],
    ),
    Case(
        "throws",
        "index.mjs",
        "export const handler = async () => { throw new RangeError('no') }",
        "error",
        error=("RangeError", "no"),
        log=rf'{TIME}\t{ID}\tERROR\tInvoke Error \t{{"errorType":"RangeError"',
    ),
    Case("throws at once", "index.js", "exports.handler = () => { throw 'text' }", "error", error=("string", "text")),
    Case(
        "fails at init",
        "index.mjs",
        "throw new TypeError('early')",
        "error",
        error=("TypeError", "early"),
        log=rf"{TIME}\tundefined\tERROR\tUncaught Exception \t",
    ),
    Case(
        "import",
        "index.js",
        "require('gone')",
        "error",
        error=("Runtime.ImportModuleError", "Error: Cannot find module 'gone'\nRequire stack:\n- /var/task/index.js"),
    ),
    Case("no file", "other.js", "", "error", error=("Runtime.ImportModuleError", "Error: Cannot find module 'index'")),
    Case("syntax", "index.js", "exports.handler = (", "error", error=("Runtime.UserCodeSyntaxError", "SyntaxError: ")),
    Case(
        "no handler",
        "index.js",
        "",
        "error",
        error=("Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
    ),
    Case(
        "rejects",
        "index.js",
        "exports.handler = () => {\n  Promise.reject(new Error('r'))\n"
        "  return new Promise(() => setTimeout(() => {}, 5000))\n}",
        "error",
        error=("Runtime.UnhandledPromiseRejection", "Error: r"),
    ),
    Case(
        "leaves",
        "index.js",
        "exports.handler = () => process.exit(4)",
        "died",
        error=("Runtime.ExitError", "Error: Runtime exited with error: exit status 4"),
    ),
    Case(
        "endless",
        "index.js",
        "exports.handler = () => { for (;;); }",
        "timeout",
        error=("Sandbox.Timedout", "timed out"),
    ),
    Case(
        "hog",
        "index.js",
        "exports.handler = () => { const a = []; for (;;) a.push(Buffer.alloc(1 << 23, 1)) }",
        "died",
        error=("Runtime.OutOfMemory", KILLED),
    ),
    Case(
        "large",
        "index.mjs",
        f"export const handler = async () => 'x'.repeat({PAYLOAD_LIMIT})",
        "error",
        error=("Function.ResponseSizeTooLarge", re.escape(TOO_LARGE)),
    ),
    Case(
        "logs",
        "index.mjs",
        "export const handler = async () => { console.log('a', { b: 1 }); console.warn('w\\nx') }",
        log=rf"{TIME}\t{ID}\tINFO\ta {{ b: 1 }}\n{TIME}\t{ID}\tWARN\tw\nx\n",
    ),
    Case(
        "starts",
        "index.mjs",
        "import { execFileSync } from 'node:child_process'\n"
        "export const handler = async () => String(execFileSync('/opt/bin/X', ['a'], { env: { MINE: 'b' } }))",
        answer="/opt/bin/X a mine=b handler=none home=none\n",
    ),
    Case(
        "starts itself",
        "index.js",
        "const { execFileSync, execSync } = require('node:child_process')\n"
        "const text = 'JSON.stringify([process.execPath, process.execArgv.includes(`--require`)])'\n"
        "const own = execFileSync(process.execPath, ['-p', text])\n"
        "exports.handler = async () => [JSON.parse(own), String(execSync('node -p 1+1'))]",
        answer=[["/var/lang/bin/node", False], "2\n"],
    ),
]


def invoke(host: Host, case: Case) -> None:
    task = host.tree({case.file: (case.code, 0o644), **{name: (text, 0o644) for name, text in case.more}})
    layer = host.tree({"bin/X": (X, 0o755)})
    seconds = 1.5 if case.status == "timeout" else 20.0
    report = host.invoke({"/var/task": task, "/opt": layer}, {"n": 1}, handler="index.handler", seconds=seconds)
    assert statuses(report) == [case.status], report
    if case.status == "ok":
        assert report.runs[0].response == case.answer
    else:
        kind, message = error(report.runs[0])
        assert kind == case.error[0]
        assert re.match(case.error[1], message) or case.error[1] in message, message
    assert re.search(case.log, report.log), report.log


def named(case: Case) -> str:
    return f"{case.file.partition('.')[2]}-{case.name.replace(' ', '-')}"


@pytest.fixture
def has_node() -> None:
    if shutil.which("node") is None:
        unavailable(UnavailableError("node is not installed: apt-get install nodejs"))


@pytest.mark.parametrize("case", PYTHON, ids=named)
def test_python(either_host: Host, case: Case) -> None:
    invoke(either_host, case)


@pytest.mark.parametrize("case", NODE, ids=named)
@pytest.mark.usefixtures("has_node")
def test_node(either_host: Host, case: Case) -> None:
    invoke(either_host, case)


@pytest.mark.usefixtures("has_node")
def test_callbacks_are_of_before_node_24(host: Host) -> None:
    code = """
exports.handler = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = event.waits
  if (event.fails) return callback(new Error('told'))
  let found = 'early'
  setTimeout(() => { found = 'late' }, 100)
  callback(null, { toJSON: () => found })
}
"""
    events = ({"waits": True}, {"waits": False}, {"fails": True})
    report = host.node(*events, code=code, name="index.js")
    if int(find_node().major) >= 24:
        assert error(report.runs[0])[0] == "Runtime.CallbackHandlerDeprecated"
        return
    assert [run.response for run in report.runs[:2]] == ["late", "early"]
    assert error(report.runs[2]) == ("Error", "told")


@pytest.mark.usefixtures("has_node")
def test_an_environment_is_warm_until_it_ends(host: Host) -> None:
    code = """
let count = 0
export const handler = async (event) => {
  if (event === 'leave') process.exit(3)
  if (event === 'fail') throw new Error('no')
  return ++count
}
"""
    report = host.node("", "fail", "", "leave", "", code=code)
    assert statuses(report) == ["ok", "error", "ok", "died", "ok"]
    assert [run.response for run in report.runs if run.status == "ok"] == [1, 2, 1]
    assert [run.init_ms is not None for run in report.runs] == [True] + [False] * 4
    assert report.runs[1].response["trace"][0] == "Error: no"  # type: ignore[index]
    assert reports(report)[3] == "Status: error Error Type: Runtime.ExitError"
    assert report.notes[0].startswith("Node.js ")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "export const handler = awslambda.streamifyResponse(async (e, stream) => stream.end())",
            "streams its response",
        ),
        ("import { S3 } from '@aws-sdk/client-s3'\nexport const handler = async () => 1", "imports @aws-sdk"),
    ],
)
@pytest.mark.usefixtures("has_node")
def test_what_is_not_here_leaves_the_answer_open(host: Host, code: str, words: str) -> None:
    with pytest.raises(HandlerError, match=words) as raised:
        host.node(1, code=code)
    assert raised.value.exit_code == 3
    assert raised.value.hint is not None
    assert "--image" in raised.value.hint


@pytest.mark.usefixtures("has_node")
def test_layers_bring_modules(host: Host) -> None:
    layer = host.tree({"nodejs/node_modules/brought/index.js": ("module.exports = 'layer'", 0o644)})
    task = host.tree({"src/app.js": ("exports.inner = { handler: async () => require('brought') }", 0o644)})
    report = host.invoke({"/var/task": task, "/opt": layer}, 1, handler="src/app.inner.handler")
    assert report.runs[0].response == "layer"


def test_a_bootstrap_that_calls_what_the_sandbox_has_not_leaves_the_answer_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "HOST_PROGRAMS", tuple(name for name in target.HOST_PROGRAMS if name != "curl"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(hostroot.VARIABLE, raising=False)
    text = "#!/bin/sh\nset -e\ncurl -s http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next\n"
    for host in hosted(BubblewrapSandbox(tmp_path), tmp_path):
        with pytest.raises(HandlerError, match="calls curl, which Lambda has") as raised:
            host.invoke({"/var/task": host.tree({"bootstrap": (text, 0o755)})}, 1)
        assert raised.value.exit_code == 3
        report = host.invoke({"/var/task": host.tree({"bootstrap": ("#!/bin/sh\ngone\n", 0o755)})}, 1)
        assert statuses(report) == ["died"], "what Lambda has not is not found there either"


@pytest.mark.usefixtures("has_node")
def test_an_image_of_a_node_runtime_uses_its_own(docker_image: str, tmp_path: Path) -> None:
    image = runtime_image(docker_image, "node", node.stand_in)
    for host in hosted(DockerSandbox(image, tmp_path), tmp_path):
        report = host.node({"n": 1}, code="export const handler = async (e) => e.n")
        assert statuses(report) == ["ok"]
        assert report.notes == ()
