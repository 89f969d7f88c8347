"""Build hook of hatchling: compiles the C runtime for the wheel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from lambundle.runtime.build import build_all


class RuntimeHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the runtime for every target before a wheel or an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build outdated libraries; they are data, so the wheel is the same for all platforms."""
        build_all()
