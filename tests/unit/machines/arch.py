"""Arch: everything in /usr/bin and /usr/lib, a library's headers in its own package, pacman."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.machines.contents import Libc
from tests.unit.machines.family import Family
from tests.unit.machines.listing import UNLISTED, Sort

if TYPE_CHECKING:
    from tests.unit.machines.listing import Package


def database(packages: list[Package]) -> dict[str, bytes]:
    """Write ``desc`` and ``files`` of each package."""
    made = {"/var/lib/pacman/local/ALPM_DB_VERSION": b"9\n"}
    for package in packages:
        if package.name == UNLISTED:
            continue
        blocks = {
            "NAME": [package.name],
            "VERSION": [package.version],
            "BASE": [package.source],
            "ARCH": [package.architecture or "x86_64"],
            "GROUPS": package.fields.get("groups", "").split(),
            "DEPENDS": package.relation("depends"),
            "OPTDEPENDS": package.relation("suggests"),
            "PROVIDES": package.relation("provides"),
        }
        place = f"/var/lib/pacman/local/{package.name}-{package.version}"
        made[f"{place}/desc"] = _written(blocks)
        names = [f"{path[1:]}/" for path in package.directories()]
        names += [file.path[1:] for file in package.files if file.sort is not Sort.DIRECTORY]
        made[f"{place}/files"] = _written({"FILES": sorted(dict.fromkeys(names))})
    return made


def _written(blocks: dict[str, list[str]]) -> bytes:
    return "".join(f"%{name}%\n" + "\n".join(values) + "\n\n" for name, values in blocks.items() if values).encode()


FAMILY = Family(
    name="arch",
    libc=Libc("libc.so.6", "/lib64/ld-linux-x86-64.so.2", ("/usr/lib", "/usr/lib64")),
    os_release='NAME="Arch Linux"\nPRETTY_NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n',
    database=database,
    links={
        "/bin": "usr/bin",
        "/lib": "usr/lib",
        "/lib64": "usr/lib",
        "/sbin": "usr/bin",
        "/usr/lib64": "lib",
        "/usr/sbin": "bin",
    },
    search="/usr/local/sbin:/usr/local/bin:/usr/bin",
)
