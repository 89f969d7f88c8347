"""This machine as the packing machine: what of it may be spoken of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import PackedOn
from lambundle.errors import PackageDatabaseError
from lambundle.verify.packing_machine import ThisMachine

if TYPE_CHECKING:
    from collections.abc import Iterator


class Packages:
    """A package database of a few paths."""

    def __init__(self, owners: dict[str, frozenset[str]]) -> None:
        self.owners = owners

    def owner(self, path: str) -> str | None:
        """Return the first."""
        return next(iter(self.owners.get(path, ())), None)

    def directory_owners(self, directory: str) -> frozenset[str]:
        """Return all."""
        return self.owners.get(directory, frozenset())

    def files(self, package: str) -> Iterator[str]:
        """Return those of a package."""
        return (path for path, owners in self.owners.items() if package in owners and not Path(path).is_dir())


def machine(monkeypatch: pytest.MonkeyPatch, owners: dict[str, frozenset[str]]) -> ThisMachine:
    """Return this machine with other packages."""
    monkeypatch.setattr("lambundle.packages.detect", lambda _files: Packages(owners))
    return ThisMachine()


def test_it_is_like_the_one_with_its_distribution_and_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"PRETTY_NAME": "This 1"})
    here = os.uname().machine
    assert ThisMachine().is_like(PackedOn("This 1", "any", here))
    assert not ThisMachine().is_like(PackedOn("This 2", "any", here))
    assert not ThisMachine().is_like(PackedOn("This 1", "any", "other"))


def test_only_files_that_a_bundle_may_hold_are_spoken_of(tmp_path: Path) -> None:
    paths = ["/usr/bin/env", "/usr", "/etc/passwd", "/proc/self/status", "/no/such", str(tmp_path / "x")]
    (tmp_path / "x").touch()  # below /tmp
    assert ThisMachine().files(paths) == ("/usr/bin/env",)


def test_a_current_directory_that_is_gone_bounds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert ThisMachine().files(["/usr/bin/env"]) == ("/usr/bin/env",)


def test_a_directory_counts_where_one_package_alone_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    [deep] = [path for path in ("/usr/lib/python3/dist-packages", "/usr/share/perl5/Debconf") if Path(path).is_dir()][
        :1
    ] or [""]
    if not deep:
        pytest.skip("no such directory here")
    one = machine(monkeypatch, {deep: frozenset({"p"}), "/usr/lib": frozenset({"p"}), f"{deep}/x": frozenset({"p"})})
    assert one.directories([deep, "/usr/lib", "/no/such"]) == (deep,)
    assert one.files_below(deep) == (f"{deep}/x",)
    two = machine(monkeypatch, {deep: frozenset({"p", "q"})})
    assert two.directories([deep]) == ()
    assert two.files_below(deep) == ()


def test_without_a_database_nothing_has_an_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambundle.packages.detect", lambda _files: None)
    assert ThisMachine().owner("/usr/bin/env") is None
    assert ThisMachine().files_below("/usr/bin") == ()


def test_a_database_that_cannot_be_read_knows_no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Packages({})
    monkeypatch.setattr(broken, "owner", _raise)
    monkeypatch.setattr("lambundle.packages.detect", lambda _files: broken)
    assert ThisMachine().owner("/usr/bin/env") is None


def _raise(_path: str) -> str:
    raise PackageDatabaseError("broken")


def test_a_library_is_found_as_the_loader_finds_it() -> None:
    found = ThisMachine().library("libc.so.6", "/usr/bin/env")
    assert found is None or Path(found).name == "libc.so.6"
    assert ThisMachine().library("libno-such.so.9", "/usr/bin/env") is None
    assert ThisMachine().library("libc.so.6", "/no/such") is None
