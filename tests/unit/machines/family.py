"""How a family of distributions lays its files out, and the machine that a list of packages makes there."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.machine import DEFAULT_PATH, Machine, MemoryFiles
from tests.unit.machines.contents import Libc, content
from tests.unit.machines.listing import Package, Sort, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EXECUTABLE = frozenset((Sort.PROGRAM, Sort.STATIC, Sort.SCRIPT))


@dataclass(frozen=True)
class Family:
    """A family: the directories that are links, its C library, the PATH of root, and its package manager.

    ``database`` makes the files of that one's database out of the packages.
    """

    name: str
    libc: Libc
    os_release: str
    database: Callable[[list[Package]], Mapping[str, bytes]]
    links: Mapping[str, str] = field(default_factory=dict)
    search: str = DEFAULT_PATH

    def packages(self) -> list[Package]:
        """Read what is installed."""
        return read(self.name)

    def machine(self) -> Machine:
        """Return the made-up machine, with nothing remembered of it yet."""
        data: dict[str, bytes | str] = {"/etc/os-release": self.os_release}
        links, same = dict(self.links), {}
        sizes, modes, directories = {}, {}, ["/tmp", "/root"]
        packages = self.packages()
        for package in packages:
            for file in package.files:
                path = self.physical(file.path)
                if file.sort is Sort.DIRECTORY:
                    directories.append(path)
                elif file.sort is Sort.LINK:
                    links[path] = file.target
                elif file.sort is Sort.SAME:
                    same[path] = file.target
                else:
                    data[path] = content(file, self.libc)
                    sizes[path] = max(file.size, len(data[path]))
                    if file.sort in _EXECUTABLE:
                        modes[path] = 0o755
        data.update(self.database(packages))
        files = MemoryFiles(
            data, links=links, hard_links=same, sizes=sizes, modes=modes, directories=tuple(directories)
        )
        return Machine(files, {"PATH": self.search, "HOME": "/root"}, "/root")

    def physical(self, path: str) -> str:
        """Return where a listed path lies: the first directory may be a link, as in a merged /usr."""
        top, _, rest = path[1:].partition("/")
        target = self.links.get(f"/{top}")
        return posixpath.join("/", target, rest) if target and rest else path
