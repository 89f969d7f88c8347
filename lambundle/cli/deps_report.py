"""What ``lambundle deps`` says: a closure as JSON, and as a tree that a person reads.

rich is imported where a tree is drawn, so that ``--json`` does not wait for it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lambundle.elf.looked_in import looked_in_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console
    from rich.tree import Tree

    from lambundle.elf.closure import Closure, LoadedFile, Missing, Needed

JSON_VERSION = 1
"""Raised when a reader of the old form would misread the new one."""

_UNLIMITED = 1 << 16


def to_json(closure: Closure) -> dict[str, Any]:
    """Encode a closure; every path is absolute and has all links followed.

    A file with several names is there once. What was not found is under ``missing`` and in nobody's
    ``needed``.
    """
    files: dict[str, dict[str, Any]] = {}
    for file in closure.files.values():
        entry = files.setdefault(
            file.real,
            {
                "path": file.real,
                "soname": file.elf.soname,
                "interpreter": file.elf.interpreter,
                "needed": [],
            },
        )
        for need in file.needed:
            answer = {
                "soname": need.soname,
                "path": closure.files[need.path].real,
                "found_by": need.found_by,
            }
            if answer not in entry["needed"]:
                entry["needed"].append(answer)
    return {
        "version": JSON_VERSION,
        "programs": list(dict.fromkeys(closure.files[program].real for program in closure.programs)),
        "files": list(files.values()),
        "missing": [
            {
                "soname": missing.soname,
                "needed_by": closure.files[missing.needed_by].real,
                "looked_in": [place.path for place in missing.looked_in if place.path is not None],
            }
            for missing in closure.missing
        ],
    }


def print_tree(closure: Closure) -> None:
    """Print the trees on stdout: plainly into a pipe, where drawing with rich would take half of the time."""
    if sys.stdout.isatty():
        from rich.console import Console

        render(closure, Console())
        return
    encoding = (sys.stdout.encoding or "ascii").lower()
    sys.stdout.writelines(f"{line}\n" for line in plain_lines(closure, ascii_only=not encoding.startswith("utf")))


def plain_lines(closure: Closure, *, ascii_only: bool) -> Iterator[str]:
    """Draw the trees without colours, each label on a line of its own however long."""
    tee, last, bar = ("+-- ", "`-- ", "|   ") if ascii_only else ("├── ", "└── ", "│   ")
    for top in _branches(closure):
        work = [(top, "", "")]  # with what stands before its first line, and before those below
        while work:
            branch, head, below = work.pop()
            first, *more = (branch.text.replace("…", "...") if ascii_only else branch.text).split("\n")
            yield head + first
            inner = below + (bar if branch.children else "    ")
            yield from (inner + line for line in more)
            for child in reversed(branch.children):
                end = child is branch.children[-1]
                work.append((child, below + (last if end else tee), below + ("    " if end else bar)))
    yield _totals(closure)


def render(closure: Closure, console: Console) -> None:
    """Print a tree for each program: what each file needs, where that was found and by which rule.

    A library is shown in full once, as near to the program as it is needed. What else a file needs follows in
    one line, so that a program with hundreds of libraries stays readable.
    """
    for top in _branches(closure):
        _print(_rich(top), console)
    console.print(_totals(closure), soft_wrap=True)


@dataclass(slots=True)
class _Branch:
    """A line of a tree, in parts of one style each, and what hangs below it."""

    parts: list[tuple[str, str]]
    children: list[_Branch] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.parts)

    def add(self, *parts: tuple[str, str]) -> _Branch:
        self.children.append(_Branch(list(parts)))
        return self.children[-1]


def _branches(closure: Closure) -> Iterator[_Branch]:
    missing: dict[str, list[Missing]] = {}
    for item in closure.missing:
        missing.setdefault(item.needed_by, []).append(item)
    drawing = _Drawing(missing)
    for program in closure.programs:
        yield drawing.tree({file.path: file for file in closure.scopes[program]}, program)


def _rich(top: _Branch) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text.assemble(*top.parts))
    work = [(tree, top)]
    while work:
        drawn, branch = work.pop()
        work += [(drawn.add(Text.assemble(*child.parts)), child) for child in branch.children]
    return tree


def _totals(closure: Closure) -> str:
    libraries = {file.real for file in closure.files.values()}
    libraries -= {closure.files[program].real for program in closure.programs}
    return _tally(len(closure.programs), len(libraries), len(closure.missing))


def _print(tree: Tree, console: Console) -> None:
    """Fold lines at a terminal's edge; leave them whole in a pipe, where rich assumes 80 columns."""
    if console.is_terminal:
        console.print(tree)
        return
    from rich.segment import Segments

    lines = console.render(tree, console.options.update_width(_UNLIMITED))
    console.print(Segments(lines), soft_wrap=True, end="")


def _tally(programs: int, libraries: int, missing: int) -> str:
    parts = [
        f"{programs} program" + ("" if programs == 1 else "s"),
        f"{libraries} librar" + ("y" if libraries == 1 else "ies"),
    ]
    if missing:
        parts.append(f"{missing} not found")
    return ", ".join(parts)


class _Drawing:
    """Trees of several programs, in which each library is shown in full once.

    Two passes over a program's files, both in the order of the lines on the screen: the first chooses under
    which file each library is shown, the second draws, and can say of each other mention where that is.
    """

    def __init__(self, missing: dict[str, list[Missing]]) -> None:
        self._missing = missing
        self._above: set[str] = set()

    def tree(self, scope: dict[str, LoadedFile], program: str) -> _Branch:
        """Draw one program."""
        children = self._choose(scope, program)
        top = _Branch([(program, "bold")])
        work = [(top, program)]
        while work:
            branch, path = work.pop()
            self._above.add(path)
            file = scope[path]
            shown = [need for need in file.needed if need.path in children[path]]
            below = [(branch.add(*_found(need)), need.path) for need in _once(shown)]
            for item in self._missing.get(path, []):
                _lost(branch, item)
            others = [need for need in file.needed if need.path not in children[path]]
            if others:
                branch.add((self._mention(others), "dim"))
            work.extend(reversed(below))
        return top

    def _choose(self, scope: dict[str, LoadedFile], program: str) -> dict[str, set[str]]:
        """Say for each file which others are shown below it."""
        taken = self._above | {program}
        children: dict[str, set[str]] = {}
        work = [program]
        while work:
            path = work.pop()
            new = list(dict.fromkeys(need.path for need in scope[path].needed if need.path not in taken))
            taken.update(new)
            children[path] = set(new)
            work.extend(reversed(new))
        return children

    def _mention(self, needs: Sequence[Needed]) -> str:
        """Name libraries that are shown in full elsewhere."""
        parts: list[str] = []
        for where, is_above in (("above", True), ("below", False)):
            names = [need.soname for need in needs if (need.path in self._above) is is_above]
            if names:
                parts.append(f"{', '.join(names)} ({where})")
        return f"… {'; '.join(parts)}"


def _once(needs: Iterable[Needed]) -> list[Needed]:
    """Leave out a file's second name for the same library."""
    return list({need.path: need for need in reversed(list(needs))}.values())[::-1]


def _found(need: Needed) -> list[tuple[str, str]]:
    directory, _, name = need.path.rpartition("/")
    asked = "" if need.soname in {name, need.path} else f"{need.soname} = "
    return [(asked, ""), (f"{directory}/", "dim"), (name, ""), ("  ", ""), (need.found_by, "cyan")]


def _lost(branch: _Branch, missing: Missing) -> None:
    lines = "".join(f"\n    {line}" for line in looked_in_lines(missing.looked_in))
    branch.add((missing.soname, "bold red"), (f"  not found; looked in, by the loader's order:{lines}", ""))
