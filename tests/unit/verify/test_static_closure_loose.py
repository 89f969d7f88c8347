"""``closure`` and ``platform`` of what somebody else packed: the host's loader starts it, with the host's libc."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from lambundle.elf.headers import EM_386, EM_AARCH64, EM_ARM
from lambundle.verify.static import static_checks
from tests.unit.test_elf import make_elf
from tests.unit.verify.drafts import Draft, assert_fails, details, failures, judged
from tests.unit.verify.elves import LOADER, elf, program

if TYPE_CHECKING:
    from pathlib import Path

TOO_NEW = "build it where glibc is 2.34 or older"


def one(path: str, data: bytes) -> Draft:
    return Draft().file(path, data, 0o755)


class TestHost:
    """What the host has for certain, and in which version."""

    def test_a_program_of_the_same_glibc_passes(self, tmp_path: Path) -> None:
        data = program(b"libstdc++.so.6", b"libgcc_s.so.1", versions=[b"GLIBC_2.2.5", b"GLIBC_2.34", b"GLIBC_PRIVATE"])
        result = judged(one("bootstrap", data), tmp_path / "x.zip")
        assert failures(result) == {}
        assert details(result)["closure"] == "1 program and 0 libraries have every library and version that they need"
        assert details(result)["platform"] == "1 ELF file for x86_64, none needs more than x86-64-v2"

    @pytest.mark.parametrize(
        ("versions", "phrase"),
        [
            ([b"GLIBC_2.2.5", b"GLIBC_2.36"], "bootstrap needs GLIBC_2.36, Lambda has 2.34"),
            ([b"GLIBC_2.35", b"GLIBC_2.38", b"GLIBC_2.36"], "bootstrap needs GLIBC_2.38, Lambda has 2.34"),
            ([b"GLIBC_2.34", b"GLIBC_ABI_DT_RELR"], "DT_RELR), Lambda has 2.34"),
        ],
    )
    def test_a_program_of_a_newer_glibc_fails(self, tmp_path: Path, versions: list[bytes], phrase: str) -> None:
        result = judged(one("bootstrap", program(versions=versions)), tmp_path / "x.zip")
        assert_fails(result, closure=[phrase, TOO_NEW])
        older = judged(one("bootstrap", program(versions=[b"GLIBC_2.17"])), tmp_path / "x.zip")
        assert failures(older) == {}

    def test_a_newer_libstdcxx_fails(self, tmp_path: Path) -> None:
        data = elf(b"libstdc++.so.6", wants={b"libstdc++.so.6": [b"GLIBCXX_3.4.34", b"CXXABI_1.3.9"]})
        result = judged(one("x.so", data), tmp_path / "x.zip")
        assert_fails(result, closure="x.so needs GLIBCXX_3.4.34, Lambda has 3.4.33")

    def test_a_library_that_is_nowhere_fails(self, tmp_path: Path) -> None:
        draft = one("cv2.so", elf(b"libc.so.6", b"libGL.so.1"))
        result = judged(draft, tmp_path / "x.zip")
        assert_fails(result, closure=["cv2.so needs libGL.so.1, which is neither inside", "put the library into lib/"])
        assert failures(judged(draft.file("lib/libGL.so.1", elf(soname=b"libGL.so.1")), tmp_path / "x.zip")) == {}

    def test_a_library_is_found_by_its_soname_by_a_link_or_in_another_layer(self, tmp_path: Path) -> None:
        draft = one("tool", program(b"libx.so.1"))
        library = elf(soname=b"libx.so.1")
        assert failures(judged(draft.copy().file("libs/libx-1.0.so", library), tmp_path / "x.zip")) == {}
        linked = draft.copy().file("libs/libx-1.0.so", elf()).link("libs/libx.so.1", "libx-1.0.so")
        assert failures(judged(linked, tmp_path / "x.zip")) == {}
        layer = Draft().file("lib/libx.so.1", library).write(tmp_path / "layer.zip")
        assert failures(judged(draft, tmp_path / "x.zip", layers=[layer])) == {}
        assert_fails(judged(draft, tmp_path / "x.zip"), closure="needs libx.so.1")

    def test_a_version_is_asked_of_the_library_inside(self, tmp_path: Path) -> None:
        draft = one("tool", elf(b"libx.so.1", wants={b"libx.so.1": [b"X_2"]}, interpreter=LOADER))
        draft.file("lib/libx.so.1", elf(soname=b"libx.so.1", defines=[b"X_1"]))
        result = judged(draft, tmp_path / "x.zip")
        assert_fails(result, closure="tool needs X_2, which the libx.so.1 inside does not define")
        draft.file("lib/libx.so.1", elf(soname=b"libx.so.1", defines=[b"X_1", b"X_2"]))
        assert failures(judged(draft, tmp_path / "x.zip")) == {}

    def test_a_libc_that_is_brought_along_answers_for_itself(self, tmp_path: Path) -> None:
        draft = one("tool", program(versions=[b"GLIBC_2.36"]))
        draft.file("own/libc.so.6", elf(soname=b"libc.so.6", defines=[b"GLIBC_2.36"]))
        assert failures(judged(draft, tmp_path / "x.zip")) == {}


class TestLoader:
    def test_musl_programs_fail_where_nothing_brings_the_loader(self, tmp_path: Path) -> None:
        data = elf(interpreter=b"/lib/ld-musl-x86_64.so.1")
        result = judged(one("bootstrap", data), tmp_path / "x.zip")
        phrase = "bootstrap asks for the loader /lib/ld-musl-x86_64.so.1, which Lambda does not have"
        assert_fails(result, closure=[phrase, "build it for glibc"])

    def test_a_loader_that_is_brought_along_may_be_started_by_hand(self, tmp_path: Path) -> None:
        draft = one("tool", elf(interpreter=b"/nix/store/x/ld-linux-x86-64.so.2"))
        assert_fails(judged(draft, tmp_path / "x.zip"), closure="asks for the loader /nix/store")
        draft.file("own/ld-linux-x86-64.so.2", elf(soname=b"ld-linux-x86-64.so.2"), 0o755)
        assert failures(judged(draft, tmp_path / "x.zip")) == {}

    @pytest.mark.parametrize("mount", ["/opt", "/var/task"])
    def test_a_loader_below_the_mount_point_is_found_there_only(self, tmp_path: Path, mount: str) -> None:
        draft = one("tool", elf(interpreter=b"/opt/own/ld.so")).file("own/ld.so", b"\x7fELF no loader", 0o755)
        found = failures(judged(draft, tmp_path / "x.zip", mount=mount))
        assert ("closure" in found) == (mount == "/var/task")

    def test_builds_for_musl_are_data_where_there_is_another(self, tmp_path: Path) -> None:
        musl = elf(b"libc.musl-x86_64.so.1")
        twins = Draft().file("x64/node.musl.node", musl).file("x64/node.glibc.node", elf())
        assert failures(judged(twins.copy().file("x64-musl/x.so", musl), tmp_path / "x.zip")) == {}
        del twins.items["x64/node.glibc.node"]
        assert_fails(judged(twins, tmp_path / "x.zip"), closure="node.musl.node needs libc.musl-x86_64.so.1")

    def test_a_static_program_needs_nothing(self, tmp_path: Path) -> None:
        assert failures(judged(one("bootstrap", make_elf(type_=2, entry=64)), tmp_path / "x.zip")) == {}


class TestBesideABundle:
    """A wheel beside a packed Python is loaded by that Python; a program starts on its own."""

    @pytest.fixture
    def draft(self) -> Draft:
        home = "lambundle/py"
        library = elf(soname=b"libpython.so", defines=[b"PY_1"])
        value = {
            "version": 1,
            "name": "py",
            "programs": [],
            "packed_on": {"distribution": "Debian", "libc": "glibc 2.36", "machine": "x86_64"},
            "entries": [
                {
                    "path": f"{home}/root/usr/lib/libpython.so",
                    "kind": "file",
                    "mode": "0644",
                    "size": len(library),
                    "sha256": hashlib.sha256(library).hexdigest(),
                }
            ],
        }
        return (
            Draft()
            .file(f"{home}/manifest.json", json.dumps(value).encode())
            .file(f"{home}/root/usr/lib/libpython.so", library)
        )

    def test_a_shared_object_may_need_a_library_of_the_bundle(self, tmp_path: Path, draft: Draft) -> None:
        wheel = elf(b"libpython.so", wants={b"libpython.so": [b"PY_1"]})
        assert failures(judged(draft.file("wheel.so", wheel), tmp_path / "x.zip")) == {}
        newer = elf(b"libpython.so", wants={b"libpython.so": [b"PY_2"]})
        assert_fails(judged(draft.file("wheel.so", newer), tmp_path / "x.zip"), closure="wheel.so needs PY_2")

    def test_a_program_may_not(self, tmp_path: Path, draft: Draft) -> None:
        result = judged(draft.file("bin/tool", program(b"libpython.so"), 0o755), tmp_path / "x.zip")
        assert_fails(result, closure="bin/tool needs libpython.so, which is neither inside")


class TestPlatform:
    def test_the_machine_that_was_asked_for(self, tmp_path: Path) -> None:
        draft = one("bootstrap", program(machine=EM_AARCH64))
        assert failures(judged(draft, tmp_path / "x.zip")) == {}
        assert failures(judged(draft, tmp_path / "x.zip", arch="aarch64")) == {}
        assert details(static_checks(tmp_path / "x.zip"))["platform"] == "1 ELF file for aarch64"
        result = judged(draft, tmp_path / "x.zip", arch="x86_64")
        assert_fails(result, platform=["bootstrap is for aarch64, not x86_64", "choose the function's architecture"])

    def test_a_library_for_another_machine_fails(self, tmp_path: Path) -> None:
        draft = one("bootstrap", program()).file("a.so", elf()).file("b.so", elf(machine=EM_AARCH64))
        assert_fails(judged(draft, tmp_path / "x.zip"), platform="b.so is for aarch64, not x86_64")
        draft.file("b.so", elf())
        assert failures(judged(draft, tmp_path / "x.zip")) == {}

    @pytest.mark.parametrize(
        ("path", "machine"),
        [("prebuilds/linux-arm64/x.node", EM_AARCH64), ("p/linux-arm/x.node", EM_ARM), ("ia32/x.so", EM_386)],
    )
    def test_prebuilt_parts_for_other_machines_are_data(self, tmp_path: Path, path: str, machine: int) -> None:
        draft = Draft().file("prebuilds/linux-x64/x.node", elf()).file(path, elf(b"libnone.so", machine=machine))
        assert failures(judged(draft, tmp_path / "x.zip", arch="x86_64")) == {}

    def test_the_directory_must_name_the_other_machine(self, tmp_path: Path) -> None:
        draft = (
            Draft().file("lib/x86_64-linux-gnu/a.so", elf()).file("lib/x86_64-linux-gnu/b.so", elf(machine=EM_AARCH64))
        )
        assert "b.so is for aarch64" in failures(judged(draft, tmp_path / "x.zip", arch="x86_64"))["platform"]

    def test_prebuilt_parts_for_nothing_but_another_machine_fail(self, tmp_path: Path) -> None:
        draft = Draft().file("prebuilds/linux-arm64/x.node", elf(machine=EM_AARCH64))
        assert_fails(judged(draft, tmp_path / "x.zip", arch="x86_64"), platform="x.node is for aarch64, not x86_64")

    @pytest.mark.parametrize(("isa", "level"), [(4, "x86-64-v3"), (1 | 2 | 4 | 8, "x86-64-v4")])
    def test_a_newer_processor_fails(self, tmp_path: Path, isa: int, level: str) -> None:
        result = judged(Draft().file("x.so", elf(isa=isa)), tmp_path / "x.zip")
        assert_fails(result, platform=[f"x.so needs {level}", "use a build for x86-64-v2"])

    def test_v2_and_libraries_that_the_loader_chooses_pass(self, tmp_path: Path) -> None:
        draft = Draft().file("x.so", elf(isa=3)).file("lib/glibc-hwcaps/x86-64-v3/x.so", elf(isa=4))
        assert failures(judged(draft, tmp_path / "x.zip")) == {}

    def test_object_files_are_data(self, tmp_path: Path) -> None:
        draft = one("bootstrap", program()).file("x.o", make_elf(type_=1, machine=EM_ARM))
        assert failures(judged(draft, tmp_path / "x.zip")) == {}
