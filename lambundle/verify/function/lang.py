"""The Python that runs lambundle, put together as Lambda's own: /var/lang, and /var/runtime with awslambdaric.

The interpreter, its standard library and all that they load are copied, since the host of the sandbox has nothing of
them: an older libc, other directories. It is started as ``ld.so --library-path``, which no child inherits, and finds
its library from its own name, as Lambda's does. Copying takes a moment, so it is kept in the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.elf.files import ElfFiles
from lambundle.elf.walk import Walker
from lambundle.errors import HandlerError, LambundleError
from lambundle.machine import DiskFiles
from lambundle.pack.library_path import OLDEST_ARGV0, glibc_version, libc_of
from lambundle.verify.sandbox.cache import kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.metadata import Distribution

LANG, RUNTIME = "/var/lang", "/var/runtime"
REQUIRED = "awslambdaric"
OPTIONAL = "boto3"
"""Lambda's Python has it; ours has when it is installed here."""
OPTIONAL_MODULES = frozenset({OPTIONAL, "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"})
"""The modules of it and of what it requires."""

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

_OWN = f"{LANG}/lib/lambundle"  # what Lambda's has not: the loader, libraries, the interpreter itself
_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test", "ensurepip", "idlelib", "turtledemo"}
_IMAGE = "or use the image of a Python runtime: --image public.ecr.aws/lambda/python:3.13"
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")

_PYTHON = """\
#!/bin/sh
exec {own}/{loader} --library-path "{own}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}" \\
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


def stand_in(work: Path) -> Mapping[str, Path]:
    """Return what to mount so that Python handlers can be started; what cannot be cached is made below ``work``.

    Raise HandlerError where awslambdaric is not installed beside lambundle, or this Python cannot be moved.
    """
    wanted = packages()
    told = [sys.version, _executable(), *(f"{package.name} {package.version}" for package in wanted)]
    key = hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]
    tree = kept(f"python{VERSION}-{key}", lambda top: _build(top, wanted), instead=work)
    return {LANG: tree / "lang", RUNTIME: tree / "runtime"}


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
            hint=f"pip install 'lambundle[handler]', {_IMAGE}",
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
    own = lang / "lib/lambundle"
    closure = _closure(executable, [source for source, to in taken.items() if to.suffix == ".so"])
    taken.update({source: own / name for name, source in closure.items()})
    taken[executable] = own / "python"
    for source, to in taken.items():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, to)
        shutil.copystat(source, to)  # compiled modules know their source's time
        to.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    _write_programs(lang, runtime, next(name for name in closure if _is_loader(name)))
    for directory, _, _ in os.walk(top):
        Path(directory).chmod(0o755)
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


def _closure(executable: str, modules: Iterable[str]) -> Mapping[str, str]:
    """Find all that the interpreter and the modules load: path by the name that it is looked for under."""
    walker = Walker(ElfFiles(DiskFiles()))
    walker.add(executable)
    for module in modules:
        with contextlib.suppress(LambundleError):  # of use or not, it is no library
            walker.add_plugin(module, executable)
    closure = walker.closure()
    version = glibc_version(closure)
    if not any(map(_is_loader, closure.files)) or (version is not None and version < OLDEST_ARGV0):
        raise HandlerError(
            f"the Python that runs lambundle ({executable}) cannot stand in for Lambda's",
            context=("it is static, or its glibc is older than 2.33, whose ld.so has no --argv0",),
            hint=_IMAGE,
        )
    own = {executable, *modules}
    return {os.path.basename(path): file.real for path, file in closure.files.items() if path not in own}


def _is_loader(path: str) -> bool:
    return os.path.basename(path).startswith("ld-")


def _write_programs(lang: Path, runtime: Path, loader: str) -> None:
    values = {"lang": LANG, "runtime": RUNTIME, "own": _OWN, "version": VERSION}
    start = f"{loader} --inhibit-cache" if libc_of(loader) == "glibc" else loader
    programs = {
        lang / "bin/python3": _PYTHON.format(loader=start, **values),
        runtime / "bootstrap": _BOOTSTRAP.format(**values),
        runtime / "bootstrap.py": _MAIN,
    }
    for path, text in programs.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    (lang / f"bin/python{VERSION}").symlink_to("python3")
