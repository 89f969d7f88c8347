"""The bare host of the bubblewrap sandbox: a shell, coreutils, sed and grep, and nothing else.

It is put together from the programs of this machine and their closure, laid out as on Amazon Linux: programs in
/usr/bin, libraries in /usr/lib64. So its libc is this machine's; a tree in LAMBUNDLE_HOST_ROOT takes its place
where another host is wanted. Building takes a moment, so the tree is kept in the cache until a source changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle import target
from lambundle.closure import Walker
from lambundle.errors import LambundleError, SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VARIABLE = "LAMBUNDLE_HOST_ROOT"
"""Names a directory that is the host's root instead, such as the unpacked root of an image."""

DIRECTORIES = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/run/current-system/sw/bin")
"""Where the programs are looked for: not on PATH, which may lead into somebody's home."""

_NAMES = """
bash sh sed grep egrep fgrep
[ arch b2sum base32 base64 basename basenc cat chcon chgrp chmod chown chroot cksum comm cp csplit cut date dd df dir
dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln logname ls
md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf ptx pwd
readlink realpath rm rmdir runcon seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat
stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink users vdir
wc who whoami yes
"""
PROGRAMS = tuple(_NAMES.split())
"""What the zip runtime can be relied on to have, as far as this machine has it."""

FILES = {
    "etc/passwd": target.PASSWD,
    "etc/group": "",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/resolv.conf": "",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/ld.so.conf": "/usr/lib64\n",
}

_LINKS = {
    "bin": "usr/bin",
    "sbin": "usr/bin",
    "lib": "usr/lib64",
    "lib64": "usr/lib64",
    "usr/sbin": "bin",
    "usr/lib": "lib64",
}
_NAME_SERVICE = "libnss_files.so.2"  # opened by glibc before 2.34 by name, so no closure finds it
_STAMP = "sources.json"
_Sources = dict[str, tuple[int, int]]


def host_root(work: Path) -> Path:
    """Return the root of the host: the one of LAMBUNDLE_HOST_ROOT, else a bare one, from the cache or built now.

    Where there is no cache that can be written, it is built below ``work``. Raise SandboxError when this machine
    lacks a shell or coreutils, or the variable names no root.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _named(Path(named))
    programs = _programs()
    try:
        directory = _cache()
        directory.mkdir(parents=True, exist_ok=True)
        return _cached(directory, programs)
    except OSError:
        return _build(Path(tempfile.mkdtemp(prefix="host-", dir=work)), programs)[0]


def _named(root: Path) -> Path:
    if not (root / "bin/sh").exists() and not (root / "usr/bin/sh").is_symlink():
        raise SandboxError(f"{VARIABLE} is {root}, which has no /bin/sh", hint="name the root of a whole system")
    return root.resolve()


def _cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if named.startswith("/") else Path.home() / ".cache") / "lambundle"


def _programs() -> dict[str, str]:
    """Find the programs: path here by name."""
    found = {}
    for name in PROGRAMS:
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


# --- the cache


def _cached(directory: Path, programs: Mapping[str, str]) -> Path:
    key = hashlib.sha256(json.dumps([sorted(programs.items()), FILES, _LINKS]).encode()).hexdigest()[:16]
    root = directory / f"host-{key}"
    if _is_current(root):
        return root / "root"
    building = Path(tempfile.mkdtemp(prefix="host-building-", dir=directory))
    try:
        _, sources = _build(building, programs)
        (building / _STAMP).write_text(json.dumps(sources))
        building.chmod(0o755)
        _replace(building, root)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return root / "root"


def _is_current(root: Path) -> bool:
    """Whether every file that the root was made from is as it was."""
    try:
        known: dict[str, list[int]] = json.loads((root / _STAMP).read_text())
        return {path: list(_identity(path)) for path in known} == known
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _replace(new: Path, old: Path) -> None:
    # A run that stands on the old root keeps its files: only names are moved.
    aside = Path(tempfile.mkdtemp(prefix="host-old-", dir=old.parent))
    with contextlib.suppress(FileNotFoundError):
        old.rename(aside / "root")
    with contextlib.suppress(OSError):  # somebody else was faster: theirs is as good
        new.rename(old)
    shutil.rmtree(aside, ignore_errors=True)


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


# --- building


def _build(work: Path, programs: Mapping[str, str]) -> tuple[Path, _Sources]:
    """Build the root as ``work/root``; return it, and size and time of every file that it was made from."""
    root = work / "root"
    for directory in ("usr/bin", "usr/lib64", "etc"):
        (root / directory).mkdir(parents=True)
    for link, leads_to in _LINKS.items():
        (root / link).symlink_to(leads_to)
    for name, content in FILES.items():
        (root / name).write_text(content)
        (root / name).chmod(0o644)
    sources: _Sources = {}
    for name, source in _libraries(programs.values()).items():
        _copy(source, root / "usr/lib64" / name, sources)
    _place_programs(root / "usr/bin", programs, sources)
    for path in (work, root, *(root / directory for directory in ("usr", "usr/bin", "usr/lib64", "etc"))):
        path.chmod(0o755)
    return root, sources


def _place_programs(directory: Path, programs: Mapping[str, str], sources: _Sources) -> None:
    # Programs of many names (busybox, coreutils in one) are one file with links; sh is bash, as on Amazon Linux.
    names: dict[str, str] = {}
    for name, path in programs.items():
        real = os.path.realpath(programs.get("bash", path) if name == "sh" else path)
        if real in names:
            (directory / name).symlink_to(names[real])
            continue
        names[real] = os.path.basename(real) if os.path.basename(real) not in programs else name
        _copy(real, directory / names[real], sources)
        if names[real] != name:
            (directory / name).symlink_to(names[real])


def _libraries(programs: Iterable[str]) -> dict[str, str]:
    """Return what the programs load: path here by file name, interpreters among them."""
    walker = Walker()
    roots = set()
    for real in {os.path.realpath(path) for path in programs}:
        with contextlib.suppress(LambundleError):  # egrep is a script, say
            roots.add(walker.add(real))
    found = {}
    for path, file in walker.closure().files.items():
        if path in roots:
            continue
        found[os.path.basename(path)] = file.real
        beside = Path(file.real).with_name(_NAME_SERVICE)
        if os.path.basename(path) == "libc.so.6" and beside.exists():
            found[_NAME_SERVICE] = os.path.realpath(beside)
    return found


def _copy(source: str, to: Path, sources: _Sources) -> None:
    sources[source] = _identity(source)
    shutil.copyfile(source, to)
    to.chmod(0o755)
