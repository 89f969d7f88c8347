"""The directories around a program that no package owns.

What was unpacked as a whole is one: below /opt, or wherever ``bin`` has ``lib`` or ``share`` beside it. In a prefix
that programs share (/usr/local) a program's own are the directories called like it, and those that it names.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.discover.installation.files import files_below, is_for_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.discover.evidence import Texts

MAX_WHOLE = 600 << 20
"""Bytes up to which a directory is taken for one program's; above it is a collection, such as a whole distribution."""

COMMANDS = ("bin", "sbin", "libexec")
BESIDE = ("lib", "lib64", "libexec", "share", "etc", "modules", "conf", "plugins", "jre")
"""Directories beside ``bin`` by which an installation is known."""

_UNWANTED = re.compile(
    r"/(?:share/(?:man|doc|info|gtk-doc|icons|applications|bash-completion)|man|doc|docs|include|__pycache__|examples"
    r"|\.[^/]*|src\.zip|jmods|pkgconfig|cmake)$|\.(?:a|la|pyc|debug|h|hpp)$"
)


def around(program: str, owned: Callable[[str], bool], texts: Texts) -> Iterator[tuple[str, str]]:
    """Give the files that belong to a program by its place, each with the directory that they are a part of."""
    home = _home(program)
    if home is not None:
        size = 0
        whole = []
        for path in files_below(home, lambda path: _is_of_installation(path, home)):
            size += os.stat(path).st_size
            whole.append(path)
            if size > MAX_WHOLE:
                break
        if size <= MAX_WHOLE:
            yield from ((path, f"installed in {home}") for path in whole)
            return
    for top in (*_called_alike(program), *_named(program, texts)):
        if owned(top):
            continue
        if Path(top).is_dir():
            yield from ((path, f"its own: {top}") for path in files_below(top, lambda path: not _UNWANTED.search(path)))
        elif is_for_all(top):
            yield top, "named in it"


def _is_of_installation(path: str, home: str) -> bool:
    """Whether a path belongs to what was installed in ``home``; in a user's own directories only by its place."""
    if home.startswith(f"{Path.home()}/") and posixpath.dirname(path) == home:
        return posixpath.basename(path) in (*COMMANDS, *BESIDE)
    return _UNWANTED.search(path) is None


def _home(program: str) -> str | None:
    """The directory that was installed as a whole; None when the program lies where many do."""
    directory = posixpath.dirname(program)
    in_commands = posixpath.basename(directory) in COMMANDS
    home = posixpath.dirname(directory) if in_commands else directory
    if home in _shared() or home.startswith(("/usr/lib/", "/usr/share/", "/lib/")):
        return None
    if home.startswith("/opt/"):
        return home
    beside = any(Path(home, name).is_dir() for name in BESIDE)
    return home if in_commands and beside else None


def _shared() -> set[str]:
    """Directories in which programs of every kind lie."""
    user = Path.home()
    own = {str(path) for path in (user, *user.parents, user / ".local", Path.cwd())}
    return {"/", "/usr", "/usr/local", "/usr/games", "/opt"} | own


def _called_alike(program: str) -> Iterator[str]:
    """Directories and files below lib, share and the like that have the program's name, or begin with it."""
    prefix = posixpath.dirname(posixpath.dirname(program))
    stem = re.sub(r"[-.0-9]+$", "", posixpath.basename(program).partition(".")[0])
    alike = re.compile(re.escape(stem) + r"(?:[-_.0-9].*)?$")
    for directory in (*(f"{prefix}/{name}" for name in ("lib", "lib64", "libexec", "share", "etc")), "/etc"):
        try:
            found = sorted(os.listdir(directory))
        except OSError:
            continue
        yield from (f"{directory}/{item}" for item in found if stem and alike.match(item))


def _named(program: str, texts: Texts) -> Iterator[str]:
    """Paths that stand in the program's text and are there, commands and directories that many share aside."""
    for path in sorted(texts.paths(program)):
        below = path.startswith(("/usr/local/", "/opt/", "/srv/"))
        if below and posixpath.basename(posixpath.dirname(path)) not in COMMANDS and not _is_shared_below(path):
            yield path


def _is_shared_below(path: str) -> bool:
    """Whether a path is a directory of a shared prefix itself: /usr/local/share, /opt; or is not there."""
    parts = path.strip("/").split("/")
    depth = 4 if parts[0] == "usr" else 2
    return not Path(path).exists() or (len(parts) < depth and Path(path).is_dir())
