"""A custom runtime: takes events from Lambda's Runtime API, gives them to the handler, posts the answers."""  # noqa: INP001

from __future__ import annotations

import http.client
import json
import os
import time
from dataclasses import dataclass
from typing import Any

API = "/2018-06-01/runtime"


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may ask about its invocation."""

    aws_request_id: str
    deadline_ms: int

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        return max(0, self.deadline_ms - round(time.time() * 1000))


def main() -> None:
    """Serve events until Lambda ends the process."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        from handler import handler
    except Exception as error:
        post(connection, "init/error", failure(error))
        raise
    while True:
        connection.request("GET", f"{API}/invocation/next")
        response = connection.getresponse()
        identifier = response.headers["Lambda-Runtime-Aws-Request-Id"]
        context = Context(identifier, int(response.headers["Lambda-Runtime-Deadline-Ms"]))
        try:
            answer, what = handler(json.load(response), context), "response"
        except Exception as error:  # noqa: BLE001  (every error of a handler is an answer)
            answer, what = failure(error), "error"
        post(connection, f"invocation/{identifier}/{what}", answer)


def post(connection: http.client.HTTPConnection, path: str, body: Any) -> None:
    """Send one answer."""
    connection.request("POST", f"{API}/{path}", json.dumps(body), {"Content-Type": "application/json"})
    connection.getresponse().read()


def failure(error: Exception) -> dict[str, str]:
    """An error in Lambda's form."""
    return {"errorType": type(error).__name__, "errorMessage": str(error)}


if __name__ == "__main__":
    main()
