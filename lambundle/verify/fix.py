"""``--fix``: run, see what is missing, add it, and run again, until the bundle passes or nothing more is to add."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.destinations.atomic import replacing_file, write_all
from lambundle.verify.command import Findings, verify
from lambundle.verify.extend import Addition, extend
from lambundle.verify.model import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lambundle.verify.command import Request, Surroundings
    from lambundle.verify.machine import Machine
    from lambundle.verify.missing import MissingPath

MAX_ROUNDS = 4
"""Programs look for one thing after the other; so often is what they look for added."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was found of the bundle in the end, and what a person must know of the way there."""

    findings: Findings
    lines: tuple[str, ...]


def fix(request: Request, around: Surroundings, output: Path | None) -> Fixed:
    """Verify the bundle; while its run fails for want of files that a package here owns, add them.

    If the result passes it is written to ``output`` (NAME.fixed.zip beside the bundle). Nothing is written when there
    was nothing to add, or when it did not help.
    """
    bundle, added = request.bundle, dict[str, Addition]()
    findings = verify(request, _round(around, 0))
    for number in range(1, MAX_ROUNDS + 1):
        more = [item for item in _additions(findings, around.machine) if item.path not in added]
        if not more:
            break
        added |= {item.path: item for item in more}
        around.progress(f"adding {len(more)} paths")
        fixed = around.work / f"fixed{number}.zip"
        new = extend(
            bundle, more, lambda path: around.machine.owner(path) is not None, fixed, around.work / f"old{number}"
        )
        if not new:
            break
        bundle = fixed
        findings = verify(replace(request, bundle=bundle), _round(around, number))
    if bundle is request.bundle:
        return Fixed(findings, (_nothing_to_add(findings),))
    if findings.verification.verdict is Verdict.FAIL:
        tried = f"nothing was written: {len(added)} paths were added, and it fails still"
        return Fixed(_named(findings, str(request.bundle)), (*_lines(added.values()), tried))
    out = output or request.bundle.with_name(f"{request.bundle.name.removesuffix('.zip')}.fixed.zip")
    _copy(bundle, out)
    return Fixed(_named(findings, str(out)), (*_lines(added.values()), f"wrote {out}"))


def _round(around: Surroundings, number: int) -> Surroundings:
    work = around.work / f"round{number}"
    work.mkdir()
    return replace(around, work=work)


def _additions(findings: Findings, machine: Machine) -> list[Addition]:
    """What to add: nothing, if no run failed, and never what no package owns."""
    failed = {check.name for check in findings.verification.checks if check.status is Status.FAIL}
    if "missing" not in failed:
        return []
    return [
        Addition(path, item.package, f"{item.by} looked for it")
        for item in findings.missing
        if item.package is not None
        for path in _files(item, machine)
    ]


def _files(item: MissingPath, machine: Machine) -> Sequence[str]:
    return machine.files_below(item.path) if item.is_directory else (item.path,)


def _lines(added: Iterable[Addition]) -> list[str]:
    return [f"added {item.path} (package {item.package}): {item.why}" for item in added]


def _nothing_to_add(findings: Findings) -> str:
    if findings.verification.verdict is not Verdict.FAIL:
        return "nothing to fix"
    return "nothing was written: what fails is nothing that a file of a package here would cure"


def _named(findings: Findings, bundle: str) -> Findings:
    return replace(findings, verification=replace(findings.verification, bundle=bundle))


def _copy(bundle: Path, out: Path) -> None:
    with replacing_file(out, bundle.stat().st_size) as fd, bundle.open("rb") as source:
        for block in iter(lambda: source.read(_BLOCK), b""):
            write_all(fd, block)
