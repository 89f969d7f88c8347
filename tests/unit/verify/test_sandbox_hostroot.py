"""The bare host: what is in it, and when it is built anew."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lambundle import target
from lambundle.errors import SandboxError
from lambundle.machine import here
from lambundle.verify.packing_machine import PackingMachine
from lambundle.verify.sandbox import hostroot
from lambundle.verify.sandbox.hostroot import host_root


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(hostroot.VARIABLE, raising=False)
    return tmp_path / "cache/lambundle"


def lend(directory: Path, *names: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a machine with few programs: scripts, so that nothing has to be walked."""
    directory.mkdir()
    for name in names:
        (directory / name).write_text(f"#!/bin/true\n{name}")
        (directory / name).chmod(0o755)
    monkeypatch.setattr(hostroot, "DIRECTORIES", (str(directory),))
    return directory


def test_it_holds_this_machines_shell_and_coreutils_and_what_they_load(tmp_path: Path) -> None:
    root = host_root(tmp_path)
    assert {"sh", "env", "cat", "sed", "grep", "nice"} <= {path.name for path in (root / "usr/bin").iterdir()}
    assert (root / "etc/passwd").read_text() == target.PASSWD
    assert (root / "etc/group").read_text() == ""
    assert {path.name for path in root.iterdir()} == {"bin", "sbin", "lib", "lib64", "usr", "etc"}
    assert not (root / "usr/bin/python3").exists()
    listing = subprocess.run(["ldd", shutil.which("cat") or ""], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        if "/" in line:
            assert (root / "usr/lib64" / line.split("/")[-1].split()[0]).is_file()


def test_it_has_the_libraries_that_lambda_promises_and_no_others_for_curl(tmp_path: Path) -> None:
    root = host_root(tmp_path)
    libraries = {path.name for path in (root / "usr/lib64").iterdir()}
    listing = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    here = {line.split()[0] for line in listing.splitlines() if "=>" in line}
    assert target.HOST_LIBRARIES & here - libraries == set()
    if (root / "usr/bin/curl").exists():
        assert "libcurl.so.4" not in libraries, "a bundle must not find it"
        assert not {path.name for path in (root / "usr/libexec/lambundle").iterdir()} & libraries


def test_a_program_apart_finds_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(tmp_path / "machine", "sh", "env", "cat", "curl", monkeypatch=monkeypatch)
    root = host_root(tmp_path)
    assert (root / "usr/libexec/lambundle/curl").read_text() == "#!/bin/true\ncurl"
    start = (root / "usr/bin/curl").read_text()
    assert start.startswith("#!/bin/sh\n")
    assert 'exec /usr/libexec/lambundle/curl "$@"' in start
    assert (root / "usr/bin/curl").stat().st_mode & 0o777 == 0o755


def test_another_promise_or_another_recipe_is_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(tmp_path / "machine", "sh", "env", "cat", monkeypatch=monkeypatch)
    root = host_root(tmp_path)
    assert host_root(tmp_path) == root
    library = PackingMachine(here()).library("libm.so.6", "/usr/bin/env")
    if library is None:
        pytest.skip("no libm here")
    monkeypatch.setattr(hostroot, "_promised", lambda _: {"libm.so.6": library})
    promised = host_root(tmp_path)
    assert promised != root
    assert {"libm.so.6", "libc.so.6"} <= {path.name for path in (promised / "usr/lib64").iterdir()}
    source = tmp_path / "hostroot.py"
    source.write_text("# written anew\n")
    monkeypatch.setattr(hostroot, "__file__", str(source))
    assert host_root(tmp_path) not in {root, promised}


def test_everybody_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        root = host_root(tmp_path)
    finally:
        os.umask(before)
    for path in [root.parent, root, *root.rglob("*")]:
        if not path.is_symlink():
            assert path.stat().st_mode & 0o005 == 0o005 or (path.is_file() and path.stat().st_mode & 0o004)


def test_it_is_kept_until_a_source_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    machine = lend(tmp_path / "machine", "sh", "env", "cat", monkeypatch=monkeypatch)
    root = host_root(tmp_path)
    (root / "mark").touch()
    assert host_root(tmp_path) == root
    assert (root / "mark").exists()
    (machine / "cat").write_text("#!/bin/true\nanother cat")
    assert host_root(tmp_path) == root
    assert not (root / "mark").exists()
    assert (root / "usr/bin/cat").read_text().endswith("another cat")
    assert [path.name for path in cache.iterdir()] == [root.parent.name]


def test_a_stamp_that_is_damaged_means_building_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(tmp_path / "machine", "sh", "env", "cat", monkeypatch=monkeypatch)
    root = host_root(tmp_path)
    for damage in ("", "[]", '{"/gone": [1, 2]}', "null"):
        (root.parent / "sources.json").write_text(damage)
        (root / "mark").touch()
        assert not (host_root(tmp_path) / "mark").exists()


def test_programs_of_many_names_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = lend(tmp_path / "machine", "busybox", monkeypatch=monkeypatch)
    for name in ("sh", "env", "cat", "ls"):
        (machine / name).symlink_to("busybox")
    programs = host_root(tmp_path) / "usr/bin"
    assert (programs / "busybox").is_file()
    assert {path.name: path.is_symlink() for path in programs.iterdir()} == {
        "busybox": False, "sh": True, "env": True, "cat": True, "ls": True,
    }  # fmt: skip


def test_the_shell_is_bash_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(tmp_path / "machine", "bash", "dash", "env", "cat", monkeypatch=monkeypatch)
    (tmp_path / "machine/sh").symlink_to("dash")
    programs = host_root(tmp_path) / "usr/bin"
    assert (programs / "sh").readlink() == Path("bash")
    assert not (programs / "dash").exists()


def test_without_a_cache_it_is_built_for_this_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(tmp_path / "machine", "sh", "env", "cat", monkeypatch=monkeypatch)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    work = tmp_path / "work"
    work.mkdir()
    assert host_root(work).is_relative_to(work)


def test_a_machine_without_a_shell_cannot_lend_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(tmp_path / "machine", "env", "cat", monkeypatch=monkeypatch)
    with pytest.raises(SandboxError, match="no sh to lend"):
        host_root(tmp_path)


def test_another_host_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root/bin").mkdir(parents=True)
    (tmp_path / "root/bin/sh").touch()
    monkeypatch.setenv(hostroot.VARIABLE, str(tmp_path / "root"))
    assert host_root(tmp_path) == tmp_path / "root"
    monkeypatch.setenv(hostroot.VARIABLE, str(tmp_path))
    with pytest.raises(SandboxError, match="has no /bin/sh"):
        host_root(tmp_path)
