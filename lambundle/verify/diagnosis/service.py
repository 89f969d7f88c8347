"""Causes in Lambda itself: its limits, no home, no network in the sandbox, few devices, only /tmp writable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambundle import target
from lambundle.pack.locales import LOCALES
from lambundle.verify.checks.environment import complains_of
from lambundle.verify.diagnosis.evidence import of_check
from lambundle.verify.diagnosis.packed import bringing, is_ours, repacked
from lambundle.verify.diagnosis.words import QUOTE, WORD, absent
from lambundle.verify.model import Diagnosis

if TYPE_CHECKING:
    from lambundle.verify.diagnosis.evidence import Evidence

KERNEL = ("/dev", "/proc", "/sys", "/run")
"""Directories whose files no bundle can bring."""

_READ_ONLY = re.compile(rf"({WORD}){QUOTE}?: Read-only file system|Read-only file system: {QUOTE}?({WORD})")
_HOME = re.compile(rf"home director(?:y|ies)|/home/{target.USER}\b", re.IGNORECASE)
_LOCALE = re.compile(
    r"cannot change locale \(([\w.@-]+)\)|[Ss]etting locale failed|unsupported locale setting"
    r"|[Cc]annot set LC_\w+|locale ['\"]?([\w.@-]+)['\"]? (?:is )?not (?:found|supported|available)"
)
_NETWORK = re.compile(
    r"Could not resolve host|Temporary failure in name resolution|Network is unreachable|Name or service not known"
    r"|EAI_AGAIN|no such host|nodename nor servname"
)
_REFUSED = re.compile(r"Failed to connect|Couldn't connect|Connection refused|ECONNREFUSED")
_SHARED_MEMORY = re.compile(r"/dev/shm|sem_open|SemLock|shm_open")  # noqa: S108  (a name to look for)
_IDENTITY = re.compile(r"empty ident name|[Pp]lease tell me who you are|unable to auto-detect email address")
_FILES = re.compile(r"[Tt]oo many open files")
_PROCESSES = re.compile(r"can't start new thread|fork: (?:retry: )?Resource temporarily unavailable|pthread_create")
_TOO_LARGE = "Function.ResponseSizeTooLarge"


def limits(evidence: Evidence) -> Diagnosis | None:
    """A limit of Lambda's that the run met: memory, /tmp, the size of an answer."""
    for name in ("memory", "tmp"):
        check = evidence.check(name)
        if check is not None:
            return of_check(check)
    if evidence.error_type != _TOO_LARGE:
        return None
    return Diagnosis(evidence.failure, "answer with less: put what is large into S3, and answer with where it is")


def resource_limit(evidence: Evidence) -> Diagnosis | None:
    """More open files, or processes and threads, than Lambda allows."""
    if _FILES.search(evidence.words) is not None:
        limit = target.RLIMITS["nofile"]
        return Diagnosis(
            f"it has more files open than Lambda allows ({limit:,})", "let it close files, or do less at the same time"
        )
    if _PROCESSES.search(evidence.words) is None:
        return None
    return Diagnosis(
        f"it has more processes and threads than Lambda allows ({target.RLIMITS['nproc']:,})",
        "let it start fewer at the same time",
    )


def time_limit(evidence: Evidence) -> Diagnosis | None:
    """A run that had not ended in its time, and said no reason."""
    result = evidence.failed
    if result is None or result.worst.ended_by != "timeout":
        return None
    return Diagnosis(evidence.how, "give it more time with --timeout, and the function as well (900 s at most)")


def read_only(evidence: Evidence) -> Diagnosis | None:
    """A program that writes elsewhere than to /tmp."""
    match = _READ_ONLY.search(evidence.words)
    if match is None:
        return None
    path = match[1] or match[2]
    if _HOME.search(path) is not None:
        return _no_home()
    return Diagnosis(
        f"it writes to {path}, and on Lambda only /tmp can be written", "let it write below /tmp, or start it there"
    )


def no_home(evidence: Evidence) -> Diagnosis | None:
    """Lambda sets no HOME, and its user's home does not exist."""
    if _HOME.search(evidence.words) is None and not complains_of(evidence.words, "HOME"):
        return None
    return _no_home()


def _no_home() -> Diagnosis:
    return Diagnosis(
        "there is no HOME on Lambda, and the program wants one", "set HOME=/tmp in the function's configuration"
    )


def locale_missing(evidence: Evidence) -> Diagnosis | None:
    """A program that ends for want of a locale; bundles have those that were made on the packing machine."""
    match = _LOCALE.search(evidence.words)
    if match is None:
        return None
    name = next(filter(None, match.groups()), "")
    path = f"{LOCALES}/{name.replace('UTF-8', 'utf8')}"
    cause = f"the locale {name} is not in the bundle" if name else "the locale that it asks for is not in the bundle"
    if name and is_ours(evidence) and evidence.machine.has(path):
        return repacked(evidence, cause, bringing(evidence, path, None))
    return Diagnosis(cause, "set LC_ALL=C.UTF-8 in the function's configuration, a locale that is everywhere")


def shared_memory(evidence: Evidence) -> Diagnosis | None:
    """A program that wants /dev/shm."""
    if _SHARED_MEMORY.search(evidence.words) is None:
        return None
    return Diagnosis(
        "there is no /dev/shm on Lambda, so no shared memory or semaphores by name",
        "use threads or pipes instead (Python: a Pipe, not a Pool or Queue)",
    )


def kernel_file(evidence: Evidence) -> Diagnosis | None:
    """A device, or another file of the kernel's, that Lambda does not have."""
    path = next((path for path in absent(evidence.words) if is_kernels(path)), None)
    if path is None:
        return None
    cure = f"do without it: of devices Lambda has only {', '.join(target.DEVICES)}"
    if path.startswith("/dev/fd/"):
        cure = "use a pipe, or a file in /tmp, in the place of <( ) or >( )"
    return Diagnosis(f"there is no {path} on Lambda", cure)


def is_kernels(path: str) -> bool:
    """Whether ``path`` is in a directory of the kernel's."""
    return path.startswith(tuple(f"{top}/" for top in KERNEL))


def network(evidence: Evidence) -> Diagnosis | None:
    """A program that wants the network, which the sandbox has not, or a server that is not there."""
    do = "give a command after -- that does without"
    if evidence.is_function:
        do = "let the handler do without it for the event that verify gives (--event FILE gives one of yours)"
    if _NETWORK.search(evidence.words) is not None:
        return Diagnosis("it asks for the network, and verify gives it none", do)
    refused = next((line for line in evidence.words.splitlines() if _REFUSED.search(line)), None)
    if refused is None:
        return None
    return Diagnosis(
        f"{evidence.how}: nothing answers where it connects to: {refused}",
        f"start in the same run what is to answer there; if that is another machine, verify has no network: {do}",
    )


def no_identity(evidence: Evidence) -> Diagnosis | None:
    """A commit that nobody makes: git has no configuration on Lambda, and its user no name."""
    if _IDENTITY.search(evidence.words) is None:
        return None
    names = ", ".join(f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL"))
    return Diagnosis(
        "git does not know who commits: there is no configuration of a user on Lambda",
        f"set {names} in the function's configuration, or let it run git -c user.name=me -c user.email=me@localhost",
    )
