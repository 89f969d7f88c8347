"""A language of Tesseract that nothing depends on, on machines of every family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from tests.unit.machines import FAMILIES
from tests.unit.machines.family import Family
from tests.unit.machines.listing import File, Package, Sort
from tests.unit.packages.test_rpm import history

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "tess-kor"


@dataclass(frozen=True)
class WithKorean(Family):
    """A family whose machine has Korean beside English."""

    def packages(self) -> list[Package]:
        """Add a package to what is installed."""
        installed = super().packages()
        english = next(
            file.path for package in installed for file in package.files if file.path.endswith("/eng.traineddata")
        )
        korean = File(english.replace("/eng.", "/kor."), Sort.PLAIN, 1000)
        return [
            *installed,
            Package(NAME, "1-1", fields={"arch": "x86_64"} if self.name != "debian" else {}, files=[korean]),
        ]


def record(family: str, *, by_name: bool) -> Mapping[str, bytes]:
    """Write what the package manager records of the package."""
    match family:
        case "debian":
            state = f"Package: {NAME}\nArchitecture: amd64\nAuto-Installed: {int(not by_name)}\n"
            return {"/var/lib/apt/extended_states": state.encode()}
        case "fedora":
            return {"/var/lib/dnf/history.sqlite": history((NAME, 2 if by_name else 1, 1))}
        case "alpine":
            return {"/etc/apk/world": f"busybox {NAME if by_name else ''}\n".encode()}
    return {}


def packed(family: str, *, by_name: bool) -> bool:
    """Return whether a bundle of tesseract has Korean."""
    base = FAMILIES[family]

    def database(packages: list[Package]) -> Mapping[str, bytes]:
        made = {**base.database(packages), **record(family, by_name=by_name)}
        for path, text in made.items():
            if family == "arch" and path.endswith("/desc") and not (NAME in path and by_name):
                made[path] = text + b"%REASON%\n1\n\n"
        return made

    fields = {name: getattr(base, name) for name in ("name", "libc", "os_release", "links", "search")}
    machine = WithKorean(**fields, database=database).machine()
    entries = make_plan(Request(machine=machine, programs=("tesseract",))).manifest.entries
    return any(entry.path.endswith("/kor.traineddata") for entry in entries)


@pytest.mark.parametrize("family", FAMILIES)
def test_it_comes_if_it_was_installed_by_name(family: str) -> None:
    assert packed(family, by_name=True)
    assert not packed(family, by_name=False)
