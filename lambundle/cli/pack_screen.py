"""What ``lambundle pack`` says to a person: what was resolved, added and written, and how large it is."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lambundle.cli.line import Line, line
from lambundle.cli.quota_screen import quota_lines
from lambundle.errors import NotInBundleError
from lambundle.size.quotas import standings, ways_out

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.bundle.model import Reason
    from lambundle.bundle.write import Written
    from lambundle.cli.line import Part
    from lambundle.pack.request import Plan

LABEL = 11
MAX_NOTES = 5


def plan_lines(plan: Plan) -> list[Line]:
    """Lines on what was resolved and added, before anything is written."""
    counts = f"{_count(plan.programs, 'program')}, {_count(plan.libraries, 'library', 'libraries')}"
    added = [
        label_line("Added", _count(files, "file").ljust(46), (f"recipe {recipe}", "dim"))
        for recipe, files in plan.recipes.items()
        if files
    ]
    return [label_line("Resolved", counts), *added]


def entry_lines(plan: Plan) -> list[Line]:
    """A line for each entry: its size, its path, why it is there."""
    lines = []
    for entry in plan.manifest.entries:
        why = entry.reasons[0] if entry.reasons else None
        text = "" if why is None else " ".join(part for part in (why.kind, why.detail, why.by or "") if part)
        said: tuple[Part, ...] = ((f"  {text}", "dim"),) if text else ()
        lines.append(line(f"{entry.size:>11,}  {entry.path}", *said))
    return lines


def why_lines(plan: Plan, path: str) -> list[Line]:
    """The chain of reasons for a file, from the file to a program.

    ``path`` is absolute as on this machine, or a path in the bundle. Raises NotInBundleError.
    """
    root = f"lambundle/{plan.manifest.name}/root"
    entries = {entry.path: entry for entry in plan.manifest.entries}
    at: str | None = next(
        (name for name in (path, root + path, root + plan.machine.files.real_parent(path)) if name in entries), None
    )
    if at is None:
        raise NotInBundleError(f"{path} is not in the bundle", hint="add it with --add PATH")
    users = {group.name: group.reasons[0].by for group in plan.manifest.groups if group.kind == "facility"}
    lines, seen = [line((path, "name"))], {at}
    reasons = entries[at].reasons
    while reasons:
        reason = reasons[0]
        lines.append(line(f"{'  ' * len(lines)}{_because(reason)}"))
        at = users.get(reason.detail) if reason.kind == "facility" else reason.by
        if at is None or at in seen:
            break
        seen.add(at)
        entry = entries.get(root + plan.machine.files.real_parent(at))
        reasons = entry.reasons if entry is not None else tuple(filter(None, (plan.packages.get(at),)))
    return lines


def _because(reason: Reason) -> str:
    by, detail = reason.by or "", reason.detail
    texts = {
        "program": f"you asked for {detail}",
        "needed": f"needed as {detail} by {by}",
        "interpreter": f"interpreter of {by}",
        "package": f"package {detail}, for {by}",
        "add-on": f"package {detail}, installed by name for {by}",
        "recipe": f"recipe {detail}" + (f", for {by}" if by else ""),
        "add": f"--add {detail}",
        "named": f"--package {detail}",
        "started": f"started by {by}",
        "compiled": f"compiled form of {by}",
        "opened": f"opened as {detail} by {by}",
        "link": f"hard link of {by}",
        "shell": "every bundle with a dynamic program has /bin/sh",
        "libc": f"opened by name: {detail}",
        "runtime": "lambundle's runtime",
        "facility": detail,
        "installation": f"{detail}, for {by}",
        "recorded": "a recorded command opened it",
    }
    return texts.get(reason.kind, reason.kind)


def planned_lines(plan: Plan) -> list[Line]:
    """What a plan will take unpacked; what the zip will take nobody knows yet."""
    return [*quota_lines(standings(plan.unzipped, None)), line("nothing was written (--dry-run)")]


def warnings(written: Written) -> list[Line]:
    """What a person must know before uploading: which quota is passed, and the way out."""
    return [
        line(("warning:", "warn"), f" {text}", hang=" " * 9)
        for text in ways_out(standings(written.unzipped, written.zipped))
    ]


def note_lines(notes: tuple[str, ...], *, all_of_them: bool) -> list[Line]:
    """Notes, shortened unless all are wanted."""
    shown = notes if all_of_them else notes[:MAX_NOTES]
    lines = [note_line(note) for note in shown]
    if len(shown) < len(notes):
        lines.append(note_line(f"{len(notes) - len(shown)} more; -v lists them"))
    return lines


def note_line(text: str) -> Line:
    """A remark."""
    return line(("note:", "note"), f" {text}", hang=" " * 6)


def written_lines(out: Path, written: Written) -> list[Line]:
    """What was written, and its sizes."""
    return [label_line("Wrote", (str(out), "path")), *quota_lines(standings(written.unzipped, written.zipped))]


def next_line(out: Path) -> Line:
    """What to do next."""
    return line(("next:", "hint"), " ", (f"lambundle verify {shlex.quote(str(out))}", "command"))


def label_line(label: str, *parts: str | Part) -> Line:
    """A line that begins with a label, flush with those of the other lines."""
    return line((f"{label:>{LABEL}}", "label"), "  ", *parts, hang=" " * (LABEL + 2))


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
