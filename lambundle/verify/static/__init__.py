"""What can be said of a bundle without running it: eight checks over one reading of its bytes."""

from __future__ import annotations

from lambundle.verify.static.all import CHECKS, StaticResult, static_checks

__all__ = ["CHECKS", "StaticResult", "static_checks"]
