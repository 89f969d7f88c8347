"""Bundles broken so that only a run shows it: each is failed by the check that should, and passes when mended.

The manifests are made to agree with what was done, so that integrity, which would see nearly all of it, sees nothing.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from tests.bareroot import UnavailableError, bare_root
from tests.integration.conftest import Packs, unavailable
from tests.integration.corpus import load_jobs
from tests.integration.verifying import Broken, Verified, run, verify

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

JOBS = {job.name: job for job in load_jobs()}


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a host with an older glibc, where bubblewrap works."""
    try:
        root = bare_root()
    except UnavailableError as reason:
        unavailable(reason)
    sandbox = BubblewrapSandbox(tmp_path_factory.mktemp("bubblewrap"), root)
    obstacle = sandbox.unavailable()
    sandbox.close()
    if obstacle is not None:
        unavailable(UnavailableError(obstacle))
    return root


def on(name: str) -> pytest.MarkDecorator:
    """Keep what needs one pack on one worker."""
    return pytest.mark.xdist_group(name)


def broken(name: str, packs: Packs, work: Path) -> Broken:
    """Return a copy of a job's bundle."""
    return Broken(packs(JOBS[name]).tree, work)


def diagnosis(bundle: Path, *arguments: str, host: Path | None) -> tuple[str, str]:
    """Return the cause and the cure, as the screen ends."""
    *_, cause, cure = run(bundle, *arguments, host=host).stdout.splitlines()
    assert cause.startswith("cause: ")
    assert cure.startswith(" cure: ")
    return cause.removeprefix("cause: "), cure.removeprefix(" cure: ")


def mended(bundle: Broken, path: Path, kept: Path, host: Path) -> None:
    """Put a file back, and see the bundle pass."""
    path.unlink(missing_ok=True)
    shutil.copy2(kept, path)
    manifest = bundle.home / "manifest.json"
    shutil.copy2(kept.with_name("manifest.json"), manifest)
    assert verify(bundle.tree, host=host).status == 0


def keep(bundle: Broken, path: Path, work: Path) -> Path:
    """Keep a file and the manifest for later."""
    kept = work / "kept" / path.name
    kept.parent.mkdir()
    shutil.copy2(path, kept)
    shutil.copy2(bundle.home / "manifest.json", kept.parent)
    return kept


@on("jq")
def test_a_library_removed(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("jq", packs, tmp_path)
    library = bundle.find("libonig.so.5.*")
    kept = keep(bundle, library, tmp_path)
    library.unlink()
    found = verify(bundle.reconcile(), host=host)
    assert found.status == 1
    assert {"closure", "smoke", "missing"} <= found.failed
    assert re.search(r"--add /\S*/libonig\.so\.5\b", found.check("missing")["hint"])
    cause, cure = diagnosis(bundle.tree, host=host)
    assert cause == "libonig.so.5 is not in the bundle, and jq needs it"
    assert "libonig.so.5" in cure
    mended(bundle, library, kept, host)


@on("gcc")
def test_the_executable_bit_lost(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("gcc", packs, tmp_path)
    compiler = bundle.find("cc1")
    compiler.chmod(0o644)
    found = verify(bundle.tree, host=host)
    assert {"integrity", "permissions", "smoke"} <= found.failed
    cause, cure = diagnosis(bundle.tree, host=host)
    assert cause == "cc1 is not executable in the zip (mode 0644): it was re-zipped by a tool that drops modes"
    assert cure == "upload gcc.zip itself, as lambundle wrote it"
    found = verify(bundle.reconcile(), host=host)
    assert "smoke" in found.failed
    assert diagnosis(bundle.tree, host=host)[0] == "cc1 is not executable in the zip (mode 0644)"
    compiler.chmod(0o755)
    assert verify(bundle.reconcile(), host=host).status == 0


@on("espeak-ng")
def test_a_data_file_removed(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("espeak-ng", packs, tmp_path)
    data = bundle.find("phontab")
    kept = keep(bundle, data, tmp_path)
    data.unlink()
    found = verify(bundle.reconcile(), host=host)
    assert found.failed == {"smoke", "same", "missing"}
    missing = found.check("missing")
    path = str(data).removeprefix(f"{bundle.home}/root")
    assert missing["detail"].startswith(f"{path} (package espeak-ng-data) is not in the bundle")
    assert missing["hint"] == "lambundle pack /usr/bin/espeak-ng --package espeak-ng-data"
    cause, cure = diagnosis(bundle.tree, host=host)
    assert path in cause
    assert cure == missing["hint"]
    mended(bundle, data, kept, host)


@on("git")
def test_a_helper_script_whose_interpreter_is_the_hosts(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("git", packs, tmp_path)
    script = bundle.find("git-submodule")
    bundle.edit(script, "#!/bin/sh", "#!/usr/bin/bash")
    found = verify(bundle.reconcile(), host=host)
    assert "isolation" in found.failed
    isolation = found.check("isolation")
    assert isolation["detail"] == "/usr/lib/git-core/git-submodule of the bundle was run by the host's /usr/bin/bash"
    assert "--add /usr/bin/bash" in isolation["hint"]
    bundle.edit(script, "#!/usr/bin/bash", "#!/bin/sh")
    assert verify(bundle.reconcile(), host=host).status == 0


@on("gcc")
def test_a_helper_program_whose_loader_is_the_hosts(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("gcc", packs, tmp_path)
    helper = bundle.find("*-linux-gnu-as")
    content = helper.read_bytes()
    [interpreter] = set(re.findall(rb"/lib(?:64)?/ld-linux[-a-z0-9_]*\.so\.[0-9]", content))
    other = interpreter[:-1] + b"9"
    own_host = tmp_path / "host"
    shutil.copytree(host, own_host, symlinks=True)
    loader = own_host / "usr/lib64" / other.decode().rpartition("/")[2]
    loader.symlink_to(interpreter.decode().rpartition("/")[2])
    helper.write_bytes(content.replace(interpreter, other))
    found = verify(bundle.reconcile(), host=own_host)
    assert {"smoke", "isolation"} <= found.failed
    assert (
        f"was started by the host's loader: its own, {other.decode()}, is not inside"
        in found.check("isolation")["detail"]
    )
    assert f"--add {other.decode()}" in found.check("isolation")["hint"]
    helper.write_bytes(content)
    assert verify(bundle.reconcile(), host=own_host).status == 0


@on("perl")
def test_a_variable_lost(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("perl", packs, tmp_path)
    config = bundle.home / "runtime/config"
    bundle.edit(config, "environment LOCPATH", "lost LOCPATH")
    found = verify(bundle.reconcile(), host=host)
    assert found.failed == {"smoke", "same", "environment"}
    assert found.check("environment")["detail"].startswith("LOCPATH is not set by the bundle perl")
    assert "/opt/lambundle/perl/root/usr/lib/locale" in found.check("environment")["hint"]
    cause, _ = diagnosis(bundle.tree, host=host)
    assert "LOCPATH" in cause
    bundle.edit(config, "lost LOCPATH", "environment LOCPATH")
    assert verify(bundle.reconcile(), host=host).status == 0


@on("bash")
def test_a_variable_that_only_this_machine_sets(packs: Packs, host: Path) -> None:
    command = ("--", "bash", "-c", 'enable -f nothing; : "${TOOL_HOME?is not set}"')
    found = verify(packs(JOBS["bash"]).archive, *command, host=host, env={"TOOL_HOME": "/x"})
    assert "smoke" in found.failed
    # bash reads its variables without getenv: what it says is all there is, and no other check may claim to know.
    assert "isolation" not in found.failed


def host_used(found: Verified, detail: str) -> None:
    """The host was used, and isolation says so."""
    assert found.failed == {"isolation"}, found
    assert detail in found.check("isolation")["detail"]
    assert "launcher" in found.check("isolation")["hint"]


@on("jq")
def test_the_hosts_loader_used(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("jq", packs, tmp_path)
    launcher = bundle.tree / "bin/jq"
    text = launcher.read_text()
    launcher.write_text(re.sub(r'exec "\$lambundle_bundle"/root(\S+)', r"exec \1", text))
    assert launcher.read_text() != text
    bundle.reconcile()
    # On a host with the bundle's own libc everything works, and only the trace shows it.
    host_used(verify(bundle.tree, host=None), "/usr/bin/jq was started by the host's loader")
    found = verify(bundle.tree, host=host)
    assert "smoke" in found.failed
    assert "loader" in diagnosis(bundle.tree, host=host)[0]
    launcher.write_text(text)
    assert verify(bundle.reconcile(), host=host).status == 0


@on("jq")
def test_the_runtime_left_out(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("jq", packs, tmp_path)
    launcher = bundle.tree / "bin/jq"
    launcher.write_text(re.sub(r"--preload \S+ ", "", launcher.read_text()))
    host_used(verify(bundle.reconcile(), host=host), "jq ran without the bundle's runtime")


@on("jq")
def test_a_library_of_the_host_used(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("jq", packs, tmp_path)
    library = bundle.find("libonig.so.5.*")
    own_host = tmp_path / "host"
    shutil.copytree(host, own_host, symlinks=True)
    shutil.copy2(library, own_host / "usr/lib64/libonig.so.5")
    for path in (library, *(bundle.home / "root").rglob("libonig.so.5")):
        path.unlink()
    bundle.edit(bundle.tree / "bin/jq", '"$lambundle_bundle"/runtime ', '"$lambundle_bundle"/runtime:/usr/lib64 ')
    found = verify(bundle.reconcile(), host=own_host)
    assert {"closure", "isolation"} <= found.failed
    assert "smoke" not in found.failed
    assert found.check("isolation")["detail"].startswith("/usr/bin/jq took the host's /usr/lib64/libonig.so.5")
    assert "--add" in found.check("isolation")["hint"]


@on("bash")
def test_a_program_of_the_host_that_lambda_has_not(packs: Packs, host: Path, tmp_path: Path) -> None:
    own_host = tmp_path / "host"
    shutil.copytree(host, own_host, symlinks=True)
    shutil.copy2(own_host / "usr/bin/true", own_host / "usr/bin/only-here")
    archive = packs(JOBS["bash"]).archive
    found = verify(archive, "--", "bash", "-c", "only-here", host=own_host)
    assert found.failed == {"isolation"}
    assert "/usr/bin/only-here, which Lambda may not have" in found.check("isolation")["detail"]
    assert verify(archive, "--", "bash", "-c", "/usr/bin/true", host=own_host).status == 0


FILL = "head -c 3000000 /dev/zero > /tmp/filled"
EAT = 'x=$(head -c 300000000 /dev/zero | tr "\\0" x); echo ${#x}'


@on("bash")
@pytest.mark.parametrize(
    ("options", "script", "check", "hint"),
    [
        (("--tmp", "1"), FILL, "tmp", "--tmp 512"),
        (("--memory", "128"), EAT, "memory", "--memory 256"),
        (("--timeout", "1"), "while :; do :; done", "smoke", ""),
    ],
)
def test_a_limit_too_small(
    packs: Packs, host: Path, options: tuple[str, ...], script: str, check: str, hint: str
) -> None:
    archive = packs(JOBS["bash"]).archive
    found = verify(archive, *options, "--", "bash", "-c", script, host=host)
    assert found.failed == {"smoke", check}
    assert hint in found.check(check)["hint"]
    if check == "smoke":
        assert "had not ended after 1 s" in found.check(check)["detail"]
        assert "--timeout" in diagnosis(archive, *options, "--", "bash", "-c", script, host=host)[1]
    else:
        assert verify(archive, "--", "bash", "-c", script, host=host).status == 0
