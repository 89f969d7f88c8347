"""Bundles broken on purpose, and what ``lambundle verify`` says of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lambundle.bundle.manifest import decode_manifest, encode_manifest
from lambundle.bundle.model import Entry, Kind, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Verified:
    """What verify printed as JSON, and the status that it ended with."""

    status: int
    data: dict[str, Any]
    stderr: str

    def check(self, name: str) -> dict[str, str]:
        """Return one check."""
        [found] = [check for check in self.data["checks"] if check["name"] == name]
        return dict(found)

    @property
    def failed(self) -> set[str]:
        """Return the names of the checks that failed."""
        return {check["name"] for check in self.data["checks"] if check["status"] == "fail"}


def verify(
    bundle: Path,
    *arguments: str | Path,
    host: Path | None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
    stdin: str | None = None,
) -> Verified:
    """Run ``lambundle verify --json`` in bubblewrap, with ``host`` as the host's root (None: made of this machine)."""
    done = run(bundle, *_before_command("--json", arguments), host=host, env=env, timeout=timeout, stdin=stdin)
    assert done.returncode in {0, 1, 3}, done.stderr
    return Verified(done.returncode, json.loads(done.stdout), done.stderr)


def run(
    bundle: Path,
    *arguments: str | Path,
    host: Path | None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``lambundle verify`` as a person does."""
    variables = {**os.environ, **(env or {})}
    if host is not None:
        variables["LAMBUNDLE_HOST_ROOT"] = str(host)
    command = [sys.executable, "-m", "lambundle", "verify", str(bundle), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=variables, timeout=timeout, check=False, input=stdin
    )


def _before_command(option: str, arguments: tuple[str | Path, ...]) -> tuple[str | Path, ...]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return (*arguments[:at], option, *arguments[at:])


class Broken:
    """A copy of an unpacked bundle to break; its manifest can be made to agree with what is there."""

    def __init__(self, tree: Path, work: Path) -> None:
        self.tree = work / "broken"
        shutil.copytree(tree, self.tree, symlinks=True)
        [self._path] = (self.tree / "lambundle").glob("*/manifest.json")
        self.name = self._path.parent.name

    @property
    def manifest(self) -> Manifest:
        """The manifest as it is now."""
        return decode_manifest(self._path.read_bytes())

    @property
    def home(self) -> Path:
        """The bundle's own directory."""
        return self._path.parent

    def find(self, pattern: str) -> Path:
        """Return the only file below the root that matches."""
        [found] = [path for path in (self.home / "root").rglob(pattern) if not path.is_symlink()]
        return found

    def edit(self, path: Path, old: str, new: str) -> None:
        """Change a text file; what is changed has to be there."""
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        assert old in text, f"{path} has no {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8", errors="surrogateescape")

    def reconcile(self) -> Path:
        """Let the manifest tell what is there, so that no check of integrity can see the change."""
        manifest = self.manifest
        entries = [item for entry in manifest.entries if (item := self._as_it_is(entry)) is not None]
        self._path.write_bytes(encode_manifest(replace(manifest, entries=tuple(entries))))
        return self.tree

    def _as_it_is(self, entry: Entry) -> Entry | None:
        path = self.tree / entry.path
        if not os.path.lexists(path):
            return None
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            return replace(entry, kind=Kind.LINK, mode=0o777, target=os.readlink(path))
        if path.is_dir():
            return replace(entry, mode=mode)
        content = path.read_bytes()
        return replace(entry, mode=mode, size=len(content), sha256=hashlib.sha256(content).hexdigest())
