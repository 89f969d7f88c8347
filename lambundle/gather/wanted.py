"""What discovery says: a path that it wants, a package that it chose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambundle.bundle.model import Reason


@dataclass(frozen=True, slots=True)
class Wanted:
    """A path that discovery wants, and why."""

    path: str
    reason: Reason


@dataclass(slots=True)
class Chosen:
    """A package that was chosen, and why.

    ``own`` are the packages of the programs themselves, ``near`` those that an own one depends on directly.
    ``library`` is one that holds public libraries: of it only private directories count. ``others`` are reasons
    found later for what was chosen already. ``development`` says that headers and archives are data, because a
    program's own package asks for one that is for developers.
    """

    name: str
    reason: Reason
    own: bool = False
    library: bool = False
    near: bool = False
    development: bool = False
    files: tuple[str, ...] = ()
    others: dict[Reason, None] = field(default_factory=dict)
