"""A path that may be added to a gathering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambundle.bundle.model import Reason


@dataclass(frozen=True, slots=True)
class Candidate:
    """An absolute path of the packing machine to add if it exists, and why."""

    path: str
    reason: Reason
