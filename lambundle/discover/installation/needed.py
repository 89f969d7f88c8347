"""The Python distributions that a script needs of those that are installed: an environment may serve many programs.

These are the ones that it imports or belongs to, what these require, what their modules import besides, and plug-ins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.scripts.python_imports import imported_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from lambundle.discover.installation.distributions import Distribution
    from lambundle.machine import Files

LARGE = 4 << 20
"""Bytes from which a distribution that nothing requires is left out if only a library imports it."""

MAX_SOURCES = 5_000
"""Most sources of a distribution that are read for their imports."""


def needed_distributions(
    files: Files,
    installed: Mapping[str, Distribution],
    script: str,
    names: Collection[str],
    is_owned: Callable[[str], bool],
) -> Iterator[str]:
    """Return the names of the distributions in ``installed`` that a script needs; of packaged ones only these.

    ``names`` are the top-level modules that the script imports.
    """
    by_top = _by_top(installed, is_owned)
    own = [name for name, found in installed.items() if script in found.paths]
    imported = [name for top in sorted(names) for name in by_top.get(top, ())]
    waiting = [(name, frozenset[str]()) for name in (*own, *imported)]
    seen: dict[str, frozenset[str]] = {}
    while waiting:
        name, extras = waiting.pop()
        if name not in installed or (name in seen and extras <= seen[name]):
            continue
        is_new = name not in seen
        seen[name] = seen.get(name, frozenset()) | extras
        found = installed[name]
        if is_new:
            yield name
        if is_owned(found.description):
            continue
        waiting += found.required(seen[name])
        if is_new:
            others = {other for top in _imports(files, found) for other in by_top.get(top, ())} - seen.keys()
            waiting += [
                (other, frozenset[str]())
                for other in sorted(others)
                if name in own or sum(map(files.size, installed[other].paths)) < LARGE
            ]
        if name in own:
            waiting += [(other, frozenset[str]()) for other, found in installed.items() if _is_plugin(found, name)]


def _is_plugin(found: Distribution, program: str) -> bool:
    """Return whether a distribution extends the one of a program: it requires it and has entry points."""
    return found.has_plugins and any(name == program for name, _ in found.required())


def _by_top(installed: Mapping[str, Distribution], is_owned: Callable[[str], bool]) -> Mapping[str, list[str]]:
    """Return the names of distributions of no package by the top-level modules that they have."""
    found: dict[str, list[str]] = {}
    for name, distribution in installed.items():
        if not is_owned(distribution.description):
            for top in distribution.top_levels:
                found.setdefault(top, []).append(name)
    return found


def _imports(files: Files, found: Distribution) -> set[str]:
    """Return the top-level names that the sources of a distribution import, its tests aside."""
    sources = [path for path in found.paths if path.endswith(".py") and "/test" not in path[len(found.site) :]]
    return {name for path in sources[:MAX_SOURCES] for name in imported_names(files, path)}
