"""Links of packages that lead to directories: what lies there comes too, whoever owns it.

Ghostscript's character maps are such a directory, and in it links into another package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_public_library, rules
from lambundle.discover.selection.catalogue import SHALLOW
from lambundle.gather.candidate import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.gather.gathering import Gathering

FOLLOWED = ("package", "add-on", "named", "installation")
"""Kinds of reasons of links that are followed; of others the content was chosen when they were added."""

MAX_TREE = 32 << 20
"""Most bytes of a directory that a link brings."""

MAX_FILES = 5000

FOR_LINKERS = (".a", ".o", ".la", ".h")


class LinkedDirectories:
    """Files in the directories that links of the bundle lead to.

    ``is_general`` returns whether a directory is a whole language's or system's, such as that of all Node modules,
    ``is_decided`` returns whether a file was already decided on: its package was selected, and has rules of its own.
    """

    def __init__(
        self, gathering: Gathering, is_general: Callable[[str], bool], is_decided: Callable[[str], bool]
    ) -> None:
        self._gathering = gathering
        self._files = gathering.files
        self._is_general = is_general
        self._is_decided = is_decided
        self._seen: set[str] = set()

    def candidates(self) -> Iterator[Candidate]:
        """Return the files that links lead to which were added since the last call."""
        for link, reason in self._gathering.mirror.links():
            if link in self._seen:
                continue
            self._seen.add(link)
            if reason.kind not in FOLLOWED or rules().is_unwanted(link) or not self._files.is_directory(link):
                continue
            directory = self._files.real(link)
            if directory not in self._seen and self._is_followed(link, directory):
                self._seen.add(directory)
                yield from self._inside(link, directory, Reason(reason.kind, link, reason.detail))

    def _is_followed(self, link: str, directory: str) -> bool:
        if directory.count("/") < SHALLOW or rules().is_unwanted(f"{directory}/x"):
            return False
        return not link.startswith(f"{directory}/") and not self._is_general(directory)

    def _inside(self, link: str, directory: str, reason: Reason) -> Iterator[Candidate]:
        found: list[str] = []
        size = 0
        waiting = [directory]
        while waiting:
            for item in self._files.items(waiting.pop()):
                if rules().is_unwanted(item.path):
                    continue
                if item.is_directory:
                    waiting.append(item.path)
                elif item.is_link and self._files.is_directory(item.path):
                    found.append(item.path)
                elif not self._is_left_out(item.path):
                    found.append(item.path)
                    size += self._files.size(item.path)
            if size > MAX_TREE or len(found) > MAX_FILES:
                if rules().module_directories.match(directory):  # modules are found by imports
                    return
                self._gathering.notes.append(
                    f"{link} leads to {directory}, of which more than {MAX_TREE >> 20} MiB or {MAX_FILES:,} files are "
                    f"left out; --add {link} brings them"
                )
                return
        yield from (Candidate(path, reason) for path in found)

    def _is_left_out(self, path: str) -> bool:
        return (
            path.endswith(FOR_LINKERS)
            or is_public_library(path)
            or not self._files.is_public(path)
            or self._files.real(path) in self._gathering.mirror
            or self._is_decided(path)
        )
