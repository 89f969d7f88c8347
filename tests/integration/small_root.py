"""A root with nothing but a shell, its loader and its C library, in which programs are made and packed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests import here

if TYPE_CHECKING:
    from collections.abc import Mapping

CONF = "/conf/first\n/usr/local/lib\n/conf/second\n"

OPENER = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        void *library = dlopen(argv[i], RTLD_NOW);
        int (*answer)(void) = library == NULL ? NULL : (int (*)(void))dlsym(library, "answer");
        printf("%s %d\n", argv[i], answer == NULL ? -1 : answer());
    }
    return 0;
}
"""
"""Opens libraries by the names in its arguments and prints what they answer."""


class SmallRoot:
    """The root at ``top``; paths are absolute in it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        for mounted in ("dev", "proc"):
            (top / mounted).mkdir(parents=True)
        found = here.walk(["/bin/sh"])
        for path in ["/bin/sh", *found.files]:
            target = self.file(path)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(os.path.realpath(path), target)
        [libc] = [path for path in found.files if path.endswith("/libc.so.6")]
        [loader] = [path for path in found.files if "/ld-linux-" in path]
        shutil.copy(os.path.realpath(loader), self.file(f"{os.path.dirname(libc)}/{os.path.basename(loader)}"))
        self.write("/etc/ld.so.conf", CONF + "/lib/x86_64-linux-gnu\n/lib/aarch64-linux-gnu\n")

    def file(self, path: str) -> Path:
        """Where a path of the root lies."""
        return Path(f"{self.top}{path}")

    def write(self, path: str, text: str, mode: int = 0o644) -> str:
        """Write a file; return its path."""
        self.file(path).parent.mkdir(parents=True, exist_ok=True)
        self.file(path).write_text(text)
        self.file(path).chmod(mode)
        return path

    def library(self, path: str, source: str, *flags: str, soname: str | None = None) -> str:
        """Compile a library, whose soname is its file name unless told; return its path."""
        soname = path.rpartition("/")[2] if soname is None else soname
        return self._compile(path, source, "-shared", "-fPIC", f"-Wl,-soname,{soname}", *flags)

    def answering(self, path: str, number: int, *flags: str) -> str:
        """Compile a library whose ``answer`` is a number."""
        return self.named(path, number, path.rpartition("/")[2], *flags)

    def named(self, path: str, number: int, soname: str, *flags: str) -> str:
        """Compile the same with a soname, which a program that is linked with it needs."""
        return self.library(path, f"int answer(void) {{ return {number}; }}", *flags, soname=soname)

    def program(self, path: str, source: str, *flags: str) -> str:
        """Compile a program; return its path."""
        return self._compile(path, source, *flags)

    def _compile(self, path: str, source: str, *flags: str) -> str:
        self.file(path).parent.mkdir(parents=True, exist_ok=True)
        words = ["gcc", "-w", "-x", "c", "-", "-x", "none", "-o", str(self.file(path)), *flags]
        done = subprocess.run(words, input=source, text=True, capture_output=True, check=False, cwd=self.top)
        assert done.returncode == 0, done.stderr
        return path

    def configure(self) -> None:
        """Write ld.so.cache."""
        ldconfig = shutil.which("ldconfig", path="/usr/sbin:/sbin:/usr/bin") or "ldconfig"
        subprocess.run([ldconfig, "-X", "-r", self.top], check=True, stderr=subprocess.DEVNULL)

    def native(self, *command: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the root."""
        words = ["bwrap", "--ro-bind", str(self.top), "/", "--dev", "/dev", "--proc", "/proc", "--clearenv"]
        for name, value in {"PATH": "/usr/bin:/bin", **(env or {})}.items():
            words += ["--setenv", name, value]
        return subprocess.run([*words, *command], capture_output=True, text=True, check=False)

    def pack(self, tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Pack from the root to an unpacked bundle."""
        command = (sys.executable, "-m", "lambundle", "pack", "--root", str(self.top), "--tree", str(tree), *words)
        return subprocess.run(command, capture_output=True, text=True, check=False)


def bundled(
    tree: Path, name: str, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of an unpacked bundle, on this machine, which has none of the root's files."""
    variables = {"PATH": "/usr/bin:/bin", **(env or {})}
    return subprocess.run([tree / "bin" / name, *words], env=variables, capture_output=True, text=True, check=False)
