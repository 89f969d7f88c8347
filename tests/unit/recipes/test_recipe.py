"""Recipes: read strictly, followed on a made-up machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambundle.errors import RecipeError
from lambundle.gather.programs import Requested
from lambundle.machine import DiskFiles, Machine, MemoryFiles
from lambundle.recipes.follow import follow, matches_none
from lambundle.recipes.recipe import (
    RECIPES,
    FileGlobs,
    Recipe,
    all_recipes,
    read_recipe,
    recipe_for,
    recipe_named,
    smoke_recipe_for,
)
from tests.here import read_elf

ENV = read_elf("/usr/bin/env")
HERE = Machine(DiskFiles())


def program(path: Path | str) -> Requested:
    """A request for a program that need not be one."""
    return Requested(Path(path).name, str(path), str(path), ENV)


def write(directory: Path, text: str) -> Path:
    """A recipe file."""
    path = directory / "test.toml"
    path.write_text(text)
    return path


def test_every_recipe_says_why_it_exists_unless_it_is_only_a_smoke_job() -> None:
    assert all_recipes()
    assert all(recipe.programs for recipe in all_recipes())
    assert all((len(recipe.why) > 20) != recipe.only_smoke for recipe in all_recipes())


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("gcc", "gcc"),
        ("gcc-12", "gcc"),
        ("x86_64-linux-gnu-gcc-12", "gcc"),
        ("cc", "gcc"),
        ("g++", "g++"),
        ("x86_64-linux-gnu-g++-12", "g++"),
        ("c++", "g++"),
        ("gccgo", None),
        ("ffmpeg", None),
    ],
)
def test_a_recipe_is_chosen_by_the_programs_name(name: str, recipe: str | None) -> None:
    found = recipe_named({name})
    assert (found and found.name) == recipe


@pytest.mark.parametrize(
    ("names", "recipe"),
    [
        (["gcc"], "gcc"),
        (["gfortran", "x86_64-linux-gnu-gfortran-12"], "gfortran"),
        (["python3", "python3.11"], "python3"),
        (["convert", "convert-im6.q16"], "imagemagick"),
        (["ffmpeg"], "ffmpeg"),
        (["mono"], None),
        (["no-such-program"], None),
    ],
)
def test_a_smoke_job_is_chosen_by_the_programs_names(names: list[str], recipe: str | None) -> None:
    found = smoke_recipe_for(names)
    assert (found and found.name) == recipe
    assert found is None or (found.smoke is not None and found.smoke.does)


SMOKE = "[smoke]\ndoes = 'did it'\nscript = 'true'\n"


def test_a_smoke_job_alone_is_not_a_recipe_for_packing(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, f"programs = ['env']\n{SMOKE}"))
    assert recipe.only_smoke
    assert recipe_for(MemoryFiles(), "/usr/bin/env", [recipe]) is None
    assert smoke_recipe_for(["env"], [recipe]) is recipe


def test_a_recipe_that_says_more_than_a_smoke_job_says_why(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="why must be a string"):
        read_recipe(write(tmp_path, f"programs = ['env']\nhelpers = ['ls']\n{SMOKE}"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("programs = ['a']\n[smoke]\ndoes = 'x'", "smoke must have does and script"),
        ("programs = ['a']\n[smoke]\ndoes = 1\nscript = ''", "does must be a string"),
        ("programs = ['a']\nsmoke = 'x'", "smoke must be a table"),
        ("why = 1", "why must be a string"),
        ("why = 'x'\nfiles = 'a'", "files must be a list of strings"),
        ("why = 'x'\nfilez = []", "unknown key filez"),
        ("why = 'x'\nmade = 3", "made must be a table"),
        ("why = ", "Invalid value"),
        ("why = 'x'\nextends = 'none'", "No such file"),
    ],
)
def test_a_bad_recipe_is_refused_with_its_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(RecipeError, match=message):
        read_recipe(path)


def test_an_extended_recipe_has_both_parts_and_each_keeps_its_own_exceptions() -> None:
    base, extended = read_recipe(RECIPES / "gcc.toml"), read_recipe(RECIPES / "g++.toml")
    assert extended.files[: len(base.files)] == base.files
    assert any("cc1plus" in pattern for pattern in extended.files[-1].files)
    assert not extended.files[-1].without


def make_compiler(tmp_path: Path, content: bytes) -> Requested:
    """A pretended compiler with two versions of its files beside it."""
    for version in ("11", "12"):
        directory = tmp_path / "lib" / "gcc" / "some-machine" / version
        directory.mkdir(parents=True)
        (directory / "cc1").write_bytes(b"x")
        (directory / "libasan.a").write_bytes(b"x")
    (tmp_path / "bin").mkdir()
    path = tmp_path / "bin" / "gcc"
    path.write_bytes(content)
    return program(path)


RECIPE = """
why = "a test"
files = ["{gcc}/*"]
without = ["*/lib*san.a"]
[directories]
gcc = ["{prefix}/lib/gcc/*/*"]
[made]
"{gcc}/../specs" = "text of {interpreter}"
"""


@pytest.mark.parametrize("content", [b"\0some-machine\0" + b"12\0", b"the some-machine\0...\0" + b"12.2.0\0"])
def test_the_directory_is_the_one_whose_machine_and_version_are_built_into_the_program(
    tmp_path: Path, content: bytes
) -> None:
    recipe = read_recipe(write(tmp_path, RECIPE))
    found = follow(recipe, make_compiler(tmp_path, content), HERE, None)
    assert tuple(found.paths) == (f"{tmp_path}/lib/gcc/some-machine/12/cc1",)
    assert found.made == {f"{tmp_path}/lib/gcc/some-machine/specs": "text of {interpreter}"}


def test_a_program_without_its_directory_is_an_error_that_shows_where_it_was_looked_for(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, RECIPE))
    with pytest.raises(RecipeError) as caught:
        follow(recipe, make_compiler(tmp_path, b"\0other\0"), HERE, None)
    assert f"{tmp_path}/lib/gcc/*/*" in caught.value.context


def test_helpers_are_taken_from_beside_the_program_first(tmp_path: Path) -> None:
    (tmp_path / "env").write_bytes(b"")
    (tmp_path / "env").chmod(0o755)
    recipe = Recipe("r", "why", (), helpers=("env", "no-such-helper"))
    assert tuple(follow(recipe, program(tmp_path / "p"), HERE, None).paths) == (f"{tmp_path}/env",)


def test_what_is_left_out_is_left_out_of_directories_too(tmp_path: Path) -> None:
    patterns = ("*/d", "*/x.spec")
    recipe = Recipe("r", "why", (), files=(FileGlobs((f"{tmp_path}/*",), patterns),))
    (tmp_path / "include/d").mkdir(parents=True)
    (tmp_path / "x.spec").touch()
    assert follow(recipe, program("/p"), HERE, None).paths == {f"{tmp_path}/include": patterns}
    assert not matches_none(f"{tmp_path}/include/d", patterns)
    assert matches_none(f"{tmp_path}/include/dd", patterns)


def test_without_a_package_database_the_fallback_is_used(tmp_path: Path) -> None:
    (tmp_path / "header.h").write_bytes(b"")
    recipe = Recipe("r", "why", (), owners=("/usr/include/stdio.h",), below=("/usr",), fallback=(f"{tmp_path}/*.h",))
    assert tuple(follow(recipe, program("/usr/bin/p"), HERE, None).paths) == (f"{tmp_path}/header.h",)


def test_a_variable_may_name_the_programs_prefix(tmp_path: Path) -> None:
    recipe = read_recipe(
        write(tmp_path, "why = 'x'\nprograms = ['p']\n[environment]\nROOT = '@{prefix}/lib'\nPLAIN = '0'")
    )
    assert follow(recipe, program("/opt/p/bin/p"), HERE, None).environment == {"ROOT": "@/opt/p/lib", "PLAIN": "0"}


def test_go_finds_its_source_whole_and_its_tools() -> None:
    recipe = read_recipe(RECIPES / "go.toml")
    files = {
        f"/usr/lib/go/{name}": "x"
        for name in ("bin/go", "src/runtime/go_tls.h", "src/runtime/a_test.go", "pkg/tool/compile")
    }
    found = follow(recipe, program("/usr/lib/go/bin/go"), Machine(MemoryFiles(files), {}), None)
    assert set(found.paths) == {"/usr/lib/go/src", "/usr/lib/go/pkg/tool"}
    assert matches_none("/usr/lib/go/src/runtime/go_tls.h", found.paths["/usr/lib/go/src"])
    assert not matches_none("/usr/lib/go/src/runtime/a_test.go", found.paths["/usr/lib/go/src"])
    assert found.environment["GOROOT"] == "@/usr/lib/go"
