"""``layout`` of a directory that was zipped instead of its content, and of a bootstrap that is a directory."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lambundle.bundle.extract import extract
from lambundle.bundle.write import write_zip
from lambundle.verify.static import static_checks
from lambundle.verify.static.nesting import unwrapped
from tests.unit.plans import file, manifest
from tests.unit.verify.drafts import Draft, assert_fails, details, failures, judged

SCRIPT = b"#!/bin/sh\n"


def below(draft: Draft, directory: str) -> Draft:
    """The same one level deeper."""
    return Draft({f"{directory}/{path}": item for path, item in draft.items.items()}).folder(directory)


@pytest.fixture
def packed(tmp_path: Path) -> Draft:
    write_zip(manifest(file("bin/test", SCRIPT, 0o755), file("lambundle/test/root/x")), tmp_path / "good.zip")
    return Draft.read(tmp_path / "good.zip")


@pytest.mark.parametrize("directory", ["d", "var/task", "a b", "opt"])
def test_a_bundle_in_a_directory_fails(tmp_path: Path, packed: Draft, directory: str) -> None:
    result = judged(below(packed, directory), tmp_path / "x.zip")
    assert_fails(result, layout=[f"everything lies below {directory}/", "it was zipped, not its content"])
    assert failures(judged(packed, tmp_path / "x.zip")) == {}


@pytest.mark.skipif(not shutil.which("zip"), reason="zip is not installed")
@pytest.mark.parametrize("directory", ["d", "var/my task"])
def test_what_the_hint_says_mends_it(tmp_path: Path, packed: Draft, directory: str) -> None:
    found = failures(judged(below(packed, directory), tmp_path / "x y.zip"))["layout"]
    command = found.partition("not the directory: ")[2]
    extract(tmp_path / "x y.zip", tmp_path / "tree")
    (tmp_path / "x y.zip").replace(tmp_path / "tree/x y.zip")
    subprocess.run(command, shell=True, cwd=tmp_path / "tree", check=True)
    assert failures(static_checks(tmp_path / "tree/x y.zip")) == {}


def test_the_finders_own_files_do_not_hide_it(tmp_path: Path) -> None:
    draft = Draft().file("fn/bootstrap", SCRIPT, 0o755).file("__MACOSX/fn/._bootstrap").file(".DS_Store")
    assert_fails(judged(draft, tmp_path / "x.zip"), layout="everything lies below fn/")


def test_a_handlers_module_is_looked_for_where_one_is_known(tmp_path: Path) -> None:
    draft = Draft().file("myfn/app.py")
    where = tmp_path / "x.zip"
    assert failures(judged(draft, where)) == {}
    assert_fails(judged(draft, where, handler="app.handler", mount="/var/task"), layout="everything lies below myfn/")
    assert failures(judged(draft, where, handler="myfn.app.handler", mount="/var/task")) == {}
    assert failures(judged(draft, where, handler="other.handler", mount="/var/task")) == {}
    package = Draft().file("d/src/index.mjs")
    assert_fails(judged(package, where, handler="src/index.handler"), layout="everything lies below d/")


@pytest.mark.parametrize(
    "draft",
    [
        Draft().file("bin/bootstrap", SCRIPT, 0o755),
        Draft().file("python/lib/x.py"),
        Draft().file("package/__init__.py"),
        Draft().file("d/bootstrap", SCRIPT, 0o755).file("app.py"),
        Draft().file("d/lambundle/notes.txt"),
        Draft().file("handler.py"),
    ],
)
def test_what_may_be_meant_so_passes(tmp_path: Path, draft: Draft) -> None:
    assert failures(judged(draft, tmp_path / "x.zip")) == {}


def test_a_layer_in_a_directory_fails(tmp_path: Path, packed: Draft) -> None:
    layer = below(packed, "d").write(tmp_path / "layer.zip")
    result = judged(Draft().file("app.py"), tmp_path / "x.zip", mount="/var/task", layers=[layer])
    assert_fails(result, layout=[f"{layer}: everything lies below d/", "cd d && zip -FSqry ../layer.zip ."])


def test_an_unpacked_one_is_named_itself() -> None:
    assert unwrapped(Path("x"), "a/d", is_zip=False) == "give x/a/d instead"


class TestBootstrap:
    """Lambda passes over a directory of that name, and looks in /opt."""

    def test_a_directory_starts_nothing(self, tmp_path: Path) -> None:
        draft = Draft().file("bootstrap/x")
        assert_fails(judged(draft, tmp_path / "x.zip"), layout=["bootstrap is a directory", "put the program itself"])
        assert_fails(judged(Draft().file("x").folder("bootstrap"), tmp_path / "x.zip"), layout="bootstrap is a dir")

    def test_it_may_be_something_else(self, tmp_path: Path) -> None:
        """Bootstrap's style sheets beside a handler; Laravel's directory and a layer with a runtime for PHP."""
        assert failures(judged(Draft().file("bootstrap/x.css").file("index.mjs"), tmp_path / "x.zip")) == {}
        layer = Draft().file("bootstrap", SCRIPT, 0o755).write(tmp_path / "layer.zip")
        laravel = Draft().file("bootstrap/app.php").file("artisan")
        assert failures(judged(laravel, tmp_path / "x.zip", mount="/var/task", layers=[layer])) == {}


def test_what_passes_says_so(tmp_path: Path) -> None:
    assert details(judged(Draft().file("x"), tmp_path / "x.zip"))["layout"].startswith("no loader or libc")
