"""Commands that install what verify lacks: those of this distribution, and of how lambundle itself was installed."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SYSTEM = {
    "debian": "apt install",
    "ubuntu": "apt install",
    "fedora": "dnf install",
    "rhel": "dnf install",
    "centos": "dnf install",
    "amzn": "dnf install",
    "alpine": "apk add",
    "arch": "pacman -S",
    "suse": "zypper install",
    "opensuse": "zypper install",
}
"""Package managers by ID and ID_LIKE of os-release(5)."""

_PIPX = re.compile(r"/pipx/venvs/([^/]+)/?$")


def system_command(package: str, os_release: Mapping[str, str]) -> str | None:
    """How this distribution installs one of its packages; None where that is not known."""
    names = [os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()]
    found = next((_SYSTEM[name] for name in names if name in _SYSTEM), None)
    if found is None:
        return None
    sudo = "sudo " if os.geteuid() != 0 and shutil.which("sudo") else ""
    return f"{sudo}{found} {shlex.quote(package)}"


def python_command(requirement: str) -> str:
    """How a package of PyPI comes beside lambundle, into the Python that runs it."""
    name = shlex.quote(requirement)
    python = shlex.quote(sys.executable or "python3")
    pipx = _PIPX.search(sys.prefix)
    if pipx is not None and shutil.which("pipx"):
        return f"pipx inject {shlex.quote(pipx[1])} {name}"
    if importlib.util.find_spec("pip") is None and shutil.which("uv"):  # uv makes environments without pip
        return f"uv pip install --python {python} {name}"
    # A Python that its distribution manages says so in a file of this name (PEP 668).
    is_managed = sys.prefix == sys.base_prefix and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()
    return f"{python} -m pip install {'--break-system-packages ' if is_managed else ''}{name}"
