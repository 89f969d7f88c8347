"""Rules by what a package holds, on machines whose packages have other names than Debian's."""

from __future__ import annotations

import pytest

from lambundle.discover.rules import rules
from lambundle.discover.selection.catalogue import Catalogue
from tests.unit.discover.installed import Installed


def catalogue(*files: str, name: str = "x") -> Catalogue:
    machine = Installed().install(name, *files)
    return Catalogue(machine, machine.disk(), rules())


@pytest.mark.parametrize(
    "file",
    [
        "/usr/lib/dri/iris_dri.so",
        "/usr/lib64/libdrm.so.2",
        "/usr/lib/libLLVM-18.so.1",
        "/usr/lib64/libpulse.so.0",
        "/usr/share/X11/xkb/rules/base",
    ],
)
def test_a_package_is_for_absent_hardware_by_what_it_holds(file: str) -> None:
    assert catalogue(file).is_irrelevant("x")


@pytest.mark.parametrize("file", ["/usr/lib/app/libvulkan.so.1", "/usr/lib/libdrm.so", "/usr/lib/libz.so.1"])
def test_a_private_copy_or_a_link_for_developers_makes_no_driver(file: str) -> None:
    assert not catalogue(file).is_irrelevant("x")


@pytest.mark.parametrize(("file", "shows"), [("libX11.so.6", True), ("libX11.so", False), ("libxml2.so.2", False)])
def test_a_display_is_known_by_its_library(file: str, shows: bool) -> None:
    assert catalogue(f"/usr/lib64/{file}").is_display("x") is shows


@pytest.mark.parametrize("owner", ["perl-base", "perl-interpreter", "perl"])
def test_the_smallest_package_of_an_interpreter_is_the_one_that_holds_it(owner: str) -> None:
    assert catalogue("/usr/bin/perl", name=owner).interpreters == {"perl": owner}


@pytest.mark.parametrize(
    ("command", "is_one"), [("xdg-open", True), ("gdb", True), ("gdbus", False), ("xsltproc", False)]
)
def test_programs_for_a_person_are_known_by_their_commands(command: str, is_one: bool) -> None:
    assert bool(rules().interactive.match(command)) is is_one
