"""A bundle extended: the texts that say where libraries are, and a whole new zip."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import Kind
from lambundle.bundle.reader import open_bundle
from lambundle.bundle.write import write_zip
from lambundle.errors import UsageError
from lambundle.pack.config import Config, read_config
from lambundle.pack.launcher import Loader, launcher
from lambundle.verify.fix.extend import Addition, extend
from tests.unit.plans import file, folder, manifest
from tests.unit.verify.made import MadeMachine

if TYPE_CHECKING:
    from pathlib import Path

LOADER = Loader("/lib64/ld.so", "glibc", old=False, directories=("/usr/lib", "/usr/lib/x"))


class Owned(MadeMachine):
    """A machine on which everything is of a package."""

    def owner(self, path: str) -> str | None:
        """Return a package."""
        return path and "package"


OWNED = Owned()


def test_a_new_zip_holds_the_old_and_the_additions_with_their_reasons(tmp_path: Path) -> None:
    old = tmp_path / "test.zip"
    write_zip(manifest(file("bin/test", b"#!/bin/sh\n", 0o755), folder("lambundle/test/root/etc")), old)
    data = tmp_path / "data"
    data.write_text("data")
    owned = {str(data): "package"}
    secret = tmp_path / "secret"
    secret.write_text("secret")
    out = tmp_path / "new.zip"
    additions = [
        Addition(str(data), "package", "tool looked for it"),
        Addition(str(secret), "package", "tool looked for it"),
        Addition("/no/such/file", "package", "tool looked for it"),
    ]
    new = extend(old, additions, MadeMachine(owned), out, tmp_path / "work")
    assert new == (str(data),)
    with open_bundle(out) as bundle:
        assert bundle.manifest is not None
        assert bundle.read("bin/test") == b"#!/bin/sh\n"
        assert bundle.by_path["bin/test"].mode == 0o755
        assert bundle.read(f"lambundle/test/root{data}") == b"data"
        assert not any(member.path.endswith("secret") for member in bundle.members)
        [entry] = [
            entry for entry in bundle.manifest.entries if entry.path.endswith("data") and entry.kind is Kind.FILE
        ]
        assert entry.reasons[0].detail == "tool looked for it"


def test_what_the_manifest_does_not_know_is_kept(tmp_path: Path) -> None:
    import zipfile

    old = tmp_path / "test.zip"
    write_zip(manifest(file("bin/test")), old)
    with zipfile.ZipFile(old, "a") as archive:
        archive.writestr("handler.py", "code")
    data = tmp_path / "data"
    data.touch()
    extend(old, [Addition(str(data), "p", "w")], OWNED, tmp_path / "new.zip", tmp_path / "work")
    with open_bundle(tmp_path / "new.zip") as bundle:
        assert bundle.read("handler.py") == b"code"


def test_a_library_brings_its_directory(tmp_path: Path) -> None:
    text = Config(("/nowhere",)).text()
    start = launcher("test", "test", "/usr/bin/test", "/usr/bin/test", LOADER)
    old = tmp_path / "test.zip"
    write_zip(
        manifest(file("bin/test", start.encode(), 0o755), file("lambundle/test/runtime/config", text.encode())), old
    )
    extend(old, [Addition("/usr/bin/env", "p", "w")], OWNED, tmp_path / "new.zip", tmp_path / "work")
    with open_bundle(tmp_path / "new.zip") as bundle:
        [libc] = [member.path for member in bundle.members if os.path.basename(member.path) == "libc.so.6"]
        directory = os.path.dirname(libc.removeprefix("lambundle/test/root"))
        assert read_config(bundle.read("lambundle/test/runtime/config")).directories == ("/nowhere", directory)
        assert f"/root{directory}:" in bundle.read("bin/test").decode()


def test_a_zip_without_a_manifest_cannot_be_extended(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with pytest.raises(UsageError, match="holds 0 bundles"):
        extend(tmp_path / "tree", [], OWNED, tmp_path / "new.zip", tmp_path / "work")
