"""Small ELF files below a root of their own, with the loader of this machine and an ld.so.conf of the test's."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.elf.files import ElfFiles
from lambundle.elf.walk import Walker
from lambundle.machine import at
from tests.here import read_elf
from tests.loader.conftest import Bench

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINE = re.compile(r"^\t(?P<name>\S+)(?: => (?P<path>\S+))? \(0x[0-9a-f]+\)$", re.MULTILINE)
_LOST = re.compile(r"^\t(?P<name>\S+) => not found$", re.MULTILINE)

DT_NEEDED, DT_AUXILIARY, DT_FILTER = 1, 0x7FFF_FFFD, 0x7FFF_FFFF

CONF = "/conf/first\n/conf/second\n/usr/local/lib\n"


class MadeRoot:
    """A root with a loader, in which libraries and programs are made; paths are absolute in it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.interpreter = read_elf("/bin/sh").interpreter or ""
        self._stubs = top / "stubs"
        self._source = top / "empty.c"
        self._source.write_text("void _start(void) {}\n")
        self._file(self.interpreter).parent.mkdir(parents=True)
        shutil.copy(os.path.realpath(self.interpreter), self._file(self.interpreter))
        self._file("/etc").mkdir()
        self._file("/etc/ld.so.conf").write_text(CONF)

    def _file(self, path: str) -> Path:
        return Path(f"{self.top}/root{path}")

    def library(
        self,
        path: str,
        *needs: str,
        soname: str | None = None,
        rpath: str = "",
        runpath: str = "",
        aux: Sequence[str] = (),
        filters: Sequence[str] = (),
        flags: Sequence[str] = (),
    ) -> None:
        """Make a library with exactly these names in DT_NEEDED; its soname is its file name (``""``: none)."""
        soname = path.rpartition("/")[2] if soname is None else soname
        words = ["-shared", *([f"-Wl,-soname,{soname}"] if soname else []), *flags]
        words += [*(f"-Wl,-f,{name}" for name in aux), *(f"-Wl,-F,{name}" for name in filters)]
        self._link(path, words, needs, rpath, runpath)

    def program(
        self,
        path: str,
        *needs: str,
        rpath: str = "",
        runpath: str = "",
        flags: Sequence[str] = (),
        first_is: int = DT_NEEDED,
    ) -> None:
        """Make a program; its first entry of DT_NEEDED may become another: a linker gives no program a filter."""
        self._link(path, ["-pie", *flags], needs, rpath, runpath)
        if first_is != DT_NEEDED:
            Bench.retag(self._file(path), DT_NEEDED, first_is)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        self._file(path).parent.mkdir(parents=True, exist_ok=True)
        self._file(path).symlink_to(target)

    def text(self, path: str, content: str) -> None:
        """Make a file that is no library."""
        self._file(path).parent.mkdir(parents=True, exist_ok=True)
        self._file(path).write_text(content)

    def _link(self, path: str, words: list[str], needs: Sequence[str], rpath: str, runpath: str) -> None:
        output = self._file(path)
        output.parent.mkdir(parents=True, exist_ok=True)
        if rpath:
            words.append(f"-Wl,--disable-new-dtags,-rpath,{rpath}")
        if runpath:
            words.append(f"-Wl,--enable-new-dtags,-rpath,{runpath}")
        words += ["-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined", *map(self._stub, needs)]
        command = ["gcc", "-nostdlib", "-fPIC", "-o", str(output), str(self._source), *words]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)

    def _stub(self, name: str) -> str:
        """Return a library from which the linker takes ``name`` into DT_NEEDED."""
        stub = self._stubs / f"{hashlib.sha256(name.encode()).hexdigest()[:12]}.so"
        if not stub.exists():
            stub.parent.mkdir(exist_ok=True)
            command = ["gcc", "-nostdlib", "-shared", "-o", str(stub), str(self._source), f"-Wl,-soname,{name}"]
            subprocess.run(command, check=True)
        return str(stub)

    def configure(self) -> None:
        """Write ld.so.cache."""
        ldconfig = shutil.which("ldconfig", path="/usr/sbin:/sbin:/usr/bin") or "ldconfig"
        subprocess.run([ldconfig, "-X", "-r", self.top / "root"], check=True, stderr=subprocess.DEVNULL)

    def theirs(self, program: str, library_path: str | None) -> tuple[list[str], set[str]] | None:
        """Return what ``ld.so --list`` prints, in its order, and what it misses; None where it gives up at once.

        It stops at the first library that is missing, but not where a variable makes it list (ld.so(8)), as in ldd(1);
        that list has optional ones too.
        """
        variables = {} if library_path is None else {"LD_LIBRARY_PATH": library_path}
        listed = self._run(variables, "--list", program)
        if listed.returncode != 0:
            listed = self._run({**variables, "LD_TRACE_LOADED_OBJECTS": "1"}, program)
        if listed.returncode != 0:
            return None
        found = [match["path"] or match["name"] for match in _LINE.finditer(listed.stdout)]
        return self._names(found), {match["name"] for match in _LOST.finditer(listed.stdout)}

    def mapped(self, program: str) -> list[str]:
        """Return the names of all files that ld.so maps for a program when it runs."""
        done = self._run({"LD_DEBUG": "files"}, program)
        return re.findall(r"file=(\S+) \[0\];  generating link map", done.stderr)

    def _run(self, variables: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
        command = ["bwrap", "--ro-bind", f"{self.top}/root", "/", "--chdir", "/", "--clearenv"]
        for name, value in variables.items():
            command += ["--setenv", name, value]
        mask = ["--glibc-hwcaps-mask", "x86-64-v2"] if "x86-64" in self.interpreter else []
        return subprocess.run([*command, self.interpreter, *mask, *words], capture_output=True, text=True, check=False)

    def ours(self, program: str, library_path: str | None) -> tuple[list[str], set[str]]:
        """Return the same from lambundle."""
        machine = at(str(self.top / "root"))
        asked = library_path.replace(";", ":").split(":") if library_path else ()
        directories = tuple(machine.absolute(name) if "$" not in name else name for name in asked)
        walker = Walker(ElfFiles(machine.files), library_path=directories)
        walker.add(program)
        closure = walker.closure()
        found = [file.path for file in closure.scopes[program] if file.path != program]
        return self._names(found), {missing.soname for missing in closure.missing}

    def _names(self, paths: Sequence[str]) -> list[str]:
        """Leave out the interpreter, which is there from the start, and the kernel's own object."""
        absolute = [os.path.normpath(f"/{path}") if path.startswith("./") else path for path in paths]
        return [path for path in absolute if path != self.interpreter and path.startswith("/")]
