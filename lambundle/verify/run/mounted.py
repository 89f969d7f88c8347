"""Bundles in the sandbox: their paths there, here and on the packing machine."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.target import MOUNTS, TMP

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lambundle.bundle.model import Manifest, Program


@dataclass(frozen=True, slots=True)
class Mounted:
    """The bundle under test, at ``mount``, with its layers.

    ``trees`` maps every mount point to its directory here. ``bundles`` maps the directory of every bundle in it, such
    as /opt/lambundle/gcc, to its manifest: a zip of somebody else has none. ``unzipped`` are the bytes of all of it.
    """

    mount: str
    trees: Mapping[str, Path]
    bundles: Mapping[str, Manifest]
    unzipped: int = 0

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """The manifests of all bundles."""
        return tuple(self.bundles.values())

    def is_users(self, path: str) -> bool:
        """Whether a path of the sandbox is the user's own: of the function, of a layer, or made in /tmp."""
        normal = posixpath.normpath(path)
        return any(normal == top or normal.startswith(f"{top}/") for top in (*MOUNTS, TMP))

    def is_bundled(self, path: str) -> bool:
        """Whether a path of the sandbox is in one of the bundles."""
        normal = posixpath.normpath(path)
        return any(normal.startswith(f"{directory}/") for directory in self.bundles)

    def original(self, path: str) -> str:
        """The path on the packing machine of a path in the sandbox: without the bundle's root."""
        for directory in self.bundles:
            if path.startswith(f"{directory}/root/"):
                return path[len(directory) + len("/root") :]
        return path

    def here(self, path: str) -> Path | None:
        """Where a path of the sandbox lies here, never outside of the trees; None when it is in none of them."""
        normal = posixpath.normpath(path)
        for top, tree in self.trees.items():
            if normal.startswith(f"{top}/"):
                return tree / normal[len(top) + 1 :]
        return None

    def served(self, path: str) -> Path | None:
        """Where the file lies here that the runtime serves for an absolute path of the packing machine."""
        for directory in self.bundles:
            candidate = self.here(f"{directory}/root{posixpath.normpath(f'/{path}')}")
            if candidate is not None and candidate.exists():
                return candidate
        return None

    def launcher(self, program: Program) -> str:
        """The path of a program's launcher in the sandbox."""
        return f"{self.mount}/{program.launcher}"
