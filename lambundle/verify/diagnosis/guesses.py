"""Causes that no output names: the static checks, then likely reasons, then the program's last words."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from lambundle.target import OPT, TMP
from lambundle.verify.checks.missing import cure as missing_cure
from lambundle.verify.checks.missing import is_likely
from lambundle.verify.diagnosis.evidence import excerpt, of_check
from lambundle.verify.diagnosis.packed import PATH, bring, is_fixable, is_ours, not_as_packed, pack_again
from lambundle.verify.diagnosis.service import is_kernels
from lambundle.verify.diagnosis.words import absent
from lambundle.verify.model import Diagnosis, Status
from lambundle.verify.run.jobs import Origin

if TYPE_CHECKING:
    from lambundle.verify.checks.missing import MissingPath
    from lambundle.verify.diagnosis.evidence import Evidence
    from lambundle.verify.run.mounted import Mounted

_PROGRAM = re.compile(r"/(?:usr/(?:local/)?)?s?bin/[^/]+")
STATIC_ORDER = ("names", "integrity", "platform", "permissions", "links", "closure", "layout", "quota")
"""The checks of the bundle at rest, those first whose failure makes others fail."""

_RAISED = re.compile(r"(?:^|\n)(?:\[ERROR\] )?(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Exit)\b: ?\S")
_CHILD = re.compile(r"Command '(.*)' (?:returned non-zero exit status|died with)")
_LITERAL_MAX = 2_000


def missing_named(evidence: Evidence) -> Diagnosis | None:
    """A file that the program complained of by name."""
    named = [item for item in evidence.missing if item.is_named]
    if not named or evidence.mounted is None or evidence.check("missing") is None:
        return None
    item = named[0]
    base = posixpath.basename(item.path)
    found = not_as_packed(evidence, item.path, *([] if base.startswith("__") else [base]))
    if found is not None:
        return found
    cause = f"{_owned(item)} is not in the bundle, and {item.by} needs it"
    return Diagnosis(cause, missing_cure(evidence.mounted.manifests, item, is_fixable=is_fixable(evidence)))


def _owned(item: MissingPath) -> str:
    return f"{item.path} of package {item.package}" if item.package else item.path


def at_rest(evidence: Evidence) -> Diagnosis | None:
    """A check that failed without a run."""
    found = (evidence.check(name) for name in STATIC_ORDER)
    return next((of_check(check) for check in found if check is not None), None)


# ---- what may be the reason ----


def variable_missing(evidence: Evidence) -> Diagnosis | None:
    """A variable that the bundle lost, or that the program complained of."""
    check = evidence.check("environment")
    if check is None or not (evidence.lost or any(item.is_named for item in evidence.different)):
        return None
    return of_check(check)


def child_failed(evidence: Evidence) -> Diagnosis | None:
    """A command that a Python handler started and whose words it kept to itself."""
    match = _CHILD.search("\n".join(excerpt(evidence.error_message)))
    if match is None:
        return None
    cure = "let the handler show what the command says: leave out capture_output, stdout and stderr of subprocess.run"
    argv, bundle = _argv(match[1]), None
    if argv and evidence.mounted is not None:
        bundle = _bundle_of(argv[0], evidence.mounted)
    if argv and bundle is not None:
        cure = (
            f"try it by itself: lambundle verify {bundle}.zip -- {shlex.join([posixpath.basename(argv[0]), *argv[1:]])}"
        )
    return Diagnosis(f"{evidence.failure}", cure)


def _argv(text: str) -> list[str]:
    """The words of a command as Python shows a list; empty where it shows something else."""
    try:
        found = ast.literal_eval(text) if len(text) <= _LITERAL_MAX else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    return [str(word) for word in found] if isinstance(found, list) else []


def _bundle_of(command: str, mounted: Mounted) -> str | None:
    base = posixpath.basename(command)
    names = ((program.launcher, manifest.name) for manifest in mounted.manifests for program in manifest.programs)
    return next((name for launcher, name in names if posixpath.basename(launcher) == base), None)


def not_isolated(evidence: Evidence) -> Diagnosis | None:
    """Something of the host was used."""
    check = evidence.check("isolation")
    return None if check is None else of_check(check)


def missing_unnamed(evidence: Evidence) -> Diagnosis | None:
    """A file that was looked for, of which the program said nothing."""
    item = next((item for item in evidence.missing if is_likely(item)), None)
    if item is None or evidence.mounted is None or evidence.check("missing") is None:
        return None
    cause = f"{_owned(item)} is not in the bundle, and {item.by} looked for it: that may be why {evidence.failure}"
    return Diagnosis(cause, missing_cure(evidence.mounted.manifests, item, is_fixable=is_fixable(evidence)))


def fails_at_home(evidence: Evidence) -> Diagnosis | None:
    """A job that fails on the packing machine in the same way: no file that the bundle lacks is why."""
    result = evidence.failed
    if result is None or not result.fails_at_home:
        return None
    cure = "try it here without lambundle, and mend the command; the bundle does what this machine does"
    return Diagnosis(f"{evidence.failure}; on this machine it fails in the same way", cure)


def not_as_at_home(evidence: Evidence) -> Diagnosis | None:
    """A job that was done, with another result than at home; and a file that it opened only there."""
    check = evidence.check("same")
    if check is None or evidence.failed is not None:
        return None
    different = (item for item in evidence.comparisons if item.differences.found)
    opened = next((file for item in different for file in item.opened if is_likely(file)), None)
    more = "" if opened is None else f"; {_owned(opened)} was opened at home only"
    return Diagnosis(f"{check.detail}{more}", check.hint)


def path_missing(evidence: Evidence) -> Diagnosis | None:
    """A path that the program complained of, which this machine does not know either."""
    named = [path for path in absent(evidence.words) if path.startswith("/") and not _is_no_matter(path)]
    if not named or evidence.mounted is None:
        return None
    path = named[0]
    found = not_as_packed(evidence, path)
    if found is not None:
        return found
    if posixpath.dirname(path) == PATH:
        return Diagnosis(
            f"{path} is neither in the bundle nor in a layer that was given", bring(evidence, posixpath.basename(path))
        )
    if _PROGRAM.fullmatch(path) is not None:
        return Diagnosis(f"{path} is neither in the bundle nor on Lambda", bring(evidence, posixpath.basename(path)))
    if evidence.mounted.is_users(path):
        where = "a layer" if path.startswith(f"{OPT}/") else "the zip"
        return Diagnosis(
            f"{path} is neither in the bundle nor in a layer that was given",
            f"add it to {where}, and name every layer of the function by --layer",
        )
    cure = f"put it into the zip, and let the program look for it in {evidence.mounted.mount}"
    if is_ours(evidence):
        cure = f"if it is on this machine: {pack_again(evidence, '--add', path)}"
    return Diagnosis(f"{path} is neither in the bundle nor on Lambda", cure)


def _is_no_matter(path: str) -> bool:
    return path.startswith(f"{TMP}/") or is_kernels(path)


def variable_unnamed(evidence: Evidence) -> Diagnosis | None:
    """A variable that was asked for, of which the program said nothing: a guess, unless it said what it lacks."""
    check = evidence.check("environment")
    if check is None or _RAISED.search(evidence.words) is not None:
        return None
    return Diagnosis(f"{evidence.failure}; it may be that {check.detail}", of_check(check).cure)


# ---- nothing fits ----

FUNCTION_CURES = {
    "Runtime.HandlerNotFound": "name by --handler a function that the module has, as the function's configuration does",
    "Runtime.MalformedHandlerName": "write the handler as MODULE.FUNCTION, as the function's configuration does",
    "Runtime.UserCodeSyntaxError": "mend the code: the message names the file and the line",
    "Runtime.MarshalError": "answer with what json.dumps takes: a dict, list, str, number, bool or None",
    "Runtime.ExitError": "let it answer or raise and go on to the next event: its process must not end by itself",
}
"""Cures of the errors of Lambda's own runtime and service, by their types."""

_CRASH = "add import faulthandler; faulthandler.enable() to the handler: its log then says which line crashes"


def unknown(evidence: Evidence) -> Diagnosis | None:
    """Nothing fits: what it said, and how to see more."""
    result = evidence.failed
    if result is None:
        check = next(check for check in evidence.checks if check.status is Status.FAIL)
        return of_check(check)
    return Diagnosis(evidence.failure, _function_cure(evidence) if evidence.is_function else _command_cure(evidence))


def _function_cure(evidence: Evidence) -> str:
    handled = evidence.failed is not None and evidence.failed.job.name != "bootstrap"
    if "signal: " in evidence.error_message and handled:
        return _CRASH
    return FUNCTION_CURES.get(evidence.error_type, "mend the function: its log above says where it failed")


def _command_cure(evidence: Evidence) -> str:
    """See more; and where the command is known and the bundle ours, record the same here."""
    more = "see all that it printed with -v; if" if evidence.last_words else "if"
    job = None if evidence.failed is None else evidence.failed.job
    if job is None or job.origin is not Origin.COMMAND or not is_ours(evidence):
        return "see all that it did with -v"
    first, *rest = job.command
    command = shlex.join([posixpath.basename(first) if job.program is not None else first, *rest])
    if "\n" in command:
        return "see all that it did with -v"
    return f"{more} it works here, add what it uses: {pack_again(evidence, '--record', command)}"
