"""pacman's database, on small ones that the tests write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.errors import UnreadableFileError
from lambundle.machine import DiskFiles
from lambundle.packages import DependencyKind, detect
from lambundle.packages.pacman import PacmanDatabase

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTIONS = {
    "glibc-2.38-7": "%NAME%\nglibc\n\n%VERSION%\n2.38-7\n\n%ARCH%\nx86_64\n",
    "openssl-3.2-1": "%NAME%\nopenssl\n\n%PROVIDES%\nlibcrypto.so=3-64\n\n",
    "openssl-1.1-1.1.1-1": "%NAME%\nopenssl-1.1\n\n%PROVIDES%\nlibcrypto.so=1.1-64\n\n",
    "git-2.43.0-1": """\
%NAME%
git

%VERSION%
2.43.0-1

%BASE%
git-base

%ARCH%
x86_64

%GROUPS%
devel
tools

%DEPENDS%
glibc>=2.38
libcrypto.so=3-64
libcrypto.so
sh

%OPTDEPENDS%
perl-not-here: for some commands
openssl: secrets
glibc
""",
    "bash-5.2-1": "%PROVIDES%\nsh\n",
}
FILES = {
    "glibc-2.38-7": "%FILES%\nusr/\nusr/lib/\nusr/lib/libc.so.6\n",
    "git-2.43.0-1": ("%FILES%\nusr/\nusr/bin/\nusr/bin/git\nusr/lib/\netc/git.conf\n\n%BACKUP%\netc/git.conf\tabc\n"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    local = tmp_path / "var/lib/pacman/local"
    for name, text in DESCRIPTIONS.items():
        (local / name).mkdir(parents=True)
        (local / name / "desc").write_text(text)
        if name in FILES:
            (local / name / "files").write_text(FILES[name])
    (local / "ALPM_DB_VERSION").write_text("9\n")
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "lib64").symlink_to("usr/lib")
    return tmp_path


def test_owner(root: Path) -> None:
    database = detect(DiskFiles(str(root)))
    assert isinstance(database, PacmanDatabase)
    assert database.owner("/bin/git") == "git"
    assert database.owner("/lib64/libc.so.6") == "glibc"
    assert database.owner("/usr/lib") is None
    assert database.directory_owners("/lib64") == {"glibc", "git"}
    assert database.directory_owners("/usr/bin") == {"git"}


def test_files(root: Path) -> None:
    database = PacmanDatabase(DiskFiles(str(root)))
    assert database.files("git") == ("/usr/bin/git", "/etc/git.conf")
    assert database.directories("git") == ("/usr", "/usr/bin", "/usr/lib")
    assert database.files("bash") == database.files("unknown") == ()


def test_depends(root: Path) -> None:
    depends = PacmanDatabase(DiskFiles(str(root))).depends("git")
    assert [(each.kind.value, each.names, each.providers, each.missing) for each in depends] == [
        ("depends", ("glibc",), ("glibc",), ()),
        ("depends", ("libcrypto.so",), ("openssl",), ()),
        ("depends", ("libcrypto.so",), ("openssl-1.1", "openssl"), ()),
        ("depends", ("sh",), ("bash",), ()),
        ("suggests", ("perl-not-here",), (), ("perl-not-here",)),
        ("suggests", ("openssl",), ("openssl",), ()),
        ("suggests", ("glibc",), ("glibc",), ()),
    ]
    assert {each.kind for each in depends} == {DependencyKind.DEPENDS, DependencyKind.SUGGESTS}


def test_package(root: Path) -> None:
    database = PacmanDatabase(DiskFiles(str(root)))
    found = database.package("git")
    assert found is not None
    assert (found.version, found.architecture, found.source, found.section) == (
        *("2.43.0-1", "x86_64"),
        *("git-base", "devel tools"),
    )
    other = database.package("openssl-1.1")
    assert other is not None
    assert other.version == "1.1.1-1"
    assert database.package("unknown") is None
    assert set(database.packages()) == {"glibc", "openssl", "openssl-1.1", "git", "bash"}


def test_damage_is_bounded(root: Path) -> None:
    local = root / "var/lib/pacman/local"
    (local / "git-2.43.0-1/desc").write_bytes(b"\xff%\n%%\n%DEPENDS%")
    (local / "git-2.43.0-1/files").write_bytes(b"%FILES%\n/\n//\n")
    database = PacmanDatabase(DiskFiles(str(root)))
    assert database.depends("git") == ()
    assert database.owner("/bin/git") is None
    with pytest.raises(UnreadableFileError):
        list(PacmanDatabase(DiskFiles(str(root / "nothing"))).packages())


def test_what_was_installed_by_name(root: Path) -> None:
    desc = root / "var/lib/pacman/local/glibc-2.38-7/desc"
    desc.write_text(f"{desc.read_text()}\n%REASON%\n1\n\n")
    found = PacmanDatabase(DiskFiles(str(root))).installed_by_name()
    assert found == {"openssl", "openssl-1.1", "git", "bash"}
