"""What ``lambundle recipes`` says to a person."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from lambundle.cli.line import Line, line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.recipes.recipe import Recipe


def recipe_lines(book: Sequence[Recipe]) -> list[Line]:
    """Recipes, each with the programs it is for, why there is one, and what its smoke job does."""
    lines = []
    for recipe in book:
        lines.append(line((f"{recipe.name}:", "label"), f" {', '.join(recipe.programs)}", hang=" " * 4))
        lines += [line(f"    {text}") for text in textwrap.wrap(recipe.why, 72)]
        if recipe.smoke is not None:
            lines.append(line("    ", ("smoke job:", "note"), f" {recipe.smoke.does}", hang=" " * 15))
    return lines
