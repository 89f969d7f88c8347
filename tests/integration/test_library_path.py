"""Programs that want different libraries of the same name, and those of the user's LD_LIBRARY_PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import lambundle
from lambundle.gather.library_path import found_by_variable
from lambundle.machine import DiskFiles, Machine, at, here
from tests.integration.test_pack_cli import run


def test_each_program_gets_the_library_that_it_has_at_home(tmp_path: Path) -> None:
    # bash brings the system's libtinfo.so.6, whose directory the loader is told of; this one has its own.
    with tempfile.TemporaryDirectory(prefix="lambundle-test-", dir="/var/tmp") as directory:
        home = Path(directory)
        (home / "lib").mkdir()
        (home / "lib.c").write_text("int answer(void) { return 42; }")
        (home / "main.c").write_text("int answer(void); int main(void) { return answer(); }")
        library = "-shared -Wl,-soname,libtinfo.so.6 -o lib/libtinfo.so.6 lib.c"
        program = "-o own main.c lib/libtinfo.so.6 '-Wl,-rpath,$ORIGIN/lib'"
        subprocess.run(["sh", "-ec", f"gcc {library}; gcc {program}"], cwd=home, check=True)
        run("pack", "-q", f"{home}/own", "/bin/bash", "--tree", str(tmp_path / "tree"), cwd=tmp_path)
        shutil.rmtree(home / "lib")
        launched = subprocess.run([tmp_path / "tree/bin/own"], check=False).returncode
        from_bash = [str(tmp_path / "tree/bin/bash"), "-c", f"{home}/own; exit $?"]
        assert (launched, subprocess.run(from_bash, check=False).returncode) == (42, 42)


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a program bin/tool and libanswer.so in here, a, and b/c, all different."""
    home = tmp_path_factory.mktemp("answering")
    (home / "main.c").write_text("int answer(void); int main(void) { return answer(); }")
    for number, name in enumerate(("bin", "here", "a", "b/c"), 1):
        (home / name).mkdir(parents=True)
        (home / "lib.c").write_text(f"int answer(void) {{ return {number}; }}")
        subprocess.run(
            ["gcc", "-shared", "-Wl,-soname,libanswer.so", "-o", home / name / "libanswer.so", "lib.c"],
            cwd=home,
            check=True,
        )
    subprocess.run(["gcc", "-o", "bin/tool", "main.c", "here/libanswer.so"], cwd=home, check=True)
    return home


@pytest.mark.parametrize(
    "value",
    [
        "{}/a",
        "{}/b/c:{}/a",
        "{}/a;{}/b/c",
        "../a",
        "../b/c:../a",
        "",
        ":{}/a",
        "{}/none:",
        "$ORIGIN/../a",
        "${ORIGIN}",
        "{}/a/",
    ],
)
def test_ld_library_path_of_the_user_is_searched_as_the_loader_does(answering: Path, value: str) -> None:
    text = value.replace("{}", str(answering))
    tool, directory = answering / "bin/tool", answering / "here"
    listed = subprocess.run(
        [tool],
        env={"LD_TRACE_LOADED_OBJECTS": "1", "LD_LIBRARY_PATH": text},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    [line] = [line.split() for line in listed.splitlines() if "libanswer" in line]
    expected = None if "not" in line else os.path.realpath(directory / line[2 if "=>" in line else 0])
    machine = Machine(DiskFiles(), {"PATH": "/usr/bin", "LD_LIBRARY_PATH": text}, str(directory))
    closure = lambundle.find_libraries([str(tool)], machine=machine)
    found = [os.path.realpath(path) for path in closure.files if path.endswith("libanswer.so")]
    assert found == ([] if expected is None else [expected])
    note = found_by_variable(machine, (), closure)
    assert (note is None) == (expected is None)


def test_a_program_that_needs_ld_library_path_here_runs_without_it_there(answering: Path, tmp_path: Path) -> None:
    env = {**os.environ, "LD_LIBRARY_PATH": "b/c"}
    words = ("pack", "bin/tool", "--tree", str(tmp_path / "tree"))
    packed = subprocess.run(
        (sys.executable, "-m", "lambundle", *words), cwd=answering, env=env, capture_output=True, text=True, check=True
    )
    assert f"LD_LIBRARY_PATH is set, and the loader takes libanswer.so from {answering}/b/c" in packed.stderr
    assert subprocess.run([tmp_path / "tree/bin/tool"], env={}, check=False).returncode == 4
    listed = subprocess.run(
        (sys.executable, "-m", "lambundle", "deps", "bin/tool"),
        cwd=answering,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{answering}/b/c/libanswer.so  LD_LIBRARY_PATH" in listed.stdout
    assert listed.stderr.startswith("note: LD_LIBRARY_PATH is set")


def test_of_another_root_it_is_not_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/x")
    assert here().library_path == ("/x",)
    assert at(str(tmp_path)).library_path == ()


def test_the_error_says_that_its_directories_were_looked_at(answering: Path) -> None:
    machine = Machine(DiskFiles(), {"PATH": "/usr/bin", "LD_LIBRARY_PATH": "none:/nowhere"}, str(answering))
    with pytest.raises(lambundle.LambundleError) as caught:
        lambundle.make_plan([str(answering / "bin/tool")], machine=machine)
    assert f"  2 LD_LIBRARY_PATH   {answering}/none (no such directory)" in caught.value.context
    assert f"{' ' * 22}/nowhere (no such directory)" in caught.value.context
