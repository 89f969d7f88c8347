"""The command ``lambundle size``."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lambundle import api
from lambundle.cli.examples import CommandWithExamples
from lambundle.errors import EXIT_NO, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.cli.line import Line
    from lambundle.cli.size_screen import Screen
    from lambundle.size.drops import Drop
    from lambundle.size.facts import SizeFacts
    from lambundle.size.findings import Finding
    from lambundle.size.grouping import Sum

GROUPS = ("file", "package", "directory", "program")


@click.command(cls=CommandWithExamples)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "number",
    type=click.IntRange(0),
    metavar="N",
    default=10,
    show_default=True,
    help="Lines to show; 0 shows all.",
)
@click.option("--by", type=click.Choice(GROUPS), default="file", show_default=True, help="Add up by these.")
@click.option(
    "--with",
    "others",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="ZIP",
    help="Count another layer, or the function, that goes to Lambda with it. [repeatable]",
)
@click.option("--tree", is_flag=True, help="Show a tree: each file below its reason.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with a map to zoom into.")
@click.option("--force", is_flag=True, help="Replace FILE even if it is no page of size.")
@click.option("--against", type=click.Path(path_type=Path), metavar="BUNDLE", help="Compare with another bundle.")
@click.option("--deep", is_flag=True, help="Look into the files too: symbols that strip would take out.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print only how it stands to Lambda's quotas.")
@click.option("-v", "--verbose", is_flag=True, help="List every file that a note is about.")
def size(
    bundle: Path,
    number: int,
    by: str,
    others: tuple[Path, ...],
    tree: bool,
    html: Path | None,
    force: bool,
    against: Path | None,
    deep: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Say what every megabyte of a bundle is for.

    And what dropping it saves. BUNDLE is a zip or a directory, lambundle's or anybody's. Exit status 1 when Lambda
    does not take it: a function and all its layers together must stay below 250 MiB unpacked.
    """
    from lambundle.cli.pack_screen import label_line
    from lambundle.cli.quota_screen import quota_lines
    from lambundle.cli.size_screen import Screen
    from lambundle.cli.speaker import Speaker

    if against is not None and (tree or by != "file"):
        raise UsageError("--against shows files, not --tree or --by", hint="give one of them")
    if html is not None:
        _check_page(html, (bundle, *others, *([] if against is None else [against])), force=force)
    gc.disable()  # many small objects are made and none dropped: collecting costs a sixth of the time
    measured = api.measure_bundle(bundle, others=others, deep=deep)
    facts, offers, found = measured.facts, measured.drops, measured.findings
    groups = _groups(facts, by)
    other = None if against is None else api.measure_bundle(against).facts
    say = Speaker()
    say.remarks(_unread(facts))
    if html is not None:
        _write_page(html, facts, offers, found)
    if as_json:
        say.out.write_json(_data(facts, offers, found, by, groups, other))
    elif quiet:
        say.answers(quota_lines(facts.standings))
    else:
        screen = Screen(say.out)
        if other is not None:
            lines = screen.comparison(facts, other, number)
        else:
            view = _view(screen, facts, groups, by, number, tree=tree)
            lines = screen.overview(facts, view, offers, found, all_files=verbose)
        say.answers([*lines, *([] if html is None else [label_line("Wrote", (str(html), "path"))])])
    if facts.excess:
        sys.exit(EXIT_NO)


def _unread(facts: SizeFacts) -> list[Line]:
    from lambundle.cli.pack_screen import note_line

    return [
        note_line(f"{contents.path}: {contents.unread}, so that no reasons are known; verify says what is wrong")
        for contents in (facts.contents, *facts.others)
        if contents.unread
    ]


def _view(screen: Screen, facts: SizeFacts, groups: Sequence[Sum], by: str, number: int, *, tree: bool) -> list[Line]:
    if tree:
        return screen.tree(facts, number)
    if by != "file":
        return screen.sums(facts, groups, by.upper(), number)
    return screen.files(facts, number)


def _groups(facts: SizeFacts, by: str) -> Sequence[Sum]:
    from lambundle.size import grouping

    if by in {"package", "program"} and facts.graph is None:
        raise UsageError(
            f"--by {by} needs the manifest of a bundle that lambundle packed, and {facts.name} has none",
            hint="--by directory needs none",
        )
    makers = {
        "file": lambda _: (),
        "package": grouping.by_package,
        "directory": grouping.by_directory,
        "program": grouping.by_program,
    }
    return makers[by](facts)


def _check_page(path: Path, inputs: Sequence[Path], *, force: bool) -> None:
    from lambundle.bundle.write.outputs import check_output
    from lambundle.size.page import is_page

    check_output(path, inputs=inputs, force=force, is_ours=is_page)


def _write_page(path: Path, facts: SizeFacts, offers: Sequence[Drop], found: Sequence[Finding]) -> None:
    from lambundle.bundle.write.atomic import replacing_file, write_all
    from lambundle.size.page import page

    text = page(facts, offers, found)
    with replacing_file(path, len(text)) as fd:
        write_all(fd, text)


def _data(
    facts: SizeFacts,
    offers: Sequence[Drop],
    found: Sequence[Finding],
    by: str,
    groups: Sequence[Sum],
    other: SizeFacts | None,
) -> dict[str, Any]:
    from lambundle.size.compare import changes
    from lambundle.size.encode import encode, encode_changes, encode_groups

    data = encode(facts, offers, found)
    if by != "file":
        data |= encode_groups(by, groups)
    if other is not None:
        data |= encode_changes(other, changes(facts, other))
    return data
