"""Twins: a job done at home and from the bundle, and what of their results differs.

At home is a whole machine in the same sandbox, with the same environment, user and limits. What differs between
two runs at home (dates, ids, addresses) is not compared.
"""

from __future__ import annotations

import fnmatch
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.target import UNZIPPED
from tests.bareroot import UnavailableError
from tests.integration.corpus import JobError, pack, run, stand_in
from tests.integration.home import HERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bareroot import Sandbox
    from tests.integration.corpus import Job
    from tests.integration.home import Home

MARK = "=== made"

LISTING = f"""
cd /tmp
/bin/bash --posix -c "$1" || exit
printf '\\n%s\\n' '{MARK}'
shopt -s globstar nullglob
for made in **; do
    if [ -f "$made" ] && [ ! -L "$made" ]; then sha256sum -- "$made"; fi
done
"""
"""Runs a script of the corpus, and then lists the files that it made, but for hidden ones (caches), with digests."""


class HomeError(JobError):
    """A job fails at home."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run printed, line by line, and the digests of the files that it made in /tmp, by path."""

    lines: tuple[str, ...]
    made: Mapping[str, str]


def result(job: Job, sandbox: Sandbox, tree: Path, mount: str) -> Result:
    """Run a job and return its result; raises JobError where it was not done."""
    printed, _, listed = run(job, sandbox, tree, mount, listing=LISTING).stdout.rpartition(f"\n{MARK}\n")
    made = {}
    for line in listed.splitlines():
        digest, _, path = line.partition("  ")
        if not any(fnmatch.fnmatchcase(path, pattern) for pattern in job.not_compared):
            made[path] = digest
    return Result(tuple(printed.splitlines()), made)


def compare(job: Job, sandbox: Sandbox, tree: Path, mount: str, home: Home = HERE) -> tuple[str, ...]:
    """Return what differs between a job's result from the bundle and at home; raises JobError where home fails."""
    away = result(job, sandbox, tree, mount)
    with tempfile.TemporaryDirectory(prefix="home-") as work:
        native, programs = home.sandbox(), stand_in(job, Path(work), home)
        try:
            first = result(job, native, programs, mount)
            found = _differences(first, away)
            if not found:
                return ()
            time.sleep(1.1)  # else a date in a file is the same in both runs at home, by chance
            second = result(job, native, programs, mount)
        except JobError as error:
            raise HomeError(f"at home: {error}") from error
    by_themselves = {difference.partition(":")[0] for difference in _differences(first, second)}
    return tuple(difference for difference in found if difference.partition(":")[0] not in by_themselves)


@dataclass(frozen=True, slots=True)
class Twin:
    """How a job went: ``same``, ``said`` (pack's notes name what is left out), ``SILENT`` (another result with status
    0), ``FAIL``, ``OVER`` (the quota), ``UNSOUND`` (it fails at home), ``SKIP`` (not installed).
    """

    how: str
    unzipped: int = 0
    differences: tuple[str, ...] = ()


def twin(job: Job, home: Home, sandbox: Sandbox, mount: str) -> Twin:
    """Pack a job and compare it with home."""
    unzipped = 0
    with tempfile.TemporaryDirectory(prefix="twins-", dir="/var/tmp") as work:
        try:
            packed = pack(job, Path(work), home)
            unzipped = packed.unzipped
            found = compare(job, sandbox, packed.tree, mount, home)
        except UnavailableError as missing:
            return Twin("SKIP", 0, (str(missing),))
        except HomeError as error:
            return Twin("UNSOUND", unzipped, (str(error),))
        except JobError as error:
            return Twin("UNSOUND" if _fails_at_home(job, home, mount) else "FAIL", unzipped, (str(error),))
    if found:
        return Twin("said" if job.said and job.said in packed.notes else "SILENT", unzipped, found)
    return Twin("same" if UNZIPPED.admits(unzipped) else "OVER", unzipped)


def _fails_at_home(job: Job, home: Home, mount: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="home-") as work:
        try:
            result(job, home.sandbox(), stand_in(job, Path(work), home), mount)
        except JobError:
            return True
    return False


def _differences(one: Result, other: Result) -> list[str]:
    found = []
    if one.lines != other.lines:
        pairs = [(here, there) for here, there in zip(one.lines, other.lines, strict=False) if here != there]
        here, there = pairs[0] if pairs else (f"{len(one.lines)} lines", f"{len(other.lines)} lines")
        found.append(f"stdout: {here[:100]!r} at home, {there[:100]!r} from the bundle")
    for path in sorted(one.made.keys() | other.made.keys()):
        if one.made.get(path) != other.made.get(path):
            where = "differs" if path in one.made and path in other.made else "is made on one side only"
            found.append(f"{path}: {where}")
    return found
