"""Paths of every kind, for random programs."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.runtime.generator.functions import Takes
from tests.runtime.generator.tree import FILES, HOME, LINKS, SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random
    from typing import Protocol

    from tests.runtime.generator.functions import Function

    class _Kind(Protocol):
        """Chooses a path, perhaps relative to ``base``; ``listed``: of a directory whose names can be printed."""

        def __call__(self, base: str, /, *, listed: bool) -> str: ...


_FILES = (*FILES, *SCRIPTS, *LINKS, f"{HOME}/lib/one.so")
DIRECTORIES = {
    HOME: HOME,
    f"{HOME}/dir": f"{HOME}/dir",
    f"{HOME}/dir/sub": f"{HOME}/dir/sub",
    f"{HOME}/dir/sub/deep": f"{HOME}/dir/sub/deep",
    f"{HOME}/bin": f"{HOME}/bin",
    f"{HOME}/todir": f"{HOME}/dir",
    f"{HOME}/toabsdir": f"{HOME}/dir",
    f"{HOME}/tosub": f"{HOME}/dir/sub",
    f"{HOME}/tosrv": "/srv/made",
    "/opt/made": "/opt/made",
    "/opt/made/dirback": f"{HOME}/dir",
    "/srv/made": "/srv/made",
    "/etc/made": "/etc/made",
    "/etc/made/conf.d": "/etc/made/conf.d",
    "/var/lib/made": "/var/lib/made",
    "/home/made": "/home/made",
}
"""Directories of the tree by their names, and where those lead."""

MERGED = ("/usr", "/usr/local", "/etc", "/var", "/var/lib")
"""Directories that the host has too, or that hold one: their names may be asked for, not listed."""

FOREIGN = ("/etc/passwd", "/etc/hosts", "/etc/missing", "/dev/null", "/dev", "/tmp", "/var/task", "/nowhere/x", "/proc")
SCRATCH = (
    "f",
    "g",
    "new",
    "d",
    "d/x",
    "d/y",
    "l",
    "m",
    "dangling",
    "loop",
    "s",
    "in",
    "dirin",
    "dirin/sub",
    "dirin/../x",
)
LONG = ("n" * 256, "n" * 300, "d/" * 2000 + "x", "/".join(["e" * 250] * 17))
POINTERS = ("@null", "@low", "@kernel", "@empty")

_BINARIES = (f"{HOME}/bin/say", f"{HOME}/bin/linked", f"{HOME}/file", f"{HOME}/missing", "/bin/sh", "/etc/passwd")
_PROGRAMS = (
    *SCRIPTS,
    f"{HOME}/bin/say",
    f"{HOME}/bin/linked",
    f"{HOME}/file",
    f"{HOME}/lib/one.so",
    f"{HOME}/dir",
    "/bin/sh",
    "/etc/passwd",
)
_NAMES = ("say", "linked", "script", "nested", "plain", "by-env", "missing", "sh", "echo", "@empty")
_COMMANDS = (
    f"{HOME}/bin/say",
    "say",
    f"{HOME}/bin/script",
    f"cd {HOME}/bin && ./relative",
    f"cd {HOME}/dir; echo *; say",
    "exit 7; :",
    "kill -9 $$; :",
    f"read -r line < {HOME}/file; echo $line",
    f"test -f {HOME}/abs; echo $?",
    f"test -e {HOME}/missing; echo $?",
    f"[ {HOME}/chain -ef {HOME}/file ]; echo $?",
    "missing-command",
    f"{HOME}/bin/missing",
    f"{HOME}/bin/starts",
    "read -r line < /etc/passwd; echo $line",
    "/usr/bin/echo host",
    f". {HOME}/bin/plain",
)
NEAR = {Takes.PROGRAM, Takes.BINARY, Takes.LIBRARY, Takes.PATTERN, Takes.WORDS, Takes.KERNELS}
"""Of these a relative path is the kernel's, as the runtime's README says."""

_PATTERNS = ("*", "*/*", "[a-c]*", "?e*", ".*", "{rel,abs,no}", "file", "missing", "*/", "sub/*/l*")
_WORDS = (
    "one 'two words'",
    "$HOME ~",
    "${missing:-no}",
    "$((6*7))",
    "$(echo run)",
    f"{HOME}/b*/s?y",
    "a\\ b",
    "$PATH",
    "|",
)
_LIBRARIES = (f"{HOME}/lib/one.so", f"{HOME}/lib/two.so")
_MISSING = ("missing", "missing/x", "new")
_LISTS_DIFFER = ("/dev", "/tmp", "/proc", "/var/task")
"""Directories that the sandboxes make, and programs at the same time."""


@dataclass(slots=True)
class Paths:
    """Chooses paths for one program; ``scratch`` is the directory that it may write to."""

    random: Random
    scratch: str
    far: bool = True
    """Whether a relative path may lead from the bundle to the host and back."""

    def of(self, function: Function, base: str) -> str | None:
        """Return a first path for a function, perhaps relative to ``base``; None if it takes none."""
        choose, takes = self.random.choice, function.takes
        self.far = not takes & NEAR
        special: dict[Takes, Callable[[], str]] = {
            Takes.COMMAND: lambda: choose(_COMMANDS),
            Takes.PATTERN: lambda: self._pattern(base),
            Takes.WORDS: lambda: f"{choose(_WORDS)} {choose([*DIRECTORIES])}/{choose(_PATTERNS[:5])}",
            Takes.BINARY: lambda: self._spelled(choose(_BINARIES), base),
            Takes.PROTOCOL: lambda: choose(("tcp", "udp", "@null", "sctp")),
            Takes.TEMPLATE: lambda: choose((f"{self.scratch}/tXXXXXX", "/tmp/none/tXXXXXX", f"{HOME}/dir/short")),
            Takes.PROGRAM: lambda: self._program(base),
            Takes.LIBRARY: lambda: self._spelled(choose(_LIBRARIES), base),
        }
        for kind, path in special.items():
            if kind in takes and (kind not in (Takes.PROGRAM, Takes.LIBRARY) or self.random.random() < 0.7):
                return path()
        return self.any(function, base) if takes & {Takes.PATH, Takes.PROGRAM, Takes.LIBRARY} else None

    def any(self, function: Function, base: str) -> str:
        """Return a path of any kind."""
        listed = Takes.LISTED in function.takes
        kinds: dict[_Kind, int] = {
            self._pointer: 4,
            self._overlong: 5,
            self._in_scratch: 21,
            self._foreign: 10,
            self._missing: 10,
            self._below_a_file: 6,
            self._there: 44,
        }
        [kind] = self.random.choices([*kinds], [*kinds.values()])
        return kind(base, listed=listed)

    def target(self) -> str:
        """Return what a symbolic link of the scratch directory leads to."""
        targets = [*SCRATCH, *(f"{self.scratch}/{name}" for name in SCRATCH)]
        served = [self.random.choice([*_FILES]), self.random.choice([*DIRECTORIES])] * 4
        return self.random.choice([*targets, *served, "../missing", "/etc/passwd", "@empty", "n" * 300])

    # --- kinds

    def _pointer(self, _base: str, *, listed: bool) -> str:
        del listed
        return self.random.choice(POINTERS)

    def _overlong(self, _base: str, *, listed: bool) -> str:
        del listed
        return self.random.choice(("", f"{HOME}/", f"{HOME}/dir/", "/nowhere/")) + self.random.choice(LONG)

    def _in_scratch(self, base: str, *, listed: bool) -> str:
        del listed
        return self._spelled(f"{self.scratch}/{self.random.choice(SCRATCH)}", base)

    def _foreign(self, base: str, *, listed: bool) -> str:
        return self._spelled(
            self.random.choice([path for path in FOREIGN if not listed or path not in _LISTS_DIFFER]), base
        )

    def _missing(self, base: str, *, listed: bool) -> str:
        del listed
        return self._spelled(f"{self.random.choice([*DIRECTORIES])}/{self.random.choice(_MISSING)}", base)

    def _below_a_file(self, base: str, *, listed: bool) -> str:
        del listed
        return self._spelled(f"{self.random.choice(_FILES)}/x", base)

    def _there(self, base: str, *, listed: bool) -> str:
        if listed:
            return self._spelled(self.random.choice([*DIRECTORIES]), base, up=False)
        if self.random.random() < 0.25:
            return self._spelled(self.random.choice([*DIRECTORIES, *MERGED]), base)
        return self._spelled(self.random.choice(_FILES), base)

    def _program(self, base: str) -> str:
        if self.random.random() < 0.3:
            return self.random.choice(_NAMES)
        return self._spelled(self.random.choice(_PROGRAMS), base)

    def _pattern(self, base: str) -> str:
        directory = self.random.choice([*DIRECTORIES, self.scratch])
        return self._spelled(f"{directory}/{self.random.choice(_PATTERNS)}", base, up=False)

    # --- spelling

    def _spelled(self, path: str, base: str, *, up: bool = True) -> str:
        """Write a path in one of the ways that mean the same, or nearly."""
        random = self.random
        if random.random() < 0.35 and (self.far or _near(path, base)):
            relative = posixpath.relpath(path, base)
            # A call may not have changed the directory: of another, all names may differ.
            path = relative if up or not relative.startswith(".") else path
        for _ in range(random.choice((0, 0, 0, 1, 2))):
            slashes = [index for index, character in enumerate(path) if character == "/"]
            if slashes:
                at = random.choice(slashes) + 1
                path = path[:at] + random.choice(("/", "./", "././/")) + path[at:]
        if random.random() < 0.12:
            path += random.choice(("/", "//", "/.", "/./", "/..", "/../") if up else ("/", "//", "/./"))
        return path


def _near(path: str, base: str) -> bool:
    """Whether a relative path stays in the files that were packed, or on the host."""
    return base != "/" and posixpath.commonpath((base, path)) not in ("/", "/usr")
