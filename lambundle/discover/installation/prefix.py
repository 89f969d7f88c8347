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

BELOW = ("bin", "lib", "include", "usr")
"""Directories that one of an installation's own directories holds: ``x86_64-linux-musl/bin``, ``sysroot/usr``."""

START = "AppRun"
"""Program of an application directory (AppDir) that starts the others."""

_UNWANTED = re.compile(
    r"/(?:share/(?:man|doc|info|gtk-doc|icons|applications|bash-completion)|man|doc|docs|__pycache__|examples"
    r"|\.[^/]*|src\.zip|jmods)$|\.(?:la|pyc|debug)$"
)
_FOR_COMPILERS = re.compile(r"/(?:include|pkgconfig)$|\.a$")
_COMPILERS_HEADER = "include/stddef.h"
"""A header that every C compiler has in a directory of its own."""


def prefix_files(
    machine: Machine, program: str, is_owned: Callable[[str], bool], evidence: FileEvidence
) -> Iterator[tuple[str, str]]:
    """Return the files of a program by its location, each with a detail for its reason."""
    files = machine.files
    installation = _installation(machine, program)
    if installation is not None:
        whole = _whole(machine, installation, program)
        if whole is not None:
            yield from ((path, f"installed in {installation}") for path in whole)
            return
    for top in (*_named_after(files, program), *_named(program, evidence)):
        if is_owned(top):
            continue
        if files.is_directory(top):
            found = files_below(files, top, lambda path: not _is_unwanted(path))
            yield from ((path, f"its own: {top}") for path in found)
        elif is_world_readable(files, top):
            yield top, "named in it"


def _whole(machine: Machine, installation: str, program: str) -> list[str] | None:
    """Return the files of an installation; None if they have more than MAX_WHOLE bytes.

    Headers and archives are data where a compiler has its own header, and nowhere else.
    """
    files = machine.files

    def is_wanted(path: str) -> bool:
        if files.is_file(f"{path}/pyvenv.cfg"):  # its scripts bring what they import
            return False
        return path == program or (_is_of_installation(machine, path, installation) and not _UNWANTED.search(path))

    size = 0
    whole = []
    for path in files_below(files, installation, is_wanted, follow=True):
        size += files.size(path)
        whole.append(path)
        if size > MAX_WHOLE:
            return None
    if any(path.endswith(_COMPILERS_HEADER) for path in whole):
        return whole
    return [path for path in whole if path == program or not _is_for_compilers(path.removeprefix(installation))]


def _is_for_compilers(path: str) -> bool:
    """Return whether a file is one that only compilers read."""
    return _FOR_COMPILERS.search(path) is not None or any(
        _FOR_COMPILERS.search(f"/{name}") for name in path.split("/")[1:-1]
    )


def _is_unwanted(path: str) -> bool:
    return _UNWANTED.search(path) is not None or _FOR_COMPILERS.search(path) is not None


def _is_of_installation(machine: Machine, path: str, top: str) -> bool:
    """Return whether a path belongs to an installation.

    Below the user's home, where projects lie too, at its top only the usual directories do, and those that hold some.
    """
    is_at_home = any(top.startswith(f"{home}/") for home in machine.home_directories)
    if not is_at_home or posixpath.dirname(path) != top or _is_application(machine, top):
        return True
    if posixpath.basename(path) in (*COMMANDS, *BESIDE, "include", "usr"):
        return True
    return any(machine.files.is_directory(f"{path}/{name}") for name in BELOW)


def _is_application(machine: Machine, top: str) -> bool:
    """Return whether a directory is an application's as a whole (AppDir)."""
    return machine.files.is_executable(f"{top}/{START}")


def _installation(machine: Machine, program: str) -> str | None:
    """Return the directory of a program's installation; None in a shared directory."""
    files = machine.files
    directory = posixpath.dirname(program)
    in_commands = posixpath.basename(directory) in COMMANDS
    top = posixpath.dirname(directory) if in_commands else directory
    shared = shared_directories(machine)
    above = top
    while above not in shared and above != "/":
        if _is_application(machine, above):
            return above
        above = posixpath.dirname(above)
    if top in shared or top.startswith(("/usr/lib/", "/usr/share/", "/lib/")):
        return None
    if top.startswith("/opt/"):
        return top
    if files.is_file(f"{top}/pyvenv.cfg"):
        return None
    beside = any(files.is_directory(f"{top}/{name}") for name in BESIDE)
    stem = _stem(program)
    is_named_alike = bool(stem) and stem in posixpath.basename(top).lower()  # zig in zig-linux-x86_64-0.13.0
    return top if beside and (in_commands or is_named_alike) else None


def shared_directories(machine: Machine) -> set[str]:
    """Return directories that unrelated programs share, whoever packs and wherever from."""
    found = {"/", "/usr", "/usr/local", "/usr/games", "/opt", "/srv", "/tmp", "/var/tmp"}  # noqa: S108
    for home in machine.home_directories:
        found |= {home, f"{home}/.local"}
        above = home
        while (above := posixpath.dirname(above)) not in found:
            found.add(above)
    return found


def _stem(program: str) -> str:
    return re.sub(r"[-.0-9]+$", "", posixpath.basename(program).partition(".")[0]).lower()


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
