"""Clones a repository and tells its newest commits. See README.md."""  # noqa: INP001

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

COMMITS = 20
SEPARATOR = "\x1f"
FIELDS = {"commit": "%H", "author": "%an", "date": "%aI", "subject": "%s"}


def handler(event: dict[str, str], context: Any) -> list[dict[str, str]]:  # noqa: ARG001  (Lambda passes it)
    """Answer ``{"url": "https://…"}`` or ``{"bundle": base64 of git-bundle(1)}`` with the newest commits."""
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        if "bundle" in event:
            (work / "origin.bundle").write_bytes(base64.b64decode(event["bundle"], validate=True))
            origin, protocols = "origin.bundle", "file"
        else:
            origin, protocols = event["url"], "https"
        options = ("--quiet", "--bare", f"--depth={COMMITS}") if protocols == "https" else ("--quiet", "--bare")
        git(work, protocols, "clone", *options, "--", origin, "clone")
        format_ = SEPARATOR.join(FIELDS.values())
        log = git(work, protocols, "-C", "clone", "log", f"--max-count={COMMITS}", f"--format={format_}")
    return [dict(zip(FIELDS, line.split(SEPARATOR), strict=True)) for line in log.splitlines()]


def git(work: Path, protocols: str, *arguments: str) -> str:
    """Run the Layer's git, which is on PATH, and return its answer; RuntimeError with its own words when it fails."""
    # HOME is not set on Lambda. Nobody is there to be asked for a password.
    settings = {"HOME": str(work), "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": protocols}
    done = subprocess.run(
        ["git", *arguments], cwd=work, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return done.stdout
