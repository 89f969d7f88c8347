"""Scripts and programs that preload a library by the path that it has here."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.integration.small_root import SmallRoot, bundled

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

TRIPLET = f"{os.uname().machine}-linux-gnu"

TOOL = """
#include <stdio.h>
#include <stdlib.h>
int answer(void);
int main(void)
{
    const char *preload = getenv("LD_PRELOAD");
    printf("%d %s\\n", answer(), preload == NULL ? "none" : preload);
    return 0;
}
"""
"""Says what ``answer`` is, which a preloaded library stands before, and what the variable is."""

STARTER = """
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    setenv("LD_PRELOAD", "/opt/pre/libanswer.so", 1);
    if (argc > 1)
        return system("/opt/x/tool");
    execl("/opt/x/tool", "tool", (char *)0);
    return 1;
}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> SmallRoot:
    if not all(map(shutil.which, ("gcc", "bwrap"))) or not os.confstr("CS_GNU_LIBC_VERSION"):
        pytest.skip("needs gcc, glibc and bubblewrap")
    root = SmallRoot(tmp_path_factory.mktemp("small") / "root")
    root.answering("/opt/pre/libanswer.so", 7)
    root.answering(f"/opt/token/lib/{TRIPLET}/libanswer.so", 8)
    root.answering("/conf/second/libnamed.so", 9)
    root.answering("/usr/lib/libanswers.so", 1)
    root.program("/opt/x/tool", TOOL, f"{root.top}/usr/lib/libanswers.so")
    root.program("/opt/x/starter", STARTER)
    root.configure()
    return root


def test_a_program_that_sets_it_and_starts_another(root: SmallRoot, tmp_path: Path) -> None:
    packed = root.pack(tmp_path / "tree", "/opt/x/starter", "--add", "/opt/x/tool")
    assert packed.returncode == 0, packed.stderr
    for words in ((), ("by a shell",)):
        native, done = root.native("/opt/x/starter", *words), bundled(tmp_path / "tree", "starter", *words)
        assert native.stdout.endswith(" /opt/pre/libanswer.so\n")
        assert (done.stdout, done.stderr) == (native.stdout, native.stderr)


@pytest.mark.parametrize(
    "text",
    [
        "export LD_PRELOAD=/opt/pre/libanswer.so\nexec /opt/x/tool",
        "LD_PRELOAD=/opt/pre/libanswer.so /opt/x/tool",
        'library=/opt/pre/libanswer.so\nLD_PRELOAD="$library:$LD_PRELOAD" /opt/x/tool',
        "LD_PRELOAD='/opt/pre/libanswer.so /opt/token/lib/../none.so' /opt/x/tool",
        "LD_PRELOAD='/opt/token/$LIB/libanswer.so' /opt/x/tool",
        "LD_PRELOAD=libnamed.so /opt/x/tool",
        "LD_PRELOAD=libanswer.so LD_LIBRARY_PATH=/opt/pre /opt/x/tool",
        "LD_PRELOAD=/opt/pre/libanswer.so\nexport LD_PRELOAD\n/opt/x/tool | while read -r a; do echo $a; done",
    ],
)
def test_a_script_that_preloads(root: SmallRoot, tmp_path: Path, text: str) -> None:
    root.write("/opt/x/script", f"#!/bin/sh\n{text}\n", 0o755)
    extra = ("--add", "/opt/pre/libanswer.so") if "LD_PRELOAD=libanswer" in text else ()
    packed = root.pack(tmp_path / "tree", "/opt/x/script", *extra)
    assert packed.returncode == 0, packed.stderr
    native, done = root.native("/opt/x/script"), bundled(tmp_path / "tree", "script")
    assert native.stdout
    assert (done.stdout, done.stderr) == (native.stdout, native.stderr)
