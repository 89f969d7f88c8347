"""Causes that no output names: the static checks, then likely reasons, then the program's last words."""

from __future__ import annotations

import ast
import functools
import operator
import posixpath
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from lambundle.target import OPT, TMP
from lambundle.verify.checks.environment import complains_of
from lambundle.verify.checks.missing import is_likely, is_named
from lambundle.verify.diagnosis import libraries, python, starting
from lambundle.verify.diagnosis.evidence import excerpt, of_check
from lambundle.verify.diagnosis.packed import (
    PATH,
    bringing,
    brought,
    is_ours,
    not_as_packed,
    pack_again,
    repacked,
)
from lambundle.verify.diagnosis.service import is_kernels
from lambundle.verify.diagnosis.words import absent
from lambundle.verify.model import Diagnosis, Status
from lambundle.verify.repack.remedy import Remedy
from lambundle.verify.run.jobs import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """A file that the program complained of by name in what it said last."""
    named = [item for item in evidence.missing if item.is_named and is_named(evidence.words, item.path)]
    if not named or evidence.mounted is None:
        return None
    item = named[0]
    base = posixpath.basename(item.path)
    found = not_as_packed(evidence, item.path, *([] if base.startswith("__") else [base]))
    return found or _not_inside(evidence, item, "needs it")


def _not_inside(evidence: Evidence, item: MissingPath, why: str) -> Diagnosis:
    cause = f"{_owned(item)} is not in the bundle, and {item.by} {why}"
    return repacked(evidence, cause, bringing(evidence, item.path, item.package), item.by)


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
    named = (item for item in evidence.different if item.is_named and complains_of(evidence.words, item.name))
    if check is None or not (evidence.lost or any(named)):
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
    return Diagnosis(evidence.failure, cure, is_open=True)


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
    """A file that was looked for, where the program said nothing at all."""
    item = next((item for item in evidence.missing if is_likely(item)), None)
    if item is None or evidence.mounted is None or evidence.last_words or evidence.check("missing") is None:
        return None
    found = _not_inside(evidence, item, "looked for it")
    return replace(found, cause=f"{found.cause}: that may be why {evidence.failure}", is_open=True)


SUSPECTS = 2
"""So many of what a program looked for are tried one by one, before all together are."""


def suspects(evidence: Evidence) -> Iterator[Diagnosis]:
    """What may be the reason where a program's own words do not say it: each has to be tried.

    What it said earlier, and what it looked for and did not find: of each package the file that was asked for last.
    """
    earlier = replace(evidence, is_whole=True)
    found = [rule(earlier) for rule in _BY_NAME]
    opened = [item for comparison in evidence.comparisons for item in comparison.opened]
    paths = {item.path for item in opened}
    missing = sorted(evidence.missing, key=lambda item: bool(paths) and item.path not in paths)
    likely = [item for item in (*missing, *opened) if is_likely(item)]
    first = {item.package or item.path: item for item in reversed(likely)}
    items = [item for item in likely if first[item.package or item.path] is item]
    found += [_not_inside(evidence, item, "needs it") for item in items[:SUSPECTS]]
    seen: list[Remedy] = []
    for diagnosis in found:
        if diagnosis is not None and diagnosis.remedy is not None and diagnosis.remedy not in seen:
            seen.append(diagnosis.remedy)
            yield diagnosis
    if len(seen) > 1:
        everything = functools.reduce(operator.or_, seen)
        names = " and ".join(_owned(item) for item in items[:SUSPECTS]) or "what it complained of"
        yield repacked(evidence, f"{names}: none of it is in the bundle", everything)


def not_as_at_home(evidence: Evidence) -> Diagnosis | None:
    """A job that was done, with another result than at home; and a file that it opened only there."""
    check = evidence.check("same")
    if check is None or evidence.failed is not None:
        return None
    opened = [file for item in evidence.comparisons if item.differences.found for file in item.opened]
    likely = [file for file in opened if is_likely(file)]
    if not likely:
        manifests = () if evidence.subject is None else evidence.subject.manifests
        patterns = tuple(dict.fromkeys(pattern for item in manifests for pattern in item.options.exclude))
        if not patterns:
            return Diagnosis(check.detail, check.hint)
        # A directory was listed, say: whether it is that, packing it shows.
        return repacked(evidence, check.detail, Remedy(without=patterns))
    remedies = [(file, bringing(evidence, file.path, file.package)) for file in likely]
    # What was left out on purpose is the likeliest of all.
    remedies = [pair for pair in remedies if pair[1].without] or remedies
    remedy = functools.reduce(operator.or_, (each for _, each in remedies))
    return repacked(evidence, f"{check.detail}; {_owned(remedies[0][0])} was opened at home only", remedy)


def path_missing(evidence: Evidence) -> Diagnosis | None:
    """A path that the program complained of, which this machine does not know either."""
    named = [path for path in absent(evidence.words) if path.startswith("/") and not _is_no_matter(path)]
    if not named or evidence.mounted is None:
        return None
    found = not_as_packed(evidence, named[0])
    if found is not None:
        return found
    return _users(evidence, named[0], evidence.mounted) or _other(evidence, named[0], evidence.mounted.mount)


def _users(evidence: Evidence, path: str, mounted: Mounted) -> Diagnosis | None:
    """A program, or a file below /opt and /var/task."""
    is_layers = posixpath.dirname(path) == PATH
    if is_layers or _PROGRAM.fullmatch(path) is not None:
        where = "in a layer that was given" if is_layers else "on Lambda"
        name = posixpath.basename(path) if is_layers or not evidence.machine.has(path) else path
        return brought(evidence, f"{path} is neither in the bundle nor {where}", name)
    if not mounted.is_users(path):
        return None
    where = "a layer" if path.startswith(f"{OPT}/") else "the zip"
    return Diagnosis(
        f"{path} is neither in the bundle nor in a layer that was given",
        f"add it to {where}, and name every layer of the function by --layer",
    )


def _other(evidence: Evidence, path: str, mount: str) -> Diagnosis:
    cause = f"{path} is neither in the bundle nor on Lambda"
    if not is_ours(evidence) or evidence.is_function:
        return Diagnosis(cause, f"put it into the zip, and let the program look for it in {mount}")
    if evidence.machine.has(path):
        return repacked(evidence, cause, bringing(evidence, path, evidence.machine.owner(path)))
    return Diagnosis(
        evidence.failure, f"there is no {path} on this machine either: make it, or name another file", is_open=True
    )


def _is_no_matter(path: str) -> bool:
    return path.startswith(f"{TMP}/") or is_kernels(path)


def variable_unnamed(evidence: Evidence) -> Diagnosis | None:
    """A variable that was asked for, of which the program said nothing: a guess, unless it said what it lacks."""
    check = evidence.check("environment")
    if check is None or _RAISED.search(evidence.words) is not None:
        return None
    return Diagnosis(f"{evidence.failure}; it may be that {check.detail}", of_check(check).cure, is_open=True)


_BY_NAME = (libraries.library_missing, python.module_missing, missing_named, starting.command_missing)
"""Rules that know by name what is missing, in what was said last or before."""

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


def fails_again(evidence: Evidence) -> Diagnosis | None:
    """A command that succeeded, and then not: what its first run left in /tmp is there still; nothing is missing."""
    result = evidence.failed
    if result is None or evidence.is_function or result.worst is result.first or result.worst.ended_by:
        return None
    return Diagnosis(
        evidence.failure,
        "what it left in /tmp is there when it runs again, as on Lambda: let it remove that first, or bear it",
    )


def unknown(evidence: Evidence) -> Diagnosis | None:
    """Nothing fits: what it said, and how to see more."""
    result = evidence.failed
    if result is None:
        check = next(check for check in evidence.checks if check.status is Status.FAIL)
        return of_check(check)
    cure = _function_cure(evidence) if evidence.is_function else _command_cure(evidence)
    return Diagnosis(evidence.failure, cure, is_open=True)


def fails_at_home(evidence: Evidence) -> Diagnosis | None:
    """A job that fails on the packing machine too, in the same way: no file that the bundle lacks is why."""
    if not evidence.is_same_at_home:
        return None
    return Diagnosis(
        f"{evidence.failure}; on this machine it fails in the same way",
        "try it here without lambundle, and mend the command; the bundle does what this machine does",
    )


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
    if evidence.home is not None and evidence.home.status != 0:
        return (
            f"{more.removesuffix('; if') if evidence.last_words else 'see all that it did with -v'}; here it fails too"
        )
    first, *rest = job.command
    command = shlex.join([posixpath.basename(first) if job.program is not None else first, *rest])
    if "\n" in command:
        return "see all that it did with -v"
    record = shlex.join(("--record", command))
    return f"{more} it works here, add what it uses: {pack_again(evidence)} {record}"
