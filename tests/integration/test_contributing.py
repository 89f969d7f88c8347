"""The examples of CONTRIBUTING.md are what they say: recipes, rules, checks, jobs, databases, commands."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tomllib
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle import packages
from lambundle.discover.rules import Facility
from lambundle.machine import MemoryFiles
from lambundle.recipes.recipe import read_recipe
from lambundle.verify.static import all as static
from tests import docs
from tests.integration.corpus import PRELUDE
from tests.unit.verify.drafts import Draft, assert_fails, judged

if TYPE_CHECKING:
    from tests.docs import Block

PAGE = docs.REPOSITORY / "CONTRIBUTING.md"
JOBS = docs.REPOSITORY / "tests/integration/jobs.toml"


def examples(info: str) -> list[Block]:
    found = docs.blocks(PAGE, info)
    assert found, f"no example of {info}"
    return found


def module(info: str) -> types.ModuleType:
    """The only example of a kind, as the module that it shows."""
    [block] = examples(info)
    made = types.ModuleType(info.replace(" ", "_"))
    exec(compile(block.text, f"{PAGE.name}: {info}", "exec"), made.__dict__)
    return made


@pytest.mark.parametrize("command", [line for block in examples("sh test") for line in block.text.splitlines()])
def test_a_marked_command_succeeds(command: str) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=docs.REPOSITORY,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", examples("toml recipe"))
def test_a_recipe_can_be_read(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "example.toml"
    path.write_text(block.text)
    recipe = read_recipe(path)
    assert recipe.programs
    assert recipe.only_smoke or recipe.why


def test_a_facility_has_the_keys_of_one() -> None:
    [block] = examples("toml facility")
    [facility] = tomllib.loads(block.text)["facility"]
    assert facility.keys() <= {field.name for field in dataclasses.fields(Facility)}
    assert len({"library", "program", "imports", "named"} & facility.keys()) == 1
    assert facility["why"]
    assert facility["paths"]


def test_a_check_sees_its_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = module("python check")
    monkeypatch.setattr(static, "_MODULES", (blank,))
    sound = Draft().file("bin/x", b"#!/bin/sh\n", 0o755).file("data", b"")
    assert [check.status for check in judged(sound, tmp_path / "sound.zip").checks] == ["pass"]
    assert_fails(judged(sound.file("bin/y", b"", 0o755), tmp_path / "faulty.zip"), blank="bin/y is empty")


@pytest.mark.parametrize(
    "block", [*examples("c"), *examples("text tests/runtime/functions.py")], ids=lambda block: block.info
)
def test_a_line_stands_in_the_file_that_is_named(block: Block) -> None:
    source = (docs.REPOSITORY / block.info.split()[1]).read_text(encoding="utf-8")
    assert block.text in source


def test_a_job_has_known_keys_and_a_script_of_a_shell() -> None:
    [block] = examples("toml job")
    [job] = tomllib.loads(block.text)["job"]
    known = {key for table in tomllib.loads(JOBS.read_text(encoding="utf-8"))["job"] for key in table}
    assert job.keys() <= known
    script = PRELUDE + job["script"]
    assert subprocess.run(["bash", "--posix", "-n", "-c", script], check=False).returncode == 0


def test_a_package_database_is_found_and_says_who_owns_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    database = module("python database").PkgtoolsDatabase
    monkeypatch.setattr(packages, "DATABASES", {"pkgtools": database})
    listed = "PACKAGE NAME: jq-1.7-x86_64-1\nFILE LIST:\n./\nusr/\nusr/bin/\nusr/bin/jq\n"
    place = "/var/lib/pkgtools/packages/jq-1.7-x86_64-1"
    found = packages.detect(MemoryFiles({place: listed, "/usr/bin/jq": ""}, links={"/bin": "usr/bin"}))
    assert found is not None
    assert list(found.packages()) == ["jq"]
    assert found.owner("/bin/jq") == "jq"
    assert found.owner("/usr/bin/yq") is None


@pytest.mark.parametrize("block", examples("python machine"))
def test_a_made_up_machine_is_as_it_is_said(block: Block) -> None:
    exec(compile(block.text, PAGE.name, "exec"), {})
