"""The answer of ``ldconfig -p``, by which Python's ctypes finds libraries: those of the bundle."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.elf.headers import ElfFile
from lambundle.pack.library_path import libraries_by_directory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.gather.gathering import Gathering
    from lambundle.pack.launcher import Loader

DIRECTORY = "/sbin"
NAME = "ldconfig"

ASKS = "/ctypes/util.py"
"""Python's module that runs ``/sbin/ldconfig -p`` and searches its output, ``find_library``."""

_ABI = {"x86_64": "libc6,x86-64", "aarch64": "libc6,AArch64"}
"""How ldconfig names the libraries of a machine (glibc's ldconfig.c), and ``find_library`` expects it."""

_SCRIPT = """\
#!/bin/sh
# The host's ldconfig lists the host's libraries. This one lists those that programs of the bundle open by their names.
case " $* " in
*" -p "* | *" --print-cache "*) ;;
*)
	echo "ldconfig: a bundle's list of libraries cannot be changed, only printed (-p)" >&2
	exit 1
	;;
esac
printf '%d libs found in the bundle\\n' {count}
printf '\\t%s ({abi}) => %s\\n' {libraries}
"""


def add_library_list(gathering: Gathering, loaders: Iterable[Loader]) -> None:
    """Add an ldconfig that lists the libraries of the bundle, if it holds Python's ctypes."""
    asking = gathering.mirror.paths(ASKS)
    path = f"{gathering.files.real(DIRECTORY)}/{NAME}"
    directories = dict.fromkeys(name for loader in loaders if loader.libc == "glibc" for name in loader.directories)
    libraries: dict[str, str] = {}
    for directory, names in libraries_by_directory(gathering, directories).items():
        for name in sorted(names):
            if _is_soname(gathering, f"{directory}/{name}"):
                libraries.setdefault(name, f"{directory}/{name}")
    if not asking or not libraries or path in gathering.mirror:
        return
    reason = Reason("started", asking[0])
    gathering.mirror.add(DIRECTORY, reason)
    listed = " \\\n\t".join(f"{shlex.quote(name)} {shlex.quote(libraries[name])}" for name in sorted(libraries))
    text = _SCRIPT.format(count=len(libraries), abi=_ABI[gathering.architecture], libraries=listed)
    gathering.mirror.make_file(path, text.encode("utf-8", "surrogateescape"), 0o755, reason)


def _is_soname(gathering: Gathering, path: str) -> bool:
    elf = gathering.elves.elf(gathering.files.real(path))
    return isinstance(elf, ElfFile) and elf.soname == path.rpartition("/")[2]
