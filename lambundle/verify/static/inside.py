"""A bundle's root as the loader sees it: the packing machine's files that were packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.elf.files import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambundle.elf.headers import ElfFile
    from lambundle.verify.static.contents import Content
    from lambundle.verify.static.steps import Steps
    from lambundle.verify.tree import MemberTree


class Inside:
    """The files below ``root`` of a tree, by their absolute paths on the packing machine.

    A search that asks too often raises EntangledError.
    """

    def __init__(self, tree: MemberTree, contents: Mapping[str, Content], root: str, steps: Steps) -> None:
        self._tree = tree
        self._contents = contents
        self._below = root
        self._steps = steps
        self._found: dict[str, str] = {}
        self._is_directory: dict[str, bool] = {}
        self._numbers = {path: number for number, path in enumerate(tree.by_path)}

    def place(self, path: str) -> str | None:
        """Path in the bundle of the file that the absolute ``path`` leads to, None if there is none."""
        found = self._found.get(path)
        if found is None:
            member = self._tree.member(self._below + path)
            if member is None:
                return None  # not remembered: a hostile bundle asks for millions
            found = self._found[path] = member.path
        return found

    def elf(self, path: str) -> ElfFile | Refusal:
        """Headers of a file, as read before."""
        place = self.place(path)
        if place is None:
            return Refusal("it is a directory", fatal=True) if self.is_directory(path) else Refusal("no such file")
        content = self._contents[place]
        return content.elf or Refusal(content.bad_elf or "it is not an ELF file", fatal=True)

    def searched(self, by: str, cost: int) -> None:  # noqa: ARG002
        """Take the steps of a location that is searched."""
        self._steps.take(cost)

    def identity(self, path: str) -> tuple[int, int] | None:
        """Number of a file, by which the loader knows it under every name."""
        place = self.place(path)
        return None if place is None else (0, self._numbers[place])

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory of that name."""
        if path not in self._is_directory:
            self._is_directory[path] = self._tree.is_directory(self._below + path)
        return self._is_directory[path]

    def is_file(self, path: str) -> bool:
        """Whether there is a file of that name."""
        return self.place(path) is not None

    def content(self, path: str, limit: int) -> bytes | None:  # noqa: ARG002
        """None: a bundled loader is told all that it would read in a file."""
        return None

    def glob(self, pattern: str) -> list[str]:  # noqa: ARG002
        """Nothing: see ``content``."""
        return []

    def real(self, path: str) -> str:
        """Follow every link below the root."""
        place = self.place(path)
        return path if place is None or not place.startswith(f"{self._below}/") else place[len(self._below) :]
