"""A bench for claims about the loader: build tiny libraries, ask the real loader, ask lambundle."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import here
from tests.here import read_elf

if TYPE_CHECKING:
    from pathlib import Path

_LINE = re.compile(r"^\t(?P<soname>\S+) => (?P<path>\S+) \(0x[0-9a-f]+\)$")
_LOST = re.compile(r"^\t(?P<soname>\S+) => not found$")
_MUSL_LOST = re.compile(r"^Error loading shared library (?P<soname>\S+): ")


class Bench:
    """A directory to build in, with the compiler of one C library."""

    def __init__(self, top: Path, compiler: str) -> None:
        self.top = top
        self._compiler = compiler
        self._empty = top / "empty.c"
        self._empty.write_text("")
        self._main = top / "main.c"
        self._main.write_text("int main(void) { return 0; }\n")

    def library(
        self,
        path: str,
        *needs: Path,
        soname: str | None = None,
        rpath: str | None = None,
        runpath: str | None = None,
        flags: tuple[str, ...] = (),
    ) -> Path:
        """Build a library; its soname is its file name unless told (``""``: none)."""
        output = self.top / path
        soname = output.name if soname is None else soname
        name = [f"-Wl,-soname,{soname}"] if soname else []
        self._link(output, ["-shared", "-nostdlib", *name, *flags], self._empty, needs, rpath, runpath)
        return output

    def program(
        self,
        path: str,
        *needs: Path,
        rpath: str | None = None,
        runpath: str | None = None,
        flags: tuple[str, ...] = (),
    ) -> Path:
        """Build a program."""
        output = self.top / path
        self._link(output, list(flags), self._main, needs, rpath, runpath)
        return output

    def _link(
        self,
        output: Path,
        flags: list[str],
        source: Path,
        needs: tuple[Path, ...],
        rpath: str | None,
        runpath: str | None,
    ) -> None:
        output.parent.mkdir(parents=True, exist_ok=True)
        if rpath is not None:
            flags.append(f"-Wl,--disable-new-dtags,-rpath,{rpath}")
        if runpath is not None:
            flags.append(f"-Wl,--enable-new-dtags,-rpath,{runpath}")
        # The linker need not see what the libraries need themselves.
        command = [self._compiler, "-o", str(output), str(source), *flags, "-Wl,--no-as-needed"]
        subprocess.run([*command, "-Wl,--allow-shlib-undefined", *needs], check=True, cwd=self.top)

    def glibc(self, program: Path, *, library_path: str | None = None) -> dict[str, str | None]:
        """Start the program and let its loader say what it loads, None where something is not found.

        A loader that gives up altogether has no answer: an empty dict.
        """
        environment = {"LD_TRACE_LOADED_OBJECTS": "1"}
        if library_path is not None:
            environment["LD_LIBRARY_PATH"] = library_path
        done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False, cwd="/")
        return _parse(done.stdout)

    def musl(self, program: Path, *, library_path: str | None = None) -> dict[str, str | None]:
        """Ask musl's loader, which answers under ``--list`` and says what is missing on stderr."""
        interpreter = read_elf(program).interpreter
        assert interpreter is not None
        environment = {} if library_path is None else {"LD_LIBRARY_PATH": library_path}
        command = [interpreter, "--list", str(program)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
        answers = _parse(done.stdout)
        for line in done.stderr.splitlines():
            if match := _MUSL_LOST.match(line):
                answers[match["soname"]] = None
        return answers

    @staticmethod
    def ours(program: Path, *, library_path: str | None = None) -> dict[str, str | None]:
        """Ask lambundle the same."""
        found = here.walk([program], library_path=library_path.split(":") if library_path else ())
        answers: dict[str, str | None] = {missing.soname: None for missing in found.missing}
        for file in found.scopes[str(program)]:
            for need in file.needed:
                if not need.soname.startswith("ld-linux"):
                    answers.setdefault(need.soname, need.path)
        return answers

    @staticmethod
    def retag(path: Path, old: int, new: int) -> None:
        """Turn a dynamic entry of a 64-bit little-endian file into another that no linker would write."""
        data = bytearray(path.read_bytes())
        (table,) = struct.unpack_from("<Q", data, 32)
        (count,) = struct.unpack_from("<H", data, 56)
        for header in range(table, table + 56 * count, 56):
            if struct.unpack_from("<I", data, header)[0] == 2:
                offset, _, _, size = struct.unpack_from("<QQQQ", data, header + 8)
                for entry in range(offset, offset + size, 16):
                    if struct.unpack_from("<Q", data, entry)[0] == old:
                        struct.pack_into("<Q", data, entry, new)
                        path.write_bytes(data)
                        return
        raise AssertionError(f"no dynamic entry {old} in {path}")


def _parse(output: str) -> dict[str, str | None]:
    answers: dict[str, str | None] = {}
    for line in output.splitlines():
        if match := _LINE.match(line):
            if not match["soname"].startswith("/"):
                answers.setdefault(match["soname"], match["path"])
        elif match := _LOST.match(line):
            answers.setdefault(match["soname"], None)
    return answers


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Build with the machine's own compiler and C library, which must be glibc."""
    if shutil.which("gcc") is None or not os.confstr("CS_GNU_LIBC_VERSION"):
        pytest.skip("needs gcc and glibc")
    return Bench(tmp_path.resolve(), "gcc")


@pytest.fixture
def musl_bench(tmp_path: Path) -> Bench:
    """Build with musl."""
    if shutil.which("musl-gcc") is None:
        pytest.skip("needs musl-gcc")
    return Bench(tmp_path.resolve(), "musl-gcc")
