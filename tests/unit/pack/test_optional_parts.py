"""Parts that are left out of a bundle that is too large: plug-ins that alone bring libraries of other packages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from lambundle.bundle.model import Reason
from lambundle.gather.gathering import Gathering
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.optional_parts import OptionalPart, note, parts_to_leave_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambundle.elf.closure import Closure

OFFICE = "/usr/lib/office"
PROGRAM, READER, HELPER, SMALL, CORE = (
    f"{OFFICE}/{name}" for name in ("office.bin", "reader.so", "helper", "small.so", "core.so")
)
MIB = 1 << 20
SIZES = {
    PROGRAM: 90 * MIB,
    READER: MIB,
    "/usr/lib/libold.so.1": 9 * MIB,
    HELPER: MIB,
    "/usr/lib/libpages.so.1": 3 * MIB,
    SMALL: 1000,
    "/usr/lib/libtiny.so.1": 1000,
    CORE: 50 * MIB,
    "/usr/lib/libcommon.so.1": 20 * MIB,
}
LOADS = {
    PROGRAM: (CORE, "/usr/lib/libcommon.so.1"),
    READER: ("/usr/lib/libold.so.1", "/usr/lib/libcommon.so.1"),
    HELPER: ("/usr/lib/libpages.so.1",),
    SMALL: ("/usr/lib/libtiny.so.1",),
    CORE: ("/usr/lib/libcommon.so.1",),
}


def left_out(
    surplus: int,
    *asked_for: str,
    short: int = 0,
    data: tuple[str, ...] = (),
    sizes: Mapping[str, int] = SIZES,
    loads: Mapping[str, tuple[str, ...]] = LOADS,
) -> list[str]:
    """Return the parts that are left out for some bytes that are too many; ``asked_for`` are the user's.

    ``short`` are the bytes of fonts that have no room, ``data`` further files in the bundle.
    """
    files = MemoryFiles(dict.fromkeys(sizes, b""), sizes=sizes)
    needs = {real: tuple(SimpleNamespace(path=path) for path in loads.get(real, ())) for real in sizes}
    loaded = {real: SimpleNamespace(real=real, needed=needs[real]) for real in sizes}
    scopes = {root: tuple(loaded[path] for path in (root, *paths)) for root, paths in loads.items()}
    closure = cast("Closure", SimpleNamespace(files=loaded, scopes=scopes))

    def owner(path: str) -> str:
        return "office" if path.startswith(OFFICE) else path

    gathering = Gathering(Machine(files, {}), "x86_64", (), ())
    for path in data:
        gathering.mirror.add(path, Reason("package", PROGRAM, "office"))
    parts = parts_to_leave_out(gathering, closure, owner, asked_for, surplus, short)
    return [part.path for part in parts]


@pytest.mark.parametrize(
    ("surplus", "expected"),
    [(0, []), (1, [READER]), (10 * MIB, [READER]), (11 * MIB, [READER, HELPER]), (14 * MIB, [READER, HELPER])],
)
def test_the_largest_parts_go_until_the_bundle_fits(surplus: int, expected: list[str]) -> None:
    assert left_out(surplus, PROGRAM) == expected


def test_nothing_goes_where_all_parts_are_not_enough() -> None:
    assert left_out(15 * MIB, PROGRAM) == []


def test_what_the_user_asked_for_stays() -> None:
    assert left_out(1, PROGRAM, READER) == [HELPER]


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [("browser", 3, []), ("browser.bin", 3, []), ("worker", 3, ["worker"]), ("worker", 90, [])],
)
def test_the_program_that_a_script_starts_is_no_part_nor_what_weighs_more_than_all_others(
    name: str, size: int, expected: list[str]
) -> None:
    script, program, library = "/usr/bin/browser", f"{OFFICE}/{name}", "/usr/lib/libpages.so.1"
    sizes = {script: 1000, CORE: 20 * MIB, program: size * MIB, library: MIB}
    found = left_out(MIB, script, sizes=sizes, loads={script: (CORE,), program: (library,)})
    assert found == [f"{OFFICE}/{name}" for name in expected]


@pytest.mark.parametrize(
    ("surplus", "short", "expected"),
    [
        (-MIB, 0, []),
        (-MIB, MIB, []),  # there is room for them
        (-MIB, 2 * MIB, [READER]),
        (MIB, 9 * MIB, [READER]),
        (MIB, 10 * MIB, [READER, HELPER]),
        (MIB, 90 * MIB, [READER, HELPER]),  # all that there is, though it is not enough
        (15 * MIB, MIB, []),
    ],
)
def test_parts_give_way_to_fonts_that_were_installed_by_name(surplus: int, short: int, expected: list[str]) -> None:
    assert left_out(surplus, PROGRAM, short=short) == expected


@pytest.mark.parametrize(
    ("asked_for", "size", "expected"),
    [
        ((), 5 * MIB, [READER, f"{OFFICE}/share/xslt", HELPER]),
        ((f"{OFFICE}/share/xslt",), 5 * MIB, [READER, HELPER]),
        ((f"{OFFICE}/share/xslt/import/a.xsl",), 5 * MIB, [READER, HELPER]),
        ((), MIB - 1, [READER, HELPER]),
    ],
)
def test_a_directory_of_data_for_a_rare_purpose_is_a_part(
    asked_for: tuple[str, ...], size: int, expected: list[str]
) -> None:
    data = {f"{OFFICE}/share/xslt/import/a.xsl": size, f"{OFFICE}/share/xslt2/b.xsl": 9 * MIB}
    found = left_out(1, PROGRAM, *asked_for, short=50 * MIB, data=tuple(data), sizes=SIZES | data)
    assert found == expected


def test_a_part_that_goes_for_fonts_and_a_directory_are_told() -> None:
    told = note(OptionalPart(f"{OFFICE}/share/xslt", 4_000_000, directory=True), "250 MiB", for_fonts=True)
    assert told == (
        f"{OFFICE}/share/xslt (4.0 MB) is left out: with it fonts that were installed by name would not fit into "
        f"250 MiB; --add {OFFICE}/share/xslt brings it"
    )


def test_a_part_is_told_with_the_flag_that_brings_it() -> None:
    told = note(OptionalPart(READER, 20_000_000), "250 MiB")
    assert told == (
        f"{READER} (20.0 MB with what only it loads) is left out: with it the bundle would be over 250 MiB; "
        f"--add {READER} brings it"
    )
