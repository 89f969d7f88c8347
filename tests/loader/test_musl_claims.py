"""What lambundle believes of musl's loader, one claim a test, each asked of the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import here
from tests.here import read_elf

if TYPE_CHECKING:
    from pathlib import Path

    from tests.loader.conftest import Bench


def agree(bench: Bench, program: Path, *, library_path: str | None = None) -> dict[str, str | None]:
    """Demand that both say the same, but for libc, which is the loader itself."""
    theirs = bench.musl(program, library_path=library_path)
    ours = bench.ours(program, library_path=library_path)
    for answers in (theirs, ours):
        answers.pop("libc.so", None)
    assert ours == theirs
    return theirs


def test_the_loader_is_libc_and_all_of_its_parts(musl_bench: Bench) -> None:
    stub = musl_bench.library("stub.so", soname="libpthread.so.0")
    program = musl_bench.program("a", stub)
    found = here.walk([program])
    interpreter = read_elf(program).interpreter
    assert found.missing == ()
    assert {need.path for need in found.files[str(program)].needed} == {interpreter}
    assert musl_bench.musl(program)["libpthread.so.0"] == interpreter


def test_library_path_comes_before_rpath(musl_bench: Bench) -> None:
    by_rpath = musl_bench.library("rpath/libone.so.1")
    by_variable = musl_bench.library("variable/libone.so.1")
    program = musl_bench.program("a", by_rpath, rpath=str(by_rpath.parent))
    answers = agree(musl_bench, program, library_path=str(by_variable.parent))
    assert answers["libone.so.1"] == str(by_variable)


@pytest.mark.parametrize("kind", ["rpath", "runpath"])
def test_rpath_and_runpath_are_both_inherited(musl_bench: Bench, kind: str) -> None:
    two = musl_bench.library("lib/libtwo.so.1")
    one = musl_bench.library("lib/libone.so.1", two)
    lib = str(one.parent)
    rpath, runpath = (lib, None) if kind == "rpath" else (None, lib)
    program = musl_bench.program("a", one, rpath=rpath, runpath=runpath)
    assert agree(musl_bench, program)["libtwo.so.1"] == str(two)


def test_runpath_of_a_library_does_not_hide_the_programs(musl_bench: Bench) -> None:
    two = musl_bench.library("lib/libtwo.so.1")
    one = musl_bench.library("lib/libone.so.1", two, runpath="/nowhere")
    program = musl_bench.program("a", one, runpath=str(one.parent))
    assert agree(musl_bench, program)["libtwo.so.1"] == str(two)


def test_origin_is_expanded(musl_bench: Bench) -> None:
    lib = musl_bench.library("lib/libone.so.1")
    program = musl_bench.program("bin/a", lib, runpath="$ORIGIN/../lib")
    assert agree(musl_bench, program)["libone.so.1"] == f"{musl_bench.top}/bin/../lib/libone.so.1"


def test_an_unknown_token_makes_the_whole_path_void(musl_bench: Bench) -> None:
    lib = musl_bench.library("lib/libone.so.1")
    program = musl_bench.program("a", lib, runpath=f"{lib.parent}:/top/$LIB")
    assert agree(musl_bench, program)["libone.so.1"] is None


def test_empty_elements_are_not_the_current_directory(musl_bench: Bench) -> None:
    lib = musl_bench.library("lib/libone.so.1")
    program = musl_bench.program("a", lib, runpath=f":{lib.parent}:")
    assert agree(musl_bench, program)["libone.so.1"] == str(lib)


def test_a_loaded_library_answers_to_its_file_name_not_its_soname(musl_bench: Bench) -> None:
    musl_bench.library("lib/libfile.so", soname="libsoname.so.1")
    by_file = musl_bench.library("stub1.so", soname="libfile.so")
    by_soname = musl_bench.library("stub2.so", soname="libsoname.so.1")
    program = musl_bench.program("a", by_file, by_soname, runpath=str(musl_bench.top / "lib"))
    assert agree(musl_bench, program)["libsoname.so.1"] is None


def test_a_library_loaded_by_its_path_does_not_answer_to_its_file_name(musl_bench: Bench) -> None:
    by_path = musl_bench.library("first/libone.so")
    by_name = musl_bench.library("second/libone.so")
    stub = musl_bench.library("stub.so", soname=str(by_path))
    program = musl_bench.program("a", stub, by_name, runpath=str(by_name.parent))
    assert musl_bench.musl(program)["libone.so"] == str(by_name)
    assert [need.path for need in here.walk([program]).files[str(program)].needed[:2]] == [
        str(by_path),
        str(by_name),
    ]


def test_what_is_found_first_is_taken_even_if_it_is_no_library(musl_bench: Bench) -> None:
    good = musl_bench.library("good/libone.so.1")
    bad = musl_bench.top / "bad" / "libone.so.1"
    bad.parent.mkdir()
    bad.write_bytes(b"text\n" * 100)
    program = musl_bench.program("a", good, runpath=f"{bad.parent}:{good.parent}")
    assert agree(musl_bench, program)["libone.so.1"] is None
    (missing,) = here.walk([program]).missing
    assert missing.looked_in[-1].path == str(bad)


def test_the_path_file_names_the_directories(musl_bench: Bench) -> None:
    lib = musl_bench.library("gone/libgone.so.1")
    program = musl_bench.program("a", lib)
    (missing,) = here.walk([program]).missing
    default = [place.written for place in missing.looked_in if place.rule.value == "default"]
    assert default
    assert all(directory.startswith("/") for directory in default)
