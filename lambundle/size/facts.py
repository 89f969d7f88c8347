"""What there is to say of a bundle's size: a row for every file and link, with why it is there and what it saves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.size.graph import ReasonGraph
from lambundle.size.quotas import Standing, standings
from lambundle.target import ZIPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.bundle.model import Reason
    from lambundle.size.contents import SizedContents


@dataclass(frozen=True, slots=True)
class Row:
    """A file or link of the bundle.

    ``path`` is its path in the bundle, ``name`` the absolute one on the packing machine where it is a copy of a file
    there, else that in the bundle. ``compressed`` is bytes in the zip, None for a directory. ``why`` is the
    shortest chain from a program to it, what is at its end in words; ``saves`` the bytes that go with it.
    Both are None where no manifest tells. ``package`` is the one that owned the file.
    """

    path: str
    name: str
    size: int
    compressed: int | None
    why: tuple[str, ...] | None = None
    saves: int | None = None
    package: str | None = None
    is_link: bool = False


class SizeFacts:
    """A bundle's rows and totals; the graph of reasons where it has a manifest.

    ``others`` are what goes to Lambda together with it: other layers, the function.
    """

    def __init__(self, contents: SizedContents, others: Sequence[SizedContents] = ()) -> None:
        self.contents = contents
        self.others = tuple(others)
        sizes = {item.path: item.size for item in contents.items}
        self.graph = ReasonGraph(contents.manifests, sizes) if contents.manifests else None

    @property
    def name(self) -> str:
        """The bundle as it was named."""
        return str(self.contents.path)

    @property
    def unzipped(self) -> int:
        """Bytes of the bundle alone, unpacked."""
        return self.contents.unzipped

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every file and link, the largest first."""
        rows = [
            Row(item.path, item.path, item.size, item.packed, is_link=item.is_link)
            if self.graph is None
            else _row(self.graph, self.graph.by_path[item.path], item.size, item.packed)
            for item in self.contents.items
        ]
        return tuple(sorted(rows, key=lambda row: (-row.size, row.path)))

    @property
    def standings(self) -> tuple[Standing, ...]:
        """Sizes against quotas: unpacked all together, zipped each of its own."""
        every = (self.contents, *self.others)
        unzipped, zipped = standings(sum(each.unzipped for each in every), self.contents.zipped)
        if not self.others:
            return unzipped, zipped
        return unzipped, *(Standing(ZIPPED, each.zipped, each.path.name) for each in every)

    @property
    def excess(self) -> int:
        """Bytes that must go before Lambda takes the whole; 0 when it does."""
        return self.standings[0].excess


def _row(graph: ReasonGraph, node: int, size: int, packed: int | None) -> Row:
    known = graph.nodes[node]
    saves = graph.savings[node]
    return Row(known.path or "", known.name, size, packed, chain(graph, node), saves, known.package, known.is_link)


def chain(graph: ReasonGraph, node: int) -> tuple[str, ...]:
    """Return the shortest chain from a program to a node, in words: programs and files by name, the last step told."""
    steps, reason = graph.way_to(node)
    names: list[str] = []
    for number, step in enumerate(steps):
        first = graph.causes[step].get(steps[0]) if number == 1 else reason
        if first is None:
            names.append("…")  # of a very long chain the middle is left out
        elif number == 1 and first.kind == "program":
            continue  # the program's own file says no more than its name
        names.append(graph.nodes[step].name)
    how = _how(reason)
    return (*names, how) if how and how not in names[-1:] else tuple(names)


def _how(reason: Reason) -> str:
    """Return in words how something got here, where the chain before it does not say so already."""
    detail = reason.detail
    texts = {
        "needed": "",
        "program": "",
        "compiled": "compiled form of it",
        "opened": "opened by name",
        "package": f"package {detail}",
        "add-on": f"package {detail}, installed by name",
        "named": f"--package {detail}",
        "recipe": f"recipe {detail}",
        "add": f"--add {detail}",
        "recorded": "a recorded command",
        "shell": "every bundle has /bin/sh",
        "libc": f"the C library: {detail}",
        "link": "another name of it",
        "runtime": "lambundle's own",
        "unknown": "",
        "facility": detail,
        "installation": detail,
    }
    return texts.get(reason.kind, reason.kind)
