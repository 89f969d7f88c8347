"""isolation: the bundle's programs map, start and are loaded by nothing of the host.

The rule. A shared object that a bundled program maps must be the bundle's or the user's own (of the function, of a
layer, made in /tmp). A program that it starts must be so too, or one of ``target.HOST_PROGRAMS``, which are there on
Lambda as they are here. But those never interpret a script of the bundle: what such a script starts would look for
its files at the host. And a program of the bundle never starts by the host's loader, which happens where its own is
missing. What the user's command itself starts, natively and outside of the bundle, is the user's business.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.elf.headers import read_elf
from lambundle.errors import LambundleError
from lambundle.machine import DiskFiles
from lambundle.target import is_on_host
from lambundle.verify.model import Check, Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lambundle.bundle.model import Program
    from lambundle.runtime.trace import Execution
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.result import JobResult
    from lambundle.verify.run.trace import Trace


@dataclass(frozen=True, slots=True)
class Breach:
    """A thing of the host that a bundled program used; ``cure`` is empty where another of its kind has one."""

    text: str
    path: str
    cure: str


def isolation_check(results: Sequence[JobResult], mounted: Mounted, sandbox: str) -> Check:
    """Whether nothing of the host was used; SKIP where there is no trace to say so."""
    if not mounted.bundles:
        return _skip("no program here has lambundle's runtime, so there is no trace of what was used")
    programs = [result.job.program for result in results]
    if programs and all(program is not None and program.static for program in programs):
        return _skip("static programs leave no trace of what they use")
    breaches = [breach for result in results for breach in _breaches(result, mounted)]
    if breaches:
        first = breaches[0]
        more = f", and {len(breaches) - 1} more" if len(breaches) > 1 else ""
        lines = tuple(breach.text for breach in breaches)
        return Check("isolation", Status.FAIL, f"{first.text}{more}", first.cure, lines[1:])
    if not any(_bundled_starts(result.trace, mounted) for result in results):
        return _skip("no program of a bundle left a trace of what it used")
    if not all(result.trace.is_whole for result in results):
        return _skip("the trace is too long to be read whole")
    used = sorted({posixpath.basename(item.path) for result in results for item in _of_host(result.trace, mounted)})
    also = f"; started the host's {', '.join(used[:4])}{' …' if len(used) > 4 else ''}, as on Lambda" if used else ""  # noqa: PLR2004
    return Check("isolation", Status.PASS, f"no library or loader of the host was used{also} ({sandbox})")


def _skip(why: str) -> Check:
    return Check("isolation", Status.SKIP, why)


def _bundled_starts(trace: Trace, mounted: Mounted) -> list[str]:
    return [start.program for start in trace.starts if mounted.is_bundled(start.program)]


def _of_host(trace: Trace, mounted: Mounted) -> list[Execution]:
    return [item for item in trace.executions if item.where == "host" and not mounted.is_users(item.path)]


def _breaches(result: JobResult, mounted: Mounted) -> list[Breach]:
    trace = result.trace
    found = [*_objects(trace, mounted), *_loaders(trace, mounted), *_helpers(trace, mounted)]
    if not found and result.succeeded and not _bundled_starts(trace, mounted):
        found += _untraced(result.job.program)
    return list(dict.fromkeys(found))


def _objects(trace: Trace, mounted: Mounted) -> list[Breach]:
    """Shared objects of the host in bundled programs, the loader among them."""
    found = []
    bundled = {start.process for start in trace.starts if mounted.is_bundled(start.program)}
    for item in trace.objects:
        if item.process not in bundled or mounted.is_users(item.path):
            continue
        name = _name(trace.program_of(item.process), mounted)
        if posixpath.basename(item.path).startswith(("ld-linux", "ld-musl", "ld.so", "ld64.so")):
            text = f"{name} was started by the host's loader {item.path}"
            cure = "start it by its launcher as lambundle wrote it; pack again if it was changed"
        else:
            text = f"{name} took the host's {item.path}"
            cure = f"pack again with --add {item.path}, so that it takes the bundle's"
        found.append(Breach(text, item.path, cure))
    return found


def _loaders(trace: Trace, mounted: Mounted) -> list[Breach]:
    """Programs of the bundle that are dynamic, and were handed to the kernel as if they were not."""
    found = []
    for item in trace.executions:
        interpreter = _interpreter(mounted.here(item.path)) if item.where == "static" else None
        if interpreter is not None:
            text = (
                f"{_name(item.path, mounted)} was started by the host's loader: its own, {interpreter}, is not inside"
            )
            found.append(Breach(text, interpreter, f"pack again with --add {interpreter}"))
    return found


def _interpreter(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return read_elf(DiskFiles(), str(path)).interpreter
    except LambundleError:
        return None


def _helpers(trace: Trace, mounted: Mounted) -> list[Breach]:
    found = []
    for item in _of_host(trace, mounted):
        script = _script(item.script, mounted)
        by = _name(trace.program_of(item.process), mounted) or "a program of the bundle"
        if script is not None:
            text = f"{script} of the bundle was run by the host's {item.path}"
            cure = f"pack again with --add {item.path}, or let its first line name an interpreter of the bundle"
        elif is_on_host(item.path):
            continue
        else:
            text = f"{by} started the host's {item.path}, which Lambda may not have"
            cure = f"pack again with --add {item.path}"
        found.append(Breach(text, item.path, cure))
    return found


def _script(path: str | None, mounted: Mounted) -> str | None:
    """The bundle's script that was named, by its name on the packing machine; None when it is no script."""
    if path is None:
        return None
    here = mounted.here(path) or mounted.served(path)
    try:
        with here.open("rb") if here is not None else open("/dev/null", "rb") as file:  # noqa: PTH123
            return mounted.original(path) if file.read(2) == b"#!" else None
    except OSError:
        return None


def _untraced(program: Program | None) -> list[Breach]:
    """A dynamic program of ours that did its job and left no trace was started by something else."""
    if program is None or program.static:
        return []
    name = posixpath.basename(program.launcher)
    text = f"{name} ran without the bundle's runtime: its launcher starts it by another loader or way"
    return [Breach(text, program.launcher, "restore the launcher as lambundle wrote it: pack again")]


def _name(path: str, mounted: Mounted) -> str:
    return mounted.original(path)
