"""Settings that a maintainer script made in /etc: freshclam.conf, from the answers to debconf's questions.

No package owns them. One counts if ucf has it as a package's, or if it is in a directory of the program's packages and
the program names it. What not everybody may read may hold a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.gather.candidate import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.bundle.model import Reason
    from lambundle.discover.selection.packages import PackageSelection

SETTINGS = "/etc/"
UCF_REGISTRY = "/var/lib/ucf/registry"
"""Lines of a package and a configuration file that ucf keeps for it."""

_MAX_REGISTRY = 1 << 20
_MAX_SETTINGS = 1 << 20
_DEPTH = 2
"""Slashes in the path of a directory below /etc."""


def generated_settings(selection: PackageSelection, libraries: Iterable[str]) -> Iterator[Candidate]:
    """Return the settings of root and direct packages; ``libraries`` are the program's own."""
    registered = selection.files.read(UCF_REGISTRY, _MAX_REGISTRY).decode("utf-8", "surrogateescape")
    for words in map(str.split, registered.splitlines()):
        package = selection.chosen.get(words[0]) if len(words) > 1 else None
        if package is not None and (package.root or package.direct) and _is_generated(selection, words[1]):
            yield Candidate(words[1], package.reason)
    made = dict(_in_own_directories(selection))
    if made:  # it is rare, and a search of all libraries takes time
        named = {path for own in (*selection.programs, *libraries) for path in selection.evidence.paths(own)}
        yield from (Candidate(path, reason) for path, reason in made.items() if path in named)


def _in_own_directories(selection: PackageSelection) -> Iterator[tuple[str, Reason]]:
    sources = {selection.catalogue.source(package.name) for package in selection.chosen.values() if package.root}
    for package in selection.chosen.values():
        for directory in selection.db.directories(package.name) if package.root or package.direct else ():
            if not directory.startswith(SETTINGS) or directory.count("/") < _DEPTH:
                continue
            owners = selection.db.directory_owners(directory)
            if all(owner in selection.chosen or selection.catalogue.source(owner) in sources for owner in owners):
                for item in selection.files.items(directory):
                    if not item.is_directory and _is_generated(selection, item.path):
                        yield item.path, package.reason


def _is_generated(selection: PackageSelection, path: str) -> bool:
    return (
        path.startswith(SETTINGS)
        and selection.files.is_public(path)
        and selection.files.size(path) < _MAX_SETTINGS
        and not selection.rules.is_unwanted(path)
        and selection.db.owner(path) is None
    )
