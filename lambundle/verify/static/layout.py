"""layout: nothing in it harms the host's own programs or is hidden by another layer.

Lambda's LD_LIBRARY_PATH reaches every program, the host's shell among them: a C library that it finds in the zip
breaks them all. Layers are unpacked into one directory in their order, so that the last one with a path has it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambundle.model import Kind
from lambundle.target import ENVIRONMENT
from lambundle.verify.static.outcome import count, failed, passed
from lambundle.verify.static.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.bundle import Member
    from lambundle.verify.model import Check
    from lambundle.verify.static.facts import Facts, Layer

NAME = "layout"
LIBC = "move it elsewhere, or remove it: there the host's own programs, its shell among them, load it and die"
CLASH = "attach the layer before this one, so that this one is unpacked last, or rename one of the two files"
BROKEN = "give a layer that is a sound zip or a directory"

_LIBC = re.compile(
    r"""ld-(linux|musl)[^/]*\.so\.\d+ | ld64?\.so\.\d+
    | lib(c|m|mvec|dl|rt|pthread|resolv|util|anl|BrokenLocale|thread_db|c_malloc_debug)\.so\.\d+
    | libnss_(files|dns|compat|db|hesiod)\.so\.\d+
    | libc\.musl-[^/]+\.so\.1""",
    re.VERBOSE,
)
"""Names by which programs ask for the parts of a C library; these must all be of one build."""

_OTHERS = 0o5


def check(facts: Facts) -> Check:
    """Check where libraries lie, and compare with the other layers."""
    broken = [f"{layer.path}: {layer.broken}" for layer in facts.layers if layer.broken]
    harmful = list(_harmful(facts.tree, _directories("/opt", "/var/task")))
    for layer in facts.layers:
        harmful += [f"{layer.path}: {text}" for text in _harmful(Tree(layer.members), _directories("/opt"))]
    clashes = [text for layer in facts.layers for text in _clashes(facts, layer)]
    findings = [*harmful, *clashes, *broken]
    if findings:
        return failed(NAME, findings, LIBC if harmful else CLASH if clashes else BROKEN)
    detail = "no loader or libc where LD_LIBRARY_PATH finds it"
    if facts.layers:
        detail += f", no clash with {count(len(facts.layers), 'other layer')}"
    return passed(NAME, detail)


def _directories(*mounts: str) -> tuple[str, ...]:
    """Directories of a bundle at one of the mount points that LD_LIBRARY_PATH names; the top is empty."""
    found: dict[str, None] = {}
    for directory in ENVIRONMENT["LD_LIBRARY_PATH"].split(":"):
        for mount in mounts:
            if directory == mount or directory.startswith(f"{mount}/"):
                found[directory[len(mount) + 1 :]] = None
    return tuple(found)


def _harmful(tree: Tree, directories: tuple[str, ...]) -> Iterator[str]:
    for directory in directories:
        for name in sorted(tree.names_in(directory)):
            path = f"{directory}/{name}" if directory else name
            if _LIBC.fullmatch(name) and not tree.is_directory(path):
                yield f"{path} lies where LD_LIBRARY_PATH makes the host's own programs load it"


def _clashes(facts: Facts, layer: Layer) -> Iterator[str]:
    """Paths of the bundle that a layer, unpacked after it, replaces by something else."""
    if facts.mount != "/opt":
        return  # layers are below /opt, so that nothing of the bundle has the same path
    for member in layer.members:
        ours = facts.tree.by_path.get(member.path)
        if ours is None:
            if member.kind is not Kind.DIRECTORY and facts.tree.has_directory(member.path):
                yield f"{member.path} is a directory here and a {member.kind} in {layer.path}, unpacked after it"
            continue
        if not _is_same(facts, layer, ours, member):
            yield f"{member.path} is replaced by the one of {layer.path}, which is unpacked after this bundle"


def _is_same(facts: Facts, layer: Layer, ours: Member, theirs: Member) -> bool:
    if ours.kind is not theirs.kind:
        return False
    if ours.kind is Kind.LINK:
        return ours.target == theirs.target
    if ours.mode & _OTHERS & ~theirs.mode:
        return False
    if ours.kind is Kind.DIRECTORY:
        return True
    content = facts.contents.get(ours.path)
    return ours.size == theirs.size and content is not None and layer.digests.get(ours.path) == content.sha256
