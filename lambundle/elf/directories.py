"""The directories in which a loader searches for the files of one process. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambundle.elf.environment import Libc, SearchEnvironment
from lambundle.elf.loader import expand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lambundle.elf.loader import Requester


def searched_directories(environment: SearchEnvironment, requesters: Sequence[Requester]) -> tuple[str, ...]:
    """Return the absolute directories that are searched for a name which one of ``requesters`` needs or opens.

    They are in the loader's order as far as the requesters have one order: ld.so(8), for musl ``load_library``. The
    first requester is the program. Elements with ``$ORIGIN`` are left out but for LD_LIBRARY_PATH's: they lead to the
    same place in a bundle.
    """
    origin = requesters[0].origin if requesters else ""
    asked = [expand(element, origin, environment) for element in environment.library_path]
    rpaths = [item.elf.rpath for item in requesters if item.elf.rpath and item.elf.runpath is None]
    runpaths = [item.elf.runpath for item in requesters if item.elf.runpath]
    machines = [*environment.conf_directories, *environment.default_directories]
    # By its bare name an audit library is found where it was by its path.
    machines += [name.rpartition("/")[0] for item in requesters[:1] for name in item.elf.audits if name.startswith("/")]
    if environment.libc is Libc.MUSL:
        own = (text for item in requesters if (text := item.elf.runpath or item.elf.rpath))
        found = [*environment.library_path, *_elements(own, environment), *machines]
    else:
        found = [*_elements(rpaths, environment), *asked, *_elements(runpaths, environment), *machines]
    return tuple(dict.fromkeys(name for name in found if name is not None and name.startswith("/")))


def _elements(texts: Iterable[str], environment: SearchEnvironment) -> Iterator[str | None]:
    for text in dict.fromkeys(texts):
        for element in re.split("[:\n]" if environment.libc is Libc.MUSL else ":", text):
            if "ORIGIN" not in element:
                yield expand(element, "", environment)
