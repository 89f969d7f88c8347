"""The Python that runs lambundle, put together as Lambda's own: /var/lang, and /var/runtime with awslambdaric.

Its standard library comes along, which it finds from its own name, as Lambda's does. Copying takes a moment, so it is
kept in the cache.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import sys
import sysconfig
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
    from collections.abc import Iterable, Iterator
    from importlib.metadata import Distribution

REQUIRED = "awslambdaric"
OPTIONAL = "boto3"
"""Lambda's Python has it; ours has when it is installed here."""
OPTIONAL_MODULES = frozenset({OPTIONAL, "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"})
"""The modules of it and of what it requires."""

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test", "ensurepip", "idlelib", "turtledemo"}
_IMAGE = "or use the image of a Python runtime: --image public.ecr.aws/lambda/python:3.13"
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")

_PYTHON = """\
#!/bin/sh
exec {loader} --library-path "{own}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}" \\
	--argv0 {lang}/bin/python3 {own}/python "$@"
"""
_BOOTSTRAP = """\
#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python{version} PYTHONPATH="${{PYTHONPATH:-{runtime}}}"
exec {lang}/bin/python3 {runtime}/bootstrap.py
"""
_MAIN = """\
\"\"\"Starts the handler as Lambda's own bootstrap does: the function and its layers come before everything.\"\"\"

import os
import sys

version = f"python{sys.version_info.major}.{sys.version_info.minor}"
sys.path[:1] = [os.environ["LAMBDA_TASK_ROOT"], f"/opt/python/lib/{version}/site-packages", "/opt/python"]

from awslambdaric.__main__ import main

main([sys.argv[0], os.environ["_HANDLER"]])
"""


def stand_in(work: Path) -> StandIn:
    """Return what Python handlers can be started with; what cannot be cached is made below ``work``.

    Raise HandlerError where awslambdaric is not installed beside lambundle, or this Python cannot be moved.
    """
    wanted = packages()
    told = [sys.version, _executable(), *(f"{package.name} {package.version}" for package in wanted)]
    key = hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]
    tree = kept(f"python{VERSION}-{key}", lambda top: _build(top, wanted), instead=work)
    lacks = lacking_modules()
    note = f"Python {platform.python_version()} of this machine stands in for Lambda's in /var/lang"
    return StandIn(
        {LANG: tree / "lang", RUNTIME: tree / "runtime"},
        f"{note}, without {OPTIONAL}" if lacks else note,
        lacks,
        f"install it beside lambundle: {python_command(OPTIONAL)}, {_IMAGE}",
    )


def packages() -> list[Distribution]:
    """Find what goes into /var/runtime: packages and what they require, as far as it is installed.

    Raise HandlerError where awslambdaric is not.
    """
    found: dict[str, Distribution] = {}
    waiting = [REQUIRED, OPTIONAL]
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            package = found[key] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        needs = [need for need in package.requires or () if "extra ==" not in need]
        waiting += [match[0] for need in needs if (match := _REQUIREMENT.match(need))]
    if REQUIRED not in found:
        raise HandlerError(
            f"{REQUIRED} is not installed, with which AWS starts Python handlers",
            hint=f"{python_command(REQUIRED)}, {_IMAGE}",
        )
    return list(found.values())


def lacking_modules() -> frozenset[str]:
    """Modules that every Python of Lambda's has, and ours has not."""
    return frozenset() if any(package.name == OPTIONAL for package in packages()) else OPTIONAL_MODULES


def _executable() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)  # not a virtual environment's


def _build(top: Path, wanted: Iterable[Distribution]) -> Iterable[str]:
    """Build ``lang`` and ``runtime`` below ``top``; return the files that were taken."""
    lang, runtime = top / "lang", top / "runtime"
    executable = _executable()
    taken = dict(_standard_library(lang))
    for package in wanted:
        taken.update(_files_of(package, runtime))
    modules = [source for source, to in taken.items() if to.suffix == ".so"]
    closure = closure_of(executable, modules, language="Python", hint=_IMAGE)
    own = top / OWN.removeprefix("/var/")
    taken.update({source: own / name for name, source in closure.items()})
    taken[executable] = own / "python"
    copy_files(taken)
    _write_programs(lang, runtime, loader_command(closure))
    open_directories(top)
    return taken


def _standard_library(lang: Path) -> Iterator[tuple[str, Path]]:
    """Give each file of the standard library and its place, compiled modules with those of this Python only."""
    source = sysconfig.get_path("stdlib")
    to = lang / sys.platlibdir / Path(source).name
    for directory, names, files in os.walk(source):
        names[:] = [name for name in names if name not in _LEFT_OUT and not name.startswith("config-")]
        compiled = directory.endswith("/__pycache__")
        for name in files:
            path = os.path.join(directory, name)
            if os.path.isfile(path) and (not compiled or name.endswith(f".{sys.implementation.cache_tag}.pyc")):
                yield path, to / os.path.relpath(path, source)


def _files_of(package: Distribution, runtime: Path) -> Iterator[tuple[str, Path]]:
    for file in package.files or ():
        source = str(package.locate_file(file))
        if ".." not in file.parts and os.path.isfile(source):
            yield source, runtime / file


def _write_programs(lang: Path, runtime: Path, loader: str) -> None:
    values = {"lang": LANG, "runtime": RUNTIME, "own": OWN, "version": VERSION, "loader": loader}
    write_programs(
        {
            lang / "bin/python3": _PYTHON.format(**values),
            runtime / "bootstrap": _BOOTSTRAP.format(**values),
            runtime / "bootstrap.py": _MAIN,
        }
    )
    (lang / f"bin/python{VERSION}").symlink_to("python3")
