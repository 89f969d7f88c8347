"""Entries as packed and as found, and the commands that pack them again."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.pack.again import pack_command
from lambundle.target import OPT
from lambundle.verify.diagnosis.evidence import of_check
from lambundle.verify.model import Diagnosis
from lambundle.verify.repack.remedy import Remedy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.bundle.model import Manifest
    from lambundle.verify.diagnosis.evidence import Evidence
    from lambundle.verify.run.mounted import Mounted

PATH = f"{OPT}/bin"
"""The one directory of a user's that is on Lambda's PATH."""

_AND_MORE = re.compile(r", and [\d,]+ more$")
_FOR_OTHERS = 0o005


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of the bundle or of a layer, by its path in the zip.

    ``packed`` is its mode when it was packed, None where no manifest tells; ``bundle`` the zip that lambundle wrote.
    ``place`` is what holds it, in words.
    """

    path: str
    mode: int
    packed: int | None = None
    bundle: str = ""
    place: str = "the zip"

    @property
    def is_closed(self) -> bool:
        """Whether Lambda's user may not read and execute it."""
        return self.mode & _FOR_OTHERS != _FOR_OTHERS


def held(evidence: Evidence, name: str) -> Iterator[KeptFile]:
    """Give the files called ``name``, a path of the sandbox or a command: the bundle's, then a layer's."""
    subject, mounted = evidence.subject, evidence.mounted
    if subject is not None:
        base = posixpath.basename(name)
        named = (member.path for member in subject.members if posixpath.basename(member.path) == base)
        for member in map(subject.tree.member, named):
            if member is not None:
                yield KeptFile(member.path, member.mode, *_packed(evidence, member.path))
    if mounted is not None and mounted.mount != OPT:
        path = name if name.startswith("/") else f"{PATH}/{name}"
        file = inside(mounted, path)
        if file is not None and path.startswith(f"{OPT}/"):
            below = os.path.relpath(file, os.path.realpath(mounted.trees[OPT]))
            yield KeptFile(below, file.stat().st_mode & 0o777, *_packed(evidence, below), place="the layer")


def _packed(evidence: Evidence, path: str) -> tuple[int | None, str]:
    manifests = () if evidence.mounted is None else evidence.mounted.manifests
    if evidence.subject is not None:
        manifests = (*evidence.subject.manifests, *manifests)
    found = ((entry.mode, manifest.name) for manifest in manifests for entry in manifest.entries if entry.path == path)
    mode, name = next(found, (None, ""))
    return mode, f"{name}.zip" if name else ""


def inside(mounted: Mounted, path: str) -> Path | None:
    """Where a file of the sandbox lies here, links followed as long as they stay in its tree; None for no file."""
    here = mounted.here(path)
    if here is None or not here.is_file():
        return None
    real = os.path.realpath(here)
    tops = (f"{os.path.realpath(tree)}/" for tree in mounted.trees.values())
    return Path(real) if real.startswith(tuple(tops)) else None


def rezipped(cause: str, file: KeptFile) -> Diagnosis:
    """The diagnosis for a file without the mode that it needs."""
    if file.packed is not None and file.packed != file.mode:
        return Diagnosis(
            f"{cause}: it was re-zipped by a tool that drops modes",
            f"upload {file.bundle} itself, as lambundle wrote it",
        )
    return Diagnosis(
        cause, f"pack it again, or chmod 755 {shlex.quote(file.path)} and zip it with modes and links: zip -ry"
    )


def not_as_packed(evidence: Evidence, *names: str) -> Diagnosis | None:
    """The diagnosis of integrity, when what it found is about a file whose path ends in one of ``names``."""
    check, subject = evidence.check("integrity"), evidence.subject
    if check is None or subject is None:
        return None
    told = [_AND_MORE.sub("", line) for line in (check.detail, *check.context)]
    ends = tuple(f"/{_below_mount(name, evidence.mounted).lstrip('/')}" for name in names)
    entries = (entry.path for manifest in subject.manifests for entry in manifest.entries)
    for path in (path for path in entries if f"/{path}".endswith(ends)):
        line = next((line for line in told if line.startswith(f"{path} ")), None)
        if line is None and path not in subject.by_path:
            line = f"{path} is missing"
        if line is not None:
            return Diagnosis(line, of_check(check).cure)
    return None


def _below_mount(path: str, mounted: Mounted | None) -> str:
    top = "" if mounted is None else f"{mounted.mount}/"
    return path[len(top) :] if top and path.startswith(top) else path


# ---- commands to type ----


def is_ours(evidence: Evidence) -> bool:
    """Whether lambundle packed the bundle, so that packing it again is a cure."""
    return evidence.subject is not None and bool(evidence.subject.manifests)


def pack_again(evidence: Evidence, remedy: Remedy | None = None, by: str = "") -> str:
    """The command that packs a bundle again with a remedy: the one with the program ``by``, if there are several."""
    remedy = remedy or Remedy()
    if evidence.packer is not None:
        return evidence.packer.command(remedy)
    ours = () if evidence.subject is None else evidence.subject.manifests
    mounted = () if evidence.mounted is None else evidence.mounted.manifests
    manifests = tuple(item for item in mounted if by and _holds(item, by)) or ours or mounted
    if not manifests:
        return shlex.join(("lambundle", "pack", *remedy.programs))
    merged = replace(manifests[0], programs=tuple(item for manifest in manifests for item in manifest.programs))
    return shlex.join(pack_command(merged, remedy.applied(merged.options), remedy.programs))


def _holds(manifest: Manifest, path: str) -> bool:
    return any(entry.path.endswith(f"/root{path}") for entry in manifest.entries)


def bringing(evidence: Evidence, path: str, package: str | None) -> Remedy:
    """The remedy for a file of this machine, of ``package`` or of none, that is not in the bundle."""
    if evidence.packer is not None:
        return evidence.packer.bringing(path)
    return Remedy(add=(path,)) if package is None else Remedy(packages=(package,))


def repacked(evidence: Evidence, cause: str, remedy: Remedy, by: str = "") -> Diagnosis:
    """The diagnosis whose cure is to pack with a remedy; what the user excluded is named so."""
    if remedy.without:
        options = shlex.join(word for pattern in remedy.without for word in ("--exclude", pattern))
        cause = f"{cause}: you excluded it ({options})"
    return Diagnosis(cause, pack_again(evidence, remedy, by), remedy)


def brought(evidence: Evidence, cause: str, command: str) -> Diagnosis:
    """The diagnosis for a command that is not there: it comes with the bundle's own programs, or in a layer."""
    here = evidence.machine.command(command)
    first = "" if here else f"install {command} here; "
    if not is_ours(evidence) or evidence.is_function:
        name = shlex.quote(here or command)
        layer = f"give the function that layer: --layer {shlex.quote(f'{posixpath.basename(command)}.zip')}"
        return Diagnosis(cause, f"{first}lambundle pack {name}, and {layer}")
    remedy = Remedy(programs=(here or command,))
    if here is None:
        return Diagnosis(cause, f"{first}pack it too: {pack_again(evidence, remedy)}")
    excluded = () if evidence.packer is None else evidence.packer.excluding(command)
    return repacked(evidence, cause, Remedy(without=excluded) if excluded else remedy)
