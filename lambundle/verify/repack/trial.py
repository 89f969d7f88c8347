"""Tries remedies: the bundle is packed again with each, and verified, until it passes."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.verify.model import Verdict
from lambundle.verify.request import Cured

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambundle.verify.diagnosis.evidence import Evidence
    from lambundle.verify.repack.remedy import Remedy
    from lambundle.verify.repack.repacker import Repacker
    from lambundle.verify.request import Findings, Surroundings, VerifyRequest

MAX_ROUNDS = 4
"""Programs look for one thing after the other; so often is what they look for added."""


class Trial:
    """Tries remedies on one bundle. ``examine`` verifies without a diagnosis, ``next_remedy`` reads what failed."""

    def __init__(
        self,
        request: VerifyRequest,
        around: Surroundings,
        packer: Repacker,
        examine: Callable[[VerifyRequest, Surroundings], Findings],
        next_remedy: Callable[[Evidence], Remedy | None] = lambda _: None,
    ) -> None:
        self._request = replace(request, output=None)
        self._around = around
        self._packer = packer
        self._examine = examine
        self._next_remedy = next_remedy
        self._tried: dict[Remedy, Findings | None] = {}

    def cured(self, remedy: Remedy, rounds: int = MAX_ROUNDS) -> Cured | None:
        """The remedy with which the bundle passes: this one, or with what its next runs show to be missing too."""
        for _ in range(rounds):
            findings = self._findings(remedy)
            if findings is None or findings.evidence is None:
                return None
            if findings.verification.verdict is Verdict.PASS:
                return Cured(remedy, findings)
            more = self._next_remedy(replace(findings.evidence, packer=self._packer))
            if more is None or remedy | more == remedy:
                return None
            remedy |= more
        return None

    def succeeds_with(self, variable: str, value: str) -> bool:
        """Whether the command that was given succeeds with a variable; false where none was given."""
        command = self._request.command
        if not command:
            return False
        self._around.progress(f"trying with {variable}")
        work = self._work()
        request = replace(self._request, command=("env", f"{variable}={value}", *command))
        return self._examine(request, replace(self._around, work=work)).verification.verdict is Verdict.PASS

    def _work(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="trial-", dir=self._around.work))

    def _findings(self, remedy: Remedy) -> Findings | None:
        """What verify finds of the bundle with a remedy; None where it cannot be packed."""
        if remedy not in self._tried:
            self._tried[remedy] = self._verified(remedy)
        return self._tried[remedy]

    def _verified(self, remedy: Remedy) -> Findings | None:
        self._around.progress(f"trying {self._packer.command(remedy)}")
        work = self._work()
        tree = work / "packed"
        if not self._packer.write(remedy, tree):
            return None
        return self._examine(replace(self._request, bundle=tree), replace(self._around, work=work))
