"""Debian: a merged /usr with a directory for each architecture's libraries, dpkg."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.machines.contents import Libc
from tests.unit.machines.family import Family
from tests.unit.machines.listing import UNLISTED

if TYPE_CHECKING:
    from tests.unit.machines.listing import Package

_FIELDS = {
    "pre-depends": "Pre-Depends",
    "depends": "Depends",
    "recommends": "Recommends",
    "suggests": "Suggests",
    "provides": "Provides",
}


def database(packages: list[Package]) -> dict[str, bytes]:
    """Write ``status`` and a list for each package."""
    made = {}
    paragraphs = []
    for package in packages:
        if package.name == UNLISTED:
            continue
        architecture = package.architecture or "amd64"
        lines = [
            f"Package: {package.name}",
            "Status: install ok installed",
            f"Section: {package.fields.get('section', 'misc')}",
            f"Architecture: {architecture}",
            f"Version: {package.version}",
        ]
        if package.source != package.name:
            lines.append(f"Source: {package.source}")
        multi = package.fields.get("multi", "")
        if multi:
            lines.append(f"Multi-Arch: {multi}")
        lines += [f"{title}: {', '.join(package.relation(kind))}" for kind, title in _FIELDS.items()]
        paragraphs.append("\n".join(lines))
        names = ["/.", *package.directories(), *(file.path for file in package.files)]
        name = f"{package.name}:{architecture}" if multi == "same" else package.name
        made[f"/var/lib/dpkg/info/{name}.list"] = "".join(f"{path}\n" for path in dict.fromkeys(names)).encode()
    return {"/var/lib/dpkg/status": ("\n\n".join(paragraphs) + "\n").encode(), **made}


FAMILY = Family(
    name="debian",
    libc=Libc(
        "libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
        ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"),
    ),
    os_release='PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
    database=database,
    links={"/bin": "usr/bin", "/lib": "usr/lib", "/lib64": "usr/lib64", "/sbin": "usr/sbin"},
)
