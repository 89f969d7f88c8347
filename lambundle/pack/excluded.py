"""What the user has to know of ``--exclude``: patterns that match nothing, and programs that do not start any more.

Neither is an error. A host of the same family as the packing machine may have the library, and a script that packs many
programs may exclude for all of them what only some have.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.elf.closure import Excluded
from lambundle.gather.exclusions import near
from lambundle.machine import MAX_LINKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambundle.elf.closure import Closure, LoadedFile
    from lambundle.gather.gathering import Gathering
    from lambundle.gather.programs import Requested

_SHOWN = 3


def exclusion_notes(gathering: Gathering, closure: Closure, programs: Sequence[Requested]) -> list[str]:
    """Return a note for each program that will not start, and for each pattern that left out nothing."""
    if not gathering.exclusions:
        return []
    notes = [note for program in programs for note in _not_starting(gathering, closure, program)]
    for pattern in gathering.exclusions.unmet():
        names = near(pattern, gathering.mirror.paths(""))
        meant = f"; did you mean {' or '.join(names)}?" if names else ""
        notes.append(f"--exclude {pattern!r} matches nothing of this bundle{meant}")
    return notes


def _not_starting(gathering: Gathering, closure: Closure, program: Requested) -> Iterator[str]:
    """Give a note if something that the loader needs before the program runs is left out, and nothing stands in."""
    interpreter = program.elf.interpreter
    if interpreter is not None and (gathering.excludes(interpreter) or gathering.exclusions.soname(interpreter)):
        yield _note(gathering, program, [Excluded(interpreter, program.started, interpreter)], "its loader")
        return
    inside = {posixpath.basename(path) for path in gathering.mirror.paths("")}
    loaded = _loaded_at_start(closure.scopes.get(program.started, ()))
    lost = [item for item in closure.excluded if item.needed_by in loaded and item.soname not in inside]
    if lost:
        needed_by = posixpath.basename(lost[0].needed_by)
        yield _note(gathering, program, lost, f"needed by {needed_by}")


def _note(gathering: Gathering, program: Requested, lost: Sequence[Excluded], why: str) -> str:
    names = list(dict.fromkeys(item.soname for item in lost))
    ways = (way for name in _names_of(gathering, lost[0]) for way in gathering.exclusions.of(name))
    option = f"--exclude {next(ways, '')!r}"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{program.launcher} will not start: {option} leaves out {', '.join(names[:_SHOWN])}{more}, {why}"


def _names_of(gathering: Gathering, lost: Excluded) -> Iterator[str]:
    """Give every name by which a file can be excluded: its own, and those of the links and directories on its way."""
    yield lost.soname
    files, path = gathering.files, lost.path
    for _ in range(MAX_LINKS):
        yield from (path, files.real_parent(path), *_above(path), *_above(files.real_parent(path)))
        if not files.is_link(path):
            return
        path = posixpath.join(posixpath.dirname(files.real_parent(path)), files.readlink(path))


def _above(path: str) -> Iterator[str]:
    while (path := posixpath.dirname(path)) not in ("", "/"):
        yield path


def _loaded_at_start(scope: Sequence[LoadedFile]) -> set[str]:
    """Return the paths of what a program loads through DT_NEEDED: plug-ins that it opens later are not among them."""
    files = {file.path: file for file in scope}
    found: set[str] = set()
    waiting = [scope[0].path] if scope else []
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [need.path for need in files[path].needed if need.path in files]
    return found
