"""``--fix``: run, add what is missing, and run again, until the bundle passes or nothing is left to add.

First of all comes back what the bundle's own manifest lists and is gone: a run shows one missing file at a time, and
the new bundle has a manifest of its own, which would know nothing of what the old one named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.bundle.write.atomic import replacing_file, write_all
from lambundle.verify.command import Findings, verify
from lambundle.verify.fix.extend import Addition, extend
from lambundle.verify.fix.lost import LostFiles, lost_files
from lambundle.verify.model import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lambundle.machine import Files
    from lambundle.verify.checks.missing import MissingPath
    from lambundle.verify.command import Surroundings, VerifyRequest
    from lambundle.verify.packing_machine import PackingMachine

MAX_ROUNDS = 4
"""Programs look for one thing after the other; so often is what they look for added."""

NAMED = 3
"""So many of the files that could not be given back are named."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Fixed:
    """The final result, and lines on what was added."""

    findings: Findings
    lines: tuple[str, ...]


def fixed_name(bundle: Path) -> Path:
    """Return where the new bundle is written by default: NAME.fixed.zip beside the old one."""
    return bundle.parent / f"{bundle.name.removesuffix('.zip') or 'bundle'}.fixed.zip"


def fix(request: VerifyRequest, around: Surroundings, out: Path) -> Fixed:
    """Verify the bundle; while it fails for want of files that a package here owns, add them.

    If the result passes it is written to ``out``. Nothing is written when there
    was nothing to add, or when it did not help.
    """
    bundle, added = request.bundle, dict[str, Addition]()
    findings = verify(request, _round(around, 0))
    lost = lost_files(bundle, around.machine) if findings.verification.verdict is Verdict.FAIL else LostFiles()
    for number in range(1, MAX_ROUNDS + 1):
        wanted = (*(lost.additions if number == 1 else ()), *_additions(findings, around.machine))
        more = _new(wanted, added, around.machine.machine.files)
        if not more:
            break
        added |= more
        around.progress(f"adding {_paths(len(more))}")
        fixed = around.work / f"fixed{number}.zip"
        old = around.work / f"old{number}"
        new = extend(bundle, [*more.values()], around.machine, fixed, old)
        if not new:
            break
        bundle = fixed
        findings = verify(replace(request, bundle=bundle), _round(around, number))
    if bundle is request.bundle:
        return Fixed(findings, (_nothing_to_add(findings),))
    if findings.verification.verdict is not Verdict.PASS:
        were = "was" if len(added) == 1 else "were"
        is_failing = findings.verification.verdict is Verdict.FAIL
        why = "it fails still" if is_failing else "whether that helps could not be found out"
        tried = f"nothing was written: {_paths(len(added))} {were} added, and {why}"
        return Fixed(_named(findings, str(request.bundle)), (*_lines(added.values()), tried))
    _copy(bundle, out)
    return Fixed(_named(findings, str(out)), (*_lines(added.values()), *_gone(lost.others), f"wrote {out}"))


def _round(around: Surroundings, number: int) -> Surroundings:
    work = around.work / f"round{number}"
    work.mkdir()
    return replace(around, work=work)


def _additions(findings: Findings, machine: PackingMachine) -> list[Addition]:
    """Files to add: none if no run failed, and only those of packages."""
    failed = {check.name for check in findings.verification.checks if check.status is Status.FAIL}
    if failed.isdisjoint({"missing", "same"}):
        return []
    return [
        Addition(path, item.package, f"{item.by} looked for it")
        for item in findings.missing
        if item.package is not None
        for path in _files(item, machine)
    ]


def _files(item: MissingPath, machine: PackingMachine) -> Sequence[str]:
    return machine.files_below(item.path) if item.is_directory else (item.path,)


def _lines(added: Iterable[Addition]) -> list[str]:
    return [f"added {item.path} (package {item.package}): {item.why}" for item in added]


def _new(wanted: Iterable[Addition], added: Mapping[str, Addition], files: Files) -> dict[str, Addition]:
    """Each file that is wanted and not added yet, for the first reason that there is.

    By its one place: it has several names by links of directories, such as /lib and /usr/lib.
    """
    found: dict[str, Addition] = {}
    for item in wanted:
        place = files.real_parent(item.path)
        if place not in added:
            found.setdefault(place, item)
    return found


def _gone(paths: Sequence[str]) -> list[str]:
    """A line on entries of the old manifest that the new one lacks."""
    if not paths:
        return []
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return [f"gone for good, since no package here owns it: {', '.join(paths[:NAMED])}{more}"]


def _paths(count: int) -> str:
    return f"{count} path{'' if count == 1 else 's'}"


def _nothing_to_add(findings: Findings) -> str:
    if findings.verification.verdict is Verdict.PASS:
        return "nothing to fix"
    if findings.verification.verdict is Verdict.UNKNOWN:
        return "nothing was written: what there is to fix could not be found out"
    return "nothing was written: what fails is nothing that a file of a package here would cure"


def _named(findings: Findings, bundle: str) -> Findings:
    return replace(findings, verification=replace(findings.verification, bundle=bundle))


def _copy(bundle: Path, out: Path) -> None:
    with replacing_file(out, bundle.stat().st_size) as fd, bundle.open("rb") as source:
        for block in iter(lambda: source.read(_BLOCK), b""):
            write_all(fd, block)
