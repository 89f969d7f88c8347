"""The screens that are kept in ``tests/golden``; ``python -m tests.unit.size.golden`` writes them as they are now."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind, Reason
from lambundle.cli.size_screen import Screen
from lambundle.cli.terminal import Terminal
from lambundle.size import grouping
from lambundle.size.contents import SizedItem
from lambundle.size.drops import drops
from lambundle.size.facts import SizeFacts
from lambundle.size.findings import findings
from tests.unit.size.made import KIB, LIB, MIB, Told, file, player, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GOLDEN = Path(__file__).parents[2] / "golden"
PLAIN = Terminal(80)


def overview(facts: SizeFacts, *, terminal: Terminal = PLAIN, number: int = 10, all_files: bool = False) -> list[str]:
    screen = Screen(terminal)
    offers = () if facts.graph is None else drops(facts.graph)
    found = findings(facts.contents, facts.others)
    return terminal.rendered(screen.overview(facts, screen.files(facts, number), offers, found, all_files=all_files))


def fits() -> list[str]:
    return overview(SizeFacts(told(player(), ratio=0.3)))


def zip_too_large() -> list[str]:
    return overview(SizeFacts(told(player(), ratio=0.5)), number=3)


def too_large() -> list[str]:
    layer = Told(
        [SizedItem("bootstrap", is_link=False, size=150 * MIB, packed=49 * MIB, crc=1)], zipped=49 * MIB, path="fn.zip"
    )
    return overview(SizeFacts(told(player(), ratio=0.3), [layer]), number=3)


def much_too_large() -> list[str]:
    made = player()
    entries = [dataclasses.replace(entry, size=entry.size * 2) for entry in made.entries if entry.kind is Kind.FILE]
    return overview(SizeFacts(told(dataclasses.replace(made, entries=tuple(entries)))), number=1)


def of_others() -> list[str]:
    items = [
        SizedItem("python/lib/numpy/libopenblas64.so", is_link=False, size=38 * MIB, packed=12 * MIB, crc=1),
        SizedItem("python/lib/numpy/copy/libopenblas64.so", is_link=False, size=38 * MIB, packed=12 * MIB, crc=1),
        SizedItem("python/share/doc/numpy/manual.html", is_link=False, size=900 * KIB, packed=90 * KIB, crc=2),
        SizedItem(
            "python/data/\N{CJK UNIFIED IDEOGRAPH-65E5}\N{CJK UNIFIED IDEOGRAPH-672C}\x1b[2J.bin",
            is_link=False,
            size=9 * MIB,
            packed=9 * MIB,
            crc=3,
        ),
        SizedItem("app.py", is_link=False, size=321, packed=200, crc=4),
    ]
    return overview(SizeFacts(Told(items, zipped=34 * MIB, path="layer.zip")), all_files=True)


def directory() -> list[str]:
    return overview(SizeFacts(told(player(), ratio=None, path="tree")), number=2)


def empty() -> list[str]:
    return overview(SizeFacts(Told([], zipped=22, path="empty.zip")))


def in_colour() -> list[str]:
    return overview(SizeFacts(told(player(), ratio=0.3)), terminal=Terminal(80, is_terminal=True, colour=True))


def wide() -> list[str]:
    return overview(SizeFacts(told(player(), ratio=0.3)), terminal=Terminal(120, is_terminal=True, colour=True))


def by_package() -> list[str]:
    facts = SizeFacts(told(player()))
    return PLAIN.rendered(Screen(PLAIN).sums(facts, grouping.by_package(facts), "PACKAGE", 3))


def by_directory() -> list[str]:
    facts = SizeFacts(told(player()))
    return PLAIN.rendered(Screen(PLAIN).sums(facts, grouping.by_directory(facts), "DIRECTORY", 0))


def by_program() -> list[str]:
    facts = SizeFacts(told(player()))
    return PLAIN.rendered(Screen(PLAIN).sums(facts, grouping.by_program(facts), "PROGRAM", 0))


def tree() -> list[str]:
    return PLAIN.rendered(Screen(PLAIN).tree(SizeFacts(told(player())), 2))


def against() -> list[str]:
    made = player()
    entries = [
        dataclasses.replace(entry, size=entry.size - 5 * MIB if entry.path.endswith("libtext.so.2") else entry.size)
        for entry in made.entries
        if not entry.path.endswith(("one.png", "libprobe.so.1"))
    ]
    entries.append(file(f"{LIB}/libprobe.so.1.2", 10 * MIB, Reason("add")))
    entries.append(file("/usr/share/new", 300 * KIB, Reason("add")))
    after = dataclasses.replace(made, entries=tuple(entries))
    new, old = (SizeFacts(told(each, path=path)) for each, path in ((after, "new.zip"), (made, "old.zip")))
    return PLAIN.rendered(Screen(PLAIN).comparison(new, old, 3))


SCREENS: Mapping[str, Callable[[], list[str]]] = {
    f"size-{made.__name__.replace('_', '-')}": made
    for made in (
        fits,
        zip_too_large,
        too_large,
        much_too_large,
        of_others,
        directory,
        empty,
        in_colour,
        wide,
        by_package,
        by_directory,
        by_program,
        tree,
        against,
    )
}


def main() -> None:
    """Write every screen anew."""
    GOLDEN.mkdir(exist_ok=True)
    for name, made in SCREENS.items():
        (GOLDEN / f"{name}.txt").write_text("".join(f"{line}\n" for line in made()), encoding="utf-8")


if __name__ == "__main__":
    main()
