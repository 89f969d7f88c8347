"""First lines of scripts: the interpreter that each names is inside, or on Lambda.

Only of scripts that something starts: Lambda itself (``bootstrap``, ``extensions``), a person or the handler (what lies
in ``bin`` or at the top, other executables of the user's own), a launcher. Packages of Python and Node bring scripts of
their own, which nobody starts there; and an interpreter that one of Lambda's runtimes may have is no fault.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.bundle import names
from lambundle.scripts.env_line import parse_env
from lambundle.scripts.shebang import parse_first_line
from lambundle.target import BOOTSTRAP, HOST_DIRECTORIES, HOST_PROGRAMS, OPT, TASK
from lambundle.verify.first_line import fault_of
from lambundle.verify.static.bundled import LOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambundle.verify.first_line import StartFault
    from lambundle.verify.static.bundled import LinkageFindings
    from lambundle.verify.static.bundles import PackedBundle
    from lambundle.verify.static.facts import StaticFacts

_EXTENSIONS = "extensions"
_BIN = "bin"
_EXECUTE = 0o1
_RUNTIMES = ("/var/lang/", "/var/runtime/")  # the directories of Lambda's own runtimes
_MAYBE = frozenset({"awk", "gawk"})
"""Interpreters that Amazon Linux 2023 has in some of its forms; nobody promises them."""
_OF_RUNTIMES = re.compile(r"(python|node|nodejs|ruby|java|dotnet)\d*(\.\d+)*")
"""Interpreters that Lambda's own runtimes have somewhere; and pip writes the packing machine's into each script."""
_PACKAGES = frozenset({"node_modules", "site-packages", "dist-packages", "gems", "vendor"})
_INSTALLED = (".dist-info", ".egg-info")  # beside the packages that pip put into a directory


def check_scripts(facts: StaticFacts, findings: LinkageFindings) -> None:
    """Add to ``findings`` what is to be started and cannot be, as its first bytes say."""
    for path, name in _started(facts).items():
        fault = _fault(facts, path, is_bootstrap=name == BOOTSTRAP)
        if fault is not None:
            findings.faults[f"{path} {fault.why}"] = fault.cure
    for bundle in facts.bundles:
        _check_packed(facts, bundle, findings)


def started_by(head: bytes) -> tuple[str, str]:
    """Return the interpreter that a script's first line names and the program ``env`` is to find; each may be empty."""
    line = parse_first_line(head.removesuffix(b"\r"))
    if line is None:
        return "", ""
    if posixpath.basename(line.interpreter) != "env":
        return line.interpreter, ""
    env = parse_env(line.argument) if line.argument.startswith("-") else None
    words = line.argument.split() if env is None else env.words
    return line.interpreter, next((word for word in words if not word.startswith("-") and "=" not in word), "")


def packages_in(paths: Iterable[str]) -> frozenset[str]:
    """Directories into which pip put packages, the top as the empty path, by the records that it leaves there."""
    found: set[str] = set()
    for path in paths:
        if any(ending in path for ending in _INSTALLED):
            parts = path.split("/")
            records = (at for at, part in enumerate(parts) if part.endswith(_INSTALLED))
            found.update("/".join(parts[:at]) for at in itertools.islice(records, 1))
    return frozenset(found)


def is_of_package(path: str, installed: frozenset[str]) -> bool:
    """Whether a file came with a package of Python, Node or Ruby, or lies below where those are ``installed``."""
    if not _PACKAGES.isdisjoint(path.split("/")):
        return True
    return "/" in path and not installed.isdisjoint(["", *names.parents(path)])


def _started(facts: StaticFacts) -> Mapping[str, str]:
    """Files of no bundle that something starts, as far as one can tell, with the name by which it does."""
    loose = frozenset(facts.loose).intersection(facts.contents)
    by_lambda = [BOOTSTRAP, *(f"{_EXTENSIONS}/{name}" for name in facts.tree.names_in(_EXTENSIONS))]
    led = ((facts.tree.member(name), name) for name in by_lambda)
    found = {member.path: name for member, name in led if member is not None and member.path in loose}
    scripts = sorted(path for path in loose if facts.contents[path].script)
    installed = packages_in(facts.tree.by_path) if scripts else frozenset()
    for path in scripts:
        if posixpath.dirname(path) == _BIN or (_is_executable(facts, path) and not is_of_package(path, installed)):
            found.setdefault(path, path)
    return found


def _is_executable(facts: StaticFacts, path: str) -> bool:
    return bool(facts.tree.by_path[path].mode & _EXECUTE) and path not in facts.listing.bare


def _fault(facts: StaticFacts, path: str, *, is_bootstrap: bool) -> StartFault | None:
    content = facts.contents[path]
    if content.elf is not None:
        return None
    interpreter, wanted = started_by(content.head)
    if not is_bootstrap and _OF_RUNTIMES.fullmatch(posixpath.basename(wanted or interpreter)):
        return None

    def is_there(program: str) -> bool:
        return _is_there(facts, program)

    fault = fault_of(path, content.head, is_there)
    if fault is None and wanted and not _is_there(facts, wanted):
        return fault_of(path, f"#!{wanted}".encode(), is_there)
    return fault


def _is_there(facts: StaticFacts, program: str) -> bool:
    """Whether Lambda may have what a first line names, a path or a name for PATH, or the function brings it."""
    directory, name = posixpath.split(program)
    if directory in HOST_DIRECTORIES or not directory:
        return name in HOST_PROGRAMS or name in _MAYBE or (not directory and facts.is_file(f"{OPT}/bin/{name}"))
    if program.startswith(_RUNTIMES):
        return True
    return facts.is_file(posixpath.normpath(posixpath.join(TASK, program)))


def _check_packed(facts: StaticFacts, bundle: PackedBundle, findings: LinkageFindings) -> None:
    """Check the scripts that launchers start: the runtime serves their interpreter from the bundle."""
    for program in bundle.manifest.programs:
        member = facts.tree.member(bundle.root + program.real)
        content = facts.contents.get(member.path) if member is not None else None
        if content is None or not content.script:
            continue
        named, wanted = started_by(content.head)
        interpreter = wanted or named
        if not (_is_inside(facts, bundle, interpreter) or _is_there(facts, interpreter)):
            text = f"{program.real} has a first line that names {interpreter}, which is not inside"
            findings.faults[text] = LOST


def _is_inside(facts: StaticFacts, bundle: PackedBundle, program: str) -> bool:
    if program.startswith("/"):
        return facts.tree.member(bundle.root + program) is not None
    return any(posixpath.basename(entry.path) == program for entry in bundle.manifest.entries)
