"""apk's database, on small ones that the tests write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.machine import DiskFiles
from lambundle.packages import Dependency, DependencyKind, detect
from lambundle.packages.apk import ApkDatabase

if TYPE_CHECKING:
    from pathlib import Path

INSTALLED = """\
C:Q1abc=
P:musl
V:1.2.4-r2
A:x86_64
o:musl
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1abc=
R:libc.musl-x86_64.so.1

P:busybox
V:1.36.1-r5
A:x86_64
D:so:libc.musl-x86_64.so.1
p:cmd:busybox=1.36.1-r5 /bin/sh
F:
R:top
F:bin
M:0:0:755
R:busybox
F:etc/network

C:Q1def=
P:jq
V:1.7.1-r0
A:x86_64
o:jq-source
D:oniguruma>=6.9 so:libc.musl-x86_64.so.1 /bin/sh busybox@edge !old cmd:missing~1.0 /lib/ld-musl-x86_64.so.1
i:something
F:usr
F:usr/bin
R:jq
F:lib

P:oniguruma
V:6.9.9-r0

broken

V:no name
R:file
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    database = tmp_path / "lib/apk/db/installed"
    database.parent.mkdir(parents=True)
    database.write_text(INSTALLED)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ls").symlink_to("/bin/busybox")
    (tmp_path / "bin/lost").symlink_to("/nowhere")
    return tmp_path


def test_owner(root: Path) -> None:
    database = ApkDatabase(DiskFiles(str(root)))
    assert database.owner("/bin/busybox") == "busybox"
    assert database.owner("/bin/ls") == "busybox", "a link that busybox made when it was installed"
    assert database.owner("/bin/lost") is None
    assert database.owner("/top") == "busybox"
    assert database.owner("/usr/bin/jq") == "jq"
    assert database.owner("/lib/ld-musl-x86_64.so.1") == "musl"
    assert database.owner("/lib") is None, "two packages list it"
    assert database.owner("/file") is None
    assert database.directory_owners("/lib") == {"musl", "jq"}
    assert database.owners(["/bin/ls", "/no"]) == {"/bin/ls": "busybox"}


def test_merged_usr(root: Path) -> None:
    merged = root / "usr/lib"
    merged.parent.mkdir()
    (root / "lib").rename(merged)
    (root / "lib").symlink_to("usr/lib")
    assert isinstance(detect(DiskFiles(str(root))), ApkDatabase)
    assert ApkDatabase(DiskFiles(str(root))).owner("/usr/lib/ld-musl-x86_64.so.1") == "musl"


def test_files(root: Path) -> None:
    database = ApkDatabase(DiskFiles(str(root)))
    assert database.files("busybox") == ("/top", "/bin/busybox")
    assert database.directories("busybox") == ("/bin", "/etc/network")
    assert database.files("oniguruma") == database.files("unknown") == ()


def test_depends(root: Path) -> None:
    depends = ApkDatabase(DiskFiles(str(root))).depends("jq")
    assert [(each.names, each.providers) for each in depends] == [
        (("oniguruma",), ("oniguruma",)),
        (("so:libc.musl-x86_64.so.1",), ("musl",)),
        (("/bin/sh",), ("busybox",)),
        (("busybox",), ("busybox",)),
        (("cmd:missing",), ()),
        (("/lib/ld-musl-x86_64.so.1",), ("musl",)),
    ]
    assert depends[4] == Dependency(DependencyKind.DEPENDS, ("cmd:missing",), (), ("cmd:missing",))
    assert ApkDatabase(DiskFiles(str(root))).depends("unknown") == ()


def test_package(root: Path) -> None:
    database = ApkDatabase(DiskFiles(str(root)))
    found = database.package("jq")
    assert found is not None
    assert (found.version, found.architecture, found.source) == ("1.7.1-r0", "x86_64", "jq-source")
    assert database.package("unknown") is None
    assert list(database.packages()) == ["musl", "busybox", "jq", "oniguruma"]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"P:", b"\xff\xfeP:x", b"F:a\nR:b"])
def test_rubbish_holds_no_package(root: Path, data: bytes) -> None:
    (root / "lib/apk/db/installed").write_bytes(data)
    database = ApkDatabase(DiskFiles(str(root)))
    assert list(database.packages()) == []
    assert database.owner("/a/b") is None


def test_what_was_installed_by_name(root: Path) -> None:
    assert ApkDatabase(DiskFiles(str(root))).installed_by_name() == frozenset()
    with (root / "lib/apk/db/installed").open("a") as file:
        file.write("\nP:.build\nV:1\nD:oniguruma>1\n")
    (root / "etc/apk").mkdir(parents=True)
    (root / "etc/apk/world").write_text("jq>1.6\ncmd:busybox\n!musl\n.build=20240101.1\nnot-there\n")
    assert ApkDatabase(DiskFiles(str(root))).installed_by_name() == {"jq", "busybox", "oniguruma"}
