"""What Python sources import, by their text alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.machine import DiskFiles, MemoryFiles
from lambundle.scripts.python_imports import PythonImports, imported_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., str]

PLACE = "usr/lib/python3/dist-packages"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a module into the common directory, and return its path."""

    def written(name: str, text: str | bytes = "", *, place: str = PLACE) -> str:
        path = tmp_path / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return written


@pytest.fixture
def imports(write: Write) -> PythonImports:
    """Nothing reached yet, but the common directory known."""
    found = PythonImports(DiskFiles())
    assert found.are_modules([write("known/__init__.py")])
    return found


@pytest.mark.parametrize(
    "text",
    [
        "import lib",
        "import os, lib",
        "import lib as l",
        "import lib.part",
        "from lib import anything",
        "from lib import (\n    one,\n    two,\n)",
        "def f():\n    import lib",
        "try: import lib\nexcept ImportError: lib = None",
        "x = 1; import lib",
        "NAMES = ['lib']",
        'NAMES = {"lib.part": 1}',
        "PLUGINS = {'x': 'lib.part.deep'}",
    ],
)
def test_every_form_of_import_asks_for_a_module(text: str, write: Write, imports: PythonImports) -> None:
    lib = write("lib/__init__.py")
    imports.start([write("main.py", text, place="usr/share/p")])
    assert imports.uses([lib])


@pytest.mark.parametrize("text", ["# import lib", "import library", "from other import lib", "lib = 1", "'a library'"])
def test_what_only_looks_like_it_does_not(text: str, write: Write, imports: PythonImports) -> None:
    lib = write("lib/__init__.py")
    imports.start([write("main.py", text, place="usr/share/p")])
    assert not imports.uses([lib])


def test_only_the_modules_that_are_imported_are_followed(write: Write, imports: PythonImports) -> None:
    lib = [
        write("lib/__init__.py"),
        write("lib/used.py", "import wanted"),
        write("lib/unused.py", "import unwanted"),
        write("lib/sub/__init__.py", "from ..cousin import x"),
        write("lib/cousin.py", "import far"),
    ]
    others = {name: write(f"{name}.py") for name in ("wanted", "unwanted", "far")}
    imports.add_files(lib)
    imports.start([write("main.py", "from lib import used\nfrom lib.sub import y", place="usr/share/p")])
    assert {name for name, path in others.items() if imports.uses([path])} == {"wanted", "far"}


def test_what_is_not_in_the_bundle_imports_nothing(write: Write, imports: PythonImports) -> None:
    lib, far = write("lib.py", "import far"), write("far.py")
    imports.start([write("main.py", "import lib", place="usr/share/p")])
    assert imports.uses([lib])
    assert not imports.uses([far])
    imports.add_files([lib])
    assert imports.uses([far])


def test_a_compiled_module_is_found_and_names_others(write: Write, imports: PythonImports) -> None:
    fast = write("lib/fast.cpython-311-x86_64-linux-gnu.so", b"\x7fELF\0numbers.core\0import lib\0")
    write("lib/__init__.py")
    numbers, lib2 = write("numbers/__init__.py"), write("import lib.py")
    imports.add_files([fast])
    imports.start([write("main.py", "from lib.fast import f", place="usr/share/p")])
    assert imports.uses([fast])
    assert imports.uses([numbers])
    assert not imports.uses([lib2])


def test_a_module_that_is_named_in_full_is_followed(write: Write, imports: PythonImports) -> None:
    plugin = write("lib/plugin.py", "import far")
    imports.add_files([write("lib/__init__.py", "PLUGINS = {'x': 'lib.plugin'}\nA = 'lib.other.'"), plugin])
    write("lib/other.py", "import further")
    far, further = write("far.py"), write("further.py")
    imports.start([write("main.py", "import lib", place="usr/share/p")])
    assert imports.uses([far])
    assert not imports.uses([further])


def test_a_place_may_be_any_directory(write: Write, imports: PythonImports, tmp_path: Path) -> None:
    beside = write("beside.py", place="home/me")
    imports.start([write("main.py", "import beside", place="home/me")])
    assert beside not in imports.reached
    imports.add_sites([str(tmp_path / "home/me")])
    assert beside in imports.reached


def test_relative_imports_stay_where_they_are(write: Write, imports: PythonImports) -> None:
    beside = write("own/beside.py", "import wanted", place="usr/share/p")
    wanted, common = write("wanted.py"), write("beside.py")
    imports.add_files([beside])
    imports.start([write("own/main.py", "from . import beside", place="usr/share/p")])
    assert imports.uses([wanted])
    assert common not in imports.reached


def test_a_place_that_is_known_later_is_looked_at_too(write: Write, imports: PythonImports) -> None:
    lib = write("lib.py", place="usr/local/lib/python3.11/dist-packages")
    imports.start([write("main.py", "import lib", place="usr/share/p")])
    assert lib not in imports.reached
    imports.are_modules([lib])
    assert lib in imports.reached


def test_what_cannot_be_read_imports_nothing(tmp_path: Path, imports: PythonImports) -> None:
    (tmp_path / "d.py").mkdir()
    imports.start([str(tmp_path / "d.py"), str(tmp_path / "gone.py")])
    assert not imports.uses([f"{tmp_path}/{PLACE}/known/__init__.py"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a.b as c, d", ["a", "d"]),
        ("from a.b import c as e", ["a"]),
        ("from . import a\nfrom .b import c", []),
        ("def f():\n    import a; import b", ["a", "b"]),
        ("x = 'a'\n# import b", []),
        ("print 'of Python 2'\nimport a", ["a"]),
    ],
)
def test_the_top_level_names_that_a_source_imports(text: str, names: list[str]) -> None:
    assert imported_names(MemoryFiles({"/srv/x.py": text}), "/srv/x.py") == names
