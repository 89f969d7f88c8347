"""dlopen(3) of a bare name: every directory that the loader would search is searched in a bundle, in its order."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.integration.small_root import OPENER, SmallRoot, bundled

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

PLUGIN = r"""
#include <dlfcn.h>
int answer(void)
{
    void *other = dlopen("libother.so", RTLD_NOW);
    return other == 0 ? -2 : ((int (*)(void))dlsym(other, "answer"))();
}
"""
"""Answers what the library does that it opens itself."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> SmallRoot:
    if not all(map(shutil.which, ("gcc", "bwrap"))) or not os.confstr("CS_GNU_LIBC_VERSION"):
        pytest.skip("needs gcc, glibc and bubblewrap")
    root = SmallRoot(tmp_path_factory.mktemp("small") / "root")
    root.answering("/made/plug/libmine.so", 1)
    root.answering("/made/more/libmore.so", 2)
    root.answering("/made/deep/libother.so", 3)
    root.library("/made/plug/libcaller.so", PLUGIN, "-Wl,--enable-new-dtags,-rpath,/made/deep")
    root.answering("/conf/first/libconf.so", 4)
    root.answering("/conf/second/libconf.so", 5)
    root.answering("/usr/local/lib/liblocal.so", 6)
    root.answering("/usr/lib/libdefault.so", 7)
    for number, place in enumerate(("/made/plug", "/conf/second", "/usr/local/lib", "/usr/lib"), 10):
        root.answering(f"{place}/libmany.so", number)
    old, new = "-Wl,--disable-new-dtags,-rpath", "-Wl,--enable-new-dtags,-rpath"
    root.program("/opt/rpath/bin/rpath", OPENER, f"{old},/made/plug:/made/more")
    root.program("/opt/runpath/bin/runpath", OPENER, f"{new},/made/plug:/nowhere:/made/more")
    root.program("/opt/token/bin/token", OPENER, f"{new},/made/../$PLATFORM:/made/plug")
    root.program("/opt/none/bin/none", OPENER)
    root.answering("/made/lib/libby.so", 8, f"{old},/made/more")
    root.program(
        "/opt/linked/bin/linked", OPENER, "-Wl,--no-as-needed", f"{root.top}/made/lib/libby.so", f"{new},/made/lib"
    )
    root.configure()
    return root


NAMES = ("libmine.so", "libmore.so", "libcaller.so", "libconf.so", "liblocal.so", "libdefault.so", "libmany.so")
ADDED = ("/made/plug", "/made/more", "/made/deep", "/conf", "/usr/local/lib", "/usr/lib")


@pytest.mark.parametrize("program", ["rpath", "runpath", "token", "none"])
def test_a_program_opens_by_name_what_it_opens_at_home(root: SmallRoot, tmp_path: Path, program: str) -> None:
    added = [word for path in ADDED for word in ("--add", path)]
    packed = root.pack(tmp_path / "tree", f"/opt/{program}/bin/{program}", *added)
    assert packed.returncode == 0, packed.stderr
    for name in NAMES:
        expected = root.native(f"/opt/{program}/bin/{program}", name).stdout
        assert expected.startswith(name)
        assert bundled(tmp_path / "tree", program, name).stdout == expected


def test_each_of_two_programs_opens_its_own(root: SmallRoot, tmp_path: Path) -> None:
    added = [word for path in ADDED for word in ("--add", path)]
    packed = root.pack(tmp_path / "tree", "/opt/rpath/bin/rpath", "/opt/none/bin/none", *added)
    assert packed.returncode == 0, packed.stderr
    for program in ("rpath", "none"):
        assert bundled(tmp_path / "tree", program, "libmany.so").stdout == (
            root.native(f"/opt/{program}/bin/{program}", "libmany.so").stdout
        )


def test_an_added_library_is_found_where_a_library_of_the_program_would_look(root: SmallRoot, tmp_path: Path) -> None:
    packed = root.pack(tmp_path / "tree", "/opt/linked/bin/linked", "--add", "/made/more/libmore.so")
    assert packed.returncode == 0, packed.stderr
    assert bundled(tmp_path / "tree", "linked", "libmore.so").stdout == "libmore.so 2\n"


def test_library_path_is_searched_for_opened_libraries_too(root: SmallRoot, tmp_path: Path) -> None:
    words = ("--library-path", "/made/more", "--add", "/made/more/libmore.so")
    packed = root.pack(tmp_path / "tree", "/opt/none/bin/none", *words)
    assert packed.returncode == 0, packed.stderr
    assert bundled(tmp_path / "tree", "none", "libmore.so").stdout == "libmore.so 2\n"


def test_a_directory_in_which_a_program_would_find_another_library_is_left_out(root: SmallRoot, tmp_path: Path) -> None:
    # Its own library comes by $ORIGIN, which is searched after every directory of a bundle.
    root.answering("/opt/own/lib/libowned.so", 20)
    root.answering("/conf/second/libowned.so", 21)
    source = "int answer(void); int main(void) { return answer(); }"
    library = f"{root.top}/opt/own/lib/libowned.so"
    root.program("/opt/own/tool", source, library, "-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib")
    packed = root.pack(tmp_path / "tree", "/opt/own/tool", "--add", "/conf")
    assert packed.returncode == 0, packed.stderr
    assert bundled(tmp_path / "tree", "tool").returncode == root.native("/opt/own/tool").returncode == 20
