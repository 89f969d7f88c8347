"""The rules for paths in a bundle, shared by the writers, the manifest's decoder, the reader and the extractor."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, TypeAlias

from lambundle.bundle.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME_MAX = 255
"""Most bytes in one component of a path (Linux, limits.h)."""
PATH_BYTES_MAX = 4000
"""Most bytes of a path or a link's target: Linux's PATH_MAX of 4,096 less room for ``/var/task/``."""
LINKS_MAX = 40
"""Most links that Linux follows in one path (path_resolution(7))."""
NODES_MAX = 250_000
"""Most files, links and directories of a bundle, including implied ones."""
STEPS_MAX = 1_000_000
"""Most components that are followed to resolve all links of a bundle; a large one takes some 100,000."""

_DEVICES = ("fd", "full", "null", "random", "stderr", "stdin", "stdout", "tty", "urandom", "zero")
_HOST_FILES = frozenset({*(f"/dev/{name}" for name in _DEVICES), "/proc/mounts", "/proc/self/mounts"})
_HOST_TREES = ("/proc/self/fd/", "/tmp/")  # noqa: S108  (the function's)

Node: TypeAlias = "tuple[str, Kind, str | None]"
"""Path, kind, and the target of a link."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadNameError(ValueError):
    """A path that is not allowed in a bundle, or a conflict of paths."""


class BadLinkError(BadNameError):
    """A link that is not allowed in a bundle."""


def check_path(path: str) -> None:
    """Raise BadNameError unless ``path`` is relative, normalised and the same for every unpacker.

    Control characters are refused because Info-ZIP's unzip drops them from names, other encodings than UTF-8 because a
    zip cannot declare them (APPNOTE 4.4.4, bit 11).
    """
    if path.startswith("/"):
        raise BadNameError(f"{path!r} is absolute")
    parts = path.split("/")
    if ".." in parts:
        raise BadNameError(f"{path!r} contains '..'")
    if "" in parts or "." in parts:
        raise BadNameError(f"{path!r} has an empty or '.' component")
    _check_text(path)
    if len(path) > NAME_MAX // 4 and any(len(part.encode()) > NAME_MAX for part in parts):
        raise BadNameError(f"{_short(path)} has a component longer than {NAME_MAX} bytes")


def is_host_place(path: str) -> bool:
    """Return whether every Linux has this absolute path for its programs: /tmp, /dev/null and their like.

    A link may lead there, since nothing of a bundle can take its place: a log that is /dev/stdout, a cache in /tmp.
    """
    if posixpath.normpath(path) != path:
        return False
    return path in _HOST_FILES or f"{path}/" in _HOST_TREES or path.startswith(_HOST_TREES)


def check_target(path: str, target: str) -> None:
    """Raise BadLinkError or BadNameError unless ``target`` is a valid target of the link ``path``."""
    if not target:
        raise BadLinkError(f"link {path!r} has no target")
    if target.startswith("/") and not is_host_place(target):
        raise BadLinkError(f"link {path!r} has an absolute target, {_short(target)}")
    _check_text(target)


def check_tree(nodes: Iterable[Node]) -> None:
    """Raise BadNameError unless ``nodes`` can be extracted in any order without leaving their tree.

    Every path passes ``check_path``, none occurs twice, none is below a file or a link, and no link leads out of the
    tree, even through other links, but to a place of the host (``is_host_place``).
    """
    kinds: dict[str, Kind] = {}
    links: dict[str, str] = {}
    for path, kind, target in nodes:
        check_path(path)
        if path in kinds:
            raise BadNameError(f"{path!r} occurs twice")
        kinds[path] = kind
        if kind is Kind.LINK:
            check_target(path, target or "")
            links[path] = target or ""
    _check_parents(kinds)
    _check_links(links)


def parents(path: str) -> list[str]:
    """Return the directories above ``path``, nearest first, without the top itself."""
    found = []
    while (slash := path.rfind("/")) > 0:
        path = path[:slash]
        found.append(path)
    return found


def _check_parents(kinds: Mapping[str, Kind]) -> None:
    """Compare each path with the previous one: in this order all paths below a path follow it.

    Implied directories are counted, not kept: long names may imply billions of them.
    """
    count = 0
    above: list[str] = []
    for path in sorted(kinds, key=lambda path: path.replace("/", "\0")):
        parts = path.split("/")
        common = 0
        for here, there in zip(parts, above, strict=False):
            if here != there:
                break
            common += 1
        if above and common == len(above):
            parent = "/".join(above)
            if kinds[parent] is not Kind.DIRECTORY:
                raise BadNameError(f"{path!r} lies below {parent!r}, which is a {kinds[parent]}")
        count += len(parts) - common
        if count > NODES_MAX:
            raise BadNameError(f"it takes more than {NODES_MAX:,} files and directories")
        above = parts


def _check_links(links: Mapping[str, str]) -> None:
    steps = STEPS_MAX
    for path, target in links.items():
        if not target.startswith("/"):  # else a place of the host: what lies behind it is not followed
            steps -= _follow(path, links, steps)


def _follow(path: str, links: Mapping[str, str], steps: int) -> int:
    """Follow the link ``path`` as the kernel does, in at most ``steps`` components; return their number.

    Missing components count as directories, which another layer may have. A loop stays inside: the kernel refuses it.
    """
    depth = path.count("/")
    if depth > steps:
        raise BadLinkError(f"its links take more than {STEPS_MAX:,} components to follow")
    here = parents(path)[::-1]
    todo = links[path].split("/")[::-1]
    taken, followed = depth + len(todo), 0
    while todo:
        if taken > steps:
            raise BadLinkError(f"its links take more than {STEPS_MAX:,} components to follow")
        part = todo.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            if not here:
                raise BadLinkError(f"link {path!r} leads out of the bundle, to {_short(links[path])}")
            here.pop()
            continue
        here.append(f"{here[-1]}/{part}" if here else part)
        if len(here[-1]) > PATH_BYTES_MAX:
            raise BadLinkError(f"link {path!r} leads to a path longer than {PATH_BYTES_MAX} bytes")
        if here[-1] in links:
            followed += 1
            if followed > LINKS_MAX or links[here[-1]].startswith("/"):
                break
            through = links[here.pop()].split("/")
            taken += len(through)  # counted when queued, which is their cost
            todo.extend(through[::-1])
    return taken


def _check_text(text: str) -> None:
    try:
        length = len(text.encode())
    except UnicodeEncodeError as error:
        raise BadNameError(f"{_short(text)} is not UTF-8") from error
    if length > PATH_BYTES_MAX:
        raise BadNameError(f"{_short(text)} is longer than {PATH_BYTES_MAX} bytes")
    if _CONTROL.search(text):
        raise BadNameError(f"{text!r} contains a control character")


def _short(text: str, length: int = 80) -> str:
    return repr(text if len(text) <= length else text[:length] + "…")
