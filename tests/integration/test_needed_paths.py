"""Libraries that a file names by paths: DT_NEEDED with a slash, filters, audit libraries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lambundle import make_plan, open_bundle, write_bundle
from lambundle.machine import here
from lambundle.verify.home.place import other_than_packed
from lambundle.verify.packing_machine import PackingMachine
from tests.here import read_elf
from tests.integration.small_root import OPENER, SmallRoot, bundled

pytestmark = pytest.mark.integration

CALLER = """
int answer(void);
int printf(const char *, ...);
int main(void) { printf("%d\\n", answer()); return 0; }
"""
VERSIONED = "-Wl,--version-script=versions"


@pytest.fixture
def root(tmp_path: Path) -> SmallRoot:
    if not all(map(shutil.which, ("gcc", "bwrap"))) or not os.confstr("CS_GNU_LIBC_VERSION"):
        pytest.skip("needs gcc, glibc and bubblewrap")
    root = SmallRoot(tmp_path / "root")
    root.write("/versions", "ANSWERS_1 { answer; };")
    return root


def agree(root: SmallRoot, tree: Path, program: str, *words: str, options: tuple[str, ...] = ()) -> str:
    """Pack a program, run it natively and from the bundle; return what both say."""
    packed = root.pack(tree, program, *options)
    assert packed.returncode == 0, packed.stderr
    native = root.native(program, *words)
    assert native.returncode == 0, native.stderr
    done = bundled(tree, program.rpartition("/")[2], *words)
    assert (done.returncode, done.stdout, done.stderr) == (native.returncode, native.stdout, native.stderr)
    return native.stdout


def manifest_entry(tree: Path, path: str) -> dict[str, object]:
    [manifest] = tree.glob("lambundle/*/manifest.json")
    entries: list[dict[str, object]] = json.loads(manifest.read_text())["entries"]
    [found] = [entry for entry in entries if str(entry["path"]).endswith(f"/root{path}")]
    return found


@pytest.mark.parametrize("flags", [(), (VERSIONED,)], ids=["plain", "versioned"])
def test_program_that_needs_a_library_by_its_path_starts(root: SmallRoot, tmp_path: Path, flags: tuple[str]) -> None:
    path = root.named("/opt/x/lib/libanswer.so", 42, "/opt/x/lib/libanswer.so", *flags)
    program = root.program("/opt/x/bin/tool", CALLER, f"{root.top}{path}")
    assert agree(root, tmp_path / "tree", program) == "42\n"
    assert manifest_entry(tmp_path / "tree", program)["bare_names"] == [path]
    inside = next((tmp_path / "tree").glob("lambundle/*/root/opt/x/bin/tool"))
    before, after = root.file(program).read_bytes(), inside.read_bytes()
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    assert 1 <= changed <= (8 if flags else 4)
    assert read_elf(inside).needed[0] == "libanswer.so"


def test_library_that_a_program_opens_may_need_another_by_its_path(root: SmallRoot, tmp_path: Path) -> None:
    root.named("/opt/deep/libdeep.so", 7, "/opt/deep/libdeep.so")
    root.library("/opt/x/plug.so", "int deep(void);", f"{root.top}/opt/deep/libdeep.so", "-Wl,--no-as-needed")
    root.library("/opt/x/plug.so", "", "-Wl,--no-as-needed", f"{root.top}/opt/deep/libdeep.so")
    program = root.program("/opt/x/tool", OPENER)
    said = agree(root, tmp_path / "tree", program, "/opt/x/plug.so", options=("--add", "/opt/x/plug.so"))
    assert said == "/opt/x/plug.so 7\n"


def test_path_with_origin_needs_no_change(root: SmallRoot, tmp_path: Path) -> None:
    root.named("/opt/x/lib/libanswer.so", 9, "$ORIGIN/../lib/libanswer.so")
    program = root.program("/opt/x/bin/tool", CALLER, f"{root.top}/opt/x/lib/libanswer.so")
    assert agree(root, tmp_path / "tree", program) == "9\n"
    assert "bare_names" not in manifest_entry(tmp_path / "tree", program)


def test_two_libraries_of_one_name_by_their_paths_are_refused(root: SmallRoot, tmp_path: Path) -> None:
    for number, place in enumerate(("/opt/a", "/opt/b")):
        root.library(f"{place}/libsame.so", f"int f{number}(void) {{ return {number}; }}", soname=f"{place}/libsame.so")
    libraries = [f"{root.top}/opt/{place}/libsame.so" for place in "ab"]
    program = root.program("/opt/x/tool", "int f0(void), f1(void); int main(void) { return f0() - f1(); }", *libraries)
    packed = root.pack(tmp_path / "tree", program)
    assert packed.returncode == 1
    assert "/opt/b/libsame.so" in packed.stderr
    assert "soname" in packed.stderr


def test_relative_path_is_refused_with_a_way_out(root: SmallRoot, tmp_path: Path) -> None:
    root.named("/opt/x/lib/libanswer.so", 9, "lib/libanswer.so")
    program = root.program("/opt/x/tool", CALLER, f"{root.top}/opt/x/lib/libanswer.so")
    packed = root.pack(tmp_path / "tree", program)
    assert packed.returncode == 1
    assert "lib/libanswer.so not found" in packed.stderr
    assert "patchelf --replace-needed lib/libanswer.so libanswer.so /opt/x/tool" in packed.stderr


@pytest.mark.parametrize("flag", ["-f", "-F"])
@pytest.mark.parametrize("name", ["libtee.so", "/opt/x/tees/libtee.so", "$ORIGIN/tees/libtee.so"])
def test_filtee_answers_before_its_filter(root: SmallRoot, tmp_path: Path, flag: str, name: str) -> None:
    root.answering("/opt/x/tees/libtee.so", 1)
    path = "-Wl,--enable-new-dtags,-rpath,/opt/x:/opt/x/tees"
    root.answering("/opt/x/libfilter.so", 2, f"-Wl,{flag},{name}", path)
    program = root.program("/opt/x/tool", CALLER, f"{root.top}/opt/x/libfilter.so", path)
    assert agree(root, tmp_path / "tree", program) == "1\n"


def test_auxiliary_filtee_that_is_missing_is_not_missed(root: SmallRoot, tmp_path: Path) -> None:
    path = "-Wl,--enable-new-dtags,-rpath,/opt/x"
    root.answering("/opt/x/libfilter.so", 2, "-Wl,-f,libgone.so", path)
    program = root.program("/opt/x/tool", CALLER, f"{root.top}/opt/x/libfilter.so", path)
    assert agree(root, tmp_path / "tree", program) == "2\n"


AUDIT = """
#include <unistd.h>
unsigned la_version(unsigned version) { write(1, "audited\\n", 8); return version; }
"""


@pytest.mark.parametrize("flag", ["--audit", "--depaudit"])
@pytest.mark.parametrize("name", ["/opt/audit/libaudit-it.so", "libaudit-it.so"])
def test_audit_library_is_loaded(root: SmallRoot, tmp_path: Path, flag: str, name: str) -> None:
    place = "/opt/audit" if "/" in name else "/usr/local/lib"
    root.library(f"{place}/libaudit-it.so", AUDIT)
    root.configure()
    program = root.program("/opt/x/tool", "int main(void) { return 0; }", f"-Wl,{flag},{name}")
    assert agree(root, tmp_path / "tree", program) == "audited\n"


def test_each_of_several_audit_libraries_is_loaded(root: SmallRoot, tmp_path: Path) -> None:
    paths = [root.library(f"/opt/audit/lib{name}.so", AUDIT.replace("audited", name * 7)) for name in "ab"]
    program = root.program("/opt/x/tool", "int main(void) { return 0; }", f"-Wl,--audit,{':'.join(paths)}")
    assert agree(root, tmp_path / "tree", program) == "aaaaaaa\nbbbbbbb\n"
    assert manifest_entry(tmp_path / "tree", program)["bare_names"] == paths


def test_each_of_two_programs_has_the_library_of_its_path(root: SmallRoot, tmp_path: Path) -> None:
    programs = []
    for number, name in enumerate("ab"):
        path = root.named(f"/opt/{name}/libsame.so", number, f"/opt/{name}/libsame.so")
        programs.append(root.program(f"/srv/{name}/{name}", CALLER, f"{root.top}{path}"))
    packed = root.pack(tmp_path / "tree", *programs)
    assert packed.returncode == 0, packed.stderr
    assert [bundled(tmp_path / "tree", name).stdout for name in "ab"] == ["0\n", "1\n"]


def test_verify_knows_the_file_at_home(tmp_path: Path) -> None:
    if shutil.which("gcc") is None or not os.confstr("CS_GNU_LIBC_VERSION"):
        pytest.skip("needs gcc and glibc")
    library, program = str(tmp_path / "libanswer.so"), str(tmp_path / "tool")
    for output, source, flags in (
        (library, "int answer(void) { return 7; }", ["-shared", "-fPIC"]),
        (program, CALLER, [library]),
    ):
        command = ["gcc", "-w", "-x", "c", "-", "-x", "none", "-o", output, *flags]
        subprocess.run(command, input=source, text=True, check=True)
    write_bundle(make_plan([program]), tmp_path / "tool.zip")
    with open_bundle(tmp_path / "tool.zip") as bundle:
        assert other_than_packed(bundle.manifests, PackingMachine(here())) == ""
    Path(program).write_bytes(Path(program).read_bytes().replace(b"%d\n", b"%x\n"))
    with open_bundle(tmp_path / "tool.zip") as bundle:
        assert f"{program} is not as it was packed" in other_than_packed(bundle.manifests, PackingMachine(here()))
