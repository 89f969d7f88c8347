"""The model of a bundle: entries with their reasons, programs, manifest."""

from __future__ import annotations

import enum
from collections.abc import Mapping  # noqa: TC003  (dataclass fields)
from dataclasses import dataclass, field

from lambundle.machine import Source  # noqa: TC001

MANIFEST_VERSION = 1
"""Format version of ``manifest.json``, raised when an old reader would misread a new manifest."""


class Kind(enum.StrEnum):
    """The kind of an entry."""

    DIRECTORY = "directory"
    FILE = "file"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why an entry is in the bundle.

    ``kind`` is one of ``program`` (the user named it), ``needed`` (DT_NEEDED of ``by``), ``interpreter`` (PT_INTERP or
    shebang of ``by``), ``opened`` (``by`` opens the library by name), ``package`` (of package ``detail``, for the file
    or package ``by``), ``add-on`` (the same, and installed by name), ``compiled`` (from the source ``by``), ``started``
    (the script ``by`` starts it), ``recipe``, ``facility``, ``add`` (``--add``), ``named`` (``--package``),
    ``installation`` (a part of the unpackaged program ``by``), ``recorded`` (a recorded run used it), ``shell``
    (/bin/sh, in every bundle), ``libc`` (the C library opens it by name in ``by``), ``link`` (a hard link of ``by``),
    ``runtime`` (lambundle's own).
    A link and its target have the same reason.
    ``by`` is the absolute path on the packing machine of the file that needs it; None where no file does.
    ``detail`` is a soname, a package, a recipe's name, the argument of ``--add``.
    """

    kind: str
    by: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a bundle, before or after it is written.

    ``path`` is relative to the bundle's top, POSIX, without a trailing slash. ``mode`` are the permission bits.
    ``size`` is the bytes of a file's content or a link's target, 0 for a directory. A file has ``source``, read when
    the bundle is written, or ``content``, which is generated; ``edits`` are offsets in the source and the bytes that
    are there in the bundle. A link has ``target``, relative to its directory. ``sha256`` is set once it is written.
    ``package`` is the package of the packing machine that owns the file, None without one. ``bare_names`` are absolute
    paths that the file needs by on the packing machine, and in the bundle by their last component.
    """

    path: str
    kind: Kind
    mode: int
    size: int = 0
    source: Source | None = None
    content: bytes | None = field(default=None, repr=False)
    edits: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)
    target: str | None = None
    reasons: tuple[Reason, ...] = ()
    sha256: str | None = None
    package: str | None = None
    bare_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A package or facility that is the reason of many entries, with its own reasons.

    A ``package`` is named by ``by`` of a reason of that kind, a ``facility`` by ``detail`` of its entries' reasons.
    """

    kind: str
    name: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Smoke:
    """A smoke job; ``does`` describes it in the past tense, ``script`` is for /bin/sh (see ``recipes/recipe.py``)."""

    does: str
    script: str


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the bundle.

    ``launcher`` is the launcher's path in the bundle (``bin/gcc``), ``path`` the absolute path by which a shell starts
    the program (``/usr/bin/gcc``), ``real`` its real path. A ``static`` program has no loader, so its absolute paths
    are not redirected. ``smoke`` is the smoke job, if any, ``recipe`` its recipe.
    """

    launcher: str
    path: str
    real: str
    static: bool = False
    recipe: str = ""
    smoke: Smoke | None = None


@dataclass(frozen=True, slots=True)
class PackedOn:
    """The packing machine, to explain differences.

    ``distribution`` is PRETTY_NAME of os-release(5), ``libc`` such as ``glibc 2.36`` or ``musl``, ``machine`` the
    architecture as in ``uname -m``.
    """

    distribution: str
    libc: str
    machine: str


@dataclass(frozen=True, slots=True)
class PackOptions:
    """The options of the ``pack`` that made a bundle, so that it can be packed again with one more.

    Named as those; ``library_path`` has the directories of LD_LIBRARY_PATH too where that found a library. Files and
    directories are absolute paths. There is no ``--root``: a bundle is the one that packing inside that root makes.
    """

    add: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    library_path: tuple[str, ...] = ()
    recipe: tuple[str, ...] = ()
    record: tuple[str, ...] = ()
    only_recorded: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of a bundle. ``entries`` are sorted by path, without the manifest itself.

    ``environment`` are defaults of variables that the runtime sets; a value that begins with ``@`` is a path below the
    bundle's root. ``groups`` are named by the entries' reasons.
    """

    name: str
    programs: tuple[Program, ...]
    packed_on: PackedOn
    entries: tuple[Entry, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    options: PackOptions = field(default_factory=PackOptions)

    @property
    def path(self) -> str:
        """The path of the manifest in the bundle."""
        return f"lambundle/{self.name}/manifest.json"
