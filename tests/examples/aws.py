"""AWS as moto plays it, for the commands of the READMEs."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from tests.examples.readme import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOOLS = ("aws", "cfn-lint", "moto_server")
START_SECONDS = 60.0


def missing_tools() -> list[str]:
    """Programs of the ``examples`` extra that are not installed."""
    return [tool for tool in TOOLS if not (SCRIPTS / tool).exists()]


@contextlib.contextmanager
def pretended() -> Iterator[Mapping[str, str]]:
    """Start an AWS with nothing in it; gives the variables that lead the command line there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [SCRIPTS / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _until_it_answers(endpoint, server)
        # Functions are created, not run: moto would do so in a container of Amazon's.
        _post(f"{endpoint}/moto-api/config", b'{"lambda": {"use_docker": false}}')
        yield {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.kill()
        server.wait()


def _until_it_answers(endpoint: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{endpoint}/moto-api/config").close()
        except urllib.error.URLError:
            assert server.poll() is None, "moto_server ended"
            assert time.monotonic() < end, "moto_server does not answer"
            time.sleep(0.1)
        else:
            return


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    urllib.request.urlopen(request).close()
