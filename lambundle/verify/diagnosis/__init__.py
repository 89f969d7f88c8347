"""One cause and one cure of a failure: those of the most particular rule that fits.

``RULES`` are asked in their order. First what was measured, and what a run's own words and end show, since that is
what the user saw; then the checks of the bundle at rest; last what merely may be the reason. A rule that knows which
file is concerned gives way to integrity, where that found the same file lost or changed. A cause that is no fact says
"may be", and a cure is something that can be typed or done. Where the job fails at home in the same way nothing that
could be packed is the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.verify.diagnosis import guesses, libraries, modes, python, service, starting
from lambundle.verify.diagnosis.evidence import Evidence
from lambundle.verify.model import Diagnosis, Status

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RULES", "Evidence", "diagnose"]

RULES: tuple[Callable[[Evidence], Diagnosis | None], ...] = (
    service.limits,
    starting.entrypoint,
    modes.lost_mode,
    libraries.wrong_machine,
    libraries.glibc_too_old,
    libraries.library_missing,
    libraries.library_damaged,
    libraries.symbol_missing,
    python.module_missing,
    guesses.missing_named,
    starting.interpreter_missing,
    starting.command_missing,
    python.variable_required,
    service.read_only,
    service.no_identity,
    service.resource_limit,
    service.time_limit,
    guesses.at_rest,
    guesses.variable_missing,
    service.no_home,
    service.locale_missing,
    service.shared_memory,
    service.kernel_file,
    service.network,
    guesses.fails_again,
    guesses.child_failed,
    guesses.not_isolated,
    guesses.not_as_at_home,
    guesses.missing_unnamed,
    guesses.path_missing,
    guesses.fails_at_home,
    guesses.variable_unnamed,
    guesses.unknown,
)
"""Asked in this order; the first that has an answer gives it."""


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """The cause and the cure; None when nothing failed."""
    if not any(check.status is Status.FAIL for check in evidence.checks):
        return None
    found = next((found for rule in RULES if (found := rule(evidence)) is not None), None)
    if found is not None and evidence.is_same_at_home and (found.is_open or found.remedy is not None):
        return guesses.fails_at_home(evidence)
    return found
