"""What ``lambundle deps`` says to a person: for each program a tree of its libraries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.cli.line import Line, indent, line
from lambundle.elf.looked_in import looked_in_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lambundle.cli.line import Part
    from lambundle.elf.closure import Closure, LoadedFile, Missing, Needed


def tree_lines(closure: Closure, *, unicode: bool) -> Iterator[Line]:
    """Yield a tree for each program: what each file needs, where that was found and by which rule; and a tally.

    A library is shown in full once, as near to the program as it is needed. What else a file needs follows in
    one line, so that a program with hundreds of libraries stays readable.
    """
    tee, last, bar = ("├── ", "└── ", "│   ") if unicode else ("+-- ", "`-- ", "|   ")
    for top in _branches(closure, "…" if unicode else "..."):
        work = [(top, "", "")]  # with what stands before its first line, and before those below
        while work:
            branch, head, below = work.pop()
            inner = below + (bar if branch.children else "    ")
            yield Line(((head, "guide"), *branch.parts), inner)
            for text in branch.further:
                yield line((inner, "guide"), f"    {text}", hang=f"{inner}    {' ' * indent(text)}")
            for child in reversed(branch.children):
                end = child is branch.children[-1]
                work.append((child, below + (last if end else tee), below + ("    " if end else bar)))
    yield _totals(closure)


@dataclass(slots=True)
class _Branch:
    """A line of a tree, further lines of its own, and what hangs below it."""

    parts: tuple[Part, ...]
    further: Sequence[str] = ()
    children: list[_Branch] = field(default_factory=list)

    def add(self, *parts: Part, further: Sequence[str] = ()) -> _Branch:
        self.children.append(_Branch(parts, further))
        return self.children[-1]


def _branches(closure: Closure, dots: str) -> Iterator[_Branch]:
    missing: dict[str, list[Missing]] = {}
    for item in closure.missing:
        missing.setdefault(item.needed_by, []).append(item)
    drawing = _TreeDrawing(missing, dots)
    for program in closure.programs:
        yield drawing.tree({file.path: file for file in closure.scopes[program]}, program)


def _totals(closure: Closure) -> Line:
    libraries = {file.real for file in closure.files.values()}
    libraries -= {closure.files[program].real for program in closure.programs}
    programs = f"{len(closure.programs)} program" + ("" if len(closure.programs) == 1 else "s")
    text = f"{programs}, {len(libraries)} librar" + ("y" if len(libraries) == 1 else "ies")
    return line(text, ", ", (f"{len(closure.missing)} not found", "fail")) if closure.missing else line(text)


class _TreeDrawing:
    """Trees of several programs, in which each library is shown in full once.

    Two passes over a program's files, both in the order of the lines on the screen: the first chooses under
    which file each library is shown, the second draws, and can say of each other mention where that is.
    """

    def __init__(self, missing: dict[str, list[Missing]], dots: str) -> None:
        self._missing = missing
        self._dots = dots
        self._above: set[str] = set()

    def tree(self, scope: dict[str, LoadedFile], program: str) -> _Branch:
        """Draw one program."""
        children = self._choose(scope, program)
        top = _Branch(((program, "name"),))
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
        return f"{self._dots} {'; '.join(parts)}"


def _once(needs: Iterable[Needed]) -> list[Needed]:
    """Leave out a file's second name for the same library."""
    return list({need.path: need for need in reversed(list(needs))}.values())[::-1]


def _found(need: Needed) -> tuple[Part, ...]:
    directory, _, name = need.path.rpartition("/")
    asked = "" if need.soname in {name, need.path} else f"{need.soname} = "
    return (asked, ""), (f"{directory}/", "dim"), (f"{name}  ", ""), (need.found_by, "rule")


def _lost(branch: _Branch, missing: Missing) -> None:
    text = "  not found; looked in, by the loader's order:"
    branch.add((missing.soname, "fail"), (text, ""), further=looked_in_lines(missing.looked_in))
