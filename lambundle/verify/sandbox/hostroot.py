"""The bare host of the bubblewrap sandbox: a shell, coreutils, sed, grep, curl, and the libraries that Lambda promises.

It is put together from the programs and libraries of this machine and their closure, laid out as on Amazon Linux:
programs in /usr/bin, libraries in /usr/lib64. So its libc is this machine's; a tree in LAMBUNDLE_HOST_ROOT takes its
place where another host is wanted. Building takes a moment, so the tree is kept in the cache until a source changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle import target
from lambundle.elf.files import ElfFiles
from lambundle.elf.walk import Walker
from lambundle.errors import LambundleError, SandboxError
from lambundle.machine import DiskFiles
from lambundle.verify.sandbox.cache import kept
from lambundle.verify.sandbox.etc import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VARIABLE = "LAMBUNDLE_HOST_ROOT"
"""Names a directory that is the host's root instead, such as the unpacked root of an image."""

DIRECTORIES = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/run/current-system/sw/bin")
"""Search order of the programs: not PATH, which may lead into a user's home."""

_APART = frozenset({"curl"})
"""Programs that load more than Lambda promises anybody: a bundle must not find that by its name in /usr/lib64."""

_LINKS = {
    "bin": "usr/bin",
    "sbin": "usr/bin",
    "lib": "usr/lib64",
    "lib64": "usr/lib64",
    "usr/sbin": "bin",
    "usr/lib": "lib64",
}
_NAME_SERVICE = "libnss_files.so.2"  # opened by glibc before 2.34 by name, so no closure finds it
_PLACE_APART = "usr/libexec/lambundle"
_START_APART = """\
#!/bin/sh
LD_LIBRARY_PATH=/{place}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}} exec /{place}/{name} "$@"
"""


def host_root(work: Path) -> Path:
    """Return the root of the host: the one of LAMBUNDLE_HOST_ROOT, else a bare one, from the cache or built now.

    Where there is no cache that can be written, it is built below ``work``. Raise SandboxError when this machine
    lacks a shell or coreutils, or the variable names no root.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _named(Path(named))
    programs = _programs()
    libraries = _promised(programs.values())
    recipe = [sorted(programs.items()), sorted(libraries.items()), FILES, Path(__file__).read_text(encoding="utf-8")]
    key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    return kept(f"host-{key}", lambda root: _build(root, programs, libraries), instead=work)


def _named(root: Path) -> Path:
    if not (root / "bin/sh").exists() and not (root / "usr/bin/sh").is_symlink():
        raise SandboxError(f"{VARIABLE} is {root}, which has no /bin/sh", hint="name the root of a whole system")
    return root.resolve()


def _programs() -> dict[str, str]:
    """Find the programs: path here by name."""
    found = {}
    for name in (*target.HOST_PROGRAMS, *target.UNPROMISED_PROGRAMS):
        path = next((path for place in DIRECTORIES if os.access(path := f"{place}/{name}", os.X_OK)), None)
        if path is not None:
            found[name] = path
    lacking = [name for name in ("sh", "env", "cat") if name not in found]
    if lacking:
        raise SandboxError(
            f"this machine has no {lacking[0]} to lend to the sandbox",
            context=tuple(f"looked in {place}" for place in DIRECTORIES),
            hint=f"set {VARIABLE} to the root of a system that has it",
        )
    return found


# --- building


def _build(root: Path, programs: Mapping[str, str], promised: Mapping[str, str]) -> Iterable[str]:
    """Build the host below ``root``; return the files that it was made from."""
    for directory in ("usr/bin", "usr/lib64", "etc"):
        (root / directory).mkdir(parents=True)
    for link, leads_to in _LINKS.items():
        (root / link).symlink_to(leads_to)
    for name, content in FILES.items():
        (root / "etc" / name).write_text(content)
        (root / "etc" / name).chmod(0o644)
    common = {name: path for name, path in programs.items() if name not in _APART}
    libraries = _libraries(common.values(), promised.values())
    for name, source in libraries.items():
        _copy(source, root / "usr/lib64" / name)
    taken = {*libraries.values(), *_place_programs(root / "usr/bin", common)}
    for name in sorted(programs.keys() & _APART):
        taken.update(_place_apart(root, name, programs[name], libraries))
    for place, _, _ in os.walk(root):
        Path(place).chmod(0o755)
    return sorted(taken)


def _place_programs(directory: Path, programs: Mapping[str, str]) -> Iterable[str]:
    # Programs of many names (busybox, coreutils in one) are one file with links; sh is bash, as on Amazon Linux.
    names: dict[str, str] = {}
    for name, path in programs.items():
        real = os.path.realpath(programs.get("bash", path) if name == "sh" else path)
        if real in names:
            (directory / name).symlink_to(names[real])
            continue
        names[real] = os.path.basename(real) if os.path.basename(real) not in programs else name
        _copy(real, directory / names[real])
        if names[real] != name:
            (directory / name).symlink_to(names[real])
    return names


def _place_apart(root: Path, name: str, path: str, common: Mapping[str, str]) -> Iterable[str]:
    """Place a program with those of its libraries that are not ``common``; return the files taken."""
    place = root / _PLACE_APART
    place.mkdir(parents=True, exist_ok=True)
    own = {library: source for library, source in _libraries([path]).items() if library not in common}
    own[name] = os.path.realpath(path)
    for library, source in own.items():
        _copy(source, place / library)
    start = root / "usr/bin" / name
    start.write_text(_START_APART.format(place=_PLACE_APART, name=name))
    start.chmod(0o755)
    return own.values()


def _promised(programs: Iterable[str]) -> dict[str, str]:
    """Find the libraries that Lambda certainly has: path here by soname, as far as this machine has them."""
    walker = Walker(ElfFiles(DiskFiles()))
    by = next((path for path in programs if _is_added(walker, path)), None)
    if by is None:  # only scripts, or static programs: nothing here says where libraries are
        return {}
    found = {name: walker.dlopen(name, by) for name in sorted(target.HOST_LIBRARIES)}
    return {name: path for name, path in found.items() if path is not None}


def _libraries(programs: Iterable[str], promised: Iterable[str] = ()) -> dict[str, str]:
    """Return what programs and ``promised`` libraries load, and those: path here by file name, interpreters too."""
    walker = Walker(ElfFiles(DiskFiles()))
    roots = {path for path in map(os.path.realpath, programs) if _is_added(walker, path)}
    found = {os.path.basename(path): os.path.realpath(path) for path in promised if _is_added(walker, path)}
    for path, file in walker.closure().files.items():
        if path in roots:
            continue
        found[os.path.basename(path)] = file.real
        beside = Path(file.real).with_name(_NAME_SERVICE)
        if os.path.basename(path) == "libc.so.6" and beside.exists():
            found[_NAME_SERVICE] = os.path.realpath(beside)
    return found


def _is_added(walker: Walker, path: str) -> bool:
    try:
        walker.add(path)
    except LambundleError:  # egrep is a script, say
        return False
    return True


def _copy(source: str, to: Path) -> None:
    shutil.copyfile(source, to)
    to.chmod(0o755)
