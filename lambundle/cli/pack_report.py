"""What a person sees: the only place, with ``deps_report``, that imports rich."""

from __future__ import annotations

import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambundle.size.quotas import quota_lines, standings, ways_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lambundle.bundle.model import Reason
    from lambundle.bundle.write import Written
    from lambundle.errors import LambundleError
    from lambundle.pack.request import Plan
    from lambundle.recipes.recipe import Recipe

LABEL = 11
MAX_NOTES = 5


def error_text(error: LambundleError) -> str:
    """Render an error the way pip does: the code, what is wrong, where it was looked for, what to do."""
    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    unicode = encoding.lower().replace("-", "").startswith("utf")
    cross, arrow = ("\u00d7", "╰─>") if unicode else ("x", "->")
    lines = [f"error: {error.code}", f"  {cross} {error.message}"]
    for number, line in enumerate(error.context):
        lines.append(f"  {arrow} {line}" if number == 0 else f"  {' ' * len(arrow)} {line}")
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return "\n".join(lines)


def plan_lines(plan: Plan) -> list[str]:
    """Lines on what was resolved and added, before anything is written."""
    counts = f"{_count(plan.programs, 'program')}, {_count(plan.libraries, 'library', 'libraries')}"
    lines = [_line("Resolved", counts)]
    for recipe, files in plan.recipes.items():
        if files == 0:
            continue
        lines.append(_line("Added", f"{_count(files, 'file')}".ljust(46) + f"recipe {recipe}"))
    return lines


def why_lines(plan: Plan, path: str) -> list[str] | None:
    """The chain of reasons for a file, from the file to a program; None when it is not in the bundle.

    ``path`` is absolute as on this machine, or a path in the bundle.
    """
    root = f"lambundle/{plan.manifest.name}/root"
    entries = {entry.path: entry for entry in plan.manifest.entries}
    at: str | None = next(
        (name for name in (path, root + path, root + plan.machine.files.real_parent(path)) if name in entries), None
    )
    if at is None:
        return None
    users = {group.name: group.reasons[0].by for group in plan.manifest.groups if group.kind == "facility"}
    lines, seen = [path], {at}
    reasons = entries[at].reasons
    while reasons:
        reason = reasons[0]
        lines.append(f"{'  ' * len(lines)}{_because(reason)}")
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
        "recipe": f"recipe {detail}" + (f", for {by}" if by else ""),
        "add": f"--add {detail}",
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


def recipe_lines(book: Sequence[Recipe]) -> list[str]:
    """Recipes, each with the programs it is for, why there is one, and what its smoke job does."""
    lines = []
    for recipe in book:
        lines.append(f"{recipe.name}: {', '.join(recipe.programs)}")
        lines += textwrap.wrap(recipe.why, 76, initial_indent="    ", subsequent_indent="    ")
        if recipe.smoke is not None:
            lines.append(f"    smoke job: {recipe.smoke.does}")
    return lines


def size_lines(written: Written) -> list[str]:
    """Lines on both sizes against both quotas."""
    return quota_lines(standings(written.unzipped, written.zipped))


def planned_size_lines(plan: Plan) -> list[str]:
    """The line on what a plan will take unpacked; what the zip will take nobody knows yet."""
    return quota_lines(standings(plan.unzipped, None))


def warnings(written: Written) -> list[str]:
    """What a person must know before uploading: which quota is passed, and the way out."""
    return [f"warning: {text}" for text in ways_out(standings(written.unzipped, written.zipped))]


def note_lines(notes: tuple[str, ...], *, all_of_them: bool) -> list[str]:
    """Notes, shortened unless all are wanted."""
    shown = notes if all_of_them else notes[:MAX_NOTES]
    lines = [f"note: {note}" for note in shown]
    if len(shown) < len(notes):
        lines.append(f"note: {len(notes) - len(shown)} more; -v lists them")
    return lines


def pack_json(plan: Plan, written: Written | None, out: Path | None, tree: Path | None) -> dict[str, Any]:
    """The result of ``pack`` as data. ``zip``, ``zipped`` and the digests are null in a dry run."""
    return {
        "version": 1,
        "name": plan.manifest.name,
        "zip": None if out is None or written is None else str(out),
        "tree": None if tree is None else str(tree),
        "unzipped": plan.unzipped if written is None else written.unzipped,
        "zipped": None if written is None else written.zipped,
        "quotas": [
            {"name": item.quota.name, "limit": item.quota.limit, "value": item.value, "status": item.status.value}
            for item in standings(
                plan.unzipped if written is None else written.unzipped, None if written is None else written.zipped
            )
        ],
        "programs": [
            {"launcher": item.launcher, "path": item.path, "real": item.real, "static": item.static}
            for item in plan.manifest.programs
        ],
        "packed_on": {
            "distribution": plan.manifest.packed_on.distribution,
            "libc": plan.manifest.packed_on.libc,
            "machine": plan.manifest.packed_on.machine,
        },
        "notes": list(plan.notes),
        "entries": [
            {
                "path": entry.path,
                "kind": entry.kind.value,
                "mode": f"{entry.mode:04o}",
                "size": entry.size,
                "source": None if entry.source is None else str(entry.source),
                "target": entry.target,
                "sha256": None if written is None else written.digests.get(entry.path),
                "reasons": [
                    {"kind": reason.kind, "by": reason.by, "detail": reason.detail} for reason in entry.reasons
                ],
            }
            for entry in plan.manifest.entries
        ],
    }


@contextmanager
def progress_bar(total: int, *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A progress bar on stderr where that is a terminal, nothing elsewhere; it is told bytes done."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("  Packing"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("pack", total=total)
        yield lambda size: progress.advance(task, size)


def _line(label: str, text: str) -> str:
    return f"{label:>{LABEL}}  {text}"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
