"""Random programs print the same at home and from a bundle where nothing is installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lambundle import runtime
from tests.bareroot import UnavailableError
from tests.runtime.conftest import unavailable
from tests.runtime.generator.claims import CLAIMS
from tests.runtime.generator.compare import differences, differences_of, functions_of
from tests.runtime.generator.functions import FUNCTIONS
from tests.runtime.generator.tree import WORLDS, Roots, make_roots
from tests.runtime.test_built import exported, parsed

if TYPE_CHECKING:
    from pathlib import Path

COUNT = int(os.environ.get("LAMBUNDLE_PROGRAMS", "250"))


@pytest.fixture(scope="module", params=WORLDS)
def roots(request: pytest.FixtureRequest, outside_tmp: Path) -> Roots:
    """Return a root with the files, and a bundle of them."""
    top = outside_tmp / f"random-{request.param}"
    top.mkdir()
    try:
        return make_roots(top, request.param)
    except UnavailableError as reason:
        unavailable(reason)


@pytest.mark.parametrize("libc", runtime.LIBCS)
def test_every_exported_function_is_called(libc: str) -> None:
    assert exported(parsed(os.uname().machine, libc)) - {"syscall"} - FUNCTIONS.keys() == set()


def test_all_functions_are_built(roots: Roots) -> None:
    names = set(functions_of(roots))
    assert names - FUNCTIONS.keys() == set()
    assert roots.libc != "glibc" or FUNCTIONS.keys() - names == set()


@pytest.mark.parametrize("claim", CLAIMS)
def test_claim(roots: Roots, claim: str) -> None:
    assert "\n".join(map(str, differences_of(roots, CLAIMS[claim]))) == ""


def test_programs_print_the_same(roots: Roots) -> None:
    assert "\n".join(map(str, differences(roots, 1, range(1, COUNT + 1)))) == ""
