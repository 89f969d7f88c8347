"""The directories around a program that no package owns.

What was unpacked as a whole is one: below /opt, or wherever ``bin`` has ``lib`` or ``share`` beside it. In a prefix
that programs share (/usr/local) a program's own are the directories called like it, and those that it names.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.discover.installation.tree import files_below, is_for_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.discover.evidence import Texts
    from lambundle.machine import Files, Machine

MAX_WHOLE = 600 << 20
"""Bytes up to which a directory is taken for one program's; above it is a collection, such as a whole distribution."""

COMMANDS = ("bin", "sbin", "libexec")
BESIDE = ("lib", "lib64", "libexec", "share", "etc", "modules", "conf", "plugins", "jre")
"""Directories beside ``bin`` by which an installation is known."""

_UNWANTED = re.compile(
    r"/(?:share/(?:man|doc|info|gtk-doc|icons|applications|bash-completion)|man|doc|docs|include|__pycache__|examples"
    r"|\.[^/]*|src\.zip|jmods|pkgconfig|cmake)$|\.(?:a|la|pyc|debug|h|hpp)$"
)


def around(machine: Machine, program: str, owned: Callable[[str], bool], texts: Texts) -> Iterator[tuple[str, str]]:
    """Give the files that belong to a program by its place, each with the directory that they are a part of."""
    files = machine.files
    home = _home(machine, program)
    if home is not None:
        size = 0
        whole = []
        for path in files_below(files, home, lambda path: _is_of_installation(machine, path, home)):
            size += files.stat(path).st_size
            whole.append(path)
            if size > MAX_WHOLE:
                break
        if size <= MAX_WHOLE:
            yield from ((path, f"installed in {home}") for path in whole)
            return
    for top in (*_called_alike(files, program), *_named(program, texts)):
        if owned(top):
            continue
        if files.is_directory(top):
            found = files_below(files, top, lambda path: not _UNWANTED.search(path))
            yield from ((path, f"its own: {top}") for path in found)
        elif is_for_all(files, top):
            yield top, "named in it"


def _is_of_installation(machine: Machine, path: str, home: str) -> bool:
    """Whether a path belongs to what was installed in ``home``; in a user's own directories only by its place."""
    if machine.home and home.startswith(f"{machine.home}/") and posixpath.dirname(path) == home:
        return posixpath.basename(path) in (*COMMANDS, *BESIDE)
    return _UNWANTED.search(path) is None


def _home(machine: Machine, program: str) -> str | None:
    """The directory that was installed as a whole; None when the program lies where many do."""
    directory = posixpath.dirname(program)
    in_commands = posixpath.basename(directory) in COMMANDS
    home = posixpath.dirname(directory) if in_commands else directory
    if home in _shared(machine) or home.startswith(("/usr/lib/", "/usr/share/", "/lib/")):
        return None
    if home.startswith("/opt/"):
        return home
    beside = any(machine.files.is_directory(f"{home}/{name}") for name in BESIDE)
    return home if in_commands and beside else None


def _shared(machine: Machine) -> set[str]:
    """Directories in which programs of every kind lie."""
    found = {"/", "/usr", "/usr/local", "/usr/games", "/opt", machine.directory}
    if machine.home:
        found |= {machine.home, f"{machine.home}/.local"}
        above = machine.home
        while (above := posixpath.dirname(above)) not in found:
            found.add(above)
    return found


def _called_alike(files: Files, program: str) -> Iterator[str]:
    """Directories and files below lib, share and the like that have the program's name, or begin with it."""
    prefix = posixpath.dirname(posixpath.dirname(program))
    stem = re.sub(r"[-.0-9]+$", "", posixpath.basename(program).partition(".")[0])
    alike = re.compile(re.escape(stem) + r"(?:[-_.0-9].*)?$")
    for directory in (*(f"{prefix}/{name}" for name in ("lib", "lib64", "libexec", "share", "etc")), "/etc"):
        yield from (f"{directory}/{item}" for item in files.names(directory) if stem and alike.match(item))


def _named(program: str, texts: Texts) -> Iterator[str]:
    """Paths that stand in the program's text and are there, commands and directories that many share aside."""
    for path in sorted(texts.paths(program)):
        below = path.startswith(("/usr/local/", "/opt/", "/srv/"))
        if (
            below
            and posixpath.basename(posixpath.dirname(path)) not in COMMANDS
            and not _is_shared_below(texts.files, path)
        ):
            yield path


def _is_shared_below(files: Files, path: str) -> bool:
    """Whether a path is a directory of a shared prefix itself: /usr/local/share, /opt; or is not there."""
    parts = path.strip("/").split("/")
    depth = 4 if parts[0] == "usr" else 2
    return not files.exists(path) or (len(parts) < depth and files.is_directory(path))
