"""``--fix``: the bundle is packed again with what it lacks, and written when it passes."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.verify.command import examine, verify
from lambundle.verify.explain import repacked
from lambundle.verify.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lambundle.bundle.model import Entry
    from lambundle.verify.request import Findings, Surroundings, VerifyRequest


@dataclass(frozen=True, slots=True)
class Fixed:
    """The final result, and lines on what was added."""

    findings: Findings
    lines: tuple[str, ...]


def fixed_name(bundle: Path) -> Path:
    """Return where the new bundle is written by default: NAME.fixed.zip beside the old one."""
    return bundle.parent / f"{bundle.name.removesuffix('.zip') or 'bundle'}.fixed.zip"


def fix(request: VerifyRequest, around: Surroundings, out: Path) -> Fixed:
    """Verify the bundle; if it fails, pack it again with the remedy that the diagnosis has seen to help.

    If the result passes it is written to ``out``. Nothing is written when there is nothing to pack, or when it does
    not help. Raise OutputError and what packing raises.
    """
    findings = verify(request, around)
    if findings.verification.verdict is not Verdict.FAIL:
        return Fixed(findings, (_nothing_to_do(findings),))
    cured, packer = repacked(findings, request, around, examine)
    if cured is None or packer is None:
        why = "nothing was written: what fails is nothing that a file of this machine would cure"
        return Fixed(findings, (why,))
    lines = _added(packer.news(cured.remedy))
    packer.write(cured.remedy, out, is_zip=True)
    final = replace(cured.findings, verification=replace(cured.findings.verification, bundle=str(out)))
    return Fixed(final, (*lines, f"packed again: {packer.command(cured.remedy)}", f"wrote {shlex.quote(str(out))}"))


def _added(entries: Iterable[Entry]) -> list[str]:
    """A line for each package of which there is something new, and one for all that is of none."""
    counts = Counter(entry.package for entry in entries)
    return [
        f"added {count} file{'' if count == 1 else 's'} of {f'package {package}' if package else 'no package'}"
        for package, count in sorted(counts.items(), key=lambda item: item[0] or "")
    ]


def _nothing_to_do(findings: Findings) -> str:
    if findings.verification.verdict is Verdict.PASS:
        return "nothing to fix"
    return "nothing was written: what there is to fix could not be found out"
