"""Does a bundle's jobs at home too, and compares each pair of results."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from lambundle.verify.home.compare import (
    READ_MAX,
    STDOUT,
    ComparedOutput,
    ComparedRun,
    Differences,
    Virtual,
    compare,
    values_of,
)
from lambundle.verify.home.opened import opened_only
from lambundle.verify.home.run import home_environment
from lambundle.verify.run.jobs import Origin
from lambundle.verify.run.runner import environment
from lambundle.verify.sandbox.hostroot import host_root
from lambundle.verify.sandbox.streams import tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from lambundle.verify.checks.missing import MissingPath
    from lambundle.verify.home.run import Home, HomeRun
    from lambundle.verify.packing_machine import PackingMachine
    from lambundle.verify.run.made import Made
    from lambundle.verify.run.result import JobResult
    from lambundle.verify.run.runner import JobRunner
    from lambundle.verify.sandbox.interface import Outcome

ROUNDS = 3
"""Runs at home of a job whose results differ."""
UNSURE_ROUNDS = 6
"""The same where what differs varies too, as a hash table with a few entries does."""
_TICK = 1.1
"""Seconds between two runs at home, so that no date with seconds is the same in both by chance."""

_SET_OTHERWISE = frozenset(
    {"PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "LANG", "LAMBUNDLE_TRACE", "SHLVL", "_", "PWD", "OLDPWD"}
)
"""Variables with other values at home."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A job's result from the bundle beside that at home.

    ``opened`` are the files that it opened at home and that the bundle has not. ``obstacle`` says why home's result
    shows nothing; then there are no ``differences``.
    """

    result: JobResult
    home: HomeRun
    differences: Differences = field(default_factory=Differences)
    opened: tuple[MissingPath, ...] = ()
    obstacle: str = ""

    @property
    def fails_alike(self) -> bool:
        """Whether the job fails in the same way on both sides, so that the bundle is not at fault."""
        return not (self.result.succeeded or self.home.succeeded or self.differences.found)


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares jobs that ``bundle`` ran with ``home``; ``work`` is a directory of the bundle's sandbox."""

    bundle: JobRunner
    home: Home
    machine: PackingMachine
    work: Path

    def run(self, results: Iterable[JobResult], progress: Callable[[str], None]) -> tuple[Comparison, ...]:
        """Do at home each job that may be done there. Raise SandboxError where the sandbox cannot be had."""
        found = []
        for number, result in enumerate(results):
            if is_comparable(result):
                progress(f"running {result.job.name} at home")
                found.append(self._compare(result, str(number)))
        return tuple(found)

    def _compare(self, result: JobResult, name: str) -> Comparison:
        begun = time.monotonic()
        home = self.home.run(result.job, name)
        opened = opened_only(result, home.trace, self.home.mounted, self.machine, self._host_libraries())
        if result.succeeded and not home.succeeded:  # it may be our record that it cannot bear
            home = self.home.run(result.job, f"{name}-unrecorded", recorded=False)
            if not home.succeeded:
                return Comparison(result, home, obstacle=f"on this machine itself it {_failure(home.outcome)}")
        return Comparison(result, home, self._differences(result, home, name, begun), opened)

    def _differences(self, result: JobResult, home: HomeRun, name: str, begun: float) -> Differences:
        """What differs, after a second run at home; and after one more on each side, for times that may be alike."""
        virtual = self._virtual()
        away = [_compared(result.first, result.made, _later(result))]
        here = [_compared(home.outcome, home.made)]
        differences = compare(away, here, virtual)
        for round_ in range(1, UNSURE_ROUNDS):
            if not differences.found or (round_ >= ROUNDS and not differences.is_unsure):
                break
            time.sleep(max(0.0, begun + round_ * _TICK - time.monotonic()))
            if round_ > 1:
                away.append(_compared(*self.bundle.again(result.job, f"{name}-{round_}")))
            again = self.home.run(result.job, f"{name}-{round_}", recorded=False)
            here.append(_compared(again.outcome, again.made))
            differences = compare(away, here, virtual)
        return differences

    def _virtual(self) -> Virtual:
        manifests = self.home.mounted.bundles
        variables = {name for manifest in manifests.values() for name in manifest.environment}
        names = _SET_OTHERWISE | variables
        mounted, limits = self.home.mounted, self.home.limits
        here = home_environment(mounted, self.home.machine, limits)
        values = values_of(environment(mounted.mount, limits), here, variables=names)
        return Virtual(tuple(f"{directory}/root" for directory in manifests), names, values)

    def _host_libraries(self) -> frozenset[str]:
        """The names of the libraries in the bundle's sandbox."""
        return frozenset(path.name for path in (host_root(self.work) / "usr/lib64").glob("*.so*"))


def opened_at_home(comparisons: Iterable[Comparison]) -> tuple[MissingPath, ...]:
    """The files that jobs opened at home and that the bundle has not, each once."""
    return tuple(dict.fromkeys(item for comparison in comparisons for item in comparison.opened))


def is_comparable(result: JobResult) -> bool:
    """Whether a job may be done at home: it is the user's command, or lambundle's own."""
    return result.job.origin is not Origin.FUNCTION and result.job.is_ours and result.made is not None


def _later(result: JobResult) -> tuple[bytes, ...]:
    return tuple(outcome.stdout for outcome in result.outcomes[1:])


def _compared(outcome: Outcome, made: Made | None, later: tuple[bytes, ...] = ()) -> ComparedRun:
    stdout = outcome.stdout
    contents = {STDOUT: ComparedOutput(len(stdout), hashlib.sha256(stdout).hexdigest(), lambda: stdout)}
    for path, file in () if made is None else made.files.items():
        if "/." in path:  # caches, which programs fill as they please
            continue
        contents[path] = ComparedOutput(file.size, file.digest, partial(file.read, READ_MAX))
    return ComparedRun(outcome.status, contents, later)


def _failure(outcome: Outcome) -> str:
    how = f"was ended ({outcome.ended_by})" if outcome.ended_by else f"ends with {outcome.status}"
    said = tail(outcome.stderr)
    return f"{how}: {said}" if said else how
