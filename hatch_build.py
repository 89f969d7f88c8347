"""Builds the C runtime into the wheel (hatchling's build hook)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from lambundle.runtime.build import build_all


class RuntimeHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the runtime for every target before the wheel, or the editable install, is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build what is out of date; the wheel stays one for all, since it only carries these files."""
        build_all()
