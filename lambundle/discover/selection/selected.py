"""A package that the selection chose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambundle.bundle.model import Reason


@dataclass(slots=True)
class SelectedPackage:
    """A package that was chosen, and why.

    A ``root`` package owns a program; a ``direct`` one is a direct dependency of one. Of a ``library``, a package
    with public libraries, only private directories count. ``development`` makes headers and archives data: a root
    depends on this package for developers. A ``whole`` package was named by the user: its commands and public
    libraries come too. ``files`` are those that count, ``more_reasons`` reasons found later.
    """

    name: str
    reason: Reason
    root: bool = False
    library: bool = False
    direct: bool = False
    development: bool = False
    whole: bool = False
    files: tuple[str, ...] = ()
    more_reasons: dict[Reason, None] = field(default_factory=dict)
