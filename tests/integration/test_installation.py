"""Programs that no package owns, run in the bare root: unpacked as a whole, and brought by npm."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable
from tests.integration.test_pack_cli import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bareroot import Sandbox

C = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(void) {
    char text[32] = "";
    FILE *data = fopen(HOME "/share/words", "r");
    void *plugin = dlopen(HOME "/lib/plugins/p.so", RTLD_NOW);
    if (!data || !fgets(text, sizeof text, data) || !plugin) return 1;
    int (*answer)(void) = (int (*)(void))dlsym(plugin, "answer");
    printf("%s %d\n", text, answer());
    return 0;
}
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Not in a home, and not in /tmp, which the host has too."""
    with tempfile.TemporaryDirectory(prefix="lambundle-test-", dir="/var/tmp") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_a_program_unpacked_with_data_and_plug_ins_does_its_job(place: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    home = place / "tool-1.0"
    for name in ("bin", "share", "lib/plugins"):
        (home / name).mkdir(parents=True)
    (home / "share/words").write_text("hello")
    (tmp_path / "main.c").write_text(C)
    (tmp_path / "p.c").write_text("int answer(void) { return 42; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", home / "lib/plugins/p.so", tmp_path / "p.c"], check=True)
    subprocess.run(["cc", f'-DHOME="{home}"', "-o", home / "bin/tool", tmp_path / "main.c"], check=True)

    run("pack", "-q", str(home / "bin/tool"), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    shutil.rmtree(home)
    done = sandbox.run(["/opt/bin/tool"], mounts={"/opt": tmp_path / "tree"})
    assert (done.status, done.stdout) == (0, "hello 42\n"), done.stderr


def test_a_command_of_npm_does_its_job(place: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    if shutil.which("node") is None:
        unavailable(UnavailableError("node is not installed: apt-get install nodejs"))
    modules = place / "lib/node_modules"
    for name, package, code in (
        ("cli", '{"name": "cli", "dependencies": {"shout": "1"}}', "console.log(require('shout')('hi'))"),
        ("shout", '{"name": "shout", "main": "index.js"}', "module.exports = text => text.toUpperCase()"),
    ):
        (modules / name).mkdir(parents=True)
        (modules / name / "package.json").write_text(package)
        (modules / name / "index.js").write_text(f"#!/usr/bin/env node\n{code}\n")
    (modules / "cli/index.js").chmod(0o755)
    (place / "bin").mkdir()
    (place / "bin/cli").symlink_to("../lib/node_modules/cli/index.js")

    run("pack", "-q", str(place / "bin/cli"), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    shutil.rmtree(modules)
    done = sandbox.run(["/opt/bin/cli"], mounts={"/opt": tmp_path / "tree"})
    assert (done.status, done.stdout) == (0, "HI\n"), done.stderr
