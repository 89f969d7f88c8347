"""The diagnosis of a bundle that failed, with its cures tried before they are told."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lambundle.target import TMP
from lambundle.verify.diagnosis import diagnose
from lambundle.verify.diagnosis.guesses import suspects, unknown
from lambundle.verify.model import Diagnosis, Status, Verdict
from lambundle.verify.repack.remedy import Remedy
from lambundle.verify.repack.repacker import Repacker
from lambundle.verify.repack.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambundle.verify.diagnosis.evidence import Evidence
    from lambundle.verify.model import Check
    from lambundle.verify.request import Cured, Findings, Surroundings, VerifyRequest

NOT_WHY = "that is not why it failed"
SECONDS = 20.0
"""After this time nothing more is packed on a mere suspicion."""
VARIABLES = 2
"""So many variables are tried."""

_SUSPECTED = frozenset({"missing", "environment"})
"""Checks that fail for what a failed run looked for, until something else is seen to be the reason."""


def explained(
    findings: Findings,
    request: VerifyRequest,
    around: Surroundings,
    examine: Callable[[VerifyRequest, Surroundings], Findings],
) -> Findings:
    """Add cause and cure to what ``examine`` found of a bundle, and the remedy that was seen to help."""
    evidence = findings.evidence
    if evidence is None or findings.verification.verdict is not Verdict.FAIL:
        return findings
    packer = _packer(evidence, request)
    evidence = replace(evidence, packer=packer)
    found = diagnose(evidence)
    if found is None or packer is None:
        return _told(findings, found)
    if evidence.is_same_at_home:
        return _told(_unsuspected(findings), found)
    # A job that failed is cured when it does not; only one that did something else has to be compared again.
    compares = request.compares and evidence.failed is None
    trial = Trial(replace(request, compares=compares), around, packer, examine, _next_remedy)
    if found.remedy is not None and not found.is_open:
        cured = trial.cured(found.remedy)
        cure = found.cure if cured is None else packer.command(cured.remedy)
        return _told(findings, replace(found, cure=cure), cured)
    if not found.is_open or evidence.failed is None or evidence.failed.worst.ended_by:
        return _told(findings, found)
    return _by_trial(findings, evidence, trial, packer) or _told(_unsuspected(findings), _own_words(evidence, found))


def _by_trial(findings: Findings, evidence: Evidence, trial: Trial, packer: Repacker) -> Findings | None:
    """What was seen to help where the program's own words tell nothing: a variable, or files that it looked for."""
    name = "" if evidence.failed is None else evidence.failed.job.name
    began = time.monotonic()
    for suspect in suspects(evidence):
        if time.monotonic() > began + SECONDS:
            break
        cured = None if suspect.remedy is None else trial.cured(suspect.remedy, rounds=1)
        if cured is not None:
            cause = f"{suspect.cause}: with it {name} succeeds"
            return _told(findings, replace(suspect, cause=cause, cure=packer.command(cured.remedy)), cured)
    for variable, value in _variables(evidence):
        if trial.succeeds_with(variable, value):
            where = "not set" if variable == "HOME" else "set here and not"
            cause = f"{variable} is {where} on Lambda, and {name} wants it: with it, it succeeds"
            told = value if variable == "HOME" else f'"${variable}"'
            return _told(findings, Diagnosis(cause, f"set {variable}={told} in the function's configuration"))
    return None


def _variables(evidence: Evidence) -> list[tuple[str, str]]:
    """Variables that a program asked for, as they are here, and a home that can be written."""
    here = evidence.machine.environment
    found = [(item.name, here[item.name]) for item in evidence.different if item.is_unusual]
    traces = [result.trace for result in evidence.results]
    asks = any(item.name == "HOME" and not item.is_set for trace in traces for item in trace.variables)
    return [*([("HOME", TMP)] if asks else []), *found][:VARIABLES]


def _own_words(evidence: Evidence, found: Diagnosis) -> Diagnosis:
    """The program's own words, where nothing else was seen to be the reason."""
    return found if "may be" not in found.cause else unknown(evidence) or found


def repacked(
    findings: Findings,
    request: VerifyRequest,
    around: Surroundings,
    examine: Callable[[VerifyRequest, Surroundings], Findings],
) -> tuple[Cured | None, Repacker | None]:
    """The bundle packed again as it was, where that is what helps: its files were changed or lost."""
    evidence = findings.evidence
    packer = None if evidence is None else _packer(evidence, request)
    if packer is None:
        return None, None
    if findings.cured is not None:
        return findings.cured, packer
    return Trial(request, around, packer, examine, _next_remedy).cured(Remedy()), packer


def _packer(evidence: Evidence, request: VerifyRequest) -> Repacker | None:
    """What packs the bundle again: one bundle of lambundle's, run by itself, whose machine is here."""
    manifests = () if evidence.subject is None else evidence.subject.manifests
    is_alone = len(manifests) == 1 and not request.layers and not evidence.is_function
    if not is_alone or request.static or not evidence.machine.is_like(manifests[0].packed_on):
        return None
    return Repacker(manifests[0], evidence.machine, request.bundle)


def _next_remedy(evidence: Evidence) -> Remedy | None:
    found = diagnose(evidence)
    if found is not None and found.is_open:
        found = next(suspects(evidence), None)
    return None if found is None else found.remedy


def _told(findings: Findings, found: Diagnosis | None, cured: Cured | None = None) -> Findings:
    """Tell a diagnosis; a check that fails for want of what it brings has its cure for a hint."""
    verification = replace(findings.verification, diagnosis=found)
    if found is not None and found.remedy is not None:
        hinted = (replace(item, hint=found.cure) if _lacks(item) else item for item in verification.checks)
        verification = replace(verification, checks=tuple(hinted))
    return replace(findings, verification=verification, cured=cured)


def _lacks(check: Check) -> bool:
    return check.name in {"missing", "same"} and check.status is Status.FAIL


def _unsuspected(findings: Findings) -> Findings:
    """What was not found, or not set, and is not why it failed, is no failure."""
    checks = tuple(map(_not_why, findings.verification.checks))
    return replace(findings, verification=replace(findings.verification, checks=checks))


def _not_why(check: Check) -> Check:
    if check.name not in _SUSPECTED or check.status is not Status.FAIL:
        return check
    return replace(check, status=Status.PASS, detail=f"{check.detail}: {NOT_WHY}", hint="")
