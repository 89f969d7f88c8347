"""Shared libraries and machines: what the loader says when a program cannot be put together."""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from lambundle.target import HOST_LIBRARIES, TASK
from lambundle.verify.diagnosis.evidence import of_check
from lambundle.verify.diagnosis.modes import closed_text
from lambundle.verify.diagnosis.packed import held, is_ours, not_as_packed, pack_again, rezipped
from lambundle.verify.diagnosis.words import FIELD, QUOTE, WORD
from lambundle.verify.model import Diagnosis

if TYPE_CHECKING:
    from lambundle.verify.diagnosis.evidence import Evidence

IMAGE = "public.ecr.aws/lambda/provided:al2023"
"""Amazon's image, whose host has all that Lambda promises."""

_FORMAT = re.compile(r"[Ee]xec format error|cannot execute binary file")
_LIBRARY = re.compile(rf"({FIELD}): error while loading shared libraries: ([^\s:]+): cannot open shared object file")
_OPENED = re.compile(rf"({WORD}\.so[.0-9]*): cannot open shared object file")
_GLIBC = re.compile(
    rf"({FIELD}): (\S+): version {QUOTE}((?:GLIBC|GLIBCXX|CXXABI)_[\w.]*){QUOTE} not found \(required by ([^)]+)\)"
)


def wrong_machine(evidence: Evidence) -> Diagnosis | None:
    """A program of another machine."""
    if _FORMAT.search(evidence.words) is None:
        return None
    check = evidence.check("platform")
    if check is not None:
        return of_check(check)
    return Diagnosis(
        f"a program is not for this machine ({evidence.machine.architecture})",
        "pack it on a machine of the function's architecture; --arch says which that is",
    )


def glibc_too_old(evidence: Evidence) -> Diagnosis | None:
    """A program that got the host's C or C++ library instead of the bundle's, or a module built for a newer one."""
    match = _GLIBC.search(evidence.words)
    if match is None:
        return None
    library, by = posixpath.basename(match[2]), posixpath.basename(match[4])
    cure = "pack the program itself, so that it starts by the bundle's loader; or link it with -static"
    if ".so" in by:
        cure = "take a build for glibc 2.34 or older (a manylinux_2_34 wheel), or build it on Amazon Linux 2023"
    return Diagnosis(f"{by} needs {match[3]} and got the host's {library}, which is older", cure)


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
    by = posixpath.basename(match[1]) if match else _who(evidence)
    found = _as_packed(evidence, soname) or _of_host(evidence, soname) or _not_taken(evidence, soname)
    return found or _not_there(evidence, soname, by)


def _who(evidence: Evidence) -> str:
    return "the program" if evidence.failed is None else evidence.failed.job.name


def _as_packed(evidence: Evidence, soname: str) -> Diagnosis | None:
    """It is in the zip and cannot be read, or was and is lost."""
    closed = next((file for file in held(evidence, soname) if not file.mode & 0o004), None)
    return not_as_packed(evidence, soname) if closed is None else rezipped(closed_text(closed), closed)


def _of_host(evidence: Evidence, soname: str) -> Diagnosis | None:
    """It is Lambda's, and only the host of this sandbox lacks it; not so where a bundle has to bring its own."""
    closure = evidence.check("closure")
    if soname not in HOST_LIBRARIES or (closure and any(soname in text for text in (closure.detail, *closure.context))):
        return None
    return Diagnosis(
        f"{soname} is on Lambda, and not in this sandbox: nothing is wrong with the bundle",
        f"install it here, or verify in Amazon's image: --image {IMAGE}",
    )


def _not_taken(evidence: Evidence, soname: str) -> Diagnosis | None:
    """It is in the zip, and the loader passes over it: for another machine, or where it does not look."""
    closure, file = evidence.check("closure"), next(held(evidence, soname), None)
    if file is None:
        return None
    if closure is not None and any(soname in text for text in (closure.detail, *closure.context)):
        return of_check(closure)
    top = TASK if evidence.mounted is None else evidence.mounted.mount
    if posixpath.dirname(file.path) in {"", "lib"} or soname.endswith(".so"):
        return Diagnosis(
            f"{soname} is in the zip, and is damaged or not for this machine ({evidence.machine.architecture})",
            "take the build of it for the function's architecture, and zip again",
        )
    return Diagnosis(
        f"{soname} is in the zip as {file.path}, and was not found there: Lambda's loader looks in lib/",
        f"move {shlex.quote(file.path)} to lib/ of the zip, which is {top}/lib on Lambda",
    )


def _not_there(evidence: Evidence, soname: str, by: str) -> Diagnosis:
    cause = f"{soname} is not in the bundle, and {by} needs it"
    found = next((item for item in evidence.missing if posixpath.basename(item.path).startswith(soname)), None)
    if found is not None and is_ours(evidence):
        return Diagnosis(cause, pack_again(evidence, "--add", found.path))
    if is_ours(evidence):
        return Diagnosis(cause, f"install here the package that has it, then pack again: {pack_again(evidence)}")
    top = TASK if evidence.mounted is None else evidence.mounted.mount
    return Diagnosis(cause, f"copy {shlex.quote(soname)} into lib/ of the zip: Lambda's loader looks in {top}/lib")
