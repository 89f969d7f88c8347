"""Reading dynamic symbols: damage is a BadElfError or an answer, never anything else, and never without end."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambundle.errors import BadElfError
from lambundle.verify.static.symbols import Budget, read_symbols
from tests.unit.test_elf import make_elf
from tests.unit.verify.test_hostile_zips import overlapping_names

SOURCE = """
extern int wanted(void);
__attribute__((weak)) extern int perhaps(void);
static int hidden;
int given(void) { return wanted() + (perhaps ? perhaps() : hidden); }
int older(void) { return 1; }
int data = 7;
__asm__(".symver older, old@@GIVE_1");
"""
VERSIONS = "GIVE_1 { global: given; old; }; GIVE_2 { global: data; } GIVE_1;"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    top = tmp_path_factory.mktemp("symbols")
    (top / "x.c").write_text(SOURCE)
    (top / "x.map").write_text(VERSIONS)
    flags = ["-shared", "-fPIC", "-nostdlib", f"-Wl,--version-script={top / 'x.map'}"]
    subprocess.run(["gcc", *flags, "-o", top / "x.so", top / "x.c"], check=True)
    return (top / "x.so").read_bytes()


def test_symbols_with_their_versions(library: bytes) -> None:
    found = read_symbols(library, Budget())
    assert found is not None
    assert found.versioned
    assert found.wanted == {b"wanted"}
    assert {b"given", b"given@GIVE_1", b"old", b"old@GIVE_1", b"data", b"data@GIVE_2"} <= found.given
    assert not {b"wanted", b"perhaps", b"hidden"} & found.given


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
@pytest.mark.parametrize("source", ["int given(void) { return 1; }", "extern int wanted; int *p(void);", ""])
def test_every_style_of_hash_table_tells_the_number(tmp_path: Path, style: str, source: str) -> None:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    (tmp_path / "x.c").write_text(source + "\nextern int other(void); static int f(void) { return other(); }\n")
    (tmp_path / "x.c").write_text((tmp_path / "x.c").read_text() + "__attribute__((used)) static int (*g)(void) = f;\n")
    command = ["gcc", "-shared", "-fPIC", "-nostdlib", f"-Wl,--hash-style={style}", "-o", tmp_path / "x.so"]
    subprocess.run([*map(str, command), str(tmp_path / "x.c")], check=True)
    found = read_symbols((tmp_path / "x.so").read_bytes(), Budget())
    assert found is not None
    assert b"other" in found.wanted
    assert (b"given" in found.given) == ("given" in source)
    assert not found.versioned


def test_the_libc_of_this_machine_gives_what_everybody_wants() -> None:
    for path in ("/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"):
        if Path(path).is_file():
            found = read_symbols(Path(path).read_bytes(), Budget())
            assert found is not None
            assert {b"printf", b"malloc", b"memcpy"} <= found.given
            assert any(symbol.startswith(b"printf@GLIBC_2.") for symbol in found.given)
            return
    pytest.skip("no glibc in the usual places")


def test_no_dynamic_section_no_symbols() -> None:
    assert read_symbols(make_elf(), Budget()) is None


def test_a_bundle_with_too_many_names_is_not_compared(library: bytes) -> None:
    assert read_symbols(library, Budget(10)) is None


def test_names_that_overlap_without_end_are_refused() -> None:
    assert read_symbols(overlapping_names(3, 100), Budget()) is not None
    with pytest.raises(BadElfError, match="overlap without end"):
        read_symbols(overlapping_names(5000, 1 << 16), Budget())


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_damage_gives_an_answer_or_an_error_of_ours(library: bytes, data: st.DataObject) -> None:
    damaged = bytearray(library)
    for _ in range(data.draw(st.integers(1, 6))):
        # The tables lie at the start; everywhere else damage does nothing.
        at = data.draw(st.integers(0, min(len(damaged) - 8, 0x1000)))
        width, value = data.draw(st.sampled_from([("<B", 0xFF), ("<H", 0xFFFF), ("<I", 0xFFFFFFFF), ("<Q", 1 << 63)]))
        struct.pack_into(width, damaged, at, data.draw(st.integers(0, value)))
    try:
        read_symbols(bytes(damaged), Budget())
    except BadElfError as error:
        assert "symbols cannot be read" in error.message
