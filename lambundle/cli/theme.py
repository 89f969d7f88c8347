"""How every style looks, and the lines of a screen in it. Imports rich, so it is only imported for a terminal.

The sixteen colours that every terminal has in its own palette: what is readable there is the user's choice.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.color import ColorSystem
from rich.style import Style as RichStyle

from lambundle.cli.folding import folded
from lambundle.cli.line import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

    from rich.console import Console

    from lambundle.cli.line import Line, Part, Style

STYLES: Mapping[Style, str] = MappingProxyType(
    {
        "": "none",
        "pass": "bold green",
        "warn": "bold yellow",
        "fail": "bold red",
        "skip": "yellow",
        "label": "bold cyan",
        "heading": "bold",
        "path": "none",
        "name": "bold",
        "command": "bold",
        "dim": "dim",
        "guide": "dim",
        "rule": "cyan",
        "note": "cyan",
        "hint": "bold cyan",
        "error": "bold red",
        "near": "yellow",
        "bar": "blue",
        "more": "red",
        "less": "green",
    }
)
"""One colour for each verdict, cyan for what leads the eye, dim for what can be passed over."""


class Painter:
    """Writes lines for one terminal, with ``width`` columns; without ``colour`` it folds them and no more."""

    def __init__(self, width: int, encoding: str, *, colour: bool) -> None:
        self._width = width
        self._encoding = encoding
        self._system = ColorSystem.STANDARD if colour else None
        self._styles = {name: RichStyle.parse(text) for name, text in STYLES.items()}

    def lines(self, line: Line) -> Iterator[str]:
        """Yield a line as the terminal takes it: one, or more where it is folded."""
        parts: list[Part] = [(shown(text, self._encoding), style) for text, style in line.parts]
        for each in [parts] if line.hang is None else folded(parts, line.hang, self._width):
            yield "".join([self._styled(text, style) for text, style in each])

    def _styled(self, text: str, style: Style) -> str:
        if not style or text.isspace():
            return text
        return self._styles[style].render(text, color_system=self._system)

    def console(self, stream: TextIO) -> Console:
        """Return a console of rich with the same theme, for what moves."""
        from rich.console import Console
        from rich.theme import Theme

        styles: dict[str, RichStyle | str] = {name: style for name, style in self._styles.items() if name}
        return Console(
            file=stream,
            width=self._width,
            theme=Theme(styles | _OF_A_BAR),
            force_terminal=True,
            color_system="standard" if self._system else None,
            markup=False,
            emoji=False,
            highlight=False,
        )


_OF_A_BAR: dict[str, RichStyle | str] = {
    "bar.complete": "cyan",
    "bar.finished": "cyan",
    "bar.back": "dim",
    "progress.download": "none",
    "progress.remaining": "dim",
}
"""rich's own names for the parts of a progress bar."""
