"""A bundle that is replaced, or written to, while it is verified is told, whatever else came of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lambundle import api
from lambundle.bundle.write import write_zip
from lambundle.errors import FileChangedError, LambundleError
from lambundle.verify import command
from lambundle.verify.command import VerifyRequest
from lambundle.verify.static.all import static_checks
from lambundle.verify.unchanged import unchanged
from tests.unit.plans import file, manifest

if TYPE_CHECKING:
    from pathlib import Path


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def append(path: Path) -> None:
    with path.open("ab") as out:
        out.write(b"x")


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [replace, append, touch, os.unlink])
def test_every_change_is_told(tmp_path: Path, change: object) -> None:
    path = tmp_path / "b.zip"
    path.write_text("x")
    with pytest.raises(FileChangedError, match="changed while it was verified"), unchanged([path]):
        change(path)  # type: ignore[operator]
    path.write_text("y")

    def failing() -> None:
        change(path)  # type: ignore[operator]
        raise LambundleError("what came of it")

    with pytest.raises(FileChangedError), unchanged([path]):
        failing()


def test_what_does_not_change_is_no_error(tmp_path: Path) -> None:
    with unchanged([tmp_path / "none", tmp_path]):
        pass
    with pytest.raises(LambundleError, match="its own"), unchanged([tmp_path]):
        raise LambundleError("its own")


def test_verify_never_speaks_of_two_bundles_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "b.zip"
    write_zip(manifest(file("bin/tool", b"#!/bin/sh\n")), bundle)
    request = VerifyRequest(bundle, static=True)
    api.verify_bundle(request)
    known = static_checks

    def checks(*arguments: object, **named: object) -> object:
        found = known(*arguments, **named)  # type: ignore[arg-type]
        replace(bundle)
        return found

    monkeypatch.setattr(command, "static_checks", checks)
    with pytest.raises(FileChangedError):
        api.verify_bundle(request)
