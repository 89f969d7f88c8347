"""Why each package was installed, as the tools above rpm record it: rpm itself does not.

- dnf 5: ``packages.toml``, a table of reasons by NAME.ARCH.
- dnf 4, microdnf: ``history.sqlite``, where the last finished transaction of a package has its reason.
- zypper: ``AutoInstalled``, the names of packages that nobody asked for.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from lambundle.errors import PackageDatabaseError, UnreadableFileError
from lambundle.packages.base import read_if_there
from lambundle.packages.rpm.stores import memory_database

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.machine import Files

DNF5 = ("/usr/lib/sysimage/libdnf5/packages.toml", "/var/lib/dnf/system/packages.toml")
DNF4 = ("/usr/lib/sysimage/dnf/history.sqlite", "/var/lib/dnf/history.sqlite")
ZYPPER = "/var/lib/zypp/AutoInstalled"

_USER = frozenset(("user", "external user"))
_USER_NUMBERS = frozenset((2, 6))
"""libdnf's TransactionItemReason: USER and EXTERNAL_USER."""
_LAST = """
SELECT rpm.name, rpm.arch, item.reason FROM trans_item AS item JOIN rpm ON rpm.item_id = item.item_id
WHERE item.state = 1 ORDER BY item.id
"""
"""All finished (DONE) transactions of packages, oldest first."""


def asked_for(files: Files, installed: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of the ``installed`` packages, each a name and an architecture, that a person asked for."""
    for path in DNF5:
        if files.is_file(path):
            return _from_dnf5(read_if_there(files, path))
    for path in DNF4:
        if files.is_file(path):
            return _from_dnf4(files, path)
    if files.is_file(ZYPPER):
        lines = read_if_there(files, ZYPPER).splitlines()
        automatic = {line.strip() for line in lines if not line.startswith("#")}
        return {each for each in installed if each[0] not in automatic}
    return set()


def _from_dnf5(text: str) -> set[tuple[str, str]]:
    try:
        table = tomllib.loads(text).get("packages", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return set()
    found = set()
    for key, value in table.items() if isinstance(table, dict) else ():
        name, _, architecture = key.rpartition(".")
        reason = value.get("reason") if isinstance(value, dict) else None
        if isinstance(reason, str) and reason.lower() in _USER:
            found.add((name, architecture))
    return found


def _from_dnf4(files: Files, path: str) -> set[tuple[str, str]]:
    import sqlite3  # only machines with such a history wait for it

    last: dict[tuple[str, str], object] = {}
    try:
        connection = memory_database(files, path)
        try:
            for name, architecture, reason in connection.execute(_LAST):
                last[str(name), str(architecture)] = reason
        finally:
            connection.close()
    except (sqlite3.Error, UnreadableFileError, PackageDatabaseError):
        return set()  # nothing is known
    return {package for package, reason in last.items() if reason in _USER_NUMBERS}
