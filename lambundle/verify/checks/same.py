"""same: a job ends from the bundle as it does at home, prints the same and makes the same files."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

from lambundle.verify.checks.missing import by_package, is_likely, pack_command
from lambundle.verify.home.compare import STDOUT
from lambundle.verify.model import Check, Status
from lambundle.verify.run.jobs import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambundle.bundle.model import Manifest
    from lambundle.verify.checks.missing import MissingPath
    from lambundle.verify.home.comparison import Comparison
    from lambundle.verify.run.jobs import Job

NAME = "same"
ADDED = 5
"""So many files of no package does a cure add one by one."""
OF_THE_MACHINE = (
    "no package changes that: if it is this machine's own, as its configuration, users and file systems are, "
    "ask for --no-compare"
)
"""The hint where nothing that could be packed makes the difference."""
NAMED = 3
"""So many outputs that are not compared are named."""


def same_check(comparisons: Sequence[Comparison], obstacle: str, manifests: Sequence[Manifest]) -> Check:
    """Whether every job has the result that it has at home; ``obstacle`` says why none was done there."""
    if obstacle:
        return Check(NAME, Status.SKIP, obstacle)
    different = [item for item in comparisons if item.differences.found]
    if different:
        return _failed(different, manifests)
    usable = [item for item in comparisons if not item.obstacle]
    if not usable:
        first = next(iter(comparisons), None)
        why = "no job that may run at home: those of the manifest do not" if first is None else first.obstacle
        return Check(NAME, Status.SKIP, why)
    context = tuple(f"{item.result.job.name}: {_as_at_home(item)}" for item in usable) if len(usable) > 1 else ()
    detail = (
        _as_at_home(usable[0]) if len(usable) == 1 else f"{len(usable)} jobs have the results that they have at home"
    )
    return Check(NAME, Status.PASS, detail, context=context)


def _failed(different: Sequence[Comparison], manifests: Sequence[Manifest]) -> Check:
    first, *others = different
    job, lines = first.result.job, [*first.differences.found]
    more = [f"{item.result.job.name}: {line}" for item in others for line in item.differences.found]
    many = len(lines) + len(more) - 1
    detail = f"{lines[0]}{f' (and {many} more)' if many else ''}"
    opened = [item for comparison in different for item in comparison.opened]
    likely = [item for item in opened if is_likely(item)]
    context = (*lines[1:], *more, *(f"opened at home only: {line}" for line in by_package(likely or opened)))
    is_whole = job.origin is Origin.COMMAND and not any(manifest.options.exclude for manifest in manifests)
    is_seen = is_whole and all(item.home.trace.lookups for item in different)
    hint = OF_THE_MACHINE if is_seen and not likely else cure(manifests, likely, job)
    return Check(NAME, Status.FAIL, detail, hint, context)


def cure(manifests: Sequence[Manifest], opened: Sequence[MissingPath], job: Job) -> str:
    """The command that packs the bundle with what it lacks: programs, whole packages, files of no package."""
    programs = dict.fromkeys(posixpath.basename(item.path) for item in opened if _is_command(item))
    others = [item for item in opened if not _is_command(item)]
    packages = dict.fromkeys(item.package for item in others if item.package is not None)
    files = [] if packages else [item.path for item in others][:ADDED]
    words = [*programs, *(word for name in packages for word in ("--package", name))]
    words += [word for path in files for word in ("--add", path)]
    if words:
        return pack_command(manifests, *words)
    if job.origin is not Origin.COMMAND:
        return pack_command(manifests)
    first = posixpath.basename(job.command[0]) if job.program is not None else job.command[0]
    return pack_command(manifests, "--record", shlex.join([first, *job.command[1:]]))


def _is_command(item: MissingPath) -> bool:
    return item.is_program and posixpath.basename(posixpath.dirname(item.path)) in {"bin", "sbin", "games"}


def _as_at_home(item: Comparison) -> str:
    """One line on what is the same, and on what was not compared."""
    status = item.home.outcome.status
    files = item.home.made.files.keys() - set(item.differences.placed) - set(item.differences.varying)
    named = [] if STDOUT in item.differences.varying else [STDOUT]
    parts = [f"status {status}" if status else "status", *named, *_count(len(files))]
    text = f"{', '.join(parts[:-1])} and {parts[-1]} are as at home" if parts[1:] else f"{parts[0]} is as at home"
    notes = [*_left_out(item)]
    return f"{text}; {'; '.join(notes)}" if notes else text


def _count(files: int) -> list[str]:
    return [f"{files} file{'s' if files != 1 else ''}"] if files else []


def _left_out(item: Comparison) -> Iterator[str]:
    varying, placed = item.differences.varying, item.differences.placed
    if varying:
        yield f"compared but for what changes from run to run there: {_names(varying)}"
    if placed:
        yield f"not compared: {_names(placed)}, with paths of the bundle inside"
    if not item.home.made.is_whole or (item.result.made is not None and not item.result.made.is_whole):
        yield "it made more files than are compared"


def _names(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
