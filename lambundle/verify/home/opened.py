"""The files that a job opened at home and that the bundle has not."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.target import HOST_LIBRARIES, is_on_host
from lambundle.verify.checks.missing import HARMLESS, MissingPath

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lambundle.verify.packing_machine import PackingMachine
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.result import JobResult
    from lambundle.verify.run.trace import Trace

_OPENING = re.compile(r".*open.*|scandir.*|n?ftw.*|glob.*|exec.*|posix_spawn.*|dlopen")
"""Functions of libc that use a file, and do not only ask whether it is there."""


def opened_only(
    result: JobResult, trace: Trace, mounted: Mounted, machine: PackingMachine, hosts: Collection[str]
) -> tuple[MissingPath, ...]:
    """The files in the ``trace`` of a job at home that no bundle has, and no host: ``result`` is what came of it there.

    ``hosts`` are names of the sandbox's libraries. Files of packages come first, and of those data: libraries that
    discovery left out are opened often and used rarely.
    """
    found_there = {posixpath.normpath(item.path) for item in result.trace.lookups if item.where != "nowhere"}
    used = [path for path in dict.fromkeys(_used(trace)) if path not in found_there and not HARMLESS.match(path)]
    absent = [path for path in used if not _is_there(path, mounted, machine, hosts)]
    programs = {item.path for item in trace.executions}
    found: dict[str, MissingPath] = {}
    for path in machine.files(absent):
        item = MissingPath(path, machine.owner(path), result.job.name, is_program=path in programs)
        found.setdefault(machine.real(path), item)
    return tuple(sorted(found.values(), key=lambda item: (item.package is None, _is_library(item.path))))


def _is_library(path: str) -> bool:
    return ".so" in posixpath.basename(path)


def _used(trace: Trace) -> Iterable[str]:
    for lookup in trace.lookups:
        if lookup.where == "host" and _OPENING.fullmatch(lookup.operation):
            yield posixpath.normpath(lookup.path)
    yield from (item.path for item in trace.executions if item.where == "host")
    yield from (item.path for item in trace.objects)


def _is_there(path: str, mounted: Mounted, machine: PackingMachine, hosts: Collection[str]) -> bool:
    """Whether a program finds the file on Lambda: the bundle's, or the host's."""
    names = {path, machine.real(path)}
    if any(is_on_host(name) or mounted.served(name) is not None for name in names):
        return True
    base = posixpath.basename(path)
    return _is_library(path) and (base in HOST_LIBRARIES or base in hosts)
