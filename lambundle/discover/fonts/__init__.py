"""Fonts for programs that draw text with fontconfig: what fontconfig offers them on the packing machine."""

from __future__ import annotations

from lambundle.discover.fonts.add import add_fonts

__all__ = ["add_fonts"]
