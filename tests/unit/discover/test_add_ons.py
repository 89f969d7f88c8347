"""Add-ons, optional parts and links, each on a small made-up machine."""

from __future__ import annotations

import pytest

from lambundle.bundle.model import Reason
from lambundle.discover.links import MAX_TREE, LinkedDirectories
from lambundle.discover.selection import Selection
from lambundle.discover.selection.add_ons import MAX_GROUP, AddOns
from lambundle.discover.selection.optional import OptionalParts
from lambundle.gather.gathering import Gathering
from lambundle.machine import Machine, MemoryFiles
from tests.unit.discover.installed import Installed

ROOM = 250 << 20


def select(machine: Installed, program: str, *, script: bool = False, room: int = ROOM) -> tuple[set[str], list[str]]:
    """Select add-ons and optional parts of one program; return the packages beside its own, and the notes."""
    selection = Selection(machine, machine.disk())
    selection.packages.add_program(program, program)
    before = set(selection.packages.chosen)
    libraries = selection.files.own_libraries()
    add_ons = AddOns(selection.packages, libraries, set() if script else {program}, lambda: room)
    add_ons.select()
    OptionalParts(selection.packages, libraries).select()
    return set(selection.packages.chosen) - before, add_ons.notes


def reader() -> Installed:
    """A program that reads languages from a directory of its package."""
    return (
        Installed(by_name={"read-ko"})
        .install("read", "/usr/bin/read", "/usr/share/read/data/eng")
        .install("read-ko", "/usr/share/read/data/kor", needs="libko")
        .install("libko", "/usr/share/ko/table")
        .install("read-ja", "/usr/share/read/data/jpn")
    )


def test_a_package_with_files_in_the_programs_directory_counts_if_it_was_installed_by_name() -> None:
    assert select(reader(), "/usr/bin/read") == ({"read-ko", "libko"}, [])


def test_without_a_record_nothing_was_installed_by_name() -> None:
    machine = reader()
    machine.by_name.clear()
    assert select(machine, "/usr/bin/read") == (set(), [])


def test_an_empty_package_stands_for_what_it_depends_on() -> None:
    machine = reader().install("read-all", "/usr/share/doc/read-all/README", needs="read-ja")
    machine.by_name = {"read-all"}
    assert select(machine, "/usr/bin/read")[0] == {"read-ja"}


def test_a_directory_that_only_the_program_names_counts() -> None:
    machine = (
        Installed(by_name={"tables"})
        .install("show", "/usr/bin/show")
        .says("/usr/bin/show", b"\x7fELF\0/usr/share/tables\0")
        .install("tables", "/usr/share/tables/cMap/H")
    )
    assert select(machine, "/usr/bin/show")[0] == {"tables"}


@pytest.mark.parametrize("directory", ["/usr/share/fonts/truetype", "/usr/share/binfmts"])
def test_a_directory_of_the_whole_system_does_not(directory: str) -> None:
    machine = (
        Installed(by_name={"large"})
        .install("show", "/usr/bin/show", f"{directory}/show")
        .install("large", f"{directory}/large")
    )
    assert select(machine, "/usr/bin/show") == (set(), [])


def modules() -> Installed:
    return (
        Installed(by_name={"python3-yaml"})
        .install("python3", "/usr/bin/python3", "/usr/lib/python3/dist-packages/README")
        .install("tool", "/usr/bin/tool", "/usr/lib/python3/dist-packages/tool.py")
        .says("/usr/bin/tool", "#!/usr/bin/python3\nimport tool\n")
        .install("python3-yaml", "/usr/lib/python3/dist-packages/yaml/__init__.py")
    )


def test_an_interpreters_modules_come_with_the_interpreter_and_not_with_a_script() -> None:
    assert select(modules(), "/usr/bin/python3")[0] == {"python3-yaml"}
    assert select(modules(), "/usr/bin/tool", script=True)[0] == set()


def test_a_python_plugin_counts_if_the_program_names_its_entry_point() -> None:
    entry = "/usr/lib/python3/dist-packages/plug-1.egg-info/entry_points.txt"
    machine = modules().install("python3-plug", "/usr/lib/python3/dist-packages/plug.py", entry)
    machine.says(entry, "[console_scripts]\na = b\n\n[tool11]\nplug = plug\n")
    machine.by_name = {"python3-plug"}
    assert select(machine, "/usr/bin/tool", script=True)[0] == set()
    machine.says("/usr/lib/python3/dist-packages/tool.py", 'load("tool11")\n')
    assert select(machine, "/usr/bin/tool", script=True)[0] == {"python3-plug"}


def test_another_program_is_no_add_on() -> None:
    machine = reader().install("other", "/usr/bin/other", "/usr/share/read/data/other")
    machine.install("extend", "/usr/bin/extend-tool", "/usr/share/read/data/extend", needs="read")
    machine.by_name = {"other", "extend"}
    assert select(machine, "/usr/bin/read")[0] == {"extend"}


def test_a_command_that_a_program_starts_by_its_own_name_and_a_word_counts() -> None:
    machine = (
        Installed(by_name={"vc-lfs", "vc-lonely"})
        .install("vc", "/usr/bin/vc")
        .says("/usr/bin/vc", b"\x7fELF\0vc-%s\0")
        .install("vc-lfs", "/usr/bin/vc-lfs", needs="vc")
        .install("vc-lonely", "/usr/bin/vc-lonely")
    )
    assert select(machine, "/usr/bin/vc")[0] == {"vc-lfs"}


def test_what_is_too_large_is_left_out_and_said() -> None:
    machine = reader().install("read-huge", "/usr/share/read/data/huge")
    machine.sizes["/usr/share/read/data/huge"] = MAX_GROUP + 1
    machine.by_name.add("read-huge")
    found, notes = select(machine, "/usr/bin/read")
    assert found == {"read-ko", "libko"}
    assert " ".join(notes) == (
        "1 package installed by name with files in /usr/share/read/data is left out (67 MB): read-huge; add with "
        "--package NAME"
    )


def test_add_ons_do_not_fill_a_bundle_over_its_quota() -> None:
    machine = reader()
    machine.sizes["/usr/share/read/data/kor"] = 2 << 20
    found, notes = select(machine, "/usr/bin/read", room=1 << 20)
    assert found == set()
    assert "2 MB, which do not fit): read-ko" in notes[0]


def test_an_add_on_that_alone_needs_a_display_is_left_out_and_said() -> None:
    machine = reader().install("libgtk", "/usr/lib/libgtk-3.so.0").install("read-window", "/usr/share/read/data/w")
    machine.needs["read-window"] = ("libgtk",)
    machine.by_name = {"read-window"}
    found, notes = select(machine, "/usr/bin/read")
    assert found == set()
    assert "(need a display): read-window" in notes[0]


def exif(text: str) -> Installed:
    return (
        Installed()
        .install("exif", "/usr/bin/exif", "/usr/share/perl5/Exif.pm", "/usr/share/exif/large", likes="archive")
        .says("/usr/bin/exif", "#!/usr/bin/perl\nuse Exif;\n")
        .says("/usr/share/perl5/Exif.pm", text)
        .install("archive", "/usr/lib/x86_64-linux-gnu/perl5/5.36/Archive/Zip.pm")
    )


def test_a_recommended_module_counts_if_the_programs_source_names_it() -> None:
    assert select(exif("eval { require Archive::Zip };\n"), "/usr/bin/exif", script=True)[0] == {"archive"}
    assert select(exif("require Archive::Zipper;\n"), "/usr/bin/exif", script=True)[0] == set()


def test_an_optional_part_that_is_large_beside_the_program_does_not() -> None:
    machine = exif("eval { require Archive::Zip };\n")
    machine.sizes |= {"/usr/lib/x86_64-linux-gnu/perl5/5.36/Archive/Zip.pm": 1000, "/usr/share/exif/large": 1500}
    assert select(machine, "/usr/bin/exif", script=True)[0] == set()
    machine.sizes["/usr/share/exif/large"] = 3000
    assert select(machine, "/usr/bin/exif", script=True)[0] == {"archive"}


def test_a_recommended_package_counts_if_the_program_names_its_directory_or_library() -> None:
    machine = (
        Installed()
        .install("show", "/usr/bin/show", likes="tables libextra1 unnamed")
        .says("/usr/bin/show", b"\x7fELF\0dlopen\0/usr/share/tables\0libextra.so.1\0")
        .install("tables", "/usr/share/tables/H")
        .install("libextra1", "/usr/lib/libextra.so.1")
        .install("unnamed", "/usr/share/unnamed/x")
    )
    assert select(machine, "/usr/bin/show")[0] == {"tables", "libextra1"}


def linked(files: MemoryFiles, link: str, *, general: tuple[str, ...] = ()) -> tuple[set[str], list[str]]:
    """Add a link of a package, and what lies in the directories that links lead to."""
    gathering = Gathering(Machine(files, {}), "x86_64", (), ())
    gathering.mirror.add(link, Reason("package", "/usr/bin/gs", "gs"))
    directories = LinkedDirectories(gathering, general.__contains__, lambda path: path.endswith("decided"))
    while found := list(directories.candidates()):
        gathering.add(found)
    return set(gathering.mirror.files()), gathering.notes


def test_a_link_to_a_directory_brings_what_lies_there_and_where_links_in_it_lead() -> None:
    files = MemoryFiles(
        {
            "/usr/share/tables/H": b"h",
            "/var/lib/gs/CMap/own": b"",
            "/var/lib/gs/CMap/decided": b"",
            "/usr/share/x/y": b"",
        },
        links={
            "/usr/share/gs/Resource/CMap": "/var/lib/gs/CMap",
            "/var/lib/gs/CMap/H": "/usr/share/tables/H",
            "/var/lib/gs/CMap/more": "/usr/share/x",
        },
    )
    assert linked(files, "/usr/share/gs/Resource/CMap")[0] == {
        "/usr/share/tables/H",
        "/var/lib/gs/CMap/own",
        "/usr/share/x/y",
    }


def test_a_link_to_a_large_or_general_directory_does_not() -> None:
    files = MemoryFiles(
        {"/usr/share/all/big": b""},
        links={"/usr/share/gs/all": "/usr/share/all"},
        sizes={"/usr/share/all/big": MAX_TREE + 1},
    )
    found, notes = linked(files, "/usr/share/gs/all")
    assert found == set()
    assert notes[0].startswith("/usr/share/gs/all leads to /usr/share/all")
    small = MemoryFiles({"/usr/share/all/one": b""}, links={"/usr/share/gs/all": "/usr/share/all"})
    assert linked(small, "/usr/share/gs/all")[0] == {"/usr/share/all/one"}
    assert linked(small, "/usr/share/gs/all", general=("/usr/share/all",)) == (set(), [])
