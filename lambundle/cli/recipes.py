"""The command ``lambundle recipes``."""

from __future__ import annotations

from pathlib import Path

import click

from lambundle.cli.examples import CommandWithExamples


@click.command("recipes", cls=CommandWithExamples)
@click.option(
    "--recipe", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="List yours too. [repeatable]"
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def recipes(recipe: tuple[Path, ...], as_json: bool) -> None:
    """List the recipes and the smoke jobs.

    A recipe says what a family of programs needs that no rule finds, and why. A smoke job is a small real task that
    verify gives to a program.
    """
    from lambundle.cli.recipes_screen import recipe_lines
    from lambundle.cli.speaker import Speaker
    from lambundle.recipes.recipe import all_recipes, read_recipe

    book = (*(read_recipe(path) for path in recipe), *all_recipes())
    say = Speaker()
    if as_json:
        found = [
            {
                "name": item.name,
                "programs": list(item.programs),
                "why": item.why.strip(),
                "smoke": None if item.smoke is None else item.smoke.does,
            }
            for item in book
        ]
        say.out.write_json({"version": 1, "recipes": found})
    else:
        say.answers(recipe_lines(book))
