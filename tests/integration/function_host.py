"""Functions in a sandbox, for tests: they are written, started and given events, and what came of it is told."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambundle.verify.function import Event, Function, FunctionReport, invoke_function
from lambundle.verify.sandbox.interface import MIB, Limits
from tests.bareroot import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lambundle.verify.model import RunReport
    from lambundle.verify.sandbox.interface import Sandbox

BASH = r"""#!/bin/bash
# A runtime in bash alone: no curl is needed where there is /dev/tcp.
request() { # METHOD PATH BODY: the answer's head and body
  exec 3<> "/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}"
  printf '%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' \
    "$1" "$2" "${#3}" "$3" >&3
  id='' length=0
  while IFS= read -r line <&3 && line=${line%$'\r'} && [[ $line ]]; do
    case ${line,,} in
      lambda-runtime-aws-request-id:*) id=${line#*: } ;;
      content-length:*) length=${line#*: } ;;
    esac
  done
  IFS= read -r -N "$length" body <&3
  exec 3>&-
}
echo init; echo 'init error' >&2
while :; do
  request GET invocation/next ''
  answer=$body
  eval "$(printf '%s' "$HOOK")"
  request POST "invocation/$id/response" "$answer"
  eval "$(printf '%s' "$AFTER")"
done
"""

HANDLER = """
import os, sys, time

count = 0
print("loaded")


def handler(event, context):
    global count
    count += 1
    return globals()[event](event, context)


def ok(event, context):
    print("to the log")
    return {"count": count, "tmp": sorted(os.listdir("/tmp"))}


def wrong(event, context):
    raise ValueError("no good")


def deep(event, context, depth=0):
    return deep(event, context, depth + 1)


def leave(event, context):
    sys.exit(3)


def vanish(event, context):
    os._exit(0)


def crash(event, context):
    os.kill(os.getpid(), 11)


def loop(event, context):
    open("/tmp/kept", "w").close()
    print("turning")
    while True:
        pass


def hog(event, context):
    kept = []
    while True:
        kept.append(bytearray(8 << 20))


def large(event, context):
    return "x" * 6291554  # and two quotation marks


def larger(event, context):
    return "x" * 6291555


def strange(event, context):
    return {1, 2}


def look(event, context):
    return {
        "environment": dict(os.environ),
        "path": sys.path,
        "prefix": [sys.executable, sys.prefix],
        "remaining": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
        "id": context.aws_request_id,
    }


def children(event, context):
    import subprocess
    text = "import sys, ssl, sqlite3, ctypes; print(sys.executable)"
    return [subprocess.run([python, "-c", text], capture_output=True, text=True, check=True).stdout.strip()
            for python in (sys.executable, "python3")]
"""


@dataclass
class Host:
    """A sandbox, and a directory for the functions to come from."""

    sandbox: Sandbox
    directory: Path

    def tree(self, files: Mapping[str, tuple[str, int]]) -> Path:
        """Write files, each with its mode, as what was unpacked from a zip."""
        top = self.directory / f"tree{len(list(self.directory.iterdir()))}"
        top.mkdir()
        for name, (text, mode) in files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(mode)
        for place, _, _ in os.walk(top):
            Path(place).chmod(0o755)
        return top

    def invoke(
        self,
        mounts: Mapping[str, Path],
        *events: object,
        handler: str | None = None,
        seconds: float = 20.0,
        init_seconds: float = 20.0,
        **environment: str,
    ) -> FunctionReport:
        """Give ``events`` to a function of 256 MB."""
        texts = [Event(f"event {number}", json.dumps(event).encode()) for number, event in enumerate(events)]
        limits = Limits(memory=256 * MIB, seconds=seconds)
        function = Function(mounts, handler, environment)
        return invoke_function(self.sandbox, function, texts, limits, work=self.directory, init_seconds=init_seconds)

    def python(self, *events: object, code: str = HANDLER, **options: Any) -> FunctionReport:
        """Give ``events`` to a function in Python."""
        task = self.tree({"handler.py": (code, 0o644)})
        return self.invoke({"/var/task": task}, *events, handler="handler.handler", **options)

    def node(self, *events: object, code: str, name: str = "index.mjs", **options: Any) -> FunctionReport:
        """Give ``events`` to a function in JavaScript."""
        task = self.tree({name: (code, 0o644)})
        return self.invoke({"/var/task": task}, *events, handler="index.handler", **options)

    def custom(self, *events: object, hook: str = ":", after: str = ":", **options: Any) -> FunctionReport:
        """Give ``events`` to a custom runtime that runs the shell commands before it answers, and after."""
        task = self.tree({"bootstrap": (BASH, 0o755)})
        return self.invoke({"/var/task": task}, *events, HOOK=hook, AFTER=after, **options)


def hosted(sandbox: Sandbox, tmp_path: Path) -> Iterator[Host]:
    """Give a sandbox with a directory, which is empty again in the end; raise UnavailableError."""
    reason = sandbox.unavailable()
    if reason is not None:
        raise UnavailableError(reason)
    directory = tmp_path / "function"
    directory.mkdir()
    try:
        yield Host(sandbox, directory)
    finally:
        sandbox.close()
    assert [path for path in directory.iterdir() if path.name.startswith("lambundle-")] == []


def statuses(report: FunctionReport) -> list[int | str]:
    return [run.status for run in report.runs]


def error(run: RunReport) -> tuple[str, str]:
    """Return type and message of an error, the request's id taken out."""
    assert isinstance(run.response, dict)
    return run.response["errorType"], re.sub(r"RequestId: \S+ ", "", run.response["errorMessage"])


def reports(report: FunctionReport) -> list[str]:
    """Return what the log's REPORT and INIT_REPORT lines have after the figures."""
    lines = [line for line in report.log.splitlines() if "REPORT" in line.partition(" ")[0]]
    return [" ".join(re.findall(r"Phase: \w+|Status: \w+|Error Type: \S+", line)) for line in lines]
