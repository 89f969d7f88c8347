"""Which recipe a compiler has: by its directories and its target, not by its name alone."""

from __future__ import annotations

import pytest

from lambundle.gather.programs import Requested, resolve
from lambundle.machine import Machine, MemoryFiles
from lambundle.recipes.follow import follow
from lambundle.recipes.recipe import recipe_for, smoke_recipe_for
from tests.unit.test_elf import make_elf

GLIBC, MUSL = b"/lib64/ld-linux-x86-64.so.2", b"/lib/ld-musl-x86_64.so.1"


def driver(machine: str, version: str = "12.2.0", interpreter: bytes | None = GLIBC) -> bytes:
    """A compiler's driver for a machine, which has the loader ``interpreter``; None makes it static."""
    strings = b"\0" + machine.encode() + b"\0" + version.encode() + b"\0"
    if interpreter is None:
        return make_elf(type_=2, entry=64) + strings
    return make_elf(type_=3, entry=64, interpreter=interpreter, dynamic=[(21, 0)], strings=strings)


@pytest.mark.parametrize(
    ("machine", "interpreter", "recipe"),
    [
        ("x86_64-linux-gnu", GLIBC, "gcc"),
        ("x86_64-redhat-linux", GLIBC, "gcc"),
        ("x86_64-pc-linux-gnu", GLIBC, "gcc"),
        ("x86_64-alpine-linux-musl", MUSL, "gcc"),
        ("x86_64-linux-musl", GLIBC, "other-gcc"),
        ("x86_64-linux-gnu", MUSL, "other-gcc"),
        ("x86_64-linux-musl", None, "other-gcc"),  # unpacked with a C library of its own
        ("x86_64-linux-gnux32", GLIBC, "other-gcc"),
        ("aarch64-linux-gnu", GLIBC, "other-gcc"),
        ("x86_64-w64-mingw32", GLIBC, "other-gcc"),
        ("arm-none-eabi", GLIBC, "other-gcc"),
        ("avr", GLIBC, "other-gcc"),
    ],
)
def test_the_recipe_is_for_what_the_compiler_makes(machine: str, interpreter: bytes | None, recipe: str) -> None:
    files = MemoryFiles(
        {"/usr/bin/some-gcc": driver(machine, interpreter=interpreter), f"/usr/lib/gcc/{machine}/12.2.0/cc1": ""}
    )
    found = recipe_for(files, "/usr/bin/some-gcc")
    assert found is not None
    assert found.name == recipe


def test_what_only_has_a_compiler_s_name_has_no_recipe() -> None:
    content = {"/usr/bin/my-gcc": "#!/bin/sh\nexec gcc\n", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1": ""}
    assert recipe_for(MemoryFiles(content), "/usr/bin/my-gcc") is None
    assert smoke_recipe_for({"my-gcc"}, without_directories=True) is None


def cross() -> tuple[Machine, Requested]:
    """A compiler for Windows, with what belongs to it and what does not."""
    gcc = "/usr/lib/gcc/x86_64-w64-mingw32/12-win32"
    tree = "/usr/x86_64-w64-mingw32"
    content: dict[str, bytes | str] = {
        "/usr/bin/x86_64-w64-mingw32-gcc": driver("x86_64-w64-mingw32", "12-win32"),
        **dict.fromkeys((f"{gcc}/{name}" for name in ("cc1", "cc1plus", "lto1", "libgcc.a", "include/stddef.h")), ""),
        **dict.fromkeys((f"{tree}/lib/libws2_32.a", "/usr/share/mingw-w64/include/windows.h", "/usr/bin/as"), ""),
        **dict.fromkeys(("/usr/bin/x86_64-w64-mingw32-as", "/usr/include/stdio.h"), ""),
    }
    machine = Machine(
        MemoryFiles(content, links={f"{tree}/include": "/usr/share/mingw-w64/include"}), {"PATH": "/usr/bin"}
    )
    return machine, resolve(machine, "x86_64-w64-mingw32-gcc")


def test_a_compiler_for_another_machine_has_that_machine_s_tree_and_tools() -> None:
    machine, program = cross()
    recipe = recipe_for(machine.files, program.path)
    assert recipe is not None
    found = follow(recipe, program, machine, None)
    assert {"/usr/lib/gcc/x86_64-w64-mingw32/12-win32", "/usr/x86_64-w64-mingw32"} <= found.paths.keys()
    assert "/usr/bin/x86_64-w64-mingw32-as" in found.paths
    assert "/usr/bin/as" not in found.paths
    assert not any(name.endswith("stdio.h") for name in found.paths)
    assert all("{interpreter}" not in text for text in found.made.values())


def test_a_link_in_a_toolchain_that_leads_nowhere_is_left_out() -> None:
    gcc = "/t/lib/gcc/x86_64-linux-gnu/12"
    files = MemoryFiles(
        {"/t/bin/gcc": driver("x86_64-linux-gnu", "12"), f"{gcc}/cc1": "", f"{gcc}/libgcc.a": ""},
        links={f"{gcc}/libatomic.so": "/gone/libatomic.so.1"},
    )
    machine = Machine(files)
    program = resolve(machine, "/t/bin/gcc")
    recipe = recipe_for(files, program.path)
    assert recipe is not None
    found = follow(recipe, program, machine, None)
    assert f"{gcc}/libgcc.a" in found.paths
    assert f"{gcc}/libatomic.so" not in found.paths


@pytest.mark.parametrize(
    ("configured", "specs"),
    [
        (b"\0/opt/build/libexec/gcc/\0/opt/build/lib/gcc/\0", "/opt/build/lib/gcc/x86_64-linux-gnu/specs"),
        (b"", "/t/lib/gcc/x86_64-linux-gnu/specs"),
    ],
)
def test_specs_are_made_where_the_compiler_was_configured_for(configured: bytes, specs: str) -> None:
    content = {"/t/bin/gcc": driver("x86_64-linux-gnu", "12") + configured, "/t/lib/gcc/x86_64-linux-gnu/12/cc1": b""}
    machine = Machine(MemoryFiles(content))
    program = resolve(machine, "/t/bin/gcc")
    recipe = recipe_for(machine.files, program.path)
    assert recipe is not None
    assert list(follow(recipe, program, machine, None).made) == [specs]
