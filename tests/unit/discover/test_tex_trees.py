"""Of large packages of TeX those classes come that are small or loaded; one that was installed by name is whole."""

from __future__ import annotations

import pytest

from lambundle.discover.selection import Selection
from tests.unit.discover.installed import Installed

TEX = "/usr/share/texlive/texmf-dist/tex"
LARGE, SMALL = 9_000_000, 9_000


def typesetter() -> Installed:
    """Return a machine with an engine, its format's packages and a large collection."""
    machine = (
        Installed()
        .install("engine", "/usr/bin/engine", f"{TEX}/engine/support/support.sty", needs="extra")
        .install(
            "extra",
            f"{TEX}/latex/drawing/drawing.sty",
            f"{TEX}/generic/core/core.code.tex",
            f"{TEX}/latex/small/small.sty",
            f"{TEX}/latex/emoji/emoji.sty",
            f"{TEX}/latex/flags/flags.sty",
            f"{TEX}/latex/thesis/thesis.cls",
            "/usr/share/texlive/texmf-dist/fonts/type1/x/emoji/emoji.pfb",
        )
        .says(f"{TEX}/engine/support/support.sty", "\\RequirePackage[opt,]{colour, drawing}[2020/01/01]")
        .says(f"{TEX}/latex/drawing/drawing.sty", "% see emoji\n\\input core.code.tex\n")
    )
    machine.sizes = {file: LARGE for file in machine.listed["extra"] if file.startswith(TEX)}
    machine.sizes[f"{TEX}/latex/small/small.sty"] = SMALL
    return machine


def selected(machine: Installed) -> tuple[set[str], list[str]]:
    """Return the files that come with the engine, and what is told."""
    selection = Selection(machine, machine.disk())
    selection.packages.add_program("/usr/bin/engine", "/usr/bin/engine")
    return {item.path for item in selection.files.candidates()}, list(selection.files.left_out.notes())


def test_of_a_large_collection_that_comes_which_is_small_or_loaded_and_the_rest_is_told() -> None:
    found, notes = selected(typesetter())
    units = {path.split("/")[7] for path in found if path.startswith(TEX)}
    assert units == {"support", "drawing", "core", "small"}
    assert "/usr/share/texlive/texmf-dist/fonts/type1/x/emoji/emoji.pfb" in found
    why = "large classes and packages of TeX that nothing in the bundle loads"
    assert notes == [f"extra: 3 files (27.0 MB) are left out: {why}; --package extra brings them"]


@pytest.mark.parametrize("by_name", [True, False])
def test_a_collection_that_was_installed_by_name_comes_whole(by_name: bool) -> None:
    machine = typesetter()
    machine.by_name = {"extra"} if by_name else {"engine"}
    found, notes = selected(machine)
    assert (f"{TEX}/latex/flags/flags.sty" in found) == by_name
    assert bool(notes) != by_name


def test_a_collection_that_is_not_large_comes_whole() -> None:
    machine = typesetter()
    machine.sizes = dict.fromkeys(machine.sizes, 1_000_000)
    found, notes = selected(machine)
    assert set(machine.listed["extra"]) <= found
    assert notes == []


def test_a_collection_that_the_user_names_comes_whole() -> None:
    machine = typesetter()
    selection = Selection(machine, machine.disk())
    selection.packages.add_program("/usr/bin/engine", "/usr/bin/engine")
    assert list(selection.files.candidates())
    selection.add_named("extra")
    assert set(machine.listed["extra"]) <= {item.path for item in selection.files.candidates()}
    assert list(selection.files.left_out.notes()) == []
