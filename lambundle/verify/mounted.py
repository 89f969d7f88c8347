"""The bundle as it lies in the sandbox: which paths are its own, and what they are called elsewhere."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.model import Program
    from lambundle.verify.subject import Subject

LAYERS = "/opt"
"""Where Lambda unpacks layers."""
TASK = "/var/task"
"""Where Lambda unpacks the function itself."""
MOUNTS = (LAYERS, TASK)
TMP = "/tmp"  # noqa: S108  (the sandbox's)


@dataclass(frozen=True, slots=True)
class Mounted:
    """A bundle at ``mount``; ``trees`` maps every mount point to its directory here.

    ``names`` are those of the bundles in it: none in a zip of somebody else.
    """

    mount: str
    names: tuple[str, ...]
    trees: dict[str, Path]

    @classmethod
    def of(cls, subject: Subject, mount: str, trees: dict[str, Path]) -> Mounted:
        """Say where the bundles of ``subject`` are."""
        return cls(mount, tuple(manifest.name for manifest in subject.manifests), trees)

    def is_users(self, path: str) -> bool:
        """Whether a path of the sandbox is the user's own: of the function, of a layer, or made in /tmp."""
        normal = posixpath.normpath(path)
        return any(normal == top or normal.startswith(f"{top}/") for top in (*MOUNTS, TMP))

    def is_bundled(self, path: str) -> bool:
        """Whether a path of the sandbox is in one of the bundles."""
        normal = posixpath.normpath(path)
        return any(normal.startswith(f"{self.mount}/lambundle/{name}/") for name in self.names)

    def original(self, path: str) -> str:
        """What a path of the sandbox is called on the packing machine: without the bundle's root before it."""
        for name in self.names:
            root = f"{self.mount}/lambundle/{name}/root"
            if path.startswith(f"{root}/"):
                return path[len(root) :]
        return path

    def here(self, path: str) -> Path | None:
        """Where a path of the sandbox lies here; None when it is in none of the trees."""
        for top, tree in self.trees.items():
            if path.startswith(f"{top}/"):
                return tree / path[len(top) + 1 :]
        return None

    def served(self, path: str) -> Path | None:
        """Where the file lies here that the runtime serves for an absolute path of the packing machine."""
        for name in self.names:
            candidate = self.trees[self.mount] / "lambundle" / name / "root" / path.lstrip("/")
            if candidate.exists():
                return candidate
        return None

    def launcher(self, program: Program) -> str:
        """The path of a program's launcher in the sandbox."""
        return f"{self.mount}/{program.launcher}"
