"""Every dynamic program of the machine: our answer against that of its own loader."""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lambundle.cli.deps_json import to_json
from lambundle.elf import closure
from tests import here
from tests.here import is_elf, read_elf

pytestmark = pytest.mark.integration

LIST_LINE = re.compile(r"^\t(?:(?P<soname>\S+) => )?(?P<path>/.*) \(0x[0-9a-f]+\)$")


def _programs() -> list[str]:
    """Dynamic programs of /usr/bin by real path: ld.so takes ``$ORIGIN`` from the path it is given."""
    found = {str(path.resolve()) for path in Path("/usr/bin").iterdir() if is_elf(path) and os.access(path, os.X_OK)}
    return sorted(path for path in found if (elf := read_elf(path)).interpreter and elf.is_program)


def _listed(program: str) -> list[str]:
    """Ask ld.so for the paths of all that it would load on an x86-64-v2 machine, in its order."""
    interpreter = read_elf(program).interpreter
    assert interpreter is not None
    command = [interpreter, "--list", program]
    if "ld-linux-x86-64" in interpreter:
        command[1:1] = ["--glibc-hwcaps-mask", "x86-64-v2"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    matches = (LIST_LINE.match(line) for line in done.stdout.splitlines())
    return [match["path"] for match in matches if match]


def _oracle(program: str) -> set[str]:
    return {os.path.realpath(path) for path in _listed(program)}


def test_every_program_loads_what_its_loader_says_in_its_order() -> None:
    programs = _programs()
    assert programs, "no dynamic program in /usr/bin"
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        oracle = dict(zip(programs, pool.map(_listed, programs), strict=True))
    found = here.walk(programs)
    assert not found.missing
    wrong = {}
    for program in programs:
        interpreter = read_elf(program).interpreter
        # The interpreter is there from the start; where it is in the list depends on who asks for it.
        ours = [file.path for file in found.scopes[program] if file.path not in {program, interpreter}]
        theirs = [path for path in oracle[program] if path != interpreter]
        if ours != theirs:
            wrong[program] = (ours, theirs)
    assert wrong == {}


def test_json_of_the_largest_program_agrees_with_its_loader() -> None:
    scopes = here.walk(_programs()).scopes
    program = max(scopes, key=lambda path: len(scopes[path]))
    document = to_json(here.walk([program]))
    assert document["programs"] == [program]
    assert {file["path"] for file in document["files"]} == _oracle(program) | {program}
    needed = {need["path"] for file in document["files"] for need in file["needed"]}
    assert needed == _oracle(program)
    assert document["missing"] == []


def test_the_closures_own_directories_are_enough_for_an_isolated_loader() -> None:
    programs = _programs()[:200]
    found = here.walk(programs)
    directories = tuple(dict.fromkeys(os.path.dirname(path) for path in found.files if path not in programs))
    isolated = here.walk(programs, library_path=directories, isolated=True)
    assert closure.differences(found, isolated) == ()
