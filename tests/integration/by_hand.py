"""What a careful person would ship by hand for a job of the corpus: the figure that bundles are held against.

``python -m tests.integration.corpus --by-hand [NAME…]`` prints it. The person runs the job once on the machine where
the programs are installed and follows every process below them with strace. By hand go into the bundle

1. what those processes opened, looked at, executed or mapped, with the libraries that it asks for; and
2. the directories that the job names in ``whole``, because nobody ships every second file of Python's library or
   half of a program's plug-ins; documentation, tests and what else no program reads stays out.

Nothing of discovery has a part in it but the list of what no program reads.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.discover.rules import rules
from lambundle.errors import LambundleError
from lambundle.machine import DiskFiles, here
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Recorded, Request
from lambundle.recording.filter import Bounds, choose
from lambundle.recording.seen import Seen, add_interpreters
from lambundle.recording.strace_log import read_strace
from tests.bareroot import GID, HOST_FILES, LAMBDA_ENVIRONMENT, UID, UnavailableError
from tests.here import read_elf
from tests.integration.corpus import MEGABYTE, PRELUDE, Job, JobError, tail

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

PRIVATE = ("/tmp", "/home", "/root")

TRACED = """#!/bin/sh
exec strace -D -f -qq -y -s0 -e trace=file,fork,vfork,clone,clone3,fchdir -o "{logs}/{name}.$$" "{program}" "$@"
"""
"""A program below strace, which is the parent of nobody: signals and daemons behave as without it."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """Megabytes of the files that a job's run used, of those with the whole directories, and of our bundle."""

    used: float
    shipped: float
    ours: float


def by_hand(job: Job) -> ByHand:
    """Run a job natively and say what a person would ship for it."""
    with tempfile.TemporaryDirectory(prefix="by-hand-", dir="/var/tmp") as work:
        seen = _traced(job, Path(work))
    add_interpreters(DiskFiles(), seen)
    chosen, _ = choose(DiskFiles(), seen.files, Bounds(PRIVATE[0], PRIVATE[1:]))
    started = {os.path.realpath(path) for path in seen.executed}
    used = [path for path in chosen if not (rules().is_unwanted(path) or _is_other_program(path, started))]
    whole = list(_below(job.whole))
    return ByHand(_megabytes(job, used), _megabytes(job, [*used, *whole]), _megabytes(job, None))


def _megabytes(job: Job, files: Iterable[str] | None) -> float:
    """Return the size of a bundle of nothing but some files, or of one that is discovered."""
    programs = tuple(f"{name}={path}" for name, path in job.entry_points().items())
    recorded = None if files is None else Recorded(tuple(files), only=True)
    return make_plan(Request(programs, here(), recorded=recorded)).unzipped / MEGABYTE


def _is_other_program(path: str, started: Container[str]) -> bool:
    """Whether a path is a compiled program that was looked at, but never started."""
    real = os.path.realpath(path)
    try:
        return read_elf(real).is_program and real not in started
    except LambundleError:
        return False


def _below(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        for directory in Path("/").glob(pattern.removeprefix("/")):
            for path in map(str, sorted(directory.rglob("*"))):
                if os.path.isfile(path) and not rules().is_unwanted(path.removesuffix(".h")):
                    yield path


def _traced(job: Job, work: Path) -> Seen:
    """Run a job natively, each of its programs below strace, and read what they left."""
    logs, stand_in = work / "logs", work / "bundle"
    (stand_in / "bin").mkdir(parents=True)
    logs.mkdir()
    programs = job.entry_points()
    for name, program in programs.items():
        launcher = stand_in / "bin" / name
        launcher.write_text(TRACED.format(logs=logs, name=name, program=program))
        launcher.chmod(0o755)
    (work / "passwd").write_text(HOST_FILES["etc/passwd"])
    for path in (work, logs):
        path.chmod(0o777)  # the job runs as another user
    done = subprocess.run(
        [*_sandbox(work), "/bin/bash", "--posix", "-c", f"B='{stand_in}'\n{PRELUDE}\n{job.script}"],
        env={**LAMBDA_ENVIRONMENT, "LANG": "C.UTF-8", "LD_LIBRARY_PATH": "", "PATH": "/usr/bin:/bin:/usr/sbin"},
        capture_output=True,
        text=True,
        timeout=job.timeout * 10,  # strace is slow
        check=False,
    )
    if done.returncode != 0:
        raise JobError(f"{job.name} ended with {done.returncode} below strace\n{tail(done.stdout + done.stderr)}")
    seen = Seen()
    for log in sorted(logs.iterdir()):
        read_strace(here(), str(log), programs[log.name.rpartition(".")[0]], seen)
    return seen


def _sandbox(work: Path) -> list[str]:
    """Return a command that runs another as Lambda's user would, but where strace is allowed."""
    for tool in ("bwrap", "strace"):
        if shutil.which(tool) is None:
            raise UnavailableError(f"{tool} is not installed")
    arguments = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/tmp", "--chmod", "1777", "/tmp"]
    arguments += ["--ro-bind", str(work / "passwd"), "/etc/passwd", "--proc", "/proc"]
    arguments += ["--unshare-net", "--unshare-pid", "--die-with-parent"]
    if os.geteuid() != 0:
        return [*arguments, "--"]
    return [*arguments, "--cap-add", "ALL", "--", "chroot", "--skip-chdir", f"--userspec={UID}:{GID}", "--groups=", "/"]
