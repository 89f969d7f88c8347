"""The packing machine: what of it may be spoken of, and whose it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.bundle.model import PackedOn
from lambundle.errors import PackageDatabaseError
from lambundle.machine import Machine, MemoryFiles, here
from lambundle.verify.packing_machine import PackingMachine

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

DEEP = "/usr/lib/python3/dist-packages"
MACHINE = Machine(
    MemoryFiles(
        {
            "/etc/os-release": "PRETTY_NAME='This 1'\n",
            "/etc/passwd": "",
            "/usr/bin/env": "",
            "/home/me/x": "",
            "/srv/me/x": "",
            "/work/x": "",
            "/tmp/x": "",
            f"{DEEP}/x": "",
        },
        links={"/lib": "usr/lib"},
    ),
    {"HOME": "/srv/me", "PATH": "/usr/bin"},
    "/work",
    architecture="x86_64",
)


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
        return (path for path, owners in self.owners.items() if package in owners and path.endswith("/x"))


def packing(machine: Machine = MACHINE) -> PackingMachine:
    """Return a machine of one architecture."""
    return PackingMachine(machine)


def owning(monkeypatch: pytest.MonkeyPatch, owners: dict[str, frozenset[str]]) -> PackingMachine:
    """Return the machine with packages."""
    monkeypatch.setattr("lambundle.packages.detect", lambda *_: Packages(owners))
    return packing()


def test_it_is_like_the_one_with_its_distribution_and_architecture() -> None:
    assert packing().is_like(PackedOn("This 1", "any", "x86_64"))
    assert not packing().is_like(PackedOn("This 2", "any", "x86_64"))
    assert not packing().is_like(PackedOn("This 1", "any", "aarch64"))


def test_only_files_that_a_bundle_may_hold_are_spoken_of() -> None:
    paths = ["/usr/bin/env", "/usr", "/etc/passwd", "/no/such", "/tmp/x", "/home/me/x", "/srv/me/x", "/work/x"]
    assert packing().files(paths) == ("/usr/bin/env",)


def test_a_current_directory_that_is_gone_bounds_nothing() -> None:
    assert packing(replace(MACHINE, directory="/")).files(["/usr/bin/env", "/work/x"]) == ("/usr/bin/env", "/work/x")


def test_a_directory_counts_where_one_package_alone_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = frozenset({"p"})
    one = owning(monkeypatch, {DEEP: mine, "/usr/lib": mine, f"/lib{DEEP[8:]}/x": mine})
    assert one.directories([DEEP, "/usr/lib", "/no/such"]) == (DEEP,)
    two = owning(monkeypatch, {DEEP: frozenset({"p", "q"})})
    assert two.directories([DEEP]) == ()


def test_without_a_database_nothing_has_an_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambundle.packages.detect", lambda *_: None)
    assert packing().owner("/usr/bin/env") is None


def test_a_database_that_cannot_be_read_knows_no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Packages({})
    monkeypatch.setattr(broken, "owner", _raise)
    monkeypatch.setattr("lambundle.packages.detect", lambda *_: broken)
    assert packing().owner("/usr/bin/env") is None


def _raise(_path: str) -> str:
    raise PackageDatabaseError("broken")


def test_a_command_is_one_on_path() -> None:
    assert packing().command("env") == "env"
    assert packing().command("x") is None


def test_a_library_is_found_as_the_loader_finds_it() -> None:
    machine = packing(here())
    found = machine.library("libc.so.6", "/usr/bin/env")
    assert found is None or Path(found).name == "libc.so.6"
    assert machine.library("libno-such.so.9", "/usr/bin/env") is None
    assert machine.library("libc.so.6", "/no/such") is None
