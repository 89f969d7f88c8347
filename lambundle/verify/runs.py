"""The runs of a bundle: its jobs, at home too, or its function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.errors import SandboxError
from lambundle.target import BOOTSTRAP, TMP
from lambundle.verify.home.comparison import Comparer
from lambundle.verify.home.place import other_than_packed
from lambundle.verify.home.run import Home
from lambundle.verify.run import tracing
from lambundle.verify.run.function import PIPE, run_function
from lambundle.verify.run.inputs import DIRECTORY, stage_inputs
from lambundle.verify.run.output import keep_output
from lambundle.verify.run.runner import JobRunner
from lambundle.verify.sandbox.availability import BUBBLEWRAP
from lambundle.verify.sandbox.interface import MIB
from lambundle.verify.sandbox.stdin import INPUT_LIMIT, SharedInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lambundle.verify.home.comparison import Comparison
    from lambundle.verify.packing_machine import PackingMachine
    from lambundle.verify.run.inputs import InputFile
    from lambundle.verify.run.jobs import Job
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.result import JobResult
    from lambundle.verify.sandbox.interface import Limits, Sandbox

EMPTY_EVENT = "{}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of the runs: their results, a function's log, and notes.

    ``comparisons`` are jobs beside home; ``obstacle`` says why none was done there.
    """

    results: tuple[JobResult, ...]
    log: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one bundle; ``work`` is a directory for them."""

    sandbox: Sandbox
    mounted: Mounted
    limits: Limits
    work: Path
    progress: Callable[[str], None]

    def function(self, handler: str | None, files: Sequence[Path]) -> Ran:
        """Give a function the events in ``files``, or an empty one. Raise HandlerError, SandboxError."""
        from lambundle.verify.function.events import read_event
        from lambundle.verify.function.model import Event

        tracing.make_pipe(self.work / PIPE)
        events = [read_event(path) for path in files] or [Event(EMPTY_EVENT, EMPTY_EVENT.encode())]
        self.progress(f"invoking {handler or BOOTSTRAP}")
        result, report = run_function(self.sandbox, self.mounted, handler, events, self.limits, self.work)
        obstacle = "a function is not compared with home"
        return Ran((result,), tuple(report.log.splitlines()), report.notes, obstacle=obstacle)

    def jobs(
        self,
        jobs: Sequence[Job],
        *,
        inputs: Sequence[InputFile] = (),
        output: Path | None = None,
        machine: PackingMachine | None = None,
    ) -> Ran:
        """Run jobs, and compare them with ``machine``, unless that is None; ``output`` is for what the first makes.

        Raise UsageError for ``inputs`` that cannot be given, OutputError, SandboxError.
        """
        tracing.make_pipe(self.work / PIPE)
        given = self.work / "inputs" if inputs else None
        if given is not None:
            stage_inputs(inputs, given, self.limits)
        obstacle = self._no_home(machine)
        keep = None if obstacle and output is None else self.work / "made"
        runner = JobRunner(self.sandbox, self.mounted, self.limits, self.work / PIPE, given, keep)
        results = runner.run(jobs, self.progress)
        comparisons: tuple[Comparison, ...] = ()
        if machine is not None and not obstacle:
            comparisons, obstacle = self._at_home(machine, runner, results)
        alike = {id(item.result) for item in comparisons if item.fails_alike}
        results = tuple(replace(result, fails_at_home=id(result) in alike) for result in results)
        notes = [] if output is None else _kept(results, DIRECTORY if inputs else TMP, output)
        return Ran(results, (), (*notes, *_cut(jobs)), comparisons, obstacle)

    def _no_home(self, machine: PackingMachine | None) -> str:
        """Why no job is done at home; empty where it is."""
        if machine is None:
            return "not asked for (--no-compare)"
        if self.sandbox.name != BUBBLEWRAP:
            return f"only in bubblewrap can a job see this machine, and it ran in {self.sandbox.name}"
        return other_than_packed(self.mounted.manifests, machine)

    def _at_home(
        self, machine: PackingMachine, runner: JobRunner, results: tuple[JobResult, ...]
    ) -> tuple[tuple[Comparison, ...], str]:
        """The jobs done at home too; or why they cannot be."""
        home = Home(machine.machine, self.mounted, self.limits, runner.pipe, runner.inputs, self.work / "home")
        try:
            return Comparer(runner, home, machine, self.work).run(results, self.progress), ""
        except SandboxError as error:
            return (), f"no job can be done at home: {'; '.join((error.message, *error.context))}"


def _kept(results: Sequence[JobResult], top: str, output: Path) -> list[str]:
    """Keep what the first job made below ``top``, and say so."""
    made = results[0].made if results else None
    if made is None:
        return []
    number = keep_output(made, top, output)
    return [f"{'1 file' if number == 1 else f'{number} files'} that it made in {top}: kept in {output}"]


def _cut(jobs: Sequence[Job]) -> list[str]:
    """Say so where standard input was longer than what is passed on."""
    if not any(isinstance(job.stdin, SharedInput) and job.stdin.is_cut for job in jobs):
        return []
    return [f"only the first {INPUT_LIMIT // MIB} MiB of standard input were passed on: give it by --input"]
