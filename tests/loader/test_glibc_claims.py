"""What lambundle believes of glibc's ld.so, one claim a test, each asked of the real one."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from lambundle.elf import closure
from tests import here
from tests.here import read_elf

if TYPE_CHECKING:
    from pathlib import Path

    from tests.loader.conftest import Bench

DT_SONAME, DT_RPATH = 14, 15


def agree(bench: Bench, program: Path, *, library_path: str | None = None) -> dict[str, str | None]:
    """Demand that both say the same; the answer is what they say."""
    theirs = bench.glibc(program, library_path=library_path)
    ours = bench.ours(program, library_path=library_path)
    assert ours == theirs
    return theirs


def test_rpath_is_searched(bench: Bench) -> None:
    lib = bench.library("lib/libone.so.1")
    program = bench.program("a", lib, rpath=str(lib.parent))
    assert agree(bench, program)["libone.so.1"] == str(lib)


def test_rpath_of_the_program_serves_its_libraries_too(bench: Bench) -> None:
    two = bench.library("lib/libtwo.so.1")
    one = bench.library("lib/libone.so.1", two)
    program = bench.program("a", one, rpath=str(one.parent))
    assert agree(bench, program)["libtwo.so.1"] == str(two)


def test_rpath_of_a_library_in_between_comes_before_the_programs(bench: Bench) -> None:
    bench.library("far/libtwo.so.1")
    near = bench.library("near/libtwo.so.1")
    one = bench.library("far/libone.so.1", near, rpath=str(near.parent))
    program = bench.program("a", one, rpath=str(one.parent))
    assert agree(bench, program)["libtwo.so.1"] == str(near)


def test_rpath_of_a_sibling_is_not_inherited(bench: Bench) -> None:
    hidden = bench.library("hidden/libtwo.so.1")
    sibling = bench.library("lib/libsibling.so.1", rpath=str(hidden.parent))
    one = bench.library("lib/libone.so.1", hidden)
    program = bench.program("a", sibling, one, rpath=str(one.parent))
    assert agree(bench, program)["libtwo.so.1"] is None


def test_rpath_is_ignored_when_runpath_is_set(bench: Bench) -> None:
    by_rpath = bench.library("rpath/libtwo.so.1")
    bench.library("runpath/other.so")
    # The soname stands where DT_RPATH is wanted, for ld writes one of the two only.
    one = bench.library("lib/libone.so.1", by_rpath, soname=str(by_rpath.parent), runpath=str(bench.top / "runpath"))
    bench.retag(one, DT_SONAME, DT_RPATH)
    assert (read_elf(one).rpath, read_elf(one).runpath) == (str(by_rpath.parent), str(bench.top / "runpath"))
    # It has no soname any more: the program gets the name from a stub.
    program = bench.program("a", bench.library("stub/libone.so.1"), rpath=str(one.parent))
    assert agree(bench, program)["libtwo.so.1"] is None


def test_rpath_of_a_loader_that_also_has_runpath_is_not_inherited(bench: Bench) -> None:
    three = bench.library("rpath/libthree.so.1")
    two = bench.library("lib/libtwo.so.1", three)
    one = bench.library("lib/libone.so.1", two, soname=str(three.parent), runpath=str(two.parent))
    bench.retag(one, DT_SONAME, DT_RPATH)
    program = bench.program("a", bench.library("stub/libone.so.1"), rpath=str(one.parent))
    assert agree(bench, program)["libthree.so.1"] is None


def test_rpath_of_the_program_is_not_used_by_a_library_with_runpath(bench: Bench) -> None:
    two = bench.library("lib/libtwo.so.1")
    one = bench.library("lib/libone.so.1", two, runpath="/nowhere")
    program = bench.program("a", one, rpath=str(one.parent))
    assert agree(bench, program)["libtwo.so.1"] is None


def test_rpath_is_inherited_past_a_loader_that_has_runpath(bench: Bench) -> None:
    three = bench.library("lib/libthree.so.1")
    two = bench.library("two/libtwo.so.1", three)
    one = bench.library("lib/libone.so.1", two, runpath=str(two.parent))
    program = bench.program("a", one, rpath=str(one.parent))
    assert agree(bench, program)["libthree.so.1"] == str(three)


def test_runpath_is_searched(bench: Bench) -> None:
    lib = bench.library("lib/libone.so.1")
    program = bench.program("a", lib, runpath=f"/nowhere:{lib.parent}")
    assert agree(bench, program)["libone.so.1"] == str(lib)


def test_runpath_is_not_inherited(bench: Bench) -> None:
    two = bench.library("lib/libtwo.so.1")
    one = bench.library("lib/libone.so.1", two)
    program = bench.program("a", one, runpath=str(one.parent))
    assert agree(bench, program)["libtwo.so.1"] is None


def test_rpath_comes_before_library_path(bench: Bench) -> None:
    by_rpath = bench.library("rpath/libone.so.1")
    by_variable = bench.library("variable/libone.so.1")
    program = bench.program("a", by_rpath, rpath=str(by_rpath.parent))
    assert agree(bench, program, library_path=str(by_variable.parent))["libone.so.1"] == str(by_rpath)


def test_library_path_comes_before_runpath(bench: Bench) -> None:
    by_runpath = bench.library("runpath/libone.so.1")
    by_variable = bench.library("variable/libone.so.1")
    program = bench.program("a", by_runpath, runpath=str(by_runpath.parent))
    assert agree(bench, program, library_path=str(by_variable.parent))["libone.so.1"] == str(by_variable)


def test_library_path_serves_libraries_of_libraries(bench: Bench) -> None:
    two = bench.library("two/libtwo.so.1")
    one = bench.library("one/libone.so.1", two)
    program = bench.program("a", one)
    agree(bench, program, library_path=f"{one.parent}:{two.parent}")


def test_origin_in_library_path_is_the_programs(bench: Bench) -> None:
    two = bench.library("bin/lib/libtwo.so.1")
    one = bench.library("one/libone.so.1", two)
    program = bench.program("bin/a", one, runpath=str(one.parent))
    assert agree(bench, program, library_path="$ORIGIN/lib")["libtwo.so.1"] == str(two)


def test_cache_comes_after_runpath(bench: Bench) -> None:
    mine = bench.library("lib/libm.so.6")
    program = bench.program("a", mine, runpath=str(mine.parent))
    assert agree(bench, program)["libm.so.6"] == str(mine)


def test_nodefaultlib_leaves_out_cache_entries_below_default_directories_and_those(bench: Bench) -> None:
    program = bench.program("a", flags=("-Wl,-z,nodefaultlib",))
    assert read_elf(program).nodeflib
    assert agree(bench, program) == {"libc.so.6": None}


def test_nodefaultlib_of_a_library_does_not_bind_the_program(bench: Bench) -> None:
    one = bench.library("lib/libone.so.1", flags=("-Wl,-z,nodefaultlib", "-Wl,--no-as-needed", "-lm"))
    program = bench.program("a", one, runpath=str(one.parent))
    answers = agree(bench, program)
    assert answers["libm.so.6"] is None
    assert answers["libc.so.6"] is not None


def test_origin_of_a_program_is_its_real_place_when_started_through_a_symlink(bench: Bench) -> None:
    lib = bench.library("real/lib/libone.so.1")
    program = bench.program("real/a", lib, runpath="$ORIGIN/lib")
    link = bench.top / "links" / "a"
    link.parent.mkdir()
    link.symlink_to(program)
    assert agree(bench, link)["libone.so.1"] == str(lib)


def test_origin_is_relative_to_symlink_location_not_realpath(bench: Bench) -> None:
    two = bench.library("links/two/libtwo.so.1")
    real = bench.library("real/libone.so.1", two, runpath="$ORIGIN/two")
    link = bench.top / "links" / "libone.so.1"
    link.symlink_to(real)
    program = bench.program("a", real, runpath=str(link.parent))
    assert agree(bench, program)["libtwo.so.1"] == str(two)


@pytest.mark.parametrize("token", ["$ORIGIN", "${ORIGIN}"])
def test_origin_is_known_with_and_without_braces(bench: Bench, token: str) -> None:
    lib = bench.library("lib/libone.so.1")
    program = bench.program("bin/a", lib, runpath=f"{token}/../lib")
    assert agree(bench, program)["libone.so.1"] == f"{bench.top}/bin/../lib/libone.so.1"


def test_origin_in_the_middle_of_a_word_is_not_a_token(bench: Bench) -> None:
    lib = bench.library("lib/libone.so.1")
    program = bench.program("a", lib, runpath="$ORIGINAL/lib:/$ORIGIN_/lib")
    assert agree(bench, program)["libone.so.1"] is None


def test_origin_may_stand_after_a_slash(bench: Bench) -> None:
    lib = bench.library("lib/libone.so.1")
    program = bench.program("a", lib, runpath="/$ORIGIN/lib")
    assert agree(bench, program)["libone.so.1"] == f"/{bench.top}/lib/libone.so.1"


def _platform(program: Path) -> str:
    interpreter = read_elf(program).interpreter
    assert interpreter is not None
    told = subprocess.run([interpreter, "--list-diagnostics"], capture_output=True, text=True, check=False)
    match = re.search(r'^dl_platform="([^"]*)"', told.stdout, re.MULTILINE)
    return match[1] if match else ""


@pytest.mark.parametrize("token", ["$LIB", "${LIB}"])
def test_lib_is_what_the_loader_was_built_with(bench: Bench, token: str) -> None:
    candidates = ("lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu")
    libs = [bench.library(f"top/{name}/libone.so.1") for name in candidates]
    program = bench.program("a", libs[0], runpath=f"{bench.top}/top/{token}")
    assert agree(bench, program)["libone.so.1"] is not None


@pytest.mark.parametrize("token", ["$PLATFORM", "${PLATFORM}"])
def test_platform_is_the_machine(bench: Bench, token: str) -> None:
    program = bench.program("probe")
    platform = _platform(program)
    if platform not in {"x86_64", "aarch64"}:
        pytest.skip(f"glibc before 2.37 calls this very processor {platform!r}, lambundle means the baseline")
    lib = bench.library(f"top/{platform}/libone.so.1")
    program = bench.program("a", lib, runpath=f"{bench.top}/top/{token}")
    assert agree(bench, program)["libone.so.1"] == str(lib)


def test_a_loaded_library_answers_to_its_soname_wherever_that_is_needed(bench: Bench) -> None:
    first = bench.library("first/odd-name.so", soname="libtwo.so.1")
    other = bench.library("second/libtwo.so.1")
    one = bench.library("first/libone.so.1", other, runpath=str(other.parent))
    # The program needs the file under a path, so its soname is known only from the file itself.
    plain = bench.library("first/stub.so", soname=str(first))
    program = bench.program("a", plain, one, runpath=str(one.parent))
    theirs = bench.glibc(program)
    found = here.walk([program])
    assert str(other) not in found.files
    assert str(other) not in theirs.values()
    answer = next(need for need in found.files[str(one)].needed if need.soname == "libtwo.so.1")
    assert (answer.path, answer.found_by, answer.loaded) == (str(first), "path", True)


def test_the_first_library_of_a_name_serves_all_of_the_program(bench: Bench) -> None:
    first = bench.library("first/libtwo.so.1")
    second = bench.library("second/libtwo.so.1")
    one = bench.library("first/libone.so.1", second, runpath=str(second.parent))
    program = bench.program("a", first, one, runpath=str(first.parent))
    assert agree(bench, program)["libtwo.so.1"] == str(first)


def test_one_file_under_two_names_is_loaded_once(bench: Bench) -> None:
    lib = bench.library("lib/libone.so.1", soname="")
    (bench.top / "lib" / "libalias.so").symlink_to(lib.name)
    stub = bench.library("stub.so", soname="libalias.so")
    real_stub = bench.library("stub2.so", soname="libone.so.1")
    program = bench.program("a", real_stub, stub, runpath=str(lib.parent))
    theirs = bench.glibc(program)
    found = here.walk([program])
    assert theirs["libone.so.1"] == str(lib)
    assert [need.path for need in found.files[str(program)].needed[:2]] == [str(lib), str(lib)]
    # ld.so prints one line for each file it holds, not for each name.
    assert "libalias.so" not in theirs
    assert len(found.files) == 4


def test_programs_do_not_know_each_others_libraries(bench: Bench) -> None:
    left = bench.library("left/libone.so.1")
    right = bench.library("right/libone.so.1")
    programs = [bench.program(name, lib, runpath=str(lib.parent)) for name, lib in (("a", left), ("b", right))]
    found = here.walk(programs)
    for program, lib in zip(programs, (left, right), strict=True):
        assert found.files[str(program)].needed[0].path == str(lib)
        assert bench.glibc(program)["libone.so.1"] == str(lib)


def test_the_walk_is_breadth_first(bench: Bench) -> None:
    shallow = bench.library("shallow/libthree.so.1")
    deep = bench.library("deep/libthree.so.1")
    two = bench.library("lib/libtwo.so.1", shallow, runpath=str(shallow.parent))
    inner = bench.library("lib/libinner.so.1", deep, runpath=str(deep.parent))
    one = bench.library("lib/libone.so.1", inner, runpath=str(inner.parent))
    # One order tells it from a walk that goes deep first, the other from one that begins at the end.
    for order in ((one, two), (two, one)):
        program = bench.program("a", *order, runpath=str(one.parent))
        assert agree(bench, program)["libthree.so.1"] == str(shallow)


def _mask(bench: Bench, program: Path, mask: str) -> dict[str, str]:
    interpreter = read_elf(program).interpreter
    assert interpreter is not None
    command = [interpreter, "--glibc-hwcaps-mask", mask, "--list", str(program)]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=False, cwd=bench.top)
    return dict(re.findall(r"^\t(\S+) => (\S+) \(", done.stdout, re.MULTILINE))


def test_hwcaps_of_the_baseline_come_first_and_newer_ones_never(bench: Bench) -> None:
    plain = bench.library("lib/libone.so.1")
    if read_elf(plain).machine != 62:
        pytest.skip("x86-64 only")
    v2 = bench.library("lib/glibc-hwcaps/x86-64-v2/libone.so.1")
    for level in ("x86-64-v3", "x86-64-v4"):
        bench.library(f"lib/glibc-hwcaps/{level}/libone.so.1")
    program = bench.program("a", plain, runpath=str(plain.parent))
    assert bench.ours(program)["libone.so.1"] == str(v2)
    assert _mask(bench, program, "x86-64-v2")["libone.so.1"] == str(v2)


def test_a_library_only_for_newer_processors_is_not_found(bench: Bench) -> None:
    lib = bench.library("lib/glibc-hwcaps/x86-64-v3/libone.so.1")
    if read_elf(lib).machine != 62:
        pytest.skip("x86-64 only")
    program = bench.program("a", lib, runpath=str(bench.top / "lib"))
    assert bench.ours(program)["libone.so.1"] is None
    assert "libone.so.1" not in _mask(bench, program, "x86-64-v2")


@pytest.mark.parametrize(("offset", "layout", "value"), [(4, "<B", 1), (18, "<H", 40)], ids=["class", "machine"])
def test_a_library_of_another_machine_is_passed_over(bench: Bench, offset: int, layout: str, value: int) -> None:
    good = bench.library("good/libone.so.1")
    bad = bench.top / "bad" / "libone.so.1"
    bad.parent.mkdir()
    data = bytearray(good.read_bytes())
    struct.pack_into(layout, data, offset, value)
    bad.write_bytes(data)
    program = bench.program("a", good, runpath=f"{bad.parent}:{good.parent}")
    assert agree(bench, program)["libone.so.1"] == str(good)


@pytest.mark.parametrize(
    "content",
    [b"INPUT ( libone.so )\n" * 10, b"short", b""],
    ids=["linker-script", "short", "empty"],
)
def test_the_loader_gives_up_at_a_file_that_is_no_library(bench: Bench, content: bytes) -> None:
    good = bench.library("good/libone.so.1")
    bad = bench.top / "bad" / "libone.so.1"
    bad.parent.mkdir()
    bad.write_bytes(content)
    program = bench.program("a", good, runpath=f"{bad.parent}:{good.parent}")
    assert "libone.so.1" not in bench.glibc(program)
    (missing,) = here.walk([program]).missing
    assert missing.soname == "libone.so.1"
    assert missing.looked_in[-1].path == str(bad)
    assert "the loader looks no further" in missing.looked_in[-1].reason


def test_a_directory_or_dangling_link_of_the_name(bench: Bench) -> None:
    good = bench.library("good/libone.so.1")
    dangling = bench.top / "dangling"
    dangling.mkdir()
    (dangling / "libone.so.1").symlink_to("gone")
    program = bench.program("a", good, runpath=f"{dangling}:{good.parent}")
    assert agree(bench, program)["libone.so.1"] == str(good)
    (bench.top / "directory" / "libone.so.1").mkdir(parents=True)
    program = bench.program("b", good, runpath=f"{bench.top}/directory:{good.parent}")
    assert "libone.so.1" not in bench.glibc(program)
    assert bench.ours(program)["libone.so.1"] is None


def test_a_needed_name_with_a_slash_is_a_path(bench: Bench) -> None:
    lib = bench.library("lib/libone.so.1")
    stub = bench.library("stub.so", soname=str(lib))
    bench.library("other/libone.so.1")
    program = bench.program("a", stub, runpath=str(bench.top / "other"))
    found = here.walk([program])
    assert found.files[str(program)].needed[0].path == str(lib)
    assert found.files[str(program)].needed[0].found_by == "path"
    done = subprocess.run([program], check=False)
    assert done.returncode == 0
    lib.unlink()
    assert subprocess.run([program], check=False, stderr=subprocess.DEVNULL).returncode == 127
    (missing,) = here.walk([program]).missing
    assert [place.path for place in missing.looked_in] == [str(lib)]


def test_origin_is_known_in_a_needed_name(bench: Bench) -> None:
    lib = bench.library("bin/lib/libone.so.1")
    stub = bench.library("stub.so", soname="$ORIGIN/lib/libone.so.1")
    program = bench.program("bin/a", stub)
    assert here.walk([program]).files[str(program)].needed[0].path == str(lib)
    assert subprocess.run([program], check=False).returncode == 0


@pytest.mark.parametrize("runpath", ["/nowhere:", ":/nowhere", ".", "lib/.."])
def test_the_current_directory_is_searched_by_the_loader_and_never_by_us(bench: Bench, runpath: str) -> None:
    lib = bench.library("here/libone.so.1")
    (bench.top / "here" / "lib").mkdir()
    program = bench.program("a", lib, runpath=runpath)
    assert subprocess.run([program], cwd=lib.parent, check=False).returncode == 0
    elsewhere = subprocess.run([program], cwd="/", check=False, stderr=subprocess.DEVNULL)
    assert elsewhere.returncode == 127
    (missing,) = here.walk([program]).missing
    assert any("current directory" in place.reason for place in missing.looked_in)


def test_missing_tells_every_place_in_the_loaders_order(bench: Bench) -> None:
    lib = bench.library("gone/libgone.so.1")
    program = bench.program("bin/a", lib, runpath="$ORIGIN/lib:/nowhere")
    shutil.rmtree(lib.parent)
    (missing,) = here.walk([program], library_path=["/tmp"]).missing
    assert (missing.soname, missing.needed_by) == ("libgone.so.1", str(program))
    places = [(place.rule.value, place.path, place.reason) for place in missing.looked_in]
    assert places[:4] == [
        ("rpath", None, "not used, runpath is set"),
        ("LD_LIBRARY_PATH", "/tmp/libgone.so.1", "no such file"),
        ("runpath", f"{bench.top}/bin/lib/libgone.so.1", "no such directory"),
        ("runpath", "/nowhere/libgone.so.1", "no such directory"),
    ]
    assert places[4][0] == "ld.so.conf"
    assert {place[0] for place in places[5:]} == {"default"}
    # The real one tries the same files in the same order.
    environment = {"LD_DEBUG": "libs", "LD_LIBRARY_PATH": "/tmp"}
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    tried = re.findall(r"trying file=(\S+)", done.stderr)
    hwcaps = re.compile(r"/(?:glibc-hwcaps|tls|haswell|avx512_1|x86_64)/")
    theirs = [path for path in tried if path.endswith("/libgone.so.1") and not hwcaps.search(path)]
    ours = [path for _, path, reason in places if path is not None]
    assert ours == theirs


def test_a_plugin_knows_what_its_program_has_loaded_and_uses_its_rpath(bench: Bench) -> None:
    hidden = bench.library("hidden/libtwo.so.1")
    plugin = bench.library("plugins/plugin.so", hidden)
    program = bench.program("a", rpath=str(hidden.parent))
    found = here.walk([program], plugins=[(plugin, program)])
    assert found.missing == ()
    assert found.files[str(plugin)].needed[0].path == str(hidden)
    alone = here.walk([plugin])
    assert [missing.soname for missing in alone.missing] == ["libtwo.so.1"]


def test_dlopen_searches_as_the_caller(bench: Bench) -> None:
    plugin = bench.library("plugins/libplugin.so.1")
    one = bench.library("lib/libone.so.1", runpath=str(plugin.parent))
    program = bench.program("a", one, runpath=str(one.parent))
    walker = here.walker()
    walker.add(str(program))
    assert walker.dlopen("libplugin.so.1", str(program), str(program)) is None
    assert walker.dlopen("libplugin.so.1", str(one), str(program)) == str(plugin)
    assert str(plugin) in walker.closure().files
    assert walker.closure().missing == ()


def test_excluded_libraries_are_neither_followed_nor_missing(bench: Bench) -> None:
    two = bench.library("lib/libtwo.so.1")
    one = bench.library("lib/libone.so.1", two)
    program = bench.program("a", one)
    found = here.walk([program], exclude=lambda soname: soname == "libone.so.1")
    assert [item.soname for item in found.excluded] == ["libone.so.1"]
    assert found.missing == ()
    assert str(one) not in found.files


def test_an_isolated_loader_sees_only_the_library_path_and_origin(bench: Bench) -> None:
    absolute = bench.library("absolute/libone.so.1")
    relative = bench.library("relative/libtwo.so.1")
    program = bench.program("a", absolute, relative, runpath=f"{absolute.parent}:$ORIGIN/relative")
    found = here.walk([program])
    libc = next(path for path in found.files if path.endswith("/libc.so.6"))
    isolated = here.walk([program], isolated=True, library_path=[libc.rpartition("/")[0]])
    assert [missing.soname for missing in isolated.missing] == ["libone.so.1"]
    (difference,) = closure.differences(found, isolated)
    assert (difference.soname, difference.expected, difference.got) == ("libone.so.1", str(absolute), None)
