"""The packing machine: its files, variables, current directory and distribution."""

from __future__ import annotations

import os
import pwd
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.machine.disk import DiskFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambundle.machine.files import Files

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH without a login: that of root on Debian, Fedora and Alpine."""

_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
_LIST = re.compile("[:;]")
_MAX_OS_RELEASE = 1 << 16
_QUOTES = ("'", '"')


@dataclass(frozen=True)
class Machine:
    """A machine to pack programs from.

    ``variables`` are its environment variables, ``directory`` is the current directory, ``root`` its directory on this
    machine, empty for this machine itself. ``architecture`` is that of uname(1), empty if only its programs tell it.
    """

    files: Files
    variables: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    root: str = ""
    architecture: str = ""
    own: str = ""

    @property
    def search(self) -> tuple[str, ...]:
        """Directories of PATH in their order, absolute: an empty element is the current directory.

        That of lambundle's own environment comes last: whoever activates it means another python3.
        """
        found = map(self.absolute, self.variables.get("PATH", DEFAULT_PATH).split(":"))
        return tuple(sorted(found, key=lambda directory: bool(self.own) and directory == self.own))

    @property
    def library_path(self) -> tuple[str, ...]:
        """Directories of LD_LIBRARY_PATH as ld.so(8) takes them: an empty one is the current directory.

        One that begins with a token, such as ``$ORIGIN``, stays as it is.
        """
        text = self.variables.get("LD_LIBRARY_PATH", "")
        found = _LIST.split(text) if text else ()
        return tuple(name if name[:1] in ("/", "$") else os.path.join(self.directory, name) for name in found)

    @property
    def home_directory(self) -> str:
        """The variable HOME; empty if it is not set."""
        return self.variables.get("HOME", "")

    @cached_property
    def home_directories(self) -> tuple[str, ...]:
        """The user's home directories: HOME, and on this machine the one in passwd(5)."""
        found = {self.home_directory}
        if self.is_here:
            with suppress(KeyError):  # a user without an entry, as in many containers
                found.add(pwd.getpwuid(os.getuid()).pw_dir)
        return tuple(sorted(home for home in found if home.startswith("/")))

    @property
    def is_here(self) -> bool:
        """Whether it is this machine, so that its programs can be run."""
        return not self.root and isinstance(self.files, DiskFiles)

    @cached_property
    def distribution(self) -> str:
        """PRETTY_NAME of os-release(5); ``Linux`` if it is not set."""
        return self.os_release.get("PRETTY_NAME") or "Linux"

    @cached_property
    def os_release(self) -> Mapping[str, str]:
        """The assignments in os-release(5): the file in /etc, else the one in /usr/lib."""
        for path in _OS_RELEASE:
            data = self.files.content(path, _MAX_OS_RELEASE)
            if data is not None:
                return dict(_assignments(data.decode("utf-8", "replace")))
        return {}

    def absolute(self, path: str) -> str:
        """Return a path of this machine as an absolute one; links are not followed, ``..`` is removed as text."""
        return os.path.normpath(os.path.join(self.directory, path))


def here() -> Machine:
    """Return this machine, with the variables and the current directory of this process."""
    try:
        directory = os.getcwd()  # noqa: PTH109  (the packing machine's paths are POSIX text)
    except OSError:  # it was removed
        directory = "/"
    variables = dict(os.environ)
    variables.setdefault("PATH", os.defpath)
    own = "" if sys.prefix == sys.base_prefix else f"{sys.prefix}/bin"
    return Machine(DiskFiles(), variables, directory, architecture=os.uname().machine, own=own)


def at(root: str) -> Machine:
    """Return the machine with the root directory ``root``, without the environment of this process."""
    real = os.path.realpath(root)
    if real == "/":
        return here()
    return Machine(DiskFiles(real), {"PATH": DEFAULT_PATH}, "/", real)


def _assignments(text: str) -> list[tuple[str, str]]:
    found = []
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            if value[:1] in _QUOTES and value.endswith(value[:1]):
                value = value[1:-1]
            found.append((name, value))
    return found
