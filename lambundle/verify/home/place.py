"""Home: whether this machine is the packing machine, and what a job sees of it."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.elf.bare_names import with_bare_names
from lambundle.verify.sandbox.bubblewrap.bubblewrap import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lambundle.bundle.model import Entry, Manifest
    from lambundle.machine import Files, Machine
    from lambundle.verify.packing_machine import PackingMachine

_HOMES = ("/home", "/root")
_TEMPORARY = ("/tmp", "/var/tmp", "/run", "/var/run", "/var/log")  # noqa: S108  (paths of the packing machine)
_BLOCK = 1 << 20
_EVERYBODY = 0o005
"""Others may read and search it."""


def other_than_packed(manifests: Sequence[Manifest], machine: PackingMachine) -> str:
    """Why a job on this machine shows nothing of the bundles: it is not the packing machine; empty where it is.

    It is the packing machine where it has the packed programs byte by byte, and every packed file of a package in its
    size.
    """
    if not manifests:
        return "the zip does not say on which machine it was made"
    if not machine.machine.is_here:
        return "programs below a root are not run"
    other = next((item.packed_on for item in manifests if not machine.is_like(item.packed_on)), None)
    if other is not None:
        return f"this machine is not the one it was packed on ({other.distribution}, {other.machine})"
    changed = next((path for manifest in manifests for path in _changed(manifest, machine.machine.files)), None)
    return "" if changed is None else f"{changed} is not as it was packed, so this machine shows nothing of the bundle"


def _changed(manifest: Manifest, files: Files) -> Iterator[str]:
    programs = {program.real for program in manifest.programs}
    for path, entry in _here(manifest):
        if entry.kind is not Kind.FILE:
            continue
        is_other = entry.package is not None and _size(files, path) != entry.size
        if is_other or (path in programs and entry.sha256 is not None and _sha256(files, path, entry) != entry.sha256):
            yield path
        programs.discard(path)
    yield from (path for path in sorted(programs) if not files.is_file(path))


def _here(manifest: Manifest) -> Iterator[tuple[str, Entry]]:
    """Every entry with its path on the packing machine."""
    root = f"lambundle/{manifest.name}/root"
    return ((entry.path[len(root) :], entry) for entry in manifest.entries if entry.path.startswith(f"{root}/"))


def _size(files: Files, path: str) -> int | None:
    try:
        return files.lstat(path).st_size
    except OSError:
        return None


def _sha256(files: Files, path: str, entry: Entry) -> str:
    """Digest of a file, with the bare names that it has in a bundle; empty where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with files.open(path) as file:
            if entry.bare_names:
                digest.update(with_bare_names(file.read(), entry.bare_names))
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def view(manifests: Iterable[Manifest], machine: Machine) -> View:
    """What a job sees of this machine: no home directory and nothing temporary, but for what was packed from there."""
    real = machine.files.real
    homes = {directory for home in (*_HOMES, *machine.home_directories) for directory in (home, real(home))} - {"/"}
    hidden = sorted({*homes, *_TEMPORARY, *map(real, _TEMPORARY)})
    packed = {path for manifest in manifests for path, entry in _here(manifest) if entry.kind is not Kind.DIRECTORY}
    shown = {_open_part(part, path, machine.files) for path in packed if (part := _part(path, hidden))}
    own = frozenset(home[1:] for home in _HOMES)
    own_too = tuple(f"{top}/" for top in (*_HOMES, *_TEMPORARY))
    covered = [
        home for home in sorted(homes) if not f"{home}/".startswith(own_too) and machine.files.is_directory(home)
    ]
    return View(
        without=own,
        parts=("/opt", "/opt/bin"),
        covered=_outermost(covered),
        shown=_outermost(sorted(shown)),
    )


def _part(path: str, hidden: Sequence[str]) -> str:
    """The part of a hidden directory that is shown since ``path`` was packed from there; empty for none.

    That is what lies directly in it, as a project does; of hidden directories, such as ~/.local, what is in them. What
    lies in /home is somebody's home itself.
    """
    top = max((top for top in hidden if path.startswith(f"{top}/")), key=len, default="")
    names = path[len(top) + 1 :].split("/")
    if not top or (top == _HOMES[0] and len(names) == 1):
        return path if top else ""
    if top == _HOMES[0]:
        top, names = posixpath.join(top, names[0]), names[1:]
    return posixpath.join(top, *names[: 2 if names[0].startswith(".") else 1])


def _open_part(part: str, path: str, files: Files) -> str:
    """The first directory from ``part`` on to ``path`` that everybody may enter: Lambda's user is nobody's friend."""
    names = path[len(part) :].split("/")[1:]
    for name in names:
        try:
            if files.lstat(part).st_mode & _EVERYBODY == _EVERYBODY:
                break
        except OSError:
            break
        part = f"{part}/{name}"
    return part


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of sorted ``paths`` that lie in no other."""
    found: list[str] = []
    for path in paths:
        if not any(path.startswith(f"{other}/") for other in found):
            found.append(path)
    return tuple(found)
