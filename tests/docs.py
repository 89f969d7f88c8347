"""The pages: what they name, the parts that are made, and the examples that are run.

``python -m tests.docs`` writes the table of arrows into docs/architecture.md.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.test_architecture import ALLOWED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "lambundle"
ARCHITECTURE = REPOSITORY / "docs/architecture.md"
PAGES = (
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "SECURITY.md",
    ARCHITECTURE,
    REPOSITORY / "docs/api.md",
    REPOSITORY / "docs/security.md",
    REPOSITORY / "lambundle/runtime/src/README.md",
)

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ARROWS = re.compile(r"(?<=<!-- arrows -->\n).*?(?=<!-- /arrows -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page; ``info`` is what stands behind the fence."""

    info: str
    text: str


def blocks(page: Path, info: str) -> list[Block]:
    """The blocks of a page whose info begins so."""
    found = (Block(match["info"].strip(), match["text"]) for match in _FENCE.finditer(page.read_text(encoding="utf-8")))
    return [block for block in found if block.info.split()[: len(info.split())] == info.split()]


def code(page: Path) -> list[str]:
    """What stands in backticks outside of fenced blocks."""
    return _CODE.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def links(page: Path) -> list[str]:
    """The targets of a page's links that lie in the repository, as they are written."""
    found = _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """The anchors that headings of a page have."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(page: Path, name: str) -> str:
    """What stands between the comments ``<!-- fields NAME -->`` and ``<!-- /fields -->``."""
    text = page.read_text(encoding="utf-8")
    return text.partition(f"<!-- fields {name} -->\n")[2].partition("<!-- /fields -->")[0]


@cache
def definitions() -> Mapping[str, frozenset[str]]:
    """The names of classes, functions and constants of the package and its tests, macros of C among them."""
    classes, functions, constants = set(), set(), set()
    for path in (*PACKAGE.rglob("*.py"), *(REPOSITORY / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                classes.add(node.name)
            elif isinstance(node, ast.FunctionDef):
                functions.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                constants |= {target.id for target in targets if isinstance(target, ast.Name)}
    for path in PACKAGE.rglob("*.[ch]"):
        constants.update(re.findall(r"^#define (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    return {"class": frozenset(classes), "function": frozenset(functions), "constant": frozenset(constants)}


def arrows() -> str:
    """The table of the arrows that there may be, rooms in the order in which they may ask."""
    rows = [
        f"| `{room}` | {', '.join(f'`{below}`' for below in order() if below in ALLOWED[room]) or 'nobody'} |"
        for room in order()
    ]
    return "\n".join(["| room | may ask |", "| --- | --- |", *rows, ""])


def order() -> list[str]:
    """The rooms, each before all that it may ask; the package itself and ``__main__`` apart."""
    depth = {room: _depth(room) for room in ALLOWED if room and room != "__main__"}
    return sorted(depth, key=lambda room: (-depth[room], room))


@cache
def _depth(room: str) -> int:
    return 1 + max((_depth(below) for below in ALLOWED[room]), default=0)


def picture() -> Iterator[tuple[int, str]]:
    """The rooms of the picture: the number of the line, and the word that begins a box."""
    [block] = blocks(ARCHITECTURE, "text rooms")
    for number, line in enumerate(block.text.splitlines()):
        if line.startswith("|"):
            for cell in line.strip("|").split("|"):
                yield number, (cell.split() or [""])[0]


def main() -> None:
    """Write the table."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    ARCHITECTURE.write_text(_ARROWS.sub(lambda _: arrows(), text), encoding="utf-8")


if __name__ == "__main__":
    main()
