"""The house holds: which room may ask which, no cycles, one door to the packing machine, small modules, one name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lambundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOP = Path(lambundle.__file__).parent

LINES = 400
"""A module that is longer has more than one job."""

ALLOWED: Mapping[str, frozenset[str]] = {
    room: frozenset(below.split())
    for room, below in {
        "errors": "",
        "target": "",
        "machine": "",
        "elf": "machine errors",
        "scripts": "machine",
        "packages": "machine errors",
        "bundle": "machine errors",
        "runtime": "target errors",
        "gather": "bundle elf scripts machine target errors",
        "recipes": "gather packages elf bundle machine target errors",
        "recording": "gather scripts elf runtime machine errors",
        "discover": "recipes gather packages scripts elf bundle machine errors",
        "pack": "discover recipes gather packages elf bundle runtime machine target errors",
        "size": "bundle target errors",
        "verify": "recording recipes pack gather packages scripts elf bundle runtime machine target errors",
        "api": "verify size pack recording recipes gather elf bundle machine errors",
        "cli": "api verify size pack recording recipes gather elf bundle machine target errors",
        "__main__": "cli",
        "": "api errors",
    }.items()
}
"""Every arrow between rooms that there may be: from a room, to those below it."""

BEHIND_THE_DOOR = ("elf", "scripts", "packages", "gather", "recipes", "discover", "pack")
"""Rooms that know the packing machine through ``lambundle.machine`` alone."""

VERIFY_BEHIND_THE_DOOR = (
    "verify.packing_machine",
    "verify.checks.environment",
    "verify.checks.missing",
    "verify.repack.remedy",
    "verify.diagnosis.python",
    "verify.diagnosis.libraries",
)
"""Modules of verify that ask the packing machine; the others read the bundle, or run it on this machine."""

OWN_FILES = {
    "recipes/recipe.py": "reads lambundle's own recipes and the user's",
    "discover/rules.py": "reads lambundle's own table of rules",
    "discover/installation/modules.py": "reads lambundle's own table of languages",
    "packages/rpm/stores.py": "has rpm's own tool read a copy of a BerkeleyDB",
}
"""Modules behind the door that read files which are not the packing machine's, each with the reason."""

NO_FILE_SYSTEM = frozenset({"fsdecode", "fsencode", "stat_result", "PathLike", "SEEK_END", "strerror", "path"})
"""Names of ``os`` that ask the system nothing; ``os.path`` only for its textual functions."""

TEXTUAL = frozenset({"basename", "dirname", "join", "normpath", "split", "relpath", "commonpath"})

SYSTEM_MODULES = frozenset({"glob", "shutil", "platform", "tempfile", "subprocess", "pwd", "pathlib", "mmap"})


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    """Each module of the package: its dotted name without the package's, its path, its syntax tree."""
    for path in sorted(TOP.rglob("*.py")):
        parts = path.relative_to(TOP).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, path, ast.parse(path.read_text(encoding="utf-8"))


MODULES = {name: (path, tree) for name, path, tree in modules()}


def imported(tree: ast.Module) -> Iterator[str]:
    """Names below the package that a module imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lambundle":
            inside = node.module.removeprefix("lambundle").removeprefix(".")
            for alias in node.names:
                name = f"{inside}.{alias.name}".removeprefix(".")
                yield name if name in MODULES else inside


def room_of(name: str) -> str:
    return name.partition(".")[0]


def runtime_imports(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of a module outside of ``if TYPE_CHECKING``."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def test_arrows_between_rooms_go_down() -> None:
    wrong = {
        f"{name} imports {other}"
        for name, (_, tree) in MODULES.items()
        for other in imported(tree)
        if room_of(other) != room_of(name) and other and room_of(other) not in ALLOWED[room_of(name)]
    }
    assert not wrong


def test_the_allowed_arrows_have_no_cycle() -> None:
    done: set[str] = set()
    while len(done) < len(ALLOWED):
        ready = {room for room, below in ALLOWED.items() if room not in done and below <= done}
        assert ready, f"a cycle among {set(ALLOWED) - done}"
        done |= ready


def test_no_two_modules_import_each_other() -> None:
    arrows = {name: {other for other in imported(tree) if other != name} for name, (_, tree) in MODULES.items()}
    # A package's __init__ that re-exports its modules is no second module: they do not ask it back.
    seen: set[str] = set()
    while ready := {name for name, others in arrows.items() if name not in seen and others <= seen | {""}}:
        seen |= ready
    assert not arrows.keys() - seen, "modules on or above a cycle of imports"


@pytest.mark.parametrize("room", BEHIND_THE_DOOR)
def test_the_packing_machine_is_asked_through_the_door(room: str) -> None:
    wrong = []
    for name, (path, tree) in MODULES.items():
        if room_of(name) != room or str(path.relative_to(TOP)) in OWN_FILES:
            continue
        for node in runtime_imports(tree):
            asked = system_call(node)
            if asked:
                wrong.append(f"{path.relative_to(TOP)}:{getattr(node, 'lineno', 0)}: {asked}")
    assert not wrong


@pytest.mark.parametrize("name", VERIFY_BEHIND_THE_DOOR)
def test_verify_asks_the_packing_machine_through_the_door(name: str) -> None:
    assert not [asked for node in runtime_imports(MODULES[name][1]) if (asked := system_call(node))]


def system_call(node: ast.AST) -> str | None:
    """What a node asks of the system, None for nothing."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        found = SYSTEM_MODULES.intersection(name.partition(".")[0] for name in names)
        return f"import {min(found)}" if found else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
        return "open()"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
        return None if node.attr in NO_FILE_SYSTEM else f"os.{node.attr}"
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"os.path", "posixpath"}:
        return None if node.attr in TEXTUAL else f"os.path.{node.attr}"
    return None


def test_the_door_test_sees_what_it_forbids() -> None:
    code = (
        "import glob\nfrom pathlib import Path\nos.stat('/x')\nos.path.isfile('/x')\nopen('/x')\nos.environ['PATH']\n"
    )
    asked = [system_call(node) for node in runtime_imports(ast.parse(code))]
    assert {item for item in asked if item} == {
        "import glob",
        "import pathlib",
        "os.stat",
        "os.path.isfile",
        "open()",
        "os.environ",
    }


def test_own_files_are_read_by_modules_that_are_there() -> None:
    assert all((TOP / path).is_file() for path in OWN_FILES)


def test_modules_are_small() -> None:
    long = {
        str(path.relative_to(TOP)): lines
        for path in TOP.rglob("*")
        if path.suffix in {".py", ".c", ".h"} and "built" not in path.parts
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LINES
    }
    assert not long


def test_no_class_name_is_used_twice() -> None:
    places = defaultdict(list)
    for name, (_, tree) in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_every_package_says_what_may_be_in_it() -> None:
    packages = [(path, tree) for path, tree in MODULES.values() if path.name == "__init__.py"]
    assert len(packages) > 15
    for path, tree in packages:
        assert ast.get_docstring(tree), path
