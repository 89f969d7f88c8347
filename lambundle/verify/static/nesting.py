"""A directory that was zipped instead of its content: all lies one level too deep, where Lambda does not look."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

from lambundle.verify.static.clutter import is_clutter

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.verify.tree import MemberTree

_DEPTH = 8  # nobody zips a tree from further above
_KNOWN = frozenset({"bin", "extensions", "java", "lib", "nodejs", "python", "ruby"})
"""Directories that are meant to be at the top: "Packaging your layer content" of the developer guide."""
_MODULES = (".py", "/__init__.py", ".js", ".mjs", ".cjs", ".rb")


def wrapping(tree: MemberTree, handler: str | None = None) -> str | None:
    """The directory whose content should be at the top; None when nothing says that there is one.

    That is one below which everything lies, and which holds what Lambda or a user looks for at the top only: the
    ``bootstrap``, the launchers and the manifest of a bundle, or the module of ``handler``. The Finder's own files
    beside it do not count.
    """
    directory = ""
    for _ in range(_DEPTH):
        below = [name for name in tree.names_in(directory) if not is_clutter(name)]
        directory = posixpath.join(directory, below[0]) if len(below) == 1 else ""
        if not directory or below[0] in _KNOWN or not tree.has_directory(directory):
            return None
        if _is_top(tree, directory, handler):
            return directory
    return None


def unwrapped(path: Path, directory: str, *, is_zip: bool) -> str:
    """What to do about it."""
    if not is_zip:
        return f"give {path / directory} instead"
    target = "../" * (directory.count("/") + 1) + path.name
    return f"zip the content, not the directory: cd {shlex.quote(directory)} && zip -FSqry {shlex.quote(target)} ."


def _is_top(tree: MemberTree, directory: str, handler: str | None) -> bool:
    if tree.member(f"{directory}/bootstrap") is not None:
        return True
    bundles = tree.names_in(f"{directory}/lambundle")
    if any(tree.member(f"{directory}/lambundle/{name}/manifest.json") is not None for name in bundles):
        return tree.is_directory(f"{directory}/bin")
    return any(tree.member(f"{directory}/{module}") is not None for module in _modules(handler))


def _modules(handler: str | None) -> list[str]:
    """Files in which Lambda's own runtimes look for a handler such as ``app.handler`` or ``src/app.handler``."""
    module = (handler or "").rpartition(".")[0].replace(".", "/")
    return [module + ending for ending in _MODULES] if module else []
