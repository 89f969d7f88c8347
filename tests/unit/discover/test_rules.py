"""Rules by what a package holds, on machines whose packages have other names than Debian's."""

from __future__ import annotations

import pytest

from lambundle.discover.rules import rules
from lambundle.discover.selection.catalogue import Catalogue
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from tests.unit.discover.installed import Installed
from tests.unit.test_elf import make_elf


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


def uses(*symbols: str) -> set[str]:
    """Pack a program that has symbols, from a machine with glibc's converters and netbase's lists."""
    top = "/usr/lib/x86_64-linux-gnu/gconv"
    loader = "/lib64/ld-linux-x86-64.so.2"
    strings = b"\0" + b"".join(symbol.encode() + b"\0" for symbol in symbols)
    converter = make_elf(type_=3, dynamic=[(21, 0)])
    content: dict[str, bytes | str] = {
        "/bin/sh": make_elf(type_=3, entry=64, interpreter=loader.encode(), dynamic=[(21, 0)]),
        "/usr/bin/p": make_elf(type_=3, entry=64, interpreter=loader.encode(), dynamic=[(21, 0)], strings=strings),
        loader: converter,
        f"{top}/gconv-modules": "".join(f"module {name}// INTERNAL {name} 1\n" for name in ("UHC", "UTF-16", "IBM500")),
        **{f"{top}/{name}.so": converter for name in ("UHC", "UTF-16", "IBM500")},
        "/etc/services": "https 443/tcp\n",
        "/etc/protocols": "udp 17\n",
    }
    plan = make_plan(Request(("/usr/bin/p",), Machine(MemoryFiles(content))))
    paths = (entry.path.removeprefix("lambundle/p/root") for entry in plan.manifest.entries)
    found = {path.removeprefix(f"{top}/") for path in paths if path.startswith((f"{top}/", "/etc/"))}
    return found | {note.partition(" are left out")[0] for note in plan.notes}


def test_a_program_that_calls_iconv_gets_the_webs_converters_and_a_note_of_the_others() -> None:
    assert uses("iconv_open") == {
        "gconv-modules",
        "UHC.so",
        "UTF-16.so",
        "1 of 3 converters of character sets (0.0 MB)",
    }


def test_a_converter_gets_all() -> None:
    assert uses("iconv_open", "__gconv_get_modules_db") == {"gconv-modules", "UHC.so", "UTF-16.so", "IBM500.so"}


@pytest.mark.parametrize("function", ["getservbyname", "getprotobynumber_r"])
def test_a_program_that_asks_for_services_gets_their_lists(function: str) -> None:
    assert uses(function) == {"/etc/services", "/etc/protocols"}


def test_a_program_that_asks_for_nothing_gets_nothing() -> None:
    assert uses("puts") == set()


@pytest.mark.parametrize(("needed", "found"), [("libgio-2.0.so.0", True), ("libother.so.0", False)])
def test_a_program_with_settings_gets_their_descriptions_which_a_package_script_made(needed: str, found: bool) -> None:
    loader, compiled = "/lib64/ld-linux-x86-64.so.2", "/usr/share/glib-2.0/schemas/gschemas.compiled"
    content: dict[str, bytes | str] = {
        "/bin/sh": make_elf(type_=3, entry=64, interpreter=loader.encode(), dynamic=[(21, 0)]),
        "/usr/bin/p": make_elf(type_=3, entry=64, interpreter=loader.encode(), dynamic=[(1, needed.encode())]),
        f"/usr/lib/{needed}": make_elf(type_=3, dynamic=[(14, needed.encode())]),
        loader: make_elf(type_=3, dynamic=[(21, 0)]),
        compiled: b"GVariant",
    }
    plan = make_plan(Request(("/usr/bin/p",), Machine(MemoryFiles(content))))
    assert any(entry.path.endswith(compiled) for entry in plan.manifest.entries) is found
