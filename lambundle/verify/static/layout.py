"""layout: all lies where Lambda looks for it, harms none of the host's programs, and is hidden by no other layer.

Lambda's LD_LIBRARY_PATH reaches every program, the host's shell among them: a C library that it finds in the zip
breaks them all. Layers are unpacked into one directory in their order, so that the last one with a path has it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.target import BOOTSTRAP, ENVIRONMENT, OPT, TASK
from lambundle.verify.static.nesting import unwrapped, wrapping
from lambundle.verify.static.outcome import count, failed, passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambundle.bundle.listing import Member
    from lambundle.verify.model import Check
    from lambundle.verify.static.facts import StaticFacts
    from lambundle.verify.tree import MemberTree

NAME = "layout"
LIBC = "move it elsewhere, or remove it: there the host's own programs, its shell among them, load it and die"
CLASH = "attach the layer before this one, so that this one is unpacked last, or rename one of the two files"
CLASH_OF_LAYERS = "attach the layer last whose file is wanted, or rename one of the two files"
NO_BOOTSTRAP = "put the program itself at bootstrap, with mode 0755, or name the layer that has it with --layer"

_LIBC = re.compile(
    r"""ld-(linux|musl)[^/]*\.so\.\d+ | ld64?\.so\.\d+
    | lib(c|m|mvec|dl|rt|pthread|resolv|util|anl|BrokenLocale|thread_db|c_malloc_debug)\.so\.\d+
    | libnss_(files|dns|compat|db|hesiod)\.so\.\d+
    | libc\.musl-[^/]+\.so\.1""",
    re.VERBOSE,
)
"""Names by which programs ask for the parts of a C library; these must all be of one build."""

_OTHERS = 0o5
_MANAGED = (".py", ".js", ".mjs", ".cjs", ".rb", ".jar", ".class", ".dll", ".runtimeconfig.json")
"""Endings of code at the top that one of Lambda's own runtimes starts, without any ``bootstrap`` in the zip."""


def check(facts: StaticFacts) -> Check:
    """Check where things lie, and compare with the other layers."""
    own = [facts] if facts.mount == OPT else []
    clashes = list(dict.fromkeys(_clashes(own + list(facts.layers))))
    ours = [text for text, lower in clashes if lower is facts]
    groups = [
        *_wrapped(facts),
        (list(_harmful(facts.tree, _directories(OPT) if facts.is_layer else _directories(OPT, TASK))), LIBC),
        (_without_bootstrap(facts), NO_BOOTSTRAP),
        (ours, CLASH),
        ([text for text, lower in clashes if lower is not facts], CLASH_OF_LAYERS),
    ]
    found = [(texts, hint) for texts, hint in groups if texts]
    if found:
        return failed(NAME, [text for texts, _ in found for text in texts], found[0][1])
    detail = "no loader or libc where LD_LIBRARY_PATH finds it"
    if facts.layers:
        detail += f", no clash with {count(len(facts.layers), 'other layer')}"
    return passed(NAME, detail)


def _wrapped(facts: StaticFacts) -> Iterator[tuple[list[str], str]]:
    """A directory around everything."""
    directory = wrapping(facts.tree, facts.handler)
    if directory is not None:
        text = f"everything lies below {directory}/, where Lambda looks for nothing: it was zipped, not its content"
        yield [text], unwrapped(facts.path, directory, is_zip=facts.listing.zipped is not None)


def _without_bootstrap(facts: StaticFacts) -> list[str]:
    """Say of a directory named ``bootstrap`` that it is none, where nothing else starts the function.

    Lambda passes over such a directory and looks in /opt (so does AWS's Runtime Interface Emulator, bootstrap.go):
    frameworks have one, and a layer with their runtime.
    """
    if not facts.tree.has_directory(BOOTSTRAP):
        return []
    layers = (member for other in facts.others for member in other)
    if any(member.path == BOOTSTRAP and member.kind is not Kind.DIRECTORY for member in layers):
        return []
    if any(name.endswith(_MANAGED) for name in facts.tree.names_in("")):
        return []
    return [f"{BOOTSTRAP} is a directory, and Lambda starts only a file of that name"]


def _directories(*mounts: str) -> tuple[str, ...]:
    """Directories of a bundle at one of the mount points that LD_LIBRARY_PATH names; the top is empty."""
    found: dict[str, None] = {}
    for directory in ENVIRONMENT["LD_LIBRARY_PATH"].split(":"):
        for mount in mounts:
            if directory == mount or directory.startswith(f"{mount}/"):
                found[directory[len(mount) + 1 :]] = None
    return tuple(found)


def _harmful(tree: MemberTree, directories: tuple[str, ...]) -> Iterator[str]:
    for directory in directories:
        for name in sorted(tree.names_in(directory)):
            path = f"{directory}/{name}" if directory else name
            if _LIBC.fullmatch(name) and not tree.is_directory(path):
                yield f"{path} lies where LD_LIBRARY_PATH makes the host's own programs load it"


def _clashes(unpacked: Sequence[StaticFacts]) -> Iterator[tuple[str, StaticFacts]]:
    """Paths that one of several layers, in the order of unpacking, replaces by something else; and whose they were."""
    for number, upper in enumerate(unpacked):
        lower = unpacked[:number][::-1]
        if lower:
            for member in upper.members:
                yield from _clash(upper, member, lower)


def _clash(upper: StaticFacts, member: Member, unpacked: Sequence[StaticFacts]) -> Iterator[tuple[str, StaticFacts]]:
    """The entry that one replaces of those ``unpacked`` before it, the last first; at most one."""
    for lower in unpacked:
        after = f"{upper.path}, which is unpacked after {_called(lower)}"
        replaced = lower.tree.by_path.get(member.path)
        if replaced is not None:
            if not _is_same(lower, replaced, upper, member):
                yield f"{member.path} is replaced by the one of {after}", lower
            return
        if member.kind is not Kind.DIRECTORY and lower.tree.has_directory(member.path):
            yield f"{member.path}/ is replaced by the {member.kind} of {after}", lower
            return
        files = (item for item in lower.tree.above(member.path) if item.kind is not Kind.DIRECTORY)
        hidden = next(files, None)
        if hidden is not None:
            if hidden.path not in upper.tree.by_path:  # else it is told of that entry
                yield f"{hidden.path} is replaced by the directory of {after}", lower
            return


def _called(facts: StaticFacts) -> str:
    return str(facts.path) if facts.is_layer else "this bundle"


def _is_same(lower: StaticFacts, ours: Member, upper: StaticFacts, theirs: Member) -> bool:
    if ours.kind is not theirs.kind:
        return False
    if ours.kind is Kind.LINK:
        return ours.target == theirs.target
    if ours.mode & _OTHERS & ~theirs.mode:
        return False
    if ours.kind is Kind.DIRECTORY:
        return True
    digests = [facts.contents[ours.path].sha256 for facts in (lower, upper) if ours.path in facts.contents]
    return ours.size == theirs.size and len(digests) == 2 and digests[0] == digests[1] != ""  # noqa: PLR2004
