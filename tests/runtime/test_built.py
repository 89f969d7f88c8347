"""The libraries as they are shipped: what they define, and what they need."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import lief
import pytest

from lambundle import runtime
from lambundle.runtime import build, limits
from tests.bareroot import UnavailableError
from tests.runtime.conftest import unavailable
from tests.runtime.functions import ELSEWHERE, PROBES
from tests.runtime.worlds import LIBRARIES, SANITIZER_LIBRARIES

if TYPE_CHECKING:
    from tests.runtime.conftest import Worlds

FLOOR = (2, 17)


def parsed(machine: str, libc: str) -> lief.ELF.Binary:
    """Read one of the built libraries."""
    return parse(runtime.library(machine, libc))


def parse(path: Path | str) -> lief.ELF.Binary:
    """Read an ELF file."""
    binary = lief.ELF.parse(str(path))
    assert binary is not None
    return binary


def exported(binary: lief.ELF.Binary) -> set[str]:
    """Return the names that a library defines for others."""
    return {str(symbol.name) for symbol in binary.exported_symbols}


def imported(binary: lief.ELF.Binary) -> set[str]:
    """Return the names that a library wants from others, weak ones apart."""
    weak = lief.ELF.Symbol.BINDING.WEAK
    return {str(symbol.name) for symbol in binary.imported_symbols if symbol.binding != weak}


@pytest.mark.parametrize("machine", runtime.MACHINES)
@pytest.mark.parametrize("libc", runtime.LIBCS)
def test_every_exported_function_is_tested(machine: str, libc: str) -> None:
    names = exported(parsed(machine, libc))
    tested = {probe.symbol for probe in PROBES if libc in probe.libcs}
    if libc == "musl":  # functions that came to musl after the one on this machine
        newer = names - exported(parse(_musl()))
        assert newer <= {"renameat2", "statx", "execveat"}
        tested |= newer
    assert names - tested - ELSEWHERE.keys() == set()
    of_gnu = {name for name, why in ELSEWHERE.items() if "musl" in why}
    assert (tested | (ELSEWHERE.keys() - of_gnu)) - names == set(), "a probe of what is not wrapped"


def _musl() -> str:
    path = f"/lib/ld-musl-{os.uname().machine}.so.1"
    if not Path(path).exists():
        unavailable(UnavailableError("musl is not installed"))
    return os.path.realpath(path)


@pytest.mark.parametrize("libc", runtime.LIBCS)
def test_machines_have_the_same_functions(libc: str) -> None:
    first, *others = [exported(parsed(machine, libc)) for machine in runtime.MACHINES]
    assert all(other == first for other in others)


@pytest.mark.parametrize("machine", runtime.MACHINES)
def test_glibc_library_runs_from_the_floor_on(machine: str) -> None:
    binary = parsed(machine, "glibc")
    assert binary.header.machine_type.name.lower() == machine
    assert sorted(str(library) for library in binary.libraries) == ["libc.so.6", "libdl.so.2"]
    versions = {
        str(aux.name) for needed in binary.symbols_version_requirement for aux in needed.get_auxiliary_symbols()
    }
    assert versions
    for version in versions:
        found = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version)
        assert found is not None, version
        assert (int(found[1]), int(found[2])) <= FLOOR


@pytest.mark.parametrize("machine", runtime.MACHINES)
def test_musl_library_needs_musl_alone(machine: str) -> None:
    binary = parsed(machine, "musl")
    assert binary.header.machine_type.name.lower() == machine
    assert [str(library) for library in binary.libraries] == ["libc.so"]


@pytest.mark.parametrize("machine", runtime.MACHINES)
@pytest.mark.parametrize("libc", runtime.LIBCS)
def test_nothing_is_bound_late_and_the_stack_is_not_executable(machine: str, libc: str) -> None:
    binary = parsed(machine, libc)
    assert str(binary.get(lief.ELF.DynamicEntry.TAG.SONAME).name) == runtime.soname(libc)  # type: ignore[union-attr]
    tags = {entry.tag for entry in binary.dynamic_entries}
    flags = {
        flag
        for entry in binary.dynamic_entries
        if isinstance(entry, lief.ELF.DynamicEntryFlags)
        for flag in entry.flags
    }
    assert lief.ELF.DynamicEntry.TAG.BIND_NOW in tags or lief.ELF.DynamicEntryFlags.FLAG.BIND_NOW in flags
    assert lief.ELF.DynamicEntry.TAG.RPATH not in tags
    assert lief.ELF.DynamicEntry.TAG.RUNPATH not in tags
    [stack] = [segment for segment in binary.segments if segment.type == lief.ELF.Segment.TYPE.GNU_STACK]
    assert not stack.has(lief.ELF.Segment.FLAGS.X)


def test_built_libraries_are_newer_than_their_sources() -> None:
    sources = [path for path in build.SOURCES.iterdir() if path.suffix in (".c", ".h")]
    newest = max(path.stat().st_mtime for path in (*sources, Path(limits.__file__)))
    for machine in runtime.MACHINES:
        for libc in runtime.LIBCS:
            assert runtime.library(machine, libc).stat().st_mtime >= newest, "run python -m lambundle.runtime.build"


@pytest.mark.parametrize("machine", runtime.MACHINES)
def test_handover_needs_nothing_of_its_host(machine: str) -> None:
    path = runtime.handover(machine)
    binary = parse(path)
    assert binary.header.machine_type.name.lower() == machine
    assert not binary.has_interpreter
    assert list(binary.libraries) == []
    [stack] = [segment for segment in binary.segments if segment.type == lief.ELF.Segment.TYPE.GNU_STACK]
    assert not stack.has(lief.ELF.Segment.FLAGS.X)
    assert path.stat().st_size < 64 << 10
    assert path.stat().st_mtime >= build.HANDOVER.stat().st_mtime, "run python -m lambundle.runtime.build"


def test_sanitized_world_has_a_sanitized_runtime(worlds: Worlds) -> None:
    world = worlds("sanitized")
    binary = parse(world.bundle / "runtime" / runtime.soname("glibc"))
    names = imported(binary)
    assert any(name.startswith("__asan_report") or name == "__asan_init" for name in names)
    assert any(name.startswith("__ubsan_handle") for name in names)
    assert all(world.in_bundle(f"{LIBRARIES}/{name}").exists() for name in SANITIZER_LIBRARIES)
    maps = world.run("odd", "cat", "/proc/self/maps").out
    assert str(world.bundle / "runtime" / runtime.soname("glibc")) in maps
    assert SANITIZER_LIBRARIES[0] in maps
