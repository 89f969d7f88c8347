"""What is true of a bundle: its entries, why each is there, and what it was packed on."""

from __future__ import annotations

import enum
from collections.abc import Mapping  # noqa: TC003  (dataclass fields)
from dataclasses import dataclass, field

from lambundle.machine import Source  # noqa: TC001

MANIFEST_VERSION = 1
"""Format version of ``manifest.json``; raised when a reader of the old one would misread the new one."""


class Kind(enum.StrEnum):
    """What an entry of a bundle is."""

    DIRECTORY = "directory"
    FILE = "file"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why an entry is in the bundle.

    ``kind`` is one of ``program`` (the user named it), ``needed`` (DT_NEEDED of ``by``), ``interpreter`` (PT_INTERP
    or ``#!`` of ``by``), ``opened`` (``by`` opens the library by name), ``package`` (package ``detail`` holds it,
    for the file or package ``by``), ``add-on`` (so too, and the package was installed by name), ``compiled`` (of the
    source ``by``), ``started`` (the script ``by`` starts it), ``recipe``, ``facility`` (what the users of a library
    need), ``add`` (``--add``), ``named`` (``--package``), ``installation`` (a part of the program ``by``, which no
    package owns), ``recorded`` (a recorded run opened it), ``shell`` (every bundle has /bin/sh), ``libc`` (the C
    library opens it by name in ``by``), ``link`` (``by`` is another name of the same file, a hard link), ``runtime``
    (lambundle's own).
    A link and what it leads to have the same reason.
    ``by`` is the absolute path, on the packing machine, of the file that asked for it; None for a root.
    ``detail`` is what it was asked for as: a soname, a recipe's name, the argument of ``--add``.
    """

    kind: str
    by: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a bundle, before or after it is written.

    ``path`` is relative to the bundle's top, POSIX, without a trailing slash. ``mode`` is the permission bits alone.
    ``size`` is in bytes: of a file its content, of a link its target, of a directory 0. A file has either ``source``
    (read when the bundle is written) or ``content`` (made by us); ``head`` takes the place of as many first bytes of
    the source. A link has ``target``, relative to its own directory. ``sha256`` is known once the bundle is written.
    ``package`` is the package of the packing machine that owns the file, None for what none does.
    """

    path: str
    kind: Kind
    mode: int
    size: int = 0
    source: Source | None = None
    content: bytes | None = field(default=None, repr=False)
    head: bytes = field(default=b"", repr=False)
    target: str | None = None
    reasons: tuple[Reason, ...] = ()
    sha256: str | None = None
    package: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What brought many entries at once, and why it is here itself.

    ``kind`` is ``package``, whose ``name`` stands where a reason of that kind has one in ``by``, or ``facility``,
    whose ``name`` is the ``detail`` of its entries' reasons.
    """

    kind: str
    name: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Smoke:
    """A small real job of a program, by which ``verify`` sees whether it works.

    ``does`` is what it does in a few words of the past tense; ``script`` is for /bin/sh (see ``recipes/recipe.py``).
    """

    does: str
    script: str


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the bundle: the launcher's name, the path that was asked for, the real file.

    ``launcher`` is the launcher's path in the bundle (``bin/gcc``); ``path`` the absolute path as the user's
    shell would start it (``/usr/bin/gcc``); ``real`` the same with every link followed. ``static`` programs
    are started without a loader, so absolute paths in them are not served. ``recipe`` and ``smoke`` are the smoke
    job and the recipe that it comes from, where there is one.
    """

    launcher: str
    path: str
    real: str
    static: bool = False
    recipe: str = ""
    smoke: Smoke | None = None


@dataclass(frozen=True, slots=True)
class PackedOn:
    """The machine that the bundle was packed on, for a reader who wonders about differences.

    ``distribution`` is PRETTY_NAME of os-release(5); ``libc`` such as ``glibc 2.36`` or ``musl``;
    ``machine`` as in ``uname -m``.
    """

    distribution: str
    libc: str
    machine: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole plan of a bundle. ``entries`` are sorted by path and do not hold the manifest itself.

    ``environment`` are the variables that the runtime sets in every program where the user has not set them; a
    value that begins with ``@`` is a path in the bundle's root. ``groups`` are named by the entries' reasons.
    """

    name: str
    programs: tuple[Program, ...]
    packed_on: PackedOn
    entries: tuple[Entry, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()

    @property
    def path(self) -> str:
        """Path of the manifest in the bundle."""
        return f"lambundle/{self.name}/manifest.json"
