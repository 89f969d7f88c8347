"""dpkg's database, on small ones that the tests write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lambundle.errors import UnreadableFileError
from lambundle.machine import DiskFiles, MemoryFiles
from lambundle.packages import DATABASES, Dependency, DependencyKind, PackageDatabaseError, detect
from lambundle.packages.dpkg import DpkgDatabase

if TYPE_CHECKING:
    from pathlib import Path

STATUS = """\
Package: dpkg
Essential: yes
Status: install ok installed
Priority: required
Section: admin
Architecture: amd64
Version: 1.21
Description: package manager
 with more lines
 Provides: nothing

Package: libc6
Status: install ok installed
Priority: optional
Section: libs
Architecture: i386
Multi-Arch: same
Source: glibc (2.36-8)
Version: 2.36-9

Package: libc6
Status: install ok installed
Priority: optional
Section: libs
Architecture: amd64
Multi-Arch: same
Source: glibc (2.36-8)
Version: 2.36-9
Recommends: libidn2-0 (>= 2.0.5~)

Package: tool
Status: install ok installed
Architecture: amd64
Version: 1:1.0-1
Pre-Depends: libc6 (>= 2.34)
Depends: not-there | awk, python3:any (>= 3.9~), mail-agent,
 libc6:i386 [amd64] <!nocheck>, ???
Recommends: tool-data (= 1.0) | other
Suggests: tool-doc

Package: mawk
Status: install ok installed
Architecture: amd64
Version: 1.3
Provides: awk (= 1.3), something

Package: gawk
Status: install ok installed
Architecture: amd64
Version: 5
Provides: awk

Package: python3
Status: install ok half-configured
Architecture: amd64
Multi-Arch: allowed
Version: 3.11

Package: plugin
Status: install ok installed
Architecture: i386
Version: 1
Depends: libc6, tool-data

Package: tool-data
Status: hold ok installed
Architecture: all
Version: 1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
Provides: mail-agent

Package: dash
Status: install ok installed
Architecture: amd64
Version: 1

Package: ../../etc/evil
Status: install ok installed
Architecture: amd64
Version: 1

no package at all
"""

LISTS = {
    "dpkg": ["/.", "/usr", "/usr/bin", "/usr/bin/dpkg"],
    "libc6:amd64": [
        "/.",
        "/lib",
        "/lib/x",
        "/lib/x/libc.so.6",
        "/lib64",
        "/lib64/ld.so",
        "/usr/share/doc/libc6",
    ],
    "libc6:i386": ["/.", "/lib", "/lib/i", "/lib/i/libc.so.6", "/usr/share/doc/libc6"],
    "tool": [
        "/.",
        "/usr",
        "/usr/bin",
        "/usr/bin/tool",
        "/etc/tool.conf",
        "/var/run/tool",
        "/usr/share/empty",
        "/sbin",
    ],
    "mawk": ["/.", "/usr/bin/mawk", "/usr/share/man/sh.1"],
    "gawk": ["/.", "/usr/bin/gawk"],
    "plugin": ["/.", "/opt/plugin/p.so", "/bin/sh"],
    "gone": ["/.", "/etc/gone.conf"],
    "dash": ["/.", "/bin", "/bin/sh", "/usr/share/man/sh.1"],
}

DIVERSIONS = """\
/bin/sh
/bin/sh.distrib
dash
/usr/bin/dpkg
/usr/bin/dpkg.real
:
/usr/share/man/sh.1
/usr/share/man/sh.distrib.1
dash
/cut/short
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A merged-/usr system with alternatives."""
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info.parent / "status").write_text(STATUS)
    (info.parent / "diversions").write_text(DIVERSIONS)
    for name, names in LISTS.items():
        (info / f"{name}.list").write_text("".join(f"{each}\n" for each in names))
    for directory in (
        *("usr/lib/x", "usr/lib/i", "usr/lib64", "usr/bin", "usr/sbin", "etc/alternatives", "run"),
        *("usr/share/empty", "usr/share/doc/libc6"),
    ):
        (tmp_path / directory).mkdir(parents=True)
    for name in ("lib", "lib64", "bin", "sbin"):
        (tmp_path / name).symlink_to(f"usr/{name}")
    (tmp_path / "var/run").symlink_to("/run")
    for name in ("mawk", "gawk", "tool"):
        (tmp_path / "usr/bin" / name).touch()
    (tmp_path / "usr/bin/awk").symlink_to("/etc/alternatives/awk")
    (tmp_path / "etc/alternatives/awk").symlink_to("/usr/bin/gawk")
    (tmp_path / "usr/bin/nawk").symlink_to("/etc/alternatives/nawk")
    (tmp_path / "etc/alternatives/nawk").symlink_to("../../bin/awk")
    (tmp_path / "usr/bin/mine").symlink_to("tool")
    (tmp_path / "usr/bin/loop").symlink_to("/etc/alternatives/loop")
    (tmp_path / "etc/alternatives/loop").symlink_to("/usr/bin/loop")
    (tmp_path / "usr/bin/X11").symlink_to(".")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/usr/bin/tool", "tool"),
        ("/bin/tool", "tool"),
        ("/usr/bin/X11/tool", "tool"),
        ("/usr//bin/./tool", "tool"),
        ("/usr/share/../bin/tool", "tool"),
        ("/lib/x/libc.so.6", "libc6"),
        ("/usr/lib/x/libc.so.6", "libc6"),
        ("/usr/lib64/ld.so", "libc6"),
        ("/usr/lib/i/libc.so.6", "libc6:i386"),
        ("/usr/share/empty", "tool"),
        ("/run/tool", "tool"),
        ("/var/run/tool", "tool"),
        ("/usr/bin/awk", "gawk"),
        ("/bin/awk", "gawk"),
        ("/etc/alternatives/awk", "gawk"),
        ("/usr/bin/nawk", "gawk"),
        ("/usr/bin/mine", None),
        ("/usr/bin/loop", None),
        ("/bin/sh", "dash"),
        ("/usr/bin/sh", "dash"),
        ("/bin/sh.distrib", "plugin:i386"),
        ("/usr/share/man/sh.distrib.1", "mawk"),
        ("/usr/bin/dpkg", None),
        ("/usr/bin/dpkg.real", "dpkg"),
        ("/usr", None),
        ("/usr/share/doc/libc6", None),
        ("/etc/gone.conf", None),
        ("/nowhere", None),
        ("/", None),
        ("", None),
        ("usr/bin/tool", None),
        ("/usr/bin/\0", None),
        ("/" + "x/" * 5000, None),
    ],
)
def test_owner(root: Path, path: str, owner: str | None) -> None:
    assert DpkgDatabase(DiskFiles(str(root))).owner(path) == owner


def test_owners_leaves_out_what_nobody_owns(root: Path) -> None:
    assert DpkgDatabase(DiskFiles(str(root))).owners({"/bin/tool", "/nowhere"}) == {"/bin/tool": "tool"}


def test_all_packages_that_list_a_directory(root: Path) -> None:
    database = DpkgDatabase(DiskFiles(str(root)))
    assert database.directory_owners("/usr/bin") == {"dpkg", "tool", "dash"}
    assert database.directory_owners("/usr/lib") == {"libc6", "libc6:i386"}
    assert database.directory_owners("/usr/share/empty") == {"tool"}
    assert database.directory_owners("/srv") == frozenset()


def test_files_and_directories_with_diversions(root: Path) -> None:
    database = DpkgDatabase(DiskFiles(str(root)))
    assert database.files("tool") == ("/usr/bin/tool", "/etc/tool.conf", "/var/run/tool")
    assert database.directories("tool") == ("/usr", "/usr/bin", "/usr/share/empty", "/sbin")
    assert database.files("plugin:i386") == ("/opt/plugin/p.so", "/bin/sh.distrib")
    assert database.files("dash") == ("/bin/sh", "/usr/share/man/sh.1")
    assert database.files("dpkg") == ("/usr/bin/dpkg.real",)
    assert database.files("libc6:amd64") == ("/lib/x/libc.so.6", "/lib64/ld.so")
    assert database.files("gone") == database.files("unknown") == database.directories("unknown") == ()
    assert database.files("python3") == (), "its list was lost"


def test_what_a_package_asks_for(root: Path) -> None:
    assert DpkgDatabase(DiskFiles(str(root))).depends("tool") == (
        Dependency(DependencyKind.PRE_DEPENDS, ("libc6",), ("libc6",)),
        Dependency(DependencyKind.DEPENDS, ("not-there", "awk"), ("mawk", "gawk"), ("not-there",)),
        Dependency(DependencyKind.DEPENDS, ("python3",), ("python3",)),
        Dependency(DependencyKind.DEPENDS, ("mail-agent",), (), ("mail-agent",)),
        Dependency(DependencyKind.DEPENDS, ("libc6",), ("libc6:i386",)),
        Dependency(DependencyKind.RECOMMENDS, ("tool-data", "other"), ("tool-data",), ("other",)),
        Dependency(DependencyKind.SUGGESTS, ("tool-doc",), (), ("tool-doc",)),
    )


def test_a_foreign_package_asks_for_its_own_architecture(root: Path) -> None:
    met = [dependency.providers for dependency in DpkgDatabase(DiskFiles(str(root))).depends("plugin:i386")]
    assert met == [("libc6:i386",), ("tool-data",)]
    assert DpkgDatabase(DiskFiles(str(root))).depends("plugin") == ()


def test_what_is_recorded_of_a_package(root: Path) -> None:
    database = DpkgDatabase(DiskFiles(str(root)))
    found = database.package("libc6:amd64")
    assert found is not None
    assert found == database.package("libc6")
    assert (found.name, found.source, found.section, found.priority) == ("libc6", "glibc", "libs", "optional")
    assert (found.version, found.architecture, found.essential) == ("2.36-9", "amd64", False)
    manager = database.package("dpkg")
    assert manager is not None
    assert manager.essential
    assert database.package("gone") is None
    assert set(database.packages()) == {
        *("dpkg", "libc6", "libc6:i386", "tool", "mawk", "gawk"),
        *("python3", "plugin:i386", "tool-data", "dash"),
    }


def test_without_dpkg_itself_the_commonest_architecture_is_the_system_s_own(root: Path) -> None:
    status = root / "var/lib/dpkg/status"
    status.write_text(STATUS.replace("Package: dpkg\n", "Package: other\n"))
    assert "plugin:i386" in DpkgDatabase(DiskFiles(str(root))).packages()


def test_detected_by_what_is_there(root: Path, tmp_path: Path) -> None:
    assert isinstance(detect(DiskFiles(str(root))), DpkgDatabase)
    # Debian with the rpm and pacman packages installed, never used.
    (root / "var/lib/pacman/local").mkdir(parents=True)
    assert isinstance(detect(DiskFiles(str(root))), DpkgDatabase)
    (root / "var/lib/rpm").mkdir()
    (root / "var/lib/rpm/rpmdb.sqlite").write_bytes(b"damaged")
    assert isinstance(detect(DiskFiles(str(root))), DpkgDatabase)
    assert detect(DiskFiles(str(tmp_path / "nothing"))) is None
    assert set(DATABASES) == {"dpkg", "rpm", "apk", "pacman"}


def test_a_database_that_is_no_regular_file(root: Path) -> None:
    status = root / "var/lib/dpkg/status"
    status.unlink()
    with pytest.raises(UnreadableFileError, match="cannot read"):
        list(DpkgDatabase(DiskFiles(str(root))).packages())
    os.mkfifo(status)
    with pytest.raises(PackageDatabaseError, match="is not a regular file"):
        list(DpkgDatabase(DiskFiles(str(root))).packages())


@pytest.mark.parametrize(
    "status",
    [b"", b"\n\n\n", b"\xff\xfe\0", b"Package: a", b"Package: a\nStatus: \nArchitecture: amd64\n", b" :\n:"],
)
def test_rubbish_holds_no_package(root: Path, status: bytes) -> None:
    (root / "var/lib/dpkg/status").write_bytes(status)
    (root / "var/lib/dpkg/diversions").write_bytes(b"\xff\n\n")
    database = DpkgDatabase(DiskFiles(str(root)))
    assert list(database.packages()) == []
    assert database.owner("/bin/tool") is None


def test_names_that_are_not_utf8(root: Path) -> None:
    (root / "var/lib/dpkg/info/mawk.list").write_bytes(b"/usr/share/caf\xe9\n")
    database = DpkgDatabase(DiskFiles(str(root)))
    assert database.files("mawk") == (os.fsdecode(b"/usr/share/caf\xe9"),)
    assert database.owner(os.fsdecode(b"/usr/share/caf\xe9")) == "mawk"


def test_links_that_lead_into_each_other_end(root: Path) -> None:
    (root / "a").mkdir()
    (root / "b").mkdir()
    (root / "a/x").symlink_to("/b")
    (root / "b/y").symlink_to("/a")
    (root / "self").symlink_to("self")
    database = DpkgDatabase(DiskFiles(str(root)))
    assert database.owner("/a/x/y/x/y/file") is None
    assert database.owner("/self/file") is None


BY_NAME = """\
Package: dpkg
Status: install ok installed
Priority: required
Architecture: amd64

Package: core
Status: install ok installed
Priority: optional
Essential: yes
Architecture: amd64

Package: tool
Status: install ok installed
Priority: optional
Architecture: amd64

Package: data
Status: install ok installed
Priority: optional
Architecture: all

Package: lib
Status: install ok installed
Priority: optional
Architecture: amd64

Package: lib
Status: install ok installed
Priority: optional
Architecture: i386
"""


def test_what_was_installed_by_name() -> None:
    files = {"/var/lib/dpkg/status": BY_NAME}
    assert DpkgDatabase(MemoryFiles(files)).installed_by_name() == frozenset(), "apt recorded nothing"
    states = "".join(
        f"Package: {name}\nArchitecture: {architecture}\nAuto-Installed: {automatic}\n\n"
        for name, architecture, automatic in (("lib", "amd64", 1), ("data", "amd64", 1), ("tool", "amd64", 0))
    )
    files["/var/lib/apt/extended_states"] = states
    assert DpkgDatabase(MemoryFiles(files)).installed_by_name() == {"tool", "lib:i386"}
