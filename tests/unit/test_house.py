"""The house: which names there are, held against what the rooms hold."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "lambundle"


def classes(*rooms: str) -> dict[str, set[str]]:
    """The modules that define a class, by its name, of which one at least is in ``rooms``."""
    found = defaultdict(set)
    for file in PACKAGE.rglob("*.py"):
        module = str(file.relative_to(PACKAGE))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].add(module)
    return {name: modules for name, modules in found.items() if any(m.startswith(rooms) for m in modules)}


def test_no_class_name_is_used_twice() -> None:
    assert {name: modules for name, modules in classes("verify", "size").items() if len(modules) > 1} == {}
