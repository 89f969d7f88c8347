"""Two bundles side by side: what grew, what shrank, what is new and what is gone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambundle.size.facts import SizeFacts

_VERSION = re.compile(r"\d+(?:[.~+-]\d+)*")


@dataclass(frozen=True, slots=True)
class Change:
    """A file whose size differs. ``before`` is None for what is new, ``after`` for what is gone.

    ``was`` is the name that it had before, where only the version in it is another.
    """

    name: str
    before: int | None
    after: int | None
    was: str | None = None

    @property
    def delta(self) -> int:
        """Bytes more, or fewer."""
        return (self.after or 0) - (self.before or 0)

    @property
    def kind(self) -> str:
        """``new``, ``gone``, ``grown`` or ``shrunk``."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        return "grown" if self.delta > 0 else "shrunk"


def changes(facts: SizeFacts, against: SizeFacts) -> tuple[Change, ...]:
    """Return what ``facts`` has more or less than ``against``, the largest difference first."""
    after, before = _sizes(facts), _sizes(against)
    found = [
        Change(name, before[name], size) for name, size in after.items() if name in before and before[name] != size
    ]
    new, gone = after.keys() - before.keys(), before.keys() - after.keys()
    renamed = _renamed(new, gone)
    found += [Change(name, before[was], after[name], was) for name, was in renamed.items()]
    found += [Change(name, None, after[name]) for name in new - renamed.keys()]
    found += [Change(name, before[name], None) for name in gone - {*renamed.values()}]
    return tuple(sorted((change for change in found if change.delta), key=lambda each: (-abs(each.delta), each.name)))


def _sizes(facts: SizeFacts) -> dict[str, int]:
    """Sizes by the name on the packing machine, so that the bundles' own names do not matter."""
    return {row.name if row.name != row.path else _plain(row.path): row.size for row in facts.rows}


def _plain(path: str) -> str:
    """The path of lambundle's own file, its bundle's name left out."""
    top, _, rest = path.partition("/")
    return f"{top}/*/{rest.partition('/')[2]}" if top == "lambundle" and "/" in rest else path


def _renamed(new: Iterable[str], gone: Iterable[str]) -> Mapping[str, str]:
    """Pair what is new with what is gone where nothing but one version in the name is another."""
    places, others = _stems(new), _stems(gone)
    return {
        names[0]: others[stem][0]
        for stem, names in places.items()
        if len(names) == 1 and len(others.get(stem, ())) == 1
    }


def _stems(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        directory, slash, last = name.rpartition("/")
        found.setdefault(directory + slash + _VERSION.sub("#", last), []).append(name)
    return found
