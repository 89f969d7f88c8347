"""Destinations: a zip or a directory."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from lambundle.bundle.write.archive import write_zip
from lambundle.bundle.write.content import Destination, Progress, Written, epoch_of
from lambundle.bundle.write.tree import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

DESTINATIONS: Mapping[str, Destination] = MappingProxyType({"zip": write_zip, "directory": write_tree})
"""All destinations, by name."""

__all__ = ["DESTINATIONS", "Destination", "Progress", "Written", "epoch_of", "write_tree", "write_zip"]
