"""Static checks: eight checks over one reading of the bundle's bytes."""

from __future__ import annotations

from lambundle.verify.static.all import CHECKS, StaticResult, static_checks

__all__ = ["CHECKS", "StaticResult", "static_checks"]
