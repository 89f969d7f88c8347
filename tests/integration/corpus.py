"""The corpus of real jobs: pack a program, unpack the zip, let it do its work on a bare host.

``python -m tests.integration.corpus [NAME…]`` does so for the jobs of jobs.toml and prints a table.
``--native`` runs the same scripts against the installed programs, to tell a bad script from a bad bundle.
``--compare`` does each job at home too, and says whether the result is the same.
``--root DIR`` packs the programs of the Linux below DIR, which is then home: a root with the packages of all jobs.
``--by-hand`` says what a careful person would ship for each job, and how much larger our bundle is.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bareroot import HOST_FILES, CompletedRun, Sandbox, UnavailableError, bare_root
from tests.integration.add_ons import add_on_bytes
from tests.integration.home import HERE, Home

if TYPE_CHECKING:
    from collections.abc import Sequence

JOBS_FILE = Path(__file__).with_name("jobs.toml")
MOUNTS = ("/opt", "/var/task", "/mnt/with space")
"""Where a Layer and a function are unpacked, and a place that trips careless shell scripts."""
MEGABYTE = 1_000_000
MORE_THAN_BY_HAND = 1.5
"""How many times as large a bundle may be as what a careful person would ship."""
PACK_SECONDS = 600
TAIL_LINES = 25

PRELUDE = r"""
set -eu -o pipefail
cd /tmp
step() { echo "step: $*" >&2; }
# Often called in a command substitution, whose status nobody looks at: so it ends the whole script.
fail() { echo "FAIL: $*" >&2; kill -TERM $$; exit 1; }
# same GOT WANTED
same() { [ "$1" = "$2" ] || fail "got '$1' instead of '$2'"; }
# has FILE PATTERN
has() { grep -q -e "$2" "$1" || { head -c 2000 "$1" >&2; fail "$1 lacks '$2'"; }; }
# magic FILE HEX: how the file begins
magic() { same "$(head -c $((${#2} / 2)) "$1" | od -An -v -tx1 | tr -d ' \n')" "$2"; }
# larger FILE BYTES
larger() { [ "$(stat -c %s "$1")" -gt "$2" ] || fail "$1 has only $(stat -c %s "$1") bytes"; }
# status WANTED COMMAND...: the exit status, no more and no less
status() { wanted=$1; shift; got=0; "$@" || got=$?; same "status $got" "status $wanted"; }
# eventually COMMAND...: until it succeeds, for twenty seconds
eventually() {
  for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done
  "$@" || fail "never succeeded: $*"
}
"""
"""What every script begins with; the sandbox's shell is bash under the name sh."""


@dataclass(frozen=True, slots=True)
class Job:
    """One program, or a few that work together, and what they have to get done."""

    name: str
    tier: int
    programs: tuple[str, ...]
    options: tuple[str, ...]
    packages: tuple[str, ...]
    script: str
    stdout: str | None
    unzipped_mb: float | None
    whole: tuple[str, ...]
    by_hand_mb: float | None
    timeout: float
    not_compared: tuple[str, ...] = ()
    said: str | None = None

    @property
    def mounts(self) -> tuple[str, ...]:
        """Return where its bundle is tried; those of the spine everywhere."""
        return MOUNTS if self.tier == 1 else MOUNTS[:1]

    def entry_points(self, home: Home = HERE) -> dict[str, str]:
        """Return launcher name to program at home, or raise where one is not installed."""
        found = {}
        for program in self.programs:
            name, path = split_program(program)
            where = home.which(path)
            if where is None:
                raise UnavailableError(f"{path} is not installed: apt-get install {' '.join(self.packages)}")
            found[name] = where
        return found


@dataclass(frozen=True, slots=True)
class Packed:
    """A zip and what became of it when Info-ZIP unpacked it."""

    archive: Path
    tree: Path
    zipped: int
    unzipped: int
    seconds: float
    notes: str


class JobError(Exception):
    """A job was not done: the program did not pack, or ran and got it wrong."""


def load_jobs() -> list[Job]:
    """Read jobs.toml."""
    return [
        Job(
            name=table["name"],
            tier=table["tier"],
            programs=tuple(table["pack"]),
            options=tuple(table.get("options", ())),
            packages=tuple(table.get("packages", ())),
            script=table["script"],
            stdout=table.get("stdout"),
            unzipped_mb=table.get("unzipped_mb"),
            whole=tuple(table.get("whole", ())),
            by_hand_mb=table.get("by_hand_mb"),
            timeout=table.get("timeout", 120),
            not_compared=tuple(table.get("not_compared", ())),
            said=table.get("said"),
        )
        for table in tomllib.loads(JOBS_FILE.read_text())["job"]
    ]


def selected_jobs() -> list[Job]:
    """Return the jobs that the tests run; LAMBUNDLE_CORPUS=all asks for every one."""
    jobs = load_jobs()
    if os.environ.get("LAMBUNDLE_CORPUS") == "all":
        return jobs
    last = tomllib.loads(JOBS_FILE.read_text())["tested_up_to_tier"]
    return [job for job in jobs if job.tier <= last]


def split_program(program: str) -> tuple[str, str]:
    """Split ``NAME=PROGRAM`` as the command line does; the name is otherwise the program's."""
    name, equals, path = program.partition("=")
    return (name, path) if equals else (Path(program).name, program)


def pack(job: Job, directory: Path, home: Home = HERE) -> Packed:
    """Pack a job's programs with the command line and unpack the zip with Info-ZIP."""
    programs = [f"{name}={path}" for name, path in job.entry_points(home).items()]
    unzip = shutil.which("unzip")
    if unzip is None:
        raise UnavailableError("unzip is not installed")
    directory.mkdir(parents=True, exist_ok=True)
    archive, tree = directory / f"{job.name}.zip", directory / "tree"
    begun = time.monotonic()
    command = [sys.executable, "-m", "lambundle", "pack", *home.options, *job.options, *programs]
    done = subprocess.run(
        [*command, "-o", str(archive)], capture_output=True, text=True, timeout=PACK_SECONDS, check=False
    )
    seconds = time.monotonic() - begun
    if done.returncode != 0:
        raise JobError(f"pack ended with {done.returncode}\n{tail(done.stdout + done.stderr)}")
    with zipfile.ZipFile(archive) as entries:
        unzipped = sum(entry.file_size for entry in entries.infolist())
    tree.mkdir()
    unpacked = subprocess.run([unzip, "-q", str(archive), "-d", str(tree)], capture_output=True, text=True, check=False)
    if unpacked.returncode != 0:
        raise JobError(f"unzip ended with {unpacked.returncode}\n{tail(unpacked.stdout + unpacked.stderr)}")
    return Packed(archive, tree, archive.stat().st_size, unzipped, seconds, done.stderr)


def run(job: Job, sandbox: Sandbox, tree: Path, mount: str, *, listing: str | None = None) -> CompletedRun:
    """Run a job's script with its bundle at ``mount``; raise where the job was not done.

    ``listing`` is a script that runs it (its first argument) and says something of it afterwards.
    """
    quoted = mount.replace("'", "'\\''")
    # B is not exported: a bundle has to find itself without a hint from the environment.
    script = f"B='{quoted}'\n{PRELUDE}\n{job.script}"
    mounts = {mount: tree}
    if (passwd := tree / "passwd").exists():
        mounts["/etc/passwd"] = passwd
    command = ["--posix", "-c", script] if listing is None else ["-c", listing, "sh", script]
    done = sandbox.run(["/bin/bash", *command], mounts=mounts, timeout=job.timeout)
    output = tail(f"{done.stdout}\n{done.stderr}")
    if done.status != 0:
        raise JobError(f"{job.name} at {mount} ended with {done.status}\n{output}")
    if job.stdout is not None and not re.search(job.stdout, done.stdout, re.MULTILINE):
        raise JobError(f"{job.name} at {mount} did not print {job.stdout!r}\n{output}")
    return done


def check_size(job: Job, packed: Packed) -> None:
    """Raise where a bundle is larger than its job allows; the figures of jobs.toml are those of Debian 12.

    What is there because this machine's user installed it by name does not count.
    """
    unzipped = packed.unzipped - add_on_bytes(packed.archive)
    if job.unzipped_mb is not None and unzipped > job.unzipped_mb * MEGABYTE:
        raise JobError(f"{job.name} is {unzipped / MEGABYTE:.1f} MB unzipped, allowed are {job.unzipped_mb:g}")
    by_hand_mb = job.by_hand_mb
    if by_hand_mb is not None and unzipped > MORE_THAN_BY_HAND * by_hand_mb * MEGABYTE and not is_debian_12():
        from tests.integration.by_hand import by_hand

        by_hand_mb = by_hand(job).shipped
    if by_hand_mb is not None and unzipped > MORE_THAN_BY_HAND * by_hand_mb * MEGABYTE:
        raise JobError(f"{job.name} is {unzipped / MEGABYTE:.1f} MB unzipped, a person would ship {by_hand_mb:g}")


def is_debian_12() -> bool:
    """Whether this machine is of the release that jobs.toml was written on."""
    release = platform.freedesktop_os_release()
    return (release["ID"], release.get("VERSION_ID")) == ("debian", "12")


def tail(text: str) -> str:
    """Return the last lines, where programs say what went wrong."""
    return "\n".join(text.strip().splitlines()[-TAIL_LINES:])


# --- the command


def main() -> int:
    """Run the corpus and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.corpus", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="jobs to run (default: all)")
    parser.add_argument("--tier", type=int, help="only the jobs of this tier")
    parser.add_argument("--mount", default=MOUNTS[0], help="mount point (default: %(default)s)")
    parser.add_argument("--native", action="store_true", help="run the installed programs, pack nothing")
    parser.add_argument("--compare", action="store_true", help="compare each result with the same job at home")
    parser.add_argument("--root", type=Path, default=HERE.root, metavar="DIR", help="home is the Linux below DIR")
    parser.add_argument(
        "--by-hand", action="store_true", help="say what a person would ship; run the jobs below strace"
    )
    parser.add_argument("--list", action="store_true", help="print the jobs' names and packages")
    given = parser.parse_args()

    jobs = [job for job in load_jobs() if given.tier in (None, job.tier)]
    if unknown := set(given.names) - {job.name for job in jobs}:
        parser.error(f"no such job: {' '.join(sorted(unknown))}")
    jobs = [job for job in jobs if not given.names or job.name in given.names]
    if given.list:
        for job in jobs:
            say(f"{job.name:16} {job.tier}  {' '.join(job.packages)}")
        return 0

    if given.by_hand:
        return compare_by_hand(jobs)
    home = Home(given.root.resolve())
    if given.compare:
        return compare_with_home(jobs, home, given.mount)
    sandbox = home.sandbox() if given.native else Sandbox(bare_root())
    sandbox.check()
    say(f"{'PROGRAM':16} {'RESULT':6} {'ZIPPED':>9} {'UNZIPPED':>9} {'PACK':>7} {'RUN':>7}")
    failures = {}
    passed = skipped = 0
    for job in jobs:
        try:
            say(try_job(job, home, sandbox, given.mount, native=given.native))
            passed += 1
        except UnavailableError as missing:
            say(f"{job.name:16} SKIP   {missing}")
            skipped += 1
        except JobError as error:
            failures[job.name] = str(error)
            say(f"{job.name:16} FAIL   {str(error).splitlines()[-1][:90]}")
    for name, reason in failures.items():
        say(f"\n--- {name}\n{reason}")
    say(f"\n{passed} passed, {len(failures)} failed, {skipped} skipped")
    return 1 if failures else 0


def compare_by_hand(jobs: Sequence[Job]) -> int:
    """Print what a careful person would ship for each job, and what we do."""
    from tests.integration.by_hand import by_hand

    say(f"{'PROGRAM':16} {'USED':>9} {'BY HAND':>9} {'OURS':>9} {'RATIO':>6}")
    failed = 0
    for job in jobs:
        try:
            found = by_hand(job)
        except (JobError, UnavailableError) as error:
            failed += 1
            say(f"{job.name:16} {error}")
            continue
        sizes = " ".join(f"{size:6.1f} MB" for size in (found.used, found.shipped, found.ours))
        say(f"{job.name:16} {sizes} {found.ours / found.shipped:6.2f}")
    return 1 if failed else 0


def compare_with_home(jobs: Sequence[Job], home: Home, mount: str) -> int:
    """Print whether the result of each job is the same from the bundle and at home."""
    from tests.integration.twins import twin

    sandbox = Sandbox(bare_root())
    sandbox.check()
    counts: Counter[str] = Counter()
    details = {}
    say(f"{'PROGRAM':16} {'RESULT':8} {'UNZIPPED':>10}")
    for job in jobs:
        found = twin(job, home, sandbox, mount)
        counts[found.how] += 1
        text = "\n".join(found.differences)
        if text and found.how != "SKIP":
            details[job.name] = text
        last = "".join(text.splitlines()[-1:])
        say(f"{job.name:16} {found.how:8} {found.unzipped / MEGABYTE:7.1f} MB  {last[:90]}")
    for name, text in details.items():
        say(f"\n--- {name}\n{text}")
    say(f"\n{', '.join(f'{count} {how}' for how, count in counts.most_common())}")
    return 0 if counts.keys() <= {"same", "said", "SKIP"} else 1


def try_job(job: Job, home: Home, sandbox: Sandbox, mount: str, *, native: bool) -> str:
    """Run one job from packing to result and return its line of the table."""
    with tempfile.TemporaryDirectory(prefix="corpus-") as work:
        packed = None if native else pack(job, Path(work), home)
        tree = packed.tree if packed else stand_in(job, Path(work), home)
        begun = time.monotonic()
        run(job, sandbox, tree, mount)
        seconds = time.monotonic() - begun
        if packed is None:
            return f"{job.name:16} {'PASS':6} {'-':>9} {'-':>9} {'-':>7} {seconds:5.1f} s"
        check_size(job, packed)
        zipped, unzipped = packed.zipped / MEGABYTE, packed.unzipped / MEGABYTE
        sizes = f"{zipped:6.1f} MB {unzipped:6.1f} MB"
        return f"{job.name:16} {'PASS':6} {sizes} {packed.seconds:5.1f} s {seconds:5.1f} s"


def stand_in(job: Job, directory: Path, home: Home = HERE) -> Path:
    """Make a tree that looks like a bundle and starts what is installed at home."""
    (directory / "bin").mkdir()
    for name, path in job.entry_points(home).items():
        launcher = directory / "bin" / name
        launcher.write_text(f'#!/bin/sh\nexec "{path}" "$@"\n')
        launcher.chmod(0o755)
    # The user has to exist on this machine too.
    (directory / "passwd").write_text(HOST_FILES["etc/passwd"])
    directory.chmod(0o755)
    return directory


def say(line: str) -> None:
    """Print a line at once: a corpus takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
