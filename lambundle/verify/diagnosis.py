"""One cause and one cure, in words, out of everything that was found: the most particular rule that fits.

``RULES`` are asked in their order. First what a run's own words and end show, since that is what the user saw; then
the checks of the bundle at rest; last what merely may be the reason.
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.model import Kind
from lambundle.verify.attempt import NOT_EXECUTABLE, NOT_FOUND
from lambundle.verify.missing import cure as missing_cure
from lambundle.verify.model import Check, Diagnosis, Status
from lambundle.verify.mounted import TMP
from lambundle.verify.smoke import how_it_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambundle.bundle import Member
    from lambundle.verify.attempt import Attempt
    from lambundle.verify.environment import Difference, Lost
    from lambundle.verify.missing import MissingPath
    from lambundle.verify.mounted import Mounted
    from lambundle.verify.subject import Subject

STATIC_ORDER = ("names", "integrity", "platform", "permissions", "links", "closure", "layout", "quota")
"""The checks of the bundle at rest, those first whose failure makes others fail."""


LOG_LINES = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_REPORT", "RequestId:", "Runtime.")
"""How Lambda's own lines begin in a function's log, and the error types that it repeats."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was found. ``subject`` and ``mounted`` are None when the bundle could not be read or unpacked."""

    checks: Sequence[Check]
    attempts: Sequence[Attempt] = ()
    subject: Subject | None = None
    mounted: Mounted | None = None
    missing: Sequence[MissingPath] = ()
    lost: Sequence[Lost] = ()
    different: Sequence[Difference] = ()

    @property
    def failed(self) -> Attempt | None:
        """The first attempt that failed."""
        return next((attempt for attempt in self.attempts if attempt.failed), None)

    @property
    def words(self) -> str:
        """What it printed."""
        return "" if self.failed is None else self.failed.error_output

    def check(self, name: str) -> Check | None:
        """The check ``name`` if it failed."""
        return next((check for check in self.checks if check.name == name and check.status is Status.FAIL), None)


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """The cause and the cure; None when nothing failed."""
    if not any(check.status is Status.FAIL for check in evidence.checks):
        return None
    return next((found for rule in RULES if (found := rule(evidence)) is not None), None)


# ---- what a run's words and end show ----

_QUOTE = "['\"`\u2018\u2019\u201c\u201d]"
_WORD = "[^\\s:,'\"`\u2018\u2019\u201c\u201d]+"
_DENIED = (
    re.compile(rf"({_WORD}){_QUOTE}?: (?:Permission denied|cannot execute|Operation not permitted)"),
    re.compile(rf"cannot exec(?:ute)? {_QUOTE}?({_WORD})"),
    re.compile(rf"[Pp]ermission denied[^\n]*?{_QUOTE}({_WORD})"),
)
_LIBRARY = re.compile(r"(\S+): error while loading shared libraries: ([^\s:]+): cannot open shared object file")
_OPENED = re.compile(rf"({_WORD}\.so[.0-9]*): cannot open shared object file")
_GLIBC = re.compile(
    rf"(\S+): (\S+): version {_QUOTE}((?:GLIBC|GLIBCXX|CXXABI)_[\w.]*){_QUOTE} not found \(required by ([^)]+)\)"
)
_COMMAND = re.compile(r"(?:^|\n)(?:\S*/)?(?:sh|bash|dash)(?:: line \d+|: \d+)?: ([^\s:]+): (?:command )?not found")
_INTERPRETER = re.compile(r"(\S+): (\S+): bad interpreter|(\S+): cannot execute: required file not found")
_NO_FILE = re.compile(rf"({_WORD}){_QUOTE}?: (?:No such file or directory|not found)")
_READ_ONLY = re.compile(rf"(/{_WORD}){_QUOTE}?: Read-only file system|Read-only file system: {_QUOTE}?(/{_WORD})")
_HOME = re.compile(r"\bHOME\b|home directory", re.IGNORECASE)
_NETWORK = re.compile(
    r"Could not resolve host|Temporary failure in name resolution|Network is unreachable|Name or service not known"
)
_SHARED_MEMORY = re.compile(r"/dev/shm|sem_open|SemLock|shm_open")  # noqa: S108  (a name to look for)


def lost_mode(evidence: Evidence) -> Diagnosis | None:
    """A file of the bundle that the run could not execute or read, because its mode in the zip does not say so."""
    attempt, subject = evidence.failed, evidence.subject
    if attempt is None or subject is None:
        return None
    named = [name for pattern in _DENIED for name in pattern.findall(evidence.words)]
    if attempt.worst.status == NOT_EXECUTABLE:
        named.append(attempt.task.command[0] if attempt.task.program is None else attempt.task.program.launcher)
    for member in (member for name in named for member in _members(subject, name)):
        if member.kind is not Kind.FILE or (member.mode & 0o005) == 0o005:  # noqa: PLR2004  (others read and execute)
            continue
        what = "executable" if member.mode & 0o004 else "readable"
        cause = f"{posixpath.basename(member.path)} is not {what} in the zip (mode {member.mode:04o})"
        return _rezipped(cause, subject, member)
    return None


def _members(subject: Subject, name: str) -> Iterator[Member]:
    base = posixpath.basename(name)
    return (member for member in subject.members if posixpath.basename(member.path) == base)


def _rezipped(cause: str, subject: Subject, member: Member) -> Diagnosis:
    was = {entry.path: entry.mode for manifest in subject.manifests for entry in manifest.entries}.get(member.path)
    if was is not None and was != member.mode:
        names = " and ".join(f"{manifest.name}.zip" for manifest in subject.manifests)
        return Diagnosis(
            f"{cause}: it was re-zipped by a tool that drops modes", f"upload {names} itself, as lambundle wrote it"
        )
    return Diagnosis(
        cause, f"pack it again, or chmod 755 {shlex.quote(member.path)} and zip it with modes and links: zip -ry"
    )


def wrong_machine(evidence: Evidence) -> Diagnosis | None:
    """A program of another machine."""
    if "Exec format error" not in evidence.words and "cannot execute binary file" not in evidence.words:
        return None
    check = evidence.check("platform")
    if check is not None:
        return _of(check)
    return Diagnosis(
        f"a program is not for this machine ({os.uname().machine})",
        "pack it on a machine of the function's architecture; --arch says which that is",
    )


def limits(evidence: Evidence) -> Diagnosis | None:
    """A limit of Lambda's that the run met: memory, /tmp, time."""
    for name in ("memory", "tmp"):
        check = evidence.check(name)
        if check is not None:
            return _of(check)
    attempt = evidence.failed
    if attempt is None or attempt.worst.ended_by != "timeout":
        return None
    return Diagnosis(
        how_it_failed(attempt), "give it more time with --timeout, and the function as well (900 s at most)"
    )


def library_missing(evidence: Evidence) -> Diagnosis | None:
    """A library that the loader, or dlopen, did not find."""
    match = _LIBRARY.search(evidence.words)
    names = [match[2]] if match else _OPENED.findall(evidence.words)
    if not names:
        return None
    if names[0].startswith("--"):  # options of the bundle's loader, which an older one takes for a program
        return Diagnosis(
            "the launcher starts the host's loader, which does not know what the bundle's does",
            "restore the launcher as lambundle wrote it: pack again, or upload the zip that pack wrote",
        )
    soname = posixpath.basename(names[0])
    by = (
        posixpath.basename(match[1])
        if match
        else ("the program" if evidence.failed is None else evidence.failed.task.name)
    )
    found = next((item for item in evidence.missing if posixpath.basename(item.path).startswith(soname)), None)
    add = found.path if found is not None else f"PATH/{soname}"
    return Diagnosis(f"{soname} is not in the bundle, and {by} needs it", f"pack again with --add {shlex.quote(add)}")


def glibc_too_old(evidence: Evidence) -> Diagnosis | None:
    """A program that got the host's C or C++ library instead of the bundle's."""
    match = _GLIBC.search(evidence.words)
    if match is None:
        return None
    library = posixpath.basename(match[2])
    return Diagnosis(
        f"{posixpath.basename(match[4])} needs {match[3]} and got the host's {library}, which is older",
        "pack the program itself, so that it starts by the bundle's loader; or link it with -static",
    )


def interpreter_missing(evidence: Evidence) -> Diagnosis | None:
    """A script or program whose interpreter is not there: the kernel says "not found" of the script itself."""
    attempt = evidence.failed
    match = _INTERPRETER.search(evidence.words)
    if match is not None:
        name = next(filter(None, match.groups()))
        wanted = match[2] or "its interpreter"
        return Diagnosis(f"{name} cannot start: {wanted} is not there", f"pack the interpreter too: --add {wanted}")
    if attempt is None or evidence.mounted is None or attempt.worst.status != NOT_FOUND:
        return None
    there = [name for name in _NO_FILE.findall(evidence.words) if _is_inside(name, evidence.mounted)]
    if not there:
        return None
    return Diagnosis(
        f"{there[0]} is there, but what starts it is not: its loader or the interpreter in its first line",
        "pack it with lambundle, which brings both",
    )


def _is_inside(path: str, mounted: Mounted) -> bool:
    here = mounted.here(path)
    return here is not None and here.is_file()


def command_missing(evidence: Evidence) -> Diagnosis | None:
    """A command that neither the bundle nor Lambda has."""
    match = _COMMAND.search(evidence.words)
    if match is None:
        return None
    name = posixpath.basename(match[1])
    programs = [] if evidence.subject is None else [shlex.quote(program.path) for program in evidence.subject.programs]
    return Diagnosis(
        f"{match[1]} is neither in the bundle nor on Lambda",
        f"pack it too: lambundle pack {' '.join([*programs, shlex.quote(name)])}",
    )


def variable_missing(evidence: Evidence) -> Diagnosis | None:
    """A variable that the bundle lost, or that the program named."""
    if not evidence.lost and not any(item.is_named for item in evidence.different):
        return None
    check = evidence.check("environment")
    return None if check is None else _of(check)


def no_home(evidence: Evidence) -> Diagnosis | None:
    """Lambda sets no HOME, and its user's home does not exist."""
    if _HOME.search(evidence.words) is None:
        return None
    return Diagnosis(
        "there is no HOME on Lambda, and the program wants one", "set HOME=/tmp in the function's configuration"
    )


def read_only(evidence: Evidence) -> Diagnosis | None:
    """A program that writes elsewhere than to /tmp."""
    match = _READ_ONLY.search(evidence.words)
    if match is None:
        return None
    path = match[1] or match[2]
    return Diagnosis(
        f"it writes to {path}, and on Lambda only /tmp can be written", "let it write below /tmp, or start it there"
    )


def shared_memory(evidence: Evidence) -> Diagnosis | None:
    """A program that wants /dev/shm."""
    if _SHARED_MEMORY.search(evidence.words) is None:
        return None
    return Diagnosis(
        "there is no /dev/shm on Lambda, so no shared memory or semaphores by name",
        "use threads or pipes instead (Python: a Pipe, not a Pool or Queue)",
    )


def network(evidence: Evidence) -> Diagnosis | None:
    """A program that wants the network, which the sandbox has not."""
    if _NETWORK.search(evidence.words) is None:
        return None
    return Diagnosis("it asks for the network, and verify gives it none", "give a command after -- that does without")


def missing_named(evidence: Evidence) -> Diagnosis | None:
    """A file that the program complained of by name."""
    named = [item for item in evidence.missing if item.is_named]
    if not named or evidence.mounted is None or evidence.check("missing") is None:
        return None
    return _not_inside(named[0], evidence.mounted)


def _not_inside(item: MissingPath, mounted: Mounted) -> Diagnosis:
    owner = f" of package {item.package}" if item.package else ""
    cause = f"{item.path}{owner} is not in the bundle, and {item.by} needs it"
    return Diagnosis(cause, missing_cure(mounted.manifests, [item]))


# ---- the bundle at rest ----


def at_rest(evidence: Evidence) -> Diagnosis | None:
    """A check that failed without a run."""
    found = (evidence.check(name) for name in STATIC_ORDER)
    return next((_of(check) for check in found if check is not None), None)


# ---- what may be the reason ----


def not_isolated(evidence: Evidence) -> Diagnosis | None:
    """Something of the host was used."""
    check = evidence.check("isolation")
    return None if check is None else _of(check)


def missing_unnamed(evidence: Evidence) -> Diagnosis | None:
    """A file that was looked for, of which the program said nothing."""
    if not evidence.missing or evidence.mounted is None or evidence.check("missing") is None:
        return None
    return _not_inside(evidence.missing[0], evidence.mounted)


def path_missing(evidence: Evidence) -> Diagnosis | None:
    """A path that the program complained of, which this machine does not know either."""
    named = [name for name in _NO_FILE.findall(evidence.words) if name.startswith("/") and not name.startswith(TMP)]
    if not named or evidence.mounted is None:
        return None
    if evidence.mounted.is_users(named[0]):
        return Diagnosis(
            f"{named[0]} is neither in the bundle nor in a layer that was given",
            "add it to the zip, or name the layer that holds it with --layer ZIP",
        )
    return Diagnosis(
        f"{named[0]} is neither in the bundle nor on Lambda", f"pack again with --add {shlex.quote(named[0])}"
    )


def variable_unnamed(evidence: Evidence) -> Diagnosis | None:
    """A variable that was asked for, of which the program said nothing."""
    check = evidence.check("environment")
    return None if check is None else _of(check)


def unknown(evidence: Evidence) -> Diagnosis | None:
    """Nothing fits: the program's last words, and how to see more."""
    attempt = evidence.failed
    if attempt is None:
        check = next(check for check in evidence.checks if check.status is Status.FAIL)
        return _of(check)
    lines = [line.strip() for line in evidence.words.splitlines()]
    words = [line for line in lines if line and not line.startswith(LOG_LINES)]
    said = f": {words[-1]}" if words else ", and said nothing"
    return Diagnosis(
        f"{how_it_failed(attempt)}{said}",
        "see all that it printed with -v; --record of lambundle pack adds what a run that does the job here uses",
    )


def _of(check: Check) -> Diagnosis:
    return Diagnosis(check.detail, check.hint or "see the lines of that check above")


RULES: tuple[Callable[[Evidence], Diagnosis | None], ...] = (
    limits,
    lost_mode,
    wrong_machine,
    glibc_too_old,
    library_missing,
    variable_missing,
    missing_named,
    command_missing,
    interpreter_missing,
    read_only,
    at_rest,
    no_home,
    shared_memory,
    network,
    not_isolated,
    missing_unnamed,
    variable_unnamed,
    path_missing,
    unknown,
)
"""Asked in this order; the first that has an answer gives it."""
