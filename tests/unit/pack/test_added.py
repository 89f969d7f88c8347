"""Programs that the user adds get what they would get if they had been asked for."""

from __future__ import annotations

import pytest

from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from tests.unit.machines import machine


def packed(family: str, *programs: str, add: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> set[str]:
    """Return the paths of a bundle's files on the packing machine."""
    manifest = make_plan(Request(machine=machine(family), programs=programs, add=add, exclude=exclude)).manifest
    return {path for entry in manifest.entries for _, root, path in [entry.path.partition("/root/")] if root}


@pytest.mark.parametrize("family", ["debian", "fedora", "arch", "alpine"])
@pytest.mark.parametrize("program", ["gs", "git"])
def test_an_added_program_comes_with_all_that_it_has_when_it_is_asked_for(family: str, program: str) -> None:
    path = f"/usr/bin/{program}"
    assert packed(family, program) <= packed(family, "jq", add=(path,))
    assert path.removeprefix("/") not in packed(family, "jq")


def test_an_added_program_that_is_excluded_stays_out() -> None:
    found = packed("debian", "jq", add=("/usr/bin/gs",), exclude=("gs",))
    assert not [path for path in found if "ghostscript" in path]


def test_a_library_that_may_be_executed_and_a_table_are_added_as_they_are() -> None:
    alone = packed("debian", "jq")
    library = "usr/lib/x86_64-linux-gnu/libjq.so.1"
    assert packed("debian", "jq", add=(f"/{library}",)) == alone
    assert packed("debian", "jq", add=("/etc/os-release",)) - alone <= {"etc/os-release", "usr/lib/os-release"} | {
        "etc",
        "usr/lib",
    }
