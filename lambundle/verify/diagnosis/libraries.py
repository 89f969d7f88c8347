"""Shared libraries and machines: what the loader says when a program cannot be put together."""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from lambundle.target import HOST_LIBRARIES, TASK
from lambundle.verify.diagnosis.evidence import of_check
from lambundle.verify.diagnosis.modes import closed_text
from lambundle.verify.diagnosis.packed import bringing, held, is_ours, not_as_packed, pack_again, repacked, rezipped
from lambundle.verify.diagnosis.words import FIELD, QUOTE, WORD
from lambundle.verify.model import Diagnosis
from lambundle.verify.repack.remedy import Remedy

if TYPE_CHECKING:
    from lambundle.verify.diagnosis.evidence import Evidence

IMAGE = "public.ecr.aws/lambda/provided:al2023"
"""Amazon's image, whose host has all that Lambda promises."""

_FORMAT = re.compile(r"[Ee]xec format error|cannot execute binary file")
_LIBRARY = re.compile(rf"({FIELD}): error while loading shared libraries: ([^\s:]+): cannot open shared object file")
_MUSLS = re.compile(
    r"Error loading shared library ([^\s:]+): (?:No such file or directory|Permission denied) \(needed by ([^)]+)\)"
)
_DAMAGED = (
    re.compile(
        rf"({FIELD}): error while loading shared libraries: ([^\s:]+): "
        r"(file too short|invalid ELF header|ELF [^\n]*|cannot read file data[^\n]*|object file has no [^\n]*)"
    ),
    re.compile(r"()Error loading shared library ([^\s:]+): (Exec format error|Invalid argument)"),
    re.compile(rf"()({WORD}\.so[.0-9]*): (file too short|invalid ELF header|ELF load command[^\n]*)"),
)
_SYMBOL = (
    re.compile(rf"symbol lookup error: ({WORD}): undefined symbol: ({WORD})"),
    re.compile(rf"Error relocating ({WORD}): ({WORD}): symbol not found"),
    re.compile(rf"({WORD}\.so[.0-9]*): undefined symbol: ({WORD})"),
)
_OPENED = re.compile(rf"({WORD}\.so[.0-9]*): cannot open shared object file")
_GLIBC = re.compile(
    rf"({FIELD}): (\S+): version {QUOTE}((?:GLIBC|GLIBCXX|CXXABI)_[\w.]*){QUOTE} not found \(required by ([^)]+)\)"
)


def wrong_machine(evidence: Evidence) -> Diagnosis | None:
    """A program of another machine."""
    if _FORMAT.search(evidence.words) is None or "Error loading shared library" in evidence.words:
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
    match, musls = _LIBRARY.search(evidence.words), _MUSLS.search(evidence.words)
    names = [match[2]] if match else [musls[1]] if musls else _OPENED.findall(evidence.words)
    if not names:
        return None
    if names[0].startswith("--"):  # options of the bundle's loader, which an older one takes for a program
        return Diagnosis(
            "the launcher starts the host's loader, which does not know what the bundle's does",
            "restore the launcher as lambundle wrote it: pack again, or upload the zip that pack wrote",
        )
    soname = posixpath.basename(names[0])
    by = posixpath.basename(match[1] if match else musls[2] if musls else _who(evidence))
    found = _as_packed(evidence, soname) or _of_host(evidence, soname) or _not_taken(evidence, soname)
    return found or _not_there(evidence, soname, by, names[0])


def library_damaged(evidence: Evidence) -> Diagnosis | None:
    """A library that is there, and that the loader cannot use."""
    match = next((found for pattern in _DAMAGED if (found := pattern.search(evidence.words))), None)
    if match is None:
        return None
    soname = posixpath.basename(match[2])
    return not_as_packed(evidence, soname) or _damaged(evidence, soname, match[3])


def _damaged(evidence: Evidence, soname: str, how: str) -> Diagnosis:
    cause = f"{soname} is in the zip, and is damaged: {how}"
    if not is_ours(evidence):
        return Diagnosis(cause, f"take the build of it for {evidence.machine.architecture}, and zip again")
    return repacked(evidence, cause, Remedy())


def symbol_missing(evidence: Evidence) -> Diagnosis | None:
    """A library that is there and lacks what another was linked with: it is of another version."""
    match = next((found for pattern in _SYMBOL if (found := pattern.search(evidence.words))), None)
    if match is None:
        return None
    cause = f"{posixpath.basename(match[1])} needs the symbol {match[2]}, and no library that was loaded has it"
    if not is_ours(evidence):
        return Diagnosis(cause, "take libraries of one build for all of the zip, and zip again")
    return not_as_packed(evidence, posixpath.basename(match[1])) or repacked(evidence, cause, Remedy())


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
    if evidence.mounted is not None and evidence.mounted.is_bundled(f"{evidence.mounted.mount}/{file.path}"):
        return _damaged(evidence, soname, "the loader passes over it")
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


def _not_there(evidence: Evidence, soname: str, by: str, name: str) -> Diagnosis:
    cause = f"{soname} is not in the bundle, and {by} needs it"
    if not is_ours(evidence):
        top = TASK if evidence.mounted is None else evidence.mounted.mount
        return Diagnosis(cause, f"copy {shlex.quote(soname)} into lib/ of the zip: Lambda's loader looks in {top}/lib")
    excluded = () if evidence.packer is None else evidence.packer.excluding(soname)
    if excluded:
        return repacked(evidence, cause, Remedy(without=excluded))
    found = next((item.path for item in evidence.missing if posixpath.basename(item.path).startswith(soname)), None)
    if found is None and name.startswith("/") and evidence.machine.has(name):
        found = name
    if found is not None:
        owner = evidence.machine.owner(found) if name.startswith("/") else None
        return repacked(evidence, cause, bringing(evidence, found, owner) if owner else Remedy(add=(found,)))
    places = evidence.machine.holding(soname)
    if places:
        return repacked(evidence, cause, Remedy(library_path=(posixpath.dirname(places[0]),)))
    return Diagnosis(cause, f"install here the package that has it, then pack again: {pack_again(evidence)}")
