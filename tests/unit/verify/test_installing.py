"""Commands that install what verify lacks, and what a refused sandbox is told to be."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from lambundle.verify.installing import python_command, system_command
from lambundle.verify.sandbox.bubblewrap.refused import is_chroot

if TYPE_CHECKING:
    from pathlib import Path

MOUNT = "24 1 0:22 / {} rw - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ({"ID": "debian"}, "apt install bubblewrap"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "apt install bubblewrap"),
        ({"ID": "fedora"}, "dnf install bubblewrap"),
        ({"ID": "opensuse-tumbleweed", "ID_LIKE": "opensuse suse"}, "zypper install bubblewrap"),
        ({"ID": "alpine"}, "apk add bubblewrap"),
        ({"ID": "arch"}, "pacman -S bubblewrap"),
        ({"ID": "nixos"}, None),
        ({}, None),
    ],
)
def test_the_distributions_own_command(
    release: dict[str, str], command: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert system_command("bubblewrap", release) == command


def test_sudo_only_where_it_is_needed_and_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/sudo")
    assert system_command("x", {"ID": "debian"}) == "sudo apt install x"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert system_command("x", {"ID": "debian"}) == "apt install x"


def test_by_pip_it_comes_into_the_python_that_runs_lambundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/home/me/venv")
    monkeypatch.setattr(sys, "executable", "/home/me/my venv/bin/python")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    assert python_command("a[b]") == "'/home/me/my venv/bin/python' -m pip install 'a[b]'"


def test_by_pipx_and_uv_it_comes_where_they_put_lambundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(sys, "executable", "/x/bin/python")
    monkeypatch.setattr(sys, "prefix", "/home/me/.local/share/pipx/venvs/lambundle")
    assert python_command("a") == "pipx inject lambundle a"
    monkeypatch.setattr(sys, "prefix", "/home/me/.local/share/uv/tools/lambundle")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert python_command("a") == "uv pip install --python /x/bin/python a"


def test_a_python_of_the_distribution_has_to_be_asked_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    assert python_command("a") == "/usr/bin/python3 -m pip install --break-system-packages a"


@pytest.mark.parametrize(
    ("mounts", "found"), [(("/proc", "/"), False), (("/proc", "/dev"), True), (("/root",), True), ((), False)]
)
def test_a_chroot_has_nothing_mounted_at_its_root(mounts: tuple[str, ...], found: bool, tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mountinfo").write_text("".join(map(MOUNT.format, mounts)))
    assert is_chroot(tmp_path) == found


def test_the_first_processs_root_tells_a_chroot(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    root = tmp_path / "1/root"
    root.symlink_to("/")
    assert not is_chroot(tmp_path)
    root.unlink()
    root.symlink_to(tmp_path)
    assert is_chroot(tmp_path)


def test_without_proc_it_is_one_too(tmp_path: Path) -> None:
    assert is_chroot(tmp_path)
