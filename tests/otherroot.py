"""A whole root of another Debian with a few programs in it: a machine to pack from, and to pack in.

Built once by debootstrap and kept in the cache beside the bare root. Programs are run in it by chroot(8).
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import lambundle
from tests.bareroot import UnavailableError, cache_directory, locked

if TYPE_CHECKING:
    from collections.abc import Sequence

SUITE = "trixie"
PACKAGES = ("python3", "jq", "git", "gcc", "libc6-dev")
INSIDE = "lambundle-test"
"""The directory of the root where lambundle lies, which no package knows."""

OUTSIDE = "/mnt"
"""Where the root is mounted for a lambundle that packs from outside."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_DEFLATE = '''"""Stands in for libdeflate, which is not built for this Python: other bytes, the same on both sides."""
import zlib


def crc32(data):
    return zlib.crc32(data)


def deflate_compress(data, level):
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()
'''


def other_root() -> Path:
    """Return the root, building it first where it is not in the cache."""
    recipe = hashlib.sha256(Path(__file__).read_bytes() + platform.machine().encode()).hexdigest()[:16]
    cache = cache_directory()
    root = cache / f"otherroot-{recipe}"
    with locked(cache / "otherroot.lock"):
        if not root.is_dir():
            if os.geteuid() != 0:
                raise UnavailableError("debootstrap needs root")
            for tool in ("debootstrap", "chroot", "unshare", "setpriv"):
                if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
                    raise UnavailableError(f"{tool} is not installed")
            with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as building:
                _build(Path(building) / "root").rename(root)
    return root


def _build(root: Path) -> Path:
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
    )
    if done.returncode != 0:
        raise UnavailableError(f"debootstrap failed: {(done.stderr + done.stdout).strip()[-500:]}")
    root.chmod(0o755)
    return root


def copy_lambundle(root: Path) -> None:
    """Lay lambundle as it is now, and the pure Python that packing imports, into the root."""
    place = root / INSIDE
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o755)
    shutil.copytree(Path(lambundle.__file__).parent, place / "lambundle", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("click", "packaging"):
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        shutil.copytree(Path(found.origin).parent, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "deflate.py").write_text(_DEFLATE)


def run_inside(root: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in the root."""
    chroot = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "chroot"
    environment = {"PATH": PATH, "PYTHONPATH": f"/{INSIDE}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [chroot, str(root), *command], capture_output=True, text=True, check=False, env=environment, cwd="/"
    )


def run_outside(root: Path, arguments: Sequence[str], user: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the same lambundle from outside with ``--root``, on this machine's Python, perhaps as another user.

    The root is mounted at OUTSIDE for that process alone: wherever it lies, any user may enter it there.
    """
    environment = {"PATH": f"{PATH}:{os.environ.get('PATH', '')}", "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = f"{OUTSIDE}/{INSIDE}"
    identity = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    mounted = f'mount --bind "$1" {OUTSIDE} && shift && exec "$@"'
    # -S: nothing of a virtual environment, which that user may not be able to enter; every module lies in the root.
    program = [*identity, _python(user), "-S", "-m", "lambundle", *arguments]
    return subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-c", mounted, "sh", str(root), *program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd="/",
    )


def _python(user: int | None) -> str:
    own = os.path.realpath(sys.executable)
    may_enter = all(above.stat().st_mode & 0o001 for above in Path(own).parents)
    return own if user is None or may_enter else "/usr/bin/python3"
