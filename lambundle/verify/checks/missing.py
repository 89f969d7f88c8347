"""missing: failed lookups of files that the packing machine has."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.verify.model import Check, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.bundle.model import Manifest, Program
    from lambundle.verify.packing_machine import PackingMachine
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.result import JobResult

MAX_SHOWN = 10
MAX_NAMED = 3
"""So many packages, and files of one, are named in a line."""

HARMLESS = re.compile(
    r"/usr/share/(?:locale|doc|man|info)/|/usr/lib/debug/|/etc/ld\.so\.|/var/cache/fontconfig/|.*/__pycache__/|.*\.pyc$"
)
"""Optional files that programs always look up: message catalogues, documentation, caches."""

_LISTING = re.compile(r"opendir|scandir(?:at)?(?:64)?|n?ftw(?:64)?|fts(?:64)?_open|glob(?:64)?|open(?:at)?(?:64)?")
_SONAME = re.compile(r"\b(lib[A-Za-z0-9_+.-]+\.so(?:\.[0-9]+)*|[A-Za-z0-9_+-]+\.so\.[0-9]+): cannot open shared object")


@dataclass(frozen=True, slots=True)
class MissingPath:
    """A file or directory of the packing machine that a run did not find.

    ``package`` owns it there, None when none does. ``by`` is the program that looked for it. ``is_named`` says that
    the program complained of it by name.
    """

    path: str
    package: str | None
    by: str
    is_named: bool = False
    is_directory: bool = False
    is_program: bool = False


_PRIVATE = re.compile(r"/(?:etc|root|home|var|run)/")


def is_likely(item: MissingPath) -> bool:
    """Whether a path may be why a run failed: named by the program, or nothing of this machine's own configuration."""
    return item.is_named or item.package is not None or _PRIVATE.match(item.path) is None


def missing_paths(results: Iterable[JobResult], mounted: Mounted, machine: PackingMachine) -> tuple[MissingPath, ...]:
    """Failed lookups of files that the packing machine has, the likeliest cause of a failure first.

    Those that the program complained of come first, then those of packages, then the last lookups, since a program
    rarely goes on for long without what it needs.
    """
    found: dict[str, MissingPath] = {}
    for result in results:
        words = result.error_output
        looked_for = _looked_for(result, mounted)
        files = machine.files(path for path in looked_for if not HARMLESS.match(path))
        directories = machine.directories(path for path, (_, lists) in looked_for.items() if lists)
        for path in [*_libraries(result, mounted, machine), *_last_first([*files, *directories], looked_for)]:
            by, _ = looked_for.get(path, (result.job.name, False))
            item = MissingPath(path, machine.owner(path), by, is_named(words, path), path in directories)
            found.setdefault(path, item)
    return tuple(sorted(found.values(), key=lambda item: (not item.is_named, item.package is None)))


def _looked_for(result: JobResult, mounted: Mounted) -> dict[str, tuple[str, bool]]:
    """Every path without a file: the program that looked it up, and whether as a directory."""
    served = {mounted.original(item.path) for item in result.trace.lookups if item.where != "nowhere"}
    found: dict[str, tuple[str, bool]] = {}
    for item in result.trace.lookups:
        path = posixpath.normpath(mounted.original(item.path))
        if item.where != "nowhere" or path in served or mounted.is_users(path):
            continue
        lists = found.pop(path, ("", False))[1] or _LISTING.fullmatch(item.operation) is not None
        by = mounted.original(result.trace.program_of(item.process)) or result.job.name
        found[path] = (by, lists)
    return found


def _last_first(paths: Iterable[str], looked_for: dict[str, tuple[str, bool]]) -> list[str]:
    order = {path: number for number, path in enumerate(looked_for)}
    return sorted(dict.fromkeys(paths), key=lambda path: -order.get(path, 0))


def _libraries(result: JobResult, mounted: Mounted, machine: PackingMachine) -> list[str]:
    """Libraries that the loader, which is not traced, reported missing."""
    program = result.job.program
    if program is None:
        return []
    names = dict.fromkeys(_SONAME.findall(result.error_output))
    paths = (machine.library(name, program.real) for name in names)
    return [path for path in paths if path is not None and not _is_inside(path, mounted)]


def _is_inside(path: str, mounted: Mounted) -> bool:
    """Whether the bundle has the library, which then is unreadable or damaged."""
    return any(mounted.served(name) is not None for name in (path, f"/usr{path}", path.removeprefix("/usr")))


def is_named(words: str, path: str) -> bool:
    """Whether a path, or its last name, stands in what a program printed."""
    name = posixpath.basename(path)
    return path in words or (len(name) > 2 and re.search(rf"(?<![\w.]){re.escape(name)}(?![\w])", words) is not None)  # noqa: PLR2004


# ---- the check ----


def missing_check(
    results: Sequence[JobResult],
    missing: Sequence[MissingPath],
    manifests: Sequence[Manifest],
    machine: PackingMachine,
    *,
    is_explained: bool,
    opened: Sequence[MissingPath] | None = None,
) -> Check:
    """Whether a run may have failed for want of a file; not where a limit explains it (``is_explained``).

    A failed lookup alone is no failure: programs search many places for one file. Where no run failed it is a warning,
    for files of packages alone. ``opened`` are those that the job opened at home and the bundle has not, None where
    that is not known: a file that it only looks for there too, and does not use, is none to warn of.
    """
    if not manifests:
        return _skip("the zip does not say on which machine it was made")
    other = next((item.packed_on for item in manifests if not machine.is_like(item.packed_on)), None)
    if other is not None:
        return _skip(f"this machine is not the one it was packed on ({other.distribution}, {other.machine})")
    if not missing and not any(result.trace.lookups for result in results):
        return _skip("there is no trace of what was looked for")
    if not any(result.failed for result in results):
        used = None if opened is None else {item.path for item in opened}
        wanted = [item for item in missing if item.package is not None and (used is None or item.path in used)]
        return _warning(wanted, manifests) if wanted else _nothing_needed(missing)
    likely = [item for item in missing if is_likely(item)]
    if not likely or is_explained:
        text = (
            "no file is missing that this machine has"
            if likely or not missing
            else f"{_count(missing)}: its own configuration"
        )
        return Check("missing", Status.PASS, text, context=_lines(missing))
    first = likely[0]
    detail = f"{first.path}{_of(first)} is not in the bundle; {first.by} looked for it"
    others = [item for item in missing if item is not first]
    if others:
        detail += f" (and for {len(others)} more)"
    is_fixable = len(manifests) == 1 and not any(result.invocations for result in results)
    return Check("missing", Status.FAIL, detail, cure(manifests, first, is_fixable=is_fixable), _lines(others))


def _nothing_needed(missing: Sequence[MissingPath]) -> Check:
    text = f"{_count(missing)}: none was needed" if missing else "no failed lookup for a file that this machine has"
    return Check("missing", Status.PASS, text, context=_lines(missing))


def _count(missing: Sequence[MissingPath]) -> str:
    return f"{len(missing)} path{'s' if len(missing) != 1 else ''} looked for that only this machine has"


def _warning(wanted: Sequence[MissingPath], manifests: Sequence[Manifest]) -> Check:
    """The job was done without them: that it was done as well is not known."""
    packages = [*dict.fromkeys(item.package for item in wanted if item.package is not None)]
    names = "package " * (len(packages) == 1) + _first(packages, "packages")
    files = "1 file" if len(wanted) == 1 else f"{len(wanted)} files"
    detail = f"the job was done without {files} that this machine has, of {names}"
    words = (word for name in packages for word in ("--package", name))
    return Check("missing", Status.WARN, detail, pack_command(manifests, *words), by_package(wanted))


def _first(names: Sequence[str], what: str) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - MAX_NAMED
    return f"{', '.join(names[:MAX_NAMED])}{f' and {more} more {what}' if more > 0 else ''}"


def by_package(missing: Sequence[MissingPath]) -> tuple[str, ...]:
    """A line for each package, with the first of its paths."""
    groups: dict[str | None, list[str]] = {}
    for item in missing:
        groups.setdefault(item.package, []).append(item.path)
    lines = []
    for package, paths in groups.items():
        of = "of no package" if package is None else f"package {package}"
        lines.append(f"{_first(paths, 'files')} ({of})")
    return tuple(lines)


def pack_command(manifests: Sequence[Manifest], *more: str) -> str:
    """The command that packs the programs of bundles again, with ``more`` after them."""
    programs = [_as_given(program) for manifest in manifests for program in manifest.programs]
    return shlex.join(["lambundle", "pack", *programs, *more])


def _as_given(program: Program) -> str:
    """A program as ``pack`` takes it: by another name than its own with that before it."""
    name = posixpath.basename(program.launcher)
    return program.path if name == posixpath.basename(program.path) else f"{name}={program.path}"


def cure(manifests: Sequence[Manifest], item: MissingPath, *, is_fixable: bool) -> str:
    """The command line that adds a path to the bundle whose program looked for it; ``--fix`` takes a package's only."""
    brought = [other for other in manifests if any(entry.path.endswith(f"/root{item.by}") for entry in other.entries)]
    command = pack_command(brought or manifests, "--add", item.path)
    return f"{command}, or verify with --fix" if is_fixable and item.package is not None else command


def _skip(why: str) -> Check:
    return Check("missing", Status.SKIP, why)


def _of(item: MissingPath) -> str:
    return f" (package {item.package})" if item.package else " (of no package)"


def _lines(missing: Sequence[MissingPath]) -> tuple[str, ...]:
    lines = [f"--add {shlex.quote(item.path)}{_of(item)}" for item in missing[:MAX_SHOWN]]
    if len(missing) > MAX_SHOWN:
        lines.append(f"and {len(missing) - MAX_SHOWN} more")
    return tuple(lines)
