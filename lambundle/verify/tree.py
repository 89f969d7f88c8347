"""The entries of a bundle as a file system, in which links are followed as the kernel would."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle import names
from lambundle.bundle.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lambundle.bundle.listing import Member


class DeadEnd(enum.Enum):
    """Why a path leads to nothing."""

    ABSENT = enum.auto()
    ABSOLUTE = enum.auto()
    OUTSIDE = enum.auto()
    HOST = enum.auto()
    LOOP = enum.auto()


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a path leads.

    ``lost`` says why nothing of the bundle is there, None if something is. ``path`` is then what is not there, or the
    absolute path that a link names: with HOST, one that every host has.
    """

    path: str
    lost: DeadEnd | None = None


class _TreeNode:
    """A name in a directory; without a member, a directory that only follows from what lies in it."""

    __slots__ = ("below", "member")

    def __init__(self) -> None:
        self.below: dict[str, _TreeNode] = {}
        self.member: Member | None = None

    @property
    def is_directory(self) -> bool:
        return self.member is None or self.member.kind is Kind.DIRECTORY


class MemberTree:
    """A tree of members; of several with one path the last counts, as when layers are unpacked one by one.

    Paths have no slash at either end; the top itself is empty. What would take more than ``names.NODES_MAX`` nodes is
    left out: whoever asks ``names.check_tree`` is told.
    """

    def __init__(self, *layers: Iterable[Member]) -> None:
        self.by_path: dict[str, Member] = {member.path: member for layer in layers for member in layer}
        self._top = _TreeNode()
        self._left = names.NODES_MAX
        self._steps = names.STEPS_MAX
        for member in self.by_path.values():
            self._add(member)

    def _add(self, member: Member) -> None:
        node = self._top
        for part in member.path.split("/"):
            below = node.below.get(part)
            if below is None:
                self._left -= 1
                if self._left < 0:
                    return
                below = node.below[part] = _TreeNode()
            node = below
        node.member = member

    def follow(self, path: str) -> Landing:
        """Follow every link of ``path``, its last part included."""
        member = self.by_path.get(path)
        if member is not None and member.kind is not Kind.LINK:
            return Landing(path)
        return self._walk(path)[0]

    def member(self, path: str) -> Member | None:
        """Return the file that ``path`` leads to, None if it leads to none."""
        landing = self.follow(path)
        found = None if landing.lost else self.by_path.get(landing.path)
        return found if found is not None and found.kind is Kind.FILE else None

    def is_directory(self, path: str) -> bool:
        """Whether ``path`` leads to a directory."""
        node = self._walk(path)[1]
        return node is not None and node.is_directory

    def has_directory(self, path: str) -> bool:
        """Whether ``path`` itself, no link followed, is a directory, if only because something lies in it."""
        node = self._top
        for part in path.split("/"):
            below = node.below.get(part)
            if below is None:
                return False
            node = below
        return node.is_directory

    def names_in(self, path: str) -> Sequence[str]:
        """Names of the entries in the directory that ``path`` leads to."""
        node = self._walk(path)[1]
        return () if node is None else tuple(node.below)

    def above(self, path: str) -> Iterator[Member]:
        """Members that ``path`` lies below, the nearest last."""
        node = self._top
        for part in path.split("/")[:-1]:
            below = node.below.get(part)
            if below is None:
                return
            node = below
            if node.member is not None:
                yield node.member

    def _walk(self, path: str) -> tuple[Landing, _TreeNode | None]:
        here, passed = [self._top], list[str]()
        todo = _parts(path)
        links = 0
        while todo:
            part = todo.pop()
            if part in ("", ".") and here[-1].is_directory:
                continue  # below a file even these lead nowhere (ENOTDIR)
            if part == ".." and here[-1].is_directory:
                if not passed:
                    return Landing("", DeadEnd.OUTSIDE), None
                here.pop()
                passed.pop()
                continue
            node = here[-1].below.get(part) if here[-1].is_directory else None
            if node is None:
                return Landing("/".join([*passed, part, *reversed(todo)]), DeadEnd.ABSENT), None
            if node.member is None or node.member.kind is not Kind.LINK:
                here.append(node)
                passed.append(part)
                continue
            links += 1
            target = node.member.target or ""
            if target.startswith("/"):
                return Landing(target, DeadEnd.HOST if names.is_host_place(target) else DeadEnd.ABSOLUTE), None
            parts = _parts(target)
            self._steps -= len(parts)  # links that multiply must not cost more than all of a large bundle's
            if links > names.LINKS_MAX or self._steps < 0:
                return Landing(node.member.path, DeadEnd.LOOP), None
            todo += parts
        return Landing("/".join(passed)), here[-1]


def _parts(path: str) -> list[str]:
    """Components of a path, the last one first."""
    return path.split("/")[::-1]
