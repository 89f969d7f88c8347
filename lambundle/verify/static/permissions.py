"""permissions: what Lambda's user, who owns nothing, may read and execute.

There every file belongs to root, so that of a mode only the three bits for others count.
"""

from __future__ import annotations

import posixpath
import stat
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.target import BOOTSTRAP, UID
from lambundle.verify.static.clutter import is_clutter, removal
from lambundle.verify.static.contents import Content
from lambundle.verify.static.outcome import REZIPPED, count, failed, passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambundle.bundle.listing import Member
    from lambundle.verify.model import Check
    from lambundle.verify.static.bundles import PackedBundle
    from lambundle.verify.static.facts import StaticFacts

NAME = "permissions"
SET_ID = "chmod u-s,g-s it, then zip it again: on Lambda a set-ID bit can have no use"
UNREADABLE = f"chmod -R o+rX the tree, then zip it again with its modes (zip -y): on Lambda user {UID} reads it"
NOT_EXECUTABLE = "chmod 0755 it, then zip it again with its modes (zip -y): nothing can chmod it on Lambda"

_READ, _EXECUTE = 0o4, 0o1
_ENTERED = _READ | _EXECUTE
_BIN = "bin"  # on PATH as /opt/bin
_EXTENSIONS = "extensions"  # Lambda itself starts these, and the bootstrap


def check(facts: StaticFacts) -> Check:
    """Check the modes of all entries."""
    set_id = [f"{m.path} has mode {m.mode:04o}" for m in facts.members if m.mode & (stat.S_ISUID | stat.S_ISGID)]
    programs = dict.fromkeys(_programs(facts))
    stuck = [facts.tree.by_path[path] for path in programs if _is_stuck(facts, path)]
    closed = [member for member in facts.members if _is_closed(facts, member) and not is_clutter(member.path)]
    findings = [_not_executable(facts, member) for member in stuck] + facts.listing.faults_of(NAME)
    findings += map(_not_readable, closed)
    if findings:
        return failed(NAME, [*findings, *set_id], _hint(facts, stuck, closed))
    if set_id:
        return failed(NAME, set_id, SET_ID)
    detail = f"user {UID} can read every file and start {count(len(programs), 'program')}"
    if bare := len(facts.listing.bare):
        detail += f"; {count(bare, 'entry', 'entries')} without Unix attributes"
    if clutter := [path for path in facts.tree.by_path if is_clutter(path)]:
        detail += f"; {count(len(clutter), 'entry', 'entries')} of macOS that nobody needs ({clutter[0]})"
        if facts.listing.zipped is not None:
            detail += f": {removal(str(facts.path), clutter)}"
    return passed(NAME, detail)


def _hint(facts: StaticFacts, stuck: Sequence[Member], closed: Sequence[Member]) -> str:
    """The hint: packed files had the right modes once, foreign code may never have had them."""
    packed = {entry.path for bundle in facts.bundles for entry in bundle.manifest.entries}
    if any(member.path in packed for member in (*stuck, *closed)):
        return REZIPPED
    return NOT_EXECUTABLE if stuck else UNREADABLE


def _is_stuck(facts: StaticFacts, path: str) -> bool:
    return path in facts.listing.bare or not facts.tree.by_path[path].mode & _EXECUTE


def _not_executable(facts: StaticFacts, member: Member) -> str:
    if member.path in facts.listing.bare:
        return f"{member.path} has no Unix attributes in the zip: it cannot be executed"
    return f"{member.path} is not executable for others (mode {member.mode:04o})"


def _is_closed(facts: StaticFacts, member: Member) -> bool:
    if member.path in facts.listing.bare or member.kind is Kind.LINK:
        return False
    wanted = _ENTERED if member.kind is Kind.DIRECTORY else _READ
    return member.mode & wanted != wanted


def _not_readable(member: Member) -> str:
    if member.kind is Kind.DIRECTORY:
        return f"{member.path}/ is closed to others (mode {member.mode:04o})"
    return f"{member.path} is not readable for others (mode {member.mode:04o})"


def _programs(facts: StaticFacts) -> Iterator[str]:
    """Files that something will execute."""
    for bundle in facts.bundles:
        yield from _programs_of(facts, bundle)
    for path in facts.loose:
        content = facts.contents.get(path, Content())
        directory = posixpath.dirname(path)
        is_program = content.elf is not None and content.elf.is_program
        if path == BOOTSTRAP or directory == _EXTENSIONS or is_program or (directory == _BIN and content.script):
            yield path


def _programs_of(facts: StaticFacts, bundle: PackedBundle) -> Iterator[str]:
    """Launchers, what they start, the loader; and what was a program when it was packed."""
    elves = {path: content.elf for path, content in facts.contents.items() if content.elf is not None}
    interpreters = {elf.interpreter for elf in elves.values() if elf.interpreter}
    started = [bundle.root + path for path in (*interpreters, *(program.real for program in bundle.manifest.programs))]
    for path in (*(program.launcher for program in bundle.manifest.programs), *started):
        member = facts.tree.member(path)
        if member is not None and (member.path in elves or path not in started):
            yield member.path
    for entry in bundle.manifest.entries:
        if entry.mode & _EXECUTE and entry.path in facts.contents:
            elf = elves.get(entry.path)
            if facts.contents[entry.path].script or (elf is not None and elf.is_program):
                yield entry.path
