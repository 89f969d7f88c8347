"""rpm's database, held against rpm itself on systems that the tests install, and against damage."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from lambundle.machine import DiskFiles
from lambundle.packages import DependencyKind, PackageDatabaseError, detect
from lambundle.packages.rpm import RpmDatabase
from lambundle.packages.rpm.header import Header, Tag
from lambundle.packages.rpm.stores import READERS, located
from tests.unit.packages.rpms import ndb

pytestmark = pytest.mark.integration
REQUIRED = bool(os.environ.get("LAMBUNDLE_REQUIRE") or os.environ.get("CI"))

COMMON = """\
Summary: a test
License: MIT
Group: Tests/Small
%global debug_package %{nil}
%global __os_install_post %{nil}
%define _build_id_links none
%description
A test.
"""

SPECS = {
    "base": """\
Name: lbt-base
Version: 1.0
Release: 1
BuildArch: noarch
Provides: lbt-virtual = 2, liblbt.so.1(LBT_1.0)(64bit)
%prep
%install
mkdir -p %{buildroot}/usr/share/lbt/empty %{buildroot}/usr/lib64
touch %{buildroot}/usr/share/lbt/base.txt %{buildroot}/usr/lib64/liblbt.so.1.0
ln -s liblbt.so.1.0 %{buildroot}/usr/lib64/liblbt.so.1
%files
%dir /usr/share/lbt
/usr/share/lbt/empty
/usr/share/lbt/base.txt
/usr/lib64/liblbt.so.1
/usr/lib64/liblbt.so.1.0
""",
    "tool": """\
Name: lbt-tool
Epoch: 3
Version: 2.0
Release: 4
Requires: lbt-base >= 1, lbt-virtual, /usr/share/lbt/base.txt, liblbt.so.1(LBT_1.0)(64bit)
Requires: (lbt-base if lbt-tool), (lbt-never if lbt-missing), (lbt-missing or lbt-base >= 1)
Requires: ((lbt-base unless lbt-missing) or lbt-other), (lbt-base and lbt-virtual), lbt-missing
Requires(post): lbt-scripts
Recommends: lbt-base
Suggests: lbt-documentation
%prep
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/usr/share/lbt %{buildroot}/usr/lib/lbt
touch %{buildroot}/usr/bin/lbt-one %{buildroot}/usr/bin/lbt-alt %{buildroot}/etc/lbt.conf
touch %{buildroot}/usr/lib/lbt/plain
%post
true
%files
/usr/bin/lbt-one
%ghost /usr/bin/lbt-alt
%config /etc/lbt.conf
%dir /usr/share/lbt
/usr/lib/lbt
""",
}


def rpm(*arguments: str | Path) -> str:
    run = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The packages, one of them for two machines."""
    if not (shutil.which("rpmbuild") and shutil.which("rpm")):
        reason = "rpmbuild is not installed"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    top = tmp_path_factory.mktemp("rpmbuild")
    for name, text in SPECS.items():
        spec = top / f"{name}.spec"
        head, prep, rest = text.partition("%prep\n")
        spec.write_text(head + COMMON + prep + rest)
        for target in ("x86_64", "i686") if name == "tool" else ("x86_64",):
            rpm("rpmbuild", "-bb", "--quiet", "--target", target, "--define", f"_topdir {top}", spec)
    return sorted((top / "RPMS").rglob("*.rpm"))


@pytest.fixture(scope="module")
def installed(built: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A merged-/usr system with the packages, and one alternative."""
    top = tmp_path_factory.mktemp("root")
    for directory in ("usr/bin", "usr/lib64", "etc/alternatives", "var/lib/rpm"):
        (top / directory).mkdir(parents=True)
    for name in ("bin", "lib64"):
        (top / name).symlink_to(f"usr/{name}")
    rpm(
        *("rpm", "--root", top, "--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite"),
        *("-i", "--nodeps", "--noscripts", "--ignorearch", "--nosignature"),
        *sorted(built, key=lambda path: path.name.endswith(".i686.rpm")),
    )
    (top / "usr/bin/lbt-alt").unlink(missing_ok=True)
    (top / "usr/bin/lbt-alt").symlink_to("/etc/alternatives/lbt-alt")
    (top / "etc/alternatives/lbt-alt").symlink_to("/usr/lib64/liblbt.so.1.0")
    return top


@pytest.fixture(scope="module", params=["sqlite", "ndb"])
def root(request: pytest.FixtureRequest, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same system, its database in each of the formats that are read without rpm."""
    if request.param == "sqlite":
        return installed
    top = tmp_path_factory.mktemp("ndb") / "root"
    shutil.copytree(installed, top, symlinks=True)
    with closing(sqlite3.connect(top / "var/lib/rpm/rpmdb.sqlite")) as connection:
        blobs = [blob for (blob,) in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]
    shutil.rmtree(top / "var/lib/rpm")
    (top / "usr/lib/sysimage/rpm").mkdir(parents=True)
    (top / "var/lib/rpm").symlink_to("/usr/lib/sysimage/rpm")
    (top / "usr/lib/sysimage/rpm/Packages.db").write_bytes(ndb(blobs))
    return top


def query(installed: Path, *arguments: str) -> list[str]:
    database = ("--root", installed, "--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite")
    return rpm("rpm", *database, "-q", *arguments).split("\n")[:-1]


def test_the_packages_are_those_of_rpm(root: Path, installed: Path) -> None:
    database = detect(DiskFiles(str(root)))
    assert isinstance(database, RpmDatabase)
    assert set(database.packages()) == {"lbt-base", "lbt-tool", "lbt-tool.i686"}
    assert len(query(installed, "-a")) == 3
    for name in database.packages():
        found = database.package(name)
        assert found is not None
        asked = name if "." in name or found.architecture == "noarch" else f"{name}.x86_64"
        form = "%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH} %{GROUP} %{NAME}"
        assert query(installed, "--qf", form + "\n", asked) == [
            f"{found.version} {found.architecture} {found.section} {found.source}"
        ]
    assert database.package("lbt-missing") is None


def test_the_files_are_those_of_rpm(root: Path, installed: Path) -> None:
    database = RpmDatabase(DiskFiles(str(root)))
    for name in database.packages():
        asked = f"{name}.x86_64" if name == "lbt-tool" else name
        assert sorted(database.files(name) + database.directories(name)) == sorted(query(installed, "-l", asked))
    assert database.directories("lbt-base") == ("/usr/share/lbt", "/usr/share/lbt/empty")
    assert "/etc/lbt.conf" in database.files("lbt-tool")
    assert database.files("lbt-missing") == database.directories("lbt-missing") == ()


def test_owner(root: Path, installed: Path) -> None:
    database = RpmDatabase(DiskFiles(str(root)))
    for name in ("lbt-base", "lbt-tool"):
        for path in database.files(name):
            if path != "/usr/bin/lbt-alt":
                assert database.owner(path) == name
                assert name in query(installed, "--qf", "%{NAME}\n", "-f", path)
    assert database.owner("/bin/lbt-one") == "lbt-tool"
    assert database.owner("/lib64/liblbt.so.1") == "lbt-base"
    assert database.owner("/bin/lbt-alt") == "lbt-base", "the link is a %ghost of lbt-tool"
    assert database.owner("/usr/share/lbt") is None
    assert database.directory_owners("/usr/share/lbt") == {"lbt-base", "lbt-tool", "lbt-tool.i686"}
    assert database.owner("/etc/nothing") is None


def test_what_a_package_asks_for(root: Path, installed: Path) -> None:
    database = RpmDatabase(DiskFiles(str(root)))
    found = {(each.kind, each.names): each for each in database.depends("lbt-tool")}
    kinds = DependencyKind
    for wanted in ("lbt-base", "lbt-virtual", "/usr/share/lbt/base.txt", "liblbt.so.1(LBT_1.0)(64bit)"):
        assert found.pop((kinds.DEPENDS, (wanted,))).providers == ("lbt-base",)
    assert found.pop((kinds.DEPENDS, ("lbt-missing",))).missing == ("lbt-missing",)
    either = found.pop((kinds.DEPENDS, ("lbt-missing", "lbt-base")))
    assert (either.providers, either.missing) == (("lbt-base",), ("lbt-missing",))
    assert found.pop((kinds.DEPENDS, ("lbt-base", "lbt-other"))).missing == ("lbt-other",)
    assert found.pop((kinds.PRE_DEPENDS, ("lbt-scripts",))).providers == ()
    assert found.pop((kinds.PRE_DEPENDS, ("/bin/sh",))).missing == ("/bin/sh",)
    assert found.pop((kinds.RECOMMENDS, ("lbt-base",))).providers == ("lbt-base",)
    assert found.pop((kinds.SUGGESTS, ("lbt-documentation",))).providers == ()
    met = [each.providers for each in database.depends("lbt-tool.i686") if "lbt-base" in each.names]
    assert met
    assert all(packages == ("lbt-base",) for packages in met)
    assert not found, "rpm's own features and conditions that do not hold are no demands"
    names = {line.split()[0] for line in query(installed, "--requires", "lbt-tool.x86_64") if line[0] != "("}
    asked = {name for each in database.depends("lbt-tool") for name in each.names}
    own = ("rpmlib(", "config(lbt-tool)")
    assert {name for name in names if not name.startswith(own)} - asked == set()


def test_an_export_holds_the_same_headers(installed: Path) -> None:
    """This is how Berkeley DB is read; rpmdb exports every format alike."""
    files = DiskFiles(str(installed))
    exported = READERS["Packages"](files, "/var/lib/rpm/Packages")
    direct = READERS["rpmdb.sqlite"](files, "/var/lib/rpm/rpmdb.sqlite")
    assert [blob for _, blob in exported.blobs()] == [blob for _, blob in direct.blobs()]
    assert [exported.blob(key) for key, _ in exported.blobs()] == [blob for _, blob in direct.blobs()]


def test_every_cut_and_every_changed_byte_is_survived(root: Path) -> None:
    files = DiskFiles(str(root))
    found = located(files)
    assert found is not None
    location, reader = found
    _, blob = next(iter(reader(files, location).blobs()))

    def read_all(data: bytes) -> None:
        try:
            header = Header(data)
        except PackageDatabaseError:
            return
        for tag in Tag:
            assert len(header.strings(tag)) + len(header.numbers(tag)) <= 2 * len(data)

    for size in range(0, len(blob), 7):
        read_all(blob[:size])
    tags = int.from_bytes(blob[:4], "big")
    for position in range(8 + 16 * tags):
        for value in (0, 0x7F, 0xFF):
            read_all(blob[:position] + bytes([value]) + blob[position + 1 :])


def test_a_damaged_database(root: Path, tmp_path: Path) -> None:
    files = DiskFiles(str(root))
    found = located(files)
    assert found is not None
    source = Path(files.place(found[0]))
    target = tmp_path / "var/lib/rpm" / source.name
    target.parent.mkdir(parents=True)
    data = source.read_bytes()
    for damaged in (b"", b"RpmP", data[:2000], b"\xff" * 5000, data[:10] + b"\xff" * 5000):
        target.write_bytes(damaged)
        try:
            assert list(RpmDatabase(DiskFiles(str(tmp_path))).packages()) == []
        except PackageDatabaseError:
            continue


def test_a_cut_database_keeps_what_is_whole(installed: Path, tmp_path: Path) -> None:
    store = READERS["rpmdb.sqlite"](DiskFiles(str(installed)), "/var/lib/rpm/rpmdb.sqlite")
    blobs = [blob for _, blob in store.blobs()]
    target = tmp_path / "var/lib/rpm/Packages.db"
    target.parent.mkdir(parents=True)
    target.write_bytes(ndb(blobs)[:-100])
    assert list(RpmDatabase(DiskFiles(str(tmp_path))).packages()) == ["lbt-base", "lbt-tool"]
