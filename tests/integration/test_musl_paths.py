"""musl: libraries opened by name and needed by paths, in a bundle as at home."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.small_root import OPENER

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

CALLER = "int answer(void); int main(void) { return answer(); }"


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a directory outside /tmp, which a bundle serves from the host."""
    if shutil.which("musl-gcc") is None:
        pytest.skip("needs musl-gcc")
    with tempfile.TemporaryDirectory(prefix="lambundle-test-", dir="/var/tmp") as directory:
        yield Path(directory) / "home"


def build(output: Path, source: str, *flags: str) -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    words = ["musl-gcc", "-w", "-x", "c", "-", "-x", "none", "-o", str(output), *flags]
    subprocess.run(words, input=source, text=True, check=True)
    return output


def library(path: Path, number: int, *flags: str) -> Path:
    return build(path, f"int answer(void) {{ return {number}; }}", "-shared", "-fPIC", *flags)


def both(home: Path, program: Path, *words: str, add: tuple[Path, ...] = ()) -> tuple[str, int]:
    """Run a program at home and from a bundle while its home is gone; return what both say and their status."""
    tree = home.parent / "tree"
    command = [sys.executable, "-m", "lambundle", "pack", "-q", str(program), "--tree", str(tree)]
    command += [word for path in add for word in ("--add", str(path))]
    packed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert packed.returncode == 0, packed.stderr
    native = subprocess.run([program, *words], env={}, capture_output=True, text=True, check=False)
    home.rename(home.parent / "gone")
    done = subprocess.run([tree / "bin" / program.name, *words], env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (native.returncode, native.stdout), done.stderr
    return native.stdout, native.returncode


@pytest.mark.parametrize("tags", ["--disable-new-dtags", "--enable-new-dtags"])
def test_library_in_an_absolute_path_of_the_program_is_opened(home: Path, tags: str) -> None:
    library(home / "plug/libplug.so", 7)
    program = build(home / "bin/tool", OPENER, f"-Wl,{tags},-rpath,{home}/none:{home}/plug")
    assert both(home, program, "libplug.so", add=(home / "plug",)) == ("libplug.so 7\n", 0)


def test_program_that_needs_a_library_by_its_path_starts(home: Path) -> None:
    plain = library(home / "lib/libanswer.so", 42)
    program = build(home / "bin/tool", CALLER, str(plain))
    assert both(home, program) == ("", 42)


def test_filtee_is_not_known_to_musl(home: Path) -> None:
    library(home / "lib/libtee.so", 1)
    path = f"-Wl,-rpath,{home}/lib"
    linked = library(home / "lib/libfilter.so", 2, "-Wl,-soname,libfilter.so", "-Wl,-F,libtee.so", path)
    program = build(home / "bin/tool", CALLER, str(linked), path)
    assert both(home, program) == ("", 2)
