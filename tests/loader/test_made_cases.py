"""Made cases of how libraries are named and found: the walk against ``ld.so --list``, file by file, in its order."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.loader.made import DT_AUXILIARY, DT_FILTER, MadeRoot

if TYPE_CHECKING:
    from collections.abc import Callable

Case = tuple[str, str | None]
"""The program, and LD_LIBRARY_PATH."""

TRIPLET = f"{os.uname().machine}-linux-gnu"
PLACES = {
    "LD_LIBRARY_PATH": "{top}/lib",
    "rpath": "{top}/lib",
    "runpath": "{top}/lib",
    "origin": "{top}/lib",
    "conf": "/conf/second",
    "local": "/usr/local/lib",
    "default": "/usr/lib",
    "nowhere": None,
}


def _filtered(kind: str, where: str) -> Callable[[MadeRoot, str], Case]:
    """A library with a filtee that is in one of the places; the filtee needs a library itself."""

    def make(root: MadeRoot, top: str) -> Case:
        name = f"libtee-{top[1:]}.so"
        place = PLACES[where]
        if place is not None:
            root.library(f"{place.format(top=top)}/{name}", "libdeep.so", runpath=f"{top}/own")
        root.library(f"{top}/own/libdeep.so")
        root.library(f"{top}/own/liblast.so")
        names = [name]
        paths = {"runpath": f":{top}/lib", "origin": ":$ORIGIN/lib:$ORIGIN/../lib"}
        root.library(
            f"{top}/own/libfilter.so",
            rpath=f"{top}/own:{top}/lib" if where == "rpath" else "",
            runpath="" if where == "rpath" else f"{top}/own{paths.get(where, '')}",
            aux=names if kind == "auxiliary" else (),
            filters=names if kind == "filter" else (),
        )
        root.program(f"{top}/a", "libfilter.so", "liblast.so", runpath=f"{top}/own")
        return f"{top}/a", f"{top}/lib" if where == "LD_LIBRARY_PATH" else None

    return make


def _two_filtees(root: MadeRoot, top: str) -> Case:
    for name in ("libone.so", "libtwo.so", "libthree.so"):
        root.library(f"{top}/lib/{name}", f"libof-{name}", runpath=f"{top}/lib")
        root.library(f"{top}/lib/libof-{name}")
    root.library(f"{top}/lib/libfilter.so", "libthree.so", aux=["libone.so", "libtwo.so"], runpath=f"{top}/lib")
    root.program(f"{top}/a", "libfilter.so", "libthree.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _filtee_that_is_needed_later(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libtee.so", "libof.so", runpath=f"{top}/lib")
    root.library(f"{top}/lib/libof.so")
    root.library(f"{top}/lib/libfilter.so", aux=["libtee.so"], runpath=f"{top}/lib")
    root.library(f"{top}/lib/libafter.so")
    root.program(f"{top}/a", "libfilter.so", "libafter.so", "libtee.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _filtee_that_is_needed_before(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libtee.so")
    root.library(f"{top}/lib/libfilter.so", filters=["libtee.so"], runpath=f"{top}/lib")
    root.program(f"{top}/a", "libtee.so", "libfilter.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _filtee_that_is_a_filter(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libtwo.so", "libone.so", runpath=f"{top}/lib")
    root.library(f"{top}/lib/libone.so", aux=["libtwo.so"], runpath=f"{top}/lib")
    root.library(f"{top}/lib/libfilter.so", aux=["libone.so"], filters=["libtwo.so"], runpath=f"{top}/lib")
    root.program(f"{top}/a", "libfilter.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _filtee_by_path(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libtee.so")
    root.library(f"{top}/lib/libfilter.so", aux=[f"{top}/lib/libtee.so", "$ORIGIN/libother.so"])
    root.library(f"{top}/lib/libother.so")
    root.program(f"{top}/a", "libfilter.so", rpath=f"{top}/lib")
    return f"{top}/a", None


def _filter_of_itself(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libfilter.so", aux=["libfilter.so"], runpath=f"{top}/lib")
    root.program(f"{top}/a", "libfilter.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _needed(name: str, *, at: str = "lib/libone.so") -> Callable[[MadeRoot, str], Case]:
    """A program and a library that need ``name``, written with a slash or a token."""

    def make(root: MadeRoot, top: str) -> Case:
        root.library(f"{top}/{at}", soname="")
        root.library(f"{top}/libuser.so", name.format(top=top))
        root.program(f"{top}/a", name.format(top=top), "libuser.so", runpath=top)
        return f"{top}/a", None

    return make


def _path_then_name(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libone.so", soname="")
    root.program(f"{top}/a", f"{top}/lib/libone.so", "libone.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _path_whose_soname_is_needed(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/odd/file.so", soname="libone.so.1")
    root.library(f"{top}/lib/libone.so.1")
    root.program(f"{top}/a", f"{top}/odd/file.so", "libone.so.1", runpath=f"{top}/lib")
    return f"{top}/a", None


def _soname_that_is_a_path(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libone.so", soname=f"{top}/gone/libone.so")
    root.program(f"{top}/a", "libone.so", f"{top}/gone/libone.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _library(runpath: str = "", rpath: str = "", at: str = "lib") -> Callable[[MadeRoot, str], Case]:
    """A program whose library lies in ``at``, with a search path."""

    def make(root: MadeRoot, top: str) -> Case:
        root.library(f"{top}/{at}/libone.so.1")
        root.program(f"{top}/bin/a", "libone.so.1", runpath=runpath.format(top=top), rpath=rpath.format(top=top))
        return f"{top}/bin/a", None

    return make


def _by_variable(value: str) -> Callable[[MadeRoot, str], Case]:
    """A program whose library is in two directories, found by a value of LD_LIBRARY_PATH."""

    def make(root: MadeRoot, top: str) -> Case:
        root.library(f"{top}/one/libone.so.1")
        root.library(f"{top}/bin/two/libone.so.1")
        root.program(f"{top}/bin/a", "libone.so.1")
        return f"{top}/bin/a", value.format(top=top)

    return make


def _other_soname(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libone.so", soname="libreal.so.1")
    root.program(f"{top}/a", "libone.so", "libreal.so.1", runpath=f"{top}/lib")
    return f"{top}/a", None


def _same_soname_twice(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/x/libfirst.so", soname="libsame.so.1")
    root.library(f"{top}/y/libsecond.so", soname="libsame.so.1")
    root.program(f"{top}/a", "libfirst.so", "libsecond.so", "libsame.so.1", runpath=f"{top}/x:{top}/y")
    return f"{top}/a", None


def _same_file_twice(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/x/libone.so", soname="")
    root.link(f"{top}/y/libalias.so", "../x/libone.so")
    root.program(f"{top}/a", "libone.so", "libalias.so", runpath=f"{top}/x:{top}/y")
    return f"{top}/a", None


def _directory_by_link(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/real/libone.so", "libtwo.so", runpath="$ORIGIN/../beside")
    root.library(f"{top}/links/beside/libtwo.so")
    root.library(f"{top}/beside/libtwo.so")
    root.link(f"{top}/links/lib", "../real")
    root.program(f"{top}/a", "libone.so", runpath=f"{top}/links/lib")
    return f"{top}/a", None


def _nodeflib(place: str, *, cached: bool) -> Callable[[MadeRoot, str], Case]:
    def make(root: MadeRoot, top: str) -> Case:
        name = f"libno-{top[1:]}.so"
        root.library(f"{place}/{name}")
        if cached:
            root.library(f"/conf/second/{name}")
        root.program(f"{top}/a", name, flags=["-Wl,-z,nodefaultlib"])
        return f"{top}/a", None

    return make


def _hwcaps(*levels: str, place: str = "{top}/lib") -> Callable[[MadeRoot, str], Case]:
    """A library in glibc-hwcaps directories of RUNPATH or of ld.so.cache."""

    def make(root: MadeRoot, top: str) -> Case:
        name, directory = f"libhw-{top[1:]}.so", place.format(top=top)
        root.library(f"{directory}/{name}")
        for level in levels:
            root.library(f"{directory}/glibc-hwcaps/{level}/{name}")
        root.program(f"{top}/a", name, runpath=f"{top}/lib")
        return f"{top}/a", None

    return make


def _only_hwcaps(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/glibc-hwcaps/x86-64-v3/libone.so")
    root.program(f"{top}/a", "libone.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _conf_before_default(root: MadeRoot, top: str) -> Case:
    name = f"libdup-{top[1:]}.so"
    for place in ("/usr/lib", "/conf/second", "/conf/first"):
        root.library(f"{place}/{name}")
    root.program(f"{top}/a", name)
    return f"{top}/a", None


def _local(root: MadeRoot, top: str) -> Case:
    name = f"liblocal-{top[1:]}.so"
    root.library(f"/usr/local/lib/{name}")
    root.program(f"{top}/a", name)
    return f"{top}/a", None


def _transitive(*, program: str, rpath: str = "", runpath: str = "") -> Callable[[MadeRoot, str], Case]:
    """A library in a directory that only the program's path has, needed by a library with a path of its own."""

    def make(root: MadeRoot, top: str) -> Case:
        root.library(f"{top}/lib/libtwo.so")
        root.library(f"{top}/lib/libone.so", "libtwo.so", rpath=rpath, runpath=runpath)
        by_rpath = program == "rpath"
        root.program(
            f"{top}/a", "libone.so", rpath=f"{top}/lib" if by_rpath else "", runpath="" if by_rpath else f"{top}/lib"
        )
        return f"{top}/a", None

    return make


def _circular(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libone.so", "libtwo.so", runpath="$ORIGIN")
    root.library(f"{top}/lib/libtwo.so", "libone.so", "libthree.so", runpath="$ORIGIN")
    root.library(f"{top}/lib/libthree.so", "libone.so", "libtwo.so", runpath="$ORIGIN")
    root.program(f"{top}/a", "libtwo.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _audited(*, dependency: bool) -> Callable[[MadeRoot, str], Case]:
    """An audit library is in a namespace of its own: the list does not have it."""

    def make(root: MadeRoot, top: str) -> Case:
        root.library(f"{top}/lib/libaudit-it.so", "libdeep.so", runpath=f"{top}/lib")
        root.library(f"{top}/lib/libdeep.so")
        root.library(f"{top}/lib/libone.so", flags=[f"-Wl,--audit,{top}/lib/libaudit-it.so"])
        flag = "--depaudit" if dependency else "--audit"
        root.program(
            f"{top}/a", "libone.so", runpath=f"{top}/lib", flags=[f"-Wl,{flag},{top}/lib/libaudit-it.so:libno.so"]
        )
        return f"{top}/a", None

    return make


def _not_a_library(root: MadeRoot, top: str) -> Case:
    root.text(f"{top}/x/libone.so", "/* GNU ld script */\n")
    root.library(f"{top}/y/libone.so")
    root.program(f"{top}/a", "libone.so", runpath=f"{top}/x:{top}/y")
    return f"{top}/a", None


def _dangling(root: MadeRoot, top: str) -> Case:
    root.link(f"{top}/x/libone.so", "libgone.so")
    root.library(f"{top}/y/libone.so")
    root.program(f"{top}/a", "libone.so", runpath=f"{top}/x:{top}/y")
    return f"{top}/a", None


def _missing_twice(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libone.so", "libgone.so", "libthree.so", runpath=f"{top}/lib")
    root.library(f"{top}/lib/libtwo.so", "libgone.so", "libalso.so", runpath=f"{top}/lib")
    root.library(f"{top}/lib/libthree.so")
    root.program(f"{top}/a", "libone.so", "libtwo.so", runpath=f"{top}/lib")
    return f"{top}/a", None


def _needs_itself(root: MadeRoot, top: str) -> Case:
    root.library(f"{top}/lib/libone.so", "libone.so", runpath=f"{top}/lib")
    root.program(f"{top}/a", "libone.so", "libone.so", runpath=f"{top}/lib")
    return f"{top}/a", None


CASES: dict[str, Callable[[MadeRoot, str], Case]] = {
    f"{kind} by {where}": _filtered(kind, where) for kind in ("auxiliary", "filter") for where in PLACES
} | {
    "two filtees": _two_filtees,
    "a filtee that is needed later": _filtee_that_is_needed_later,
    "a filtee that is needed before": _filtee_that_is_needed_before,
    "a filtee that is a filter": _filtee_that_is_a_filter,
    "a filtee by path": _filtee_by_path,
    "a filter of itself": _filter_of_itself,
    "needed by path": _needed("{top}/lib/libone.so"),
    "needed by a path that is missing": _needed("{top}/gone/libone.so"),
    "needed by a path with dots": _needed("{top}/lib/../lib/./libone.so"),
    "needed by $ORIGIN": _needed("$ORIGIN/lib/libone.so"),
    "needed by ${ORIGIN}": _needed("${{ORIGIN}}/../{top}/lib/libone.so"),
    "needed by $LIB": _needed("{top}/$LIB/libone.so", at=f"lib/{TRIPLET}/libone.so"),
    "needed by path, then by name": _path_then_name,
    "needed by path, then by soname": _path_whose_soname_is_needed,
    "a soname that is a path": _soname_that_is_a_path,
    "$ORIGIN in RUNPATH": _library(runpath="$ORIGIN/../lib"),
    "$ORIGIN in RPATH": _library(rpath="${{ORIGIN}}/../lib"),
    "$LIB in RUNPATH": _library(runpath="{top}/$LIB", at=f"lib/{TRIPLET}"),
    "an unknown token in RUNPATH": _library(runpath="{top}/$OTHER:{top}/lib"),
    "a token in the middle of a word": _library(runpath="$ORIGINAL/lib:{top}/lib"),
    "empty elements in RUNPATH": _library(runpath=":{top}/none::{top}/lib:"),
    "empty elements in RPATH": _library(rpath="::{top}/lib"),
    "slashes in RUNPATH": _library(runpath="/{top}//lib///"),
    "LD_LIBRARY_PATH": _by_variable("{top}/one"),
    "empty elements in LD_LIBRARY_PATH": _by_variable(":{top}/bin/two::{top}/one:"),
    "semicolons in LD_LIBRARY_PATH": _by_variable("{top}/none;{top}/one"),
    "$ORIGIN in LD_LIBRARY_PATH": _by_variable("$ORIGIN/two"),
    "an empty LD_LIBRARY_PATH": _by_variable(""),
    "a relative LD_LIBRARY_PATH": _by_variable("none:.{top}/one"),
    "a file of another soname": _other_soname,
    "the same soname twice": _same_soname_twice,
    "the same file twice": _same_file_twice,
    "a directory by a link": _directory_by_link,
    "nodefaultlib, in a default directory": _nodeflib("/usr/lib", cached=False),
    "nodefaultlib, in ld.so.conf": _nodeflib("/conf/first", cached=False),
    "nodefaultlib, in both": _nodeflib("/usr/lib", cached=True),
    "hwcaps of the baseline": _hwcaps("x86-64-v2"),
    "hwcaps above the baseline": _hwcaps("x86-64-v3"),
    "all hwcaps": _hwcaps("x86-64-v2", "x86-64-v3", "x86-64-v4"),
    "hwcaps in ld.so.cache": _hwcaps("x86-64-v2", "x86-64-v3", place="/conf/first"),
    "only hwcaps above the baseline": _only_hwcaps,
    "ld.so.conf before a default directory": _conf_before_default,
    "/usr/local/lib": _local,
    "RPATH for a library's library": _transitive(program="rpath"),
    "RUNPATH for a library's library": _transitive(program="runpath"),
    "RPATH past a library with RPATH": _transitive(program="rpath", rpath="/nowhere"),
    "RPATH past a library with RUNPATH": _transitive(program="rpath", runpath="/nowhere"),
    "circular": _circular,
    "audited": _audited(dependency=False),
    "audited as a dependency": _audited(dependency=True),
    "a text in a library's place": _not_a_library,
    "a dangling link in a library's place": _dangling,
    "missing twice": _missing_twice,
    "a library that needs itself": _needs_itself,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[MadeRoot, dict[str, Case]]:
    """All cases in one root, so that ld.so.cache is written once."""
    if not all(map(shutil.which, ("gcc", "bwrap"))) or not os.confstr("CS_GNU_LIBC_VERSION"):
        pytest.skip("needs gcc, glibc and bubblewrap")
    root = MadeRoot(tmp_path_factory.mktemp("made"))
    cases = {name: make(root, f"/c{number}") for number, (name, make) in enumerate(CASES.items())}
    root.configure()
    return root, cases


@pytest.mark.parametrize("name", CASES)
def test_the_walk_is_the_loaders(made: tuple[MadeRoot, dict[str, Case]], name: str) -> None:
    root, cases = made
    program, library_path = cases[name]
    theirs, (found, missing) = root.theirs(program, library_path), root.ours(program, library_path)
    if theirs is None:  # a file that can be opened and not be loaded ends the search, and with it the list
        assert (name, missing) == ("a text in a library's place", {"libone.so"})
    else:
        assert (found, missing) == theirs


@pytest.mark.parametrize("tag", [DT_AUXILIARY, DT_FILTER])
def test_a_filtee_of_a_program_is_loaded_though_no_list_has_it(
    made: tuple[MadeRoot, dict[str, Case]], tag: int
) -> None:
    root, _ = made
    top = f"/filter-{tag}"
    root.library(f"{top}/lib/libtee.so", "libdeep.so", runpath="$ORIGIN")
    for name in ("libdeep.so", "liblast.so"):
        root.library(f"{top}/lib/{name}")
    root.program(f"{top}/a", "libtee.so", "liblast.so", runpath=f"{top}/lib", first_is=tag)
    found, missing = root.ours(f"{top}/a", None)
    assert (set(found), missing) == ({f"{top}/lib/{name}" for name in root.mapped(f"{top}/a")[1:]}, set())
    assert len(found) == 3


def test_the_cases_are_not_all_alike(made: tuple[MadeRoot, dict[str, Case]]) -> None:
    root, cases = made
    answers = [root.theirs(program, library_path) for program, library_path in cases.values()]
    assert len(answers) >= 60
    assert sum(bool(answer and answer[1]) for answer in answers) in range(5, len(answers) // 4)
