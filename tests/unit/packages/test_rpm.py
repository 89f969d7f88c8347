"""rpm's database, on small ones in memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from lambundle.machine import DiskFiles, MemoryFiles
from lambundle.packages import DependencyKind, PackageDatabaseError, detect
from lambundle.packages.rpm import RpmDatabase
from lambundle.packages.rpm.header import Tag
from lambundle.packages.rpm.rich import RichDependency
from tests.unit.packages import rpms

if TYPE_CHECKING:
    from pathlib import Path

SQLITE = "/usr/lib/sysimage/rpm/rpmdb.sqlite"
JQ = rpms.header(
    {
        Tag.NAME: ["jq"],
        Tag.VERSION: ["1.7.1"],
        Tag.RELEASE: ["3.fc40"],
        Tag.ARCH: ["x86_64"],
        Tag.SOURCERPM: ["jq-1.7.1-3.fc40.src.rpm"],
        Tag.PROVIDENAME: ["jq", "libjq.so.1()(64bit)"],
        Tag.REQUIRENAME: ["libonig.so.5()(64bit)", "rpmlib(FileDigests)"],
        Tag.REQUIREFLAGS: [0, 1 << 24],
        Tag.DIRNAMES: ["/usr/bin/", "/usr/lib64/"],
        Tag.BASENAMES: ["jq", "libjq.so.1"],
        Tag.DIRINDEXES: [0, 1],
        Tag.FILEMODES: [0o100755, 0o120777],
    }
)
ONIGURUMA = rpms.header(
    {
        Tag.NAME: ["oniguruma"],
        Tag.VERSION: ["6.9.9"],
        Tag.RELEASE: ["3.fc40"],
        Tag.ARCH: ["x86_64"],
        Tag.PROVIDENAME: ["oniguruma", "libonig.so.5()(64bit)"],
    }
)


def database(data: bytes, path: str = SQLITE) -> RpmDatabase:
    return RpmDatabase(MemoryFiles({path: data}))


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (SQLITE, rpms.sqlite([JQ, ONIGURUMA])),
        ("/var/lib/rpm/rpmdb.sqlite", rpms.sqlite([JQ, ONIGURUMA], journal=True)),
        ("/usr/lib/sysimage/rpm/Packages.db", rpms.ndb([JQ, ONIGURUMA])),
    ],
)
def test_a_database_without_a_disk(path: str, data: bytes) -> None:
    found = detect(MemoryFiles({path: data}, links={"/lib64": "usr/lib64"}, directories=("/usr/lib64",)))
    assert isinstance(found, RpmDatabase)
    assert list(found.packages()) == ["jq", "oniguruma"]
    assert found.files("jq") == ("/usr/bin/jq", "/usr/lib64/libjq.so.1")
    assert found.owner("/lib64/libjq.so.1") == "jq"
    assert [(each.kind, each.names, each.providers) for each in found.depends("jq")] == [
        (DependencyKind.DEPENDS, ("libonig.so.5()(64bit)",), ("oniguruma",))
    ]
    package = found.package("jq")
    assert package is not None
    assert (package.version, package.architecture, package.source) == ("1.7.1-3.fc40", "x86_64", "jq")


def test_packages_that_stand_in_the_journal_only(tmp_path: Path) -> None:
    """An rpm that runs, or was killed, has written them beside the database."""
    place = tmp_path / SQLITE[1:]
    place.parent.mkdir(parents=True)
    place.write_bytes(rpms.sqlite([JQ]))
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("INSERT INTO Packages (blob) VALUES (?)", (ONIGURUMA,))
        connection.commit()
        before = {item.name: item.read_bytes() for item in place.parent.iterdir()}
        assert ONIGURUMA not in before["rpmdb.sqlite"]
        assert list(RpmDatabase(DiskFiles(str(tmp_path))).packages()) == ["jq", "oniguruma"]
        assert {item.name: item.read_bytes() for item in place.parent.iterdir()} == before


def test_a_directory_that_may_not_be_written_stays_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / SQLITE[1:]
    place.parent.mkdir(parents=True)
    place.write_bytes(rpms.sqlite([JQ], journal=True))
    assert list(RpmDatabase(DiskFiles(str(tmp_path))).packages()) == ["jq"]
    assert [item.name for item in place.parent.iterdir()] == ["rpmdb.sqlite"]


def test_berkeley_db_needs_a_disk() -> None:
    with pytest.raises(PackageDatabaseError, match="Berkeley DB"):
        list(database(b"x", "/var/lib/rpm/Packages").packages())


def test_without_a_database() -> None:
    with pytest.raises(PackageDatabaseError, match="no rpm database"):
        list(RpmDatabase(MemoryFiles()).packages())


@pytest.mark.parametrize("cut", [0, 100, 2000])
def test_a_cut_database_is_an_error_of_the_database(cut: int) -> None:
    with pytest.raises(PackageDatabaseError):
        list(database(rpms.sqlite([JQ])[:cut]).packages())


def test_a_view_in_place_of_the_table_is_refused() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIEW Packages AS SELECT 1 AS hnum, zeroblob(16) AS blob")
        data = connection.serialize()
    with pytest.raises(PackageDatabaseError, match="no table"):
        list(database(data).packages())


def test_rows_that_are_no_headers_are_left_out() -> None:
    found = database(rpms.sqlite([b"", "text", None, b"\xff" * 64, b"\0" * 8]))
    assert list(found.packages()) == []
    assert found.owner("/bin/sh") is None
    assert found.depends("x") == ()


@pytest.mark.parametrize(
    ("relation", "clauses"),
    [
        ("(a and b >= 1 and c)", [["a"], ["b"], ["c"]]),
        ("(a or b = 1-2 or c)", [["a", "b", "c"]]),
        ("(a with a < 2)", [["a"], ["a"]]),
        ("(a without b)", [["a"]]),
        ("(x if a)", [["x"]]),
        ("(x if no)", []),
        ("(x if no else y)", [["y"]]),
        ("(x if (no or a))", [["x"]]),
        ("(x if (no and a) else (y or z))", [["y", "z"]]),
        ("(x unless no)", [["x"]]),
        ("(x unless a else y)", [["y"]]),
        ("((no and x) or (a and b))", [["a"], ["b"]]),
        ("(lib.so.1(V_1.0)(64bit) or font(:lang=en) >= 2)", [["lib.so.1(V_1.0)(64bit)", "font(:lang=en)"]]),
        ("(", []),
        ("(a", [["a"]]),
        ("()", []),
        ("(a) b", []),
        ("(" * 500 + "a" + ")" * 500, []),
        ("(a" + " or a" * 2000 + ")", []),
    ],
)
def test_rich_dependencies(relation: str, clauses: list[list[str]]) -> None:
    assert RichDependency(relation, {"a", "b"}.__contains__).clauses() == clauses


def history(*items: tuple[str, int, int]) -> bytes:
    """Write dnf 4's history: a name, the reason and the state of each change, oldest first."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE rpm (item_id INTEGER PRIMARY KEY, name TEXT, arch TEXT)")
        connection.execute(
            "CREATE TABLE trans_item (id INTEGER PRIMARY KEY, item_id INTEGER, reason INTEGER, state INTEGER)"
        )
        for number, (name, reason, state) in enumerate(items):
            connection.execute("INSERT INTO rpm VALUES (?, ?, 'x86_64')", (number, name))
            connection.execute("INSERT INTO trans_item VALUES (?, ?, ?, ?)", (number, number, reason, state))
        connection.commit()
        return connection.serialize()


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/usr/lib/sysimage/libdnf5/packages.toml", b'[packages]\n"jq.x86_64" = {reason = "User"}\n'),
        (
            "/usr/lib/sysimage/libdnf5/packages.toml",
            b'[packages."jq.x86_64"]\nreason = "External User"\n[packages."oniguruma.x86_64"]\nreason = "Dependency"\n',
        ),
        ("/var/lib/dnf/history.sqlite", history(("jq", 1, 1), ("oniguruma", 1, 1), ("jq", 2, 1))),
        ("/var/lib/dnf/history.sqlite", history(("jq", 2, 1), ("oniguruma", 2, 1), ("oniguruma", 1, 1))),
        ("/var/lib/dnf/history.sqlite", history(("jq", 2, 1), ("oniguruma", 1, 1), ("oniguruma", 2, 3))),
        ("/var/lib/zypp/AutoInstalled", b"# made by zypp\noniguruma\n"),
    ],
)
def test_what_was_installed_by_name(path: str, data: bytes) -> None:
    files = {SQLITE: rpms.sqlite([JQ, ONIGURUMA])}
    assert RpmDatabase(MemoryFiles({**files, path: data})).installed_by_name() == {"jq"}


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/usr/lib/sysimage/libdnf5/packages.toml", b"[packages\n"),
        ("/usr/lib/sysimage/libdnf5/packages.toml", b'packages = ["jq"]\n'),
        ("/var/lib/dnf/history.sqlite", b"no database"),
        ("/var/lib/dnf/history.sqlite", rpms.sqlite([])),
        ("/nowhere", b""),
    ],
)
def test_without_a_history_that_can_be_read_nothing_was(path: str, data: bytes) -> None:
    files = {SQLITE: rpms.sqlite([JQ, ONIGURUMA])}
    assert RpmDatabase(MemoryFiles({**files, path: data})).installed_by_name() == frozenset()
