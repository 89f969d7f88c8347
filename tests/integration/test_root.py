"""``--root``: packing from a root gives the bytes that packing inside that root gives."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle import find_libraries, open_machine
from lambundle.elf.headers import is_elf, read_elf
from tests.bareroot import UnavailableError, cache_directory, locked
from tests.integration.conftest import unavailable
from tests.integration.test_deps_oracle import LIST_LINE
from tests.otherroot import INSIDE, OUTSIDE, copy_lambundle, other_root, run_inside, run_outside

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("other-root")]

NOBODY = 65534


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A root of another Debian, lambundle as it is now in it."""
    try:
        found = other_root()
    except UnavailableError as missing:
        unavailable(missing)
    with locked(cache_directory() / "otherroot-used.lock"):
        copy_lambundle(found)
        yield found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("program", ["jq", "gcc", "git", "python3"])
def test_the_bytes_are_those_of_packing_inside(root: Path, program: str) -> None:
    inside = run_inside(root, ["python3", "-m", "lambundle", "pack", "-q", program, "-o", f"/{INSIDE}/{program}.zip"])
    assert inside.returncode == 0, inside.stderr
    expected = digest(root / INSIDE / f"{program}.zip")
    for user in (None, NOBODY):
        with tempfile.TemporaryDirectory(prefix="root-", dir="/var/tmp") as work:
            Path(work).chmod(0o777)
            zipped = Path(work, "out.zip")
            outside = run_outside(root, ["pack", "-q", "--root", OUTSIDE, program, "-o", str(zipped)], user)
            assert outside.returncode == 0, outside.stderr
            assert digest(zipped) == expected, f"as user {user}"


def test_deps_of_every_program_are_those_of_its_own_loader(root: Path) -> None:
    machine = open_machine(root)
    files = machine.files
    programs = [
        item.path
        for item in files.scan("/usr/bin")
        if files.is_executable(item.path) and is_elf(files, item.path) and read_elf(files, item.path).interpreter
    ]
    assert len(programs) > 200
    closure = find_libraries(programs, machine=machine)
    assert closure.missing == ()
    script = 'for p; do echo "= $p"; /lib64/ld-linux-x86-64.so.2 --glibc-hwcaps-mask x86-64-v2 --list "$p"; done'
    listed = run_inside(root, ["/bin/sh", "-c", script, "sh", *programs])
    assert listed.returncode == 0, listed.stderr
    theirs: dict[str, set[str]] = {}
    for line in listed.stdout.splitlines():
        if line.startswith("= "):
            found = theirs.setdefault(line[2:], set())
        elif match := LIST_LINE.match(line):
            found.add(files.real(match["path"]))
    ours = {program: {file.real for file in closure.scopes[program]} - {files.real(program)} for program in programs}
    assert ours == theirs


def test_what_cannot_be_done_from_outside_is_refused(root: Path) -> None:
    done = run_outside(root, ["pack", "--root", OUTSIDE, "--record", "jq --version", "jq"])
    assert done.returncode == 2
    assert "--record runs a command on this machine, and --root packs another" in done.stderr
