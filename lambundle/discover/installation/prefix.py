"""The files of an unpackaged program by its location.

Below /opt, or if ``bin`` has ``lib`` or ``share`` beside it, the whole directory is the installation. In a shared
prefix (/usr/local) these are directories with the program's name and paths that it contains.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.discover.installation.tree import files_below, is_world_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.discover.evidence import FileEvidence
    from lambundle.machine import Files, Machine

MAX_WHOLE = 600 << 20
"""Most bytes of a single installation; a larger directory is a collection of programs."""

COMMANDS = ("bin", "sbin", "libexec")
BESIDE = ("lib", "lib64", "libexec", "share", "etc", "modules", "conf", "plugins", "jre")
"""Directories beside ``bin`` that make it an installation."""

_UNWANTED = re.compile(
    r"/(?:share/(?:man|doc|info|gtk-doc|icons|applications|bash-completion)|man|doc|docs|include|__pycache__|examples"
    r"|\.[^/]*|src\.zip|jmods|pkgconfig|cmake)$|\.(?:a|la|pyc|debug|h|hpp)$"
)


def prefix_files(
    machine: Machine, program: str, is_owned: Callable[[str], bool], evidence: FileEvidence
) -> Iterator[tuple[str, str]]:
    """Return the files of a program by its location, each with a detail for its reason."""
    files = machine.files
    installation = _installation(machine, program)
    if installation is not None:
        size = 0
        whole = []
        for path in files_below(files, installation, lambda path: _is_of_installation(machine, path, installation)):
            size += files.stat(path).st_size
            whole.append(path)
            if size > MAX_WHOLE:
                break
        if size <= MAX_WHOLE:
            yield from ((path, f"installed in {installation}") for path in whole)
            return
    for top in (*_named_after(files, program), *_named(program, evidence)):
        if is_owned(top):
            continue
        if files.is_directory(top):
            found = files_below(files, top, lambda path: not _UNWANTED.search(path))
            yield from ((path, f"its own: {top}") for path in found)
        elif is_world_readable(files, top):
            yield top, "named in it"


def _is_of_installation(machine: Machine, path: str, top: str) -> bool:
    """Return whether a path belongs to the installation ``top``; below HOME only COMMANDS and BESIDE do."""
    if machine.home and top.startswith(f"{machine.home}/") and posixpath.dirname(path) == top:
        return posixpath.basename(path) in (*COMMANDS, *BESIDE)
    return _UNWANTED.search(path) is None


def _installation(machine: Machine, program: str) -> str | None:
    """Return the directory of a program's installation; None in a shared directory."""
    directory = posixpath.dirname(program)
    in_commands = posixpath.basename(directory) in COMMANDS
    top = posixpath.dirname(directory) if in_commands else directory
    if top in _shared(machine) or top.startswith(("/usr/lib/", "/usr/share/", "/lib/")):
        return None
    if top.startswith("/opt/"):
        return top
    beside = any(machine.files.is_directory(f"{top}/{name}") for name in BESIDE)
    return top if in_commands and beside else None


def _shared(machine: Machine) -> set[str]:
    """Return directories that unrelated programs share."""
    found = {"/", "/usr", "/usr/local", "/usr/games", "/opt", machine.directory}
    if machine.home:
        found |= {machine.home, f"{machine.home}/.local"}
        above = machine.home
        while (above := posixpath.dirname(above)) not in found:
            found.add(above)
    return found


def _named_after(files: Files, program: str) -> Iterator[str]:
    """Return paths below lib, share and etc that have the program's name or begin with it."""
    prefix = posixpath.dirname(posixpath.dirname(program))
    stem = re.sub(r"[-.0-9]+$", "", posixpath.basename(program).partition(".")[0])
    alike = re.compile(re.escape(stem) + r"(?:[-_.0-9].*)?$")
    for directory in (*(f"{prefix}/{name}" for name in ("lib", "lib64", "libexec", "share", "etc")), "/etc"):
        yield from (f"{directory}/{item}" for item in files.names(directory) if stem and alike.match(item))


def _named(program: str, evidence: FileEvidence) -> Iterator[str]:
    """Return the existing paths that a program contains, without commands and shared directories."""
    for path in sorted(evidence.paths(program)):
        below = path.startswith(("/usr/local/", "/opt/", "/srv/"))
        if (
            below
            and posixpath.basename(posixpath.dirname(path)) not in COMMANDS
            and not _is_shared_below(evidence.files, path)
        ):
            yield path


def _is_shared_below(files: Files, path: str) -> bool:
    """Return whether a path is a shared directory (/usr/local/share, /opt) or does not exist."""
    parts = path.strip("/").split("/")
    depth = 4 if parts[0] == "usr" else 2
    return not files.exists(path) or (len(parts) < depth and files.is_directory(path))
