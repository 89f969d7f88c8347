"""An error as pip shows one: its code, what is wrong, where it was looked for, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.cli.line import Line, indent, line
from lambundle.errors import LambundleError, OutputError

if TYPE_CHECKING:
    from lambundle.cli.terminal import Terminal


def error_lines(error: LambundleError, terminal: Terminal) -> list[Line]:
    """Return an error as lines."""
    cross, arrow = ("\N{MULTIPLICATION SIGN}", "╰─>") if terminal.unicode else ("x", "->")
    lines = [
        line(("error:", "error"), " ", (error.code, "heading")),
        line("  ", (cross, "error"), f" {error.message}", hang="    "),
    ]
    for number, text in enumerate(error.context):
        head = arrow if number == 0 else " " * len(arrow)
        lines.append(line("  ", (head, "error"), f" {text}", hang=" " * (len(arrow) + 3 + indent(text))))
    if error.hint:
        lines.append(line(("hint:", "hint"), f" {error.hint}", hang=" " * 6))
    if isinstance(error, OutputError):
        lines.append(line("Nothing was written."))
    return lines
