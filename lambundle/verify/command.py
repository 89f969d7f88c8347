"""Verifies a bundle: static checks, runs in a sandbox, checks of the runs, diagnosis."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.errors import BadBundleError
from lambundle.pack.config import read_config
from lambundle.runtime.limits import CONFIG_MAX
from lambundle.target import BOOTSTRAP, OPT, TASK
from lambundle.verify.checks.environment import differences, environment_check, lost_variables
from lambundle.verify.checks.isolation import isolation_check
from lambundle.verify.checks.limits import memory_check, tmp_check
from lambundle.verify.checks.missing import missing_check, missing_paths
from lambundle.verify.checks.same import same_check
from lambundle.verify.checks.smoke import smoke_check
from lambundle.verify.checks.start import start_check
from lambundle.verify.diagnosis.evidence import Evidence
from lambundle.verify.home.comparison import opened_at_home
from lambundle.verify.model import Check, Status, Verdict, Verification
from lambundle.verify.request import Findings, Surroundings, VerifyRequest
from lambundle.verify.run.inputs import DIRECTORY
from lambundle.verify.run.jobs import jobs
from lambundle.verify.run.layers import unpack
from lambundle.verify.runs import Runs
from lambundle.verify.sandbox.availability import BUBBLEWRAP, available
from lambundle.verify.sandbox.hostroot import VARIABLE
from lambundle.verify.static import static_checks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.pack.config import Config
    from lambundle.verify.packing_machine import PackingMachine
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.runs import Ran
    from lambundle.verify.sandbox.availability import ChosenSandbox
    from lambundle.verify.sandbox.interface import Sandbox
    from lambundle.verify.subject import Subject

__all__ = ["RUNNING_CHECKS", "Findings", "Surroundings", "VerifyRequest", "examine", "verify"]

RUNNING_CHECKS = ("smoke", "same", "isolation", "missing", "environment", "memory", "tmp", "start")
"""Names of the checks that need a run, in the order in which they are told."""


def verify(request: VerifyRequest, around: Surroundings) -> Findings:
    """Verify one bundle. Raise UsageError for a request without meaning, SandboxError when the sandbox broke."""
    findings = examine(request, around)
    if findings.verification.verdict is not Verdict.FAIL:
        return findings
    from lambundle.verify.explain import explained  # it packs, which takes a while to import

    return explained(findings, request, around, examine)


def examine(request: VerifyRequest, around: Surroundings) -> Findings:
    """Verify one bundle without a diagnosis; raise as ``verify``."""
    around.progress(f"checking {request.bundle}")
    mount = request.mount or (OPT if request.command else TASK if request.handler or request.events else None)
    static = static_checks(
        request.bundle, layers=request.layers, arch=request.arch, mount=mount, handler=request.handler
    )
    obstacle = _obstacle(request, static.subject, around.machine.architecture)
    if static.subject is None or obstacle is not None:
        checks = (*static.checks, *_skipped(obstacle or "the bundle cannot be read"))
        return _findings(request, Evidence(around.machine, checks, subject=static.subject))
    running = _Verifier(request, around, static.subject, static.checks)
    return running.verify()


class _Verifier:
    """The half that runs something."""

    def __init__(self, request: VerifyRequest, around: Surroundings, subject: Subject, static: Sequence[Check]) -> None:
        self.request = request
        self.around = around
        self.subject = subject
        self.static = tuple(static)
        self.mount = request.mount or (TASK if _is_function(request, subject) else OPT)
        self.is_function = _is_function(request, subject)

    def verify(self) -> Findings:
        kind = _chosen_sandbox(self.request, self.around.machine)
        chosen = available(kind, self.request.image, self.around.work)
        if _is_denied(kind, self.request.image, chosen):
            self.request = replace(self.request, strict=True)
        image = () if chosen.image is None else (chosen.image,)
        if chosen.sandbox is None:
            return self._unrun((*_skipped("; ".join(chosen.obstacles)), *image))
        try:
            return self._run(chosen.sandbox, image)
        finally:
            chosen.sandbox.close()

    def _unrun(self, more: Sequence[Check]) -> Findings:
        return _findings(self.request, Evidence(self.around.machine, (*self.static, *more), subject=self.subject))

    def _run(self, sandbox: Sandbox, image: tuple[Check, ...]) -> Findings:
        self.around.progress(f"unpacking {self.request.bundle}")
        try:
            mounted = unpack(self.subject, self.request.layers, self.mount, self.around.work)
        except BadBundleError as error:
            return self._unrun((*_skipped("; ".join((error.message, *error.context))), *image))
        ran = self._ran(Runs(sandbox, mounted, self.request.limits, self.around.work, self.around.progress))
        if not ran.results:
            return self._unrun((*_skipped(NOTHING_TO_RUN), *image))
        evidence = self._evidence(ran, mounted, sandbox.name, image)
        return _findings(self.request, evidence, ran.notes, ran.log)

    def _ran(self, runs: Runs) -> Ran:
        request = self.request
        if self.is_function:
            return runs.function(request.handler, request.events)
        cwd = DIRECTORY if request.inputs else TASK
        found = jobs(self.subject, runs.mounted, request.command, self.around.book, cwd=cwd, stdin=request.stdin or b"")
        machine = self.around.machine if request.compares else None
        return runs.jobs(found, inputs=request.inputs, output=request.output, machine=machine)

    def _evidence(self, ran: Ran, mounted: Mounted, sandbox: str, image: tuple[Check, ...]) -> Evidence:
        machine, limits, manifests = self.around.machine, self.request.limits, mounted.manifests
        results, comparisons = ran.results, ran.comparisons
        same = all(machine.is_like(manifest.packed_on) for manifest in manifests)
        missing = missing_paths(results, mounted, machine) if same else ()
        different = differences(results, machine.environment, mounted)
        lost = lost_variables(mounted.bundles, _configs(mounted), self.around.book)
        bounds = (memory_check(results, limits), tmp_check(results, limits))
        is_limit = any(check.status is Status.FAIL for check in bounds) or any(item.worst.ended_by for item in results)
        is_alike = any(item.fails_at_home for item in results)
        opened = None if not any(item.home.trace.lookups for item in comparisons) else opened_at_home(comparisons)
        missed = missing_check(results, missing, manifests, machine, is_explained=is_limit or is_alike, opened=opened)
        isolation = isolation_check(results, mounted, sandbox)
        is_explained = is_limit or any(check.status is Status.FAIL for check in (*self.static, missed, isolation))
        running = (
            smoke_check(results),
            same_check(comparisons, ran.obstacle, manifests),
            isolation,
            missed,
            environment_check(results, lost, different, is_explained=is_explained),
            *bounds,
            start_check(results, mounted.unzipped),
        )
        return Evidence(
            machine,
            (*self.static, *running, *image),
            results,
            self.subject,
            mounted,
            missing,
            lost,
            different,
            comparisons,
        )


NOTHING_TO_RUN = "nothing to run: give a command after --, or --handler"


def _findings(
    request: VerifyRequest, evidence: Evidence, notes: tuple[str, ...] = (), log: tuple[str, ...] = ()
) -> Findings:
    smoke = next((check for check in evidence.checks if check.name == "smoke"), None)
    is_unrun = smoke is not None and smoke.status is Status.SKIP and smoke.detail != NOTHING_TO_RUN
    verification = Verification(
        bundle=str(request.bundle),
        checks=tuple(evidence.checks),
        runs=tuple(run for result in evidence.results for run in result.runs()),
        strict=request.strict,
        notes=notes,
        is_answered=request.static or not is_unrun,
    )
    return Findings(verification, log, evidence)


def _skipped(why: str) -> tuple[Check, ...]:
    """The running checks where nothing can be run; the first gives the reason."""
    return tuple(
        Check(name, Status.SKIP, "nothing was run" if number else why) for number, name in enumerate(RUNNING_CHECKS)
    )


def _obstacle(request: VerifyRequest, subject: Subject | None, here: str) -> str | None:
    """Why nothing of the bundle may or can be run."""
    if request.static:
        return "not asked for (--static)"
    if subject is None or not subject.runnable:
        return "a bundle that is not safe, or not possible, to unpack is not run"
    machines = {manifest.packed_on.machine for manifest in subject.manifests}
    if machines and here not in machines and request.image is None and request.sandbox is None:
        return f"the bundle is for {', '.join(sorted(machines))}, and this machine is {here}"
    return None


def _is_function(request: VerifyRequest, subject: Subject) -> bool:
    """Whether the bundle is started as a function: asked for so, or it has a bootstrap and no command is given."""
    if request.command:
        return False
    bootstrap = subject.by_path.get(BOOTSTRAP)
    return bool(request.handler or request.events) or (bootstrap is not None and bootstrap.kind is not Kind.DIRECTORY)


def _chosen_sandbox(request: VerifyRequest, machine: PackingMachine) -> str | None:
    """The sandbox asked for: by name, or by the root of a host, which only one of them can use."""
    is_named = request.image is None and machine.environment.get(VARIABLE)
    return request.sandbox or (BUBBLEWRAP if is_named else None)


def _is_denied(kind: str | None, image: str | None, chosen: ChosenSandbox) -> bool:
    """Whether the user chose where it runs and cannot have that, which leaves the answer open."""
    is_had = chosen.sandbox is not None and (chosen.image is None or chosen.image.status is Status.PASS)
    return bool(kind or image) and not is_had


def _configs(mounted: Mounted) -> dict[str, Config]:
    """The runtime's configurations, by the bundle's directory; of one that is not there nothing."""
    found = {}
    for directory in mounted.bundles:
        path = mounted.here(f"{directory}/runtime/config")
        if path is None or not path.is_file():
            continue
        with path.open("rb") as file:
            found[directory] = read_config(file.read(CONFIG_MAX - 1))
    return found
