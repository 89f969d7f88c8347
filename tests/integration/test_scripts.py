"""Scripts as programs: their interpreters, virtual environments, and the shims of version managers."""

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


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the bundle may serve, unlike /tmp."""
    with tempfile.TemporaryDirectory(prefix="lambundle-test-", dir="/var/tmp") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def script(path: Path, text: str) -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def result(tree: Path, name: str, *arguments: str) -> str:
    """What a packed program prints."""
    done = subprocess.run([tree / "bin" / name, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_shell_script_brings_its_shell_and_what_it_starts(place: Path, tmp_path: Path) -> None:
    file = script(place / "front", '#!/bin/bash -e\ncase $1 in x) exec od -An -c ;; esac\necho "$0 $BASH_VERSION"\n')
    run("pack", "-q", str(file), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    file.unlink()
    root = tmp_path / "tree" / "lambundle" / "front" / "root"
    assert (root / "usr/bin/od").is_file()
    assert result(tmp_path / "tree", "front").startswith(f"{file} 5")


def test_env_finds_the_interpreter_and_its_whole_is_packed(place: Path, tmp_path: Path) -> None:
    if subprocess.run(["perl", "-MText::Wrap", "-e", "1"], capture_output=True, check=False).returncode != 0:
        unavailable(UnavailableError("the package perl is not installed"))
    file = script(place / "tool", "#!/usr/bin/env perl\nuse Text::Wrap;\nprint wrap('', '', \"@ARGV\"), qq( $0\\n);\n")
    run("pack", "-q", str(file), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    file.unlink()
    assert result(tmp_path / "tree", "tool", "a b", "c") == f"a b c {file}\n"


def test_a_program_of_a_virtual_environment_brings_all_of_it(place: Path, tmp_path: Path) -> None:
    home = place / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", home], check=True)
    packages = next(home.glob("lib/python3*/site-packages"))
    (packages / "mine.py").write_text("import sys, json\ndef main(): print(json.dumps([sys.prefix, sys.argv[1:]]))\n")
    script(home / "bin" / "app", f"#!{home}/bin/python3\nimport mine\nmine.main()\n")
    run("pack", "-q", str(home / "bin" / "app"), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    shutil.rmtree(home)
    assert result(tmp_path / "tree", "app", "x") == f'["{home}", ["x"]]\n'


@pytest.mark.parametrize("opened", ["ctypes.util.find_library('stdc++')", "'libstdc++.so.6'"])
def test_libraries_that_a_script_opens_by_name_are_packed_and_found(place: Path, tmp_path: Path, opened: str) -> None:
    lines = [
        "#!/usr/bin/python3",
        "import ctypes, ctypes.util",
        f"name = {opened}",
        "print(name, ctypes.CDLL(name)._name)",
    ]
    file = script(place / "tool", "\n".join(lines) + "\n")
    run("pack", "-q", str(file), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    root = tmp_path / "tree/lambundle/tool/root"
    assert list(root.glob("**/libstdc++.so.6"))
    assert result(tmp_path / "tree", "tool") == "libstdc++.so.6 libstdc++.so.6\n"
    (ldconfig,) = {path.resolve() for path in root.glob("**/sbin/ldconfig")}
    assert ldconfig.read_text().startswith("#!/bin/sh\n")
    assert "libstdc++.so.6" in subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=True).stdout


def test_a_shim_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = script(tmp_path / "shims" / "tool", '#!/bin/sh\nexec pyenv exec tool "$@"\n')
    done = run("pack", str(file), cwd=tmp_path, status=1)
    assert "is a shim of a version manager" in done.stderr
    assert "pyenv which NAME" in done.stderr


def test_an_interpreter_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    file = script(tmp_path / "tool", "#!/no/such/interpreter\n")
    done = run("pack", str(file), cwd=tmp_path, status=1)
    assert "is a script for /no/such/interpreter, which does not exist" in done.stderr


def test_an_interpreter_that_is_a_script_is_given_what_linux_gives_it(place: Path, tmp_path: Path) -> None:
    middle = script(place / "middle", '#!/bin/bash -e\necho "middle $*"\n')
    file = script(place / "tool", f"#!{middle} -x\n")
    expected = subprocess.run([file, "a b"], capture_output=True, text=True, check=True).stdout
    run("pack", "-q", str(file), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    file.unlink()
    middle.unlink()
    assert result(tmp_path / "tree", "tool", "a b") == expected == f"middle -x {file} a b\n"


def test_a_script_for_a_shim_is_refused_with_what_to_do(place: Path, tmp_path: Path) -> None:
    shim = script(place / "shims" / "python3", '#!/bin/sh\nexec pyenv exec python3 "$@"\n')
    file = script(place / "tool.py", "#!/usr/bin/env python3\nprint(1)\n")
    done = run("pack", str(file), cwd=tmp_path, env={"PATH": f"{shim.parent}:/usr/bin:/bin"}, status=1)
    assert "shim of a version manager" in done.stderr
    assert "first on PATH" in done.stderr


ENV_LINES = {
    "quoted": '-S bash -c \'echo "$0|$1|$2"\' "a  b"',
    "escaped": r"-S bash -c echo\\_\"$0\"\\_$1 x",
    "assigns": "-S GREETING='hi there' bash -u",
    "cleared": "-S -i GREETING=hi /bin/bash",
    "joined": "-iS GREETING=hi /bin/bash",
    "verbose": "-vS bash",
    "long": "--split-string=-u HOME GREETING=hi bash",
    "plain": "-S bash -eu",
}


@pytest.mark.parametrize("name", ENV_LINES)
def test_env_starts_an_interpreter_with_its_options_as_at_home(place: Path, tmp_path: Path, name: str) -> None:
    body = 'echo "${GREETING-none} ${HOME-homeless} ${LANG-plain} $- $0 $*"\n'
    file = script(place / name, f"#!/usr/bin/env {ENV_LINES[name]}\n{body}")
    front = script(place / "front", f'#!/bin/bash\n{file} "$@"\n')
    env = {"PATH": "/usr/bin:/bin", "HOME": "/h", "LANG": "C"}

    def outcome(*command: str | Path) -> tuple[int, str, str]:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    home = outcome(file, "x", "y z")
    words = [str(file), str(front), "--add", str(file)]
    run("pack", "-q", *words, "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    file.unlink()
    away = outcome(tmp_path / "tree/bin" / name, "x", "y z")
    assert away[:2] == home[:2]
    assert outcome(tmp_path / "tree/bin/front", "x", "y z")[:2] == home[:2]
    assert bool(away[2]) == bool(home[2])


LONG = "a rather long name of a directory, so that no shebang holds it/" * 4


@pytest.mark.parametrize("how", ["pip", "quoted", "beside"])
def test_a_python_whose_path_is_too_long_for_a_shebang_brings_its_modules(
    place: Path, tmp_path: Path, how: str
) -> None:
    home = place / LONG / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", home], check=True)
    packages = next(home.glob("lib/python3*/site-packages"))
    (packages / "mine.py").write_text("import sys, json\ndef main(): print(json.dumps([sys.prefix, sys.argv[1:]]))\n")
    named = {
        "pip": f'"{home}/bin/python3"',
        "quoted": f"'{home}/bin/python3' -s",
        "beside": '"$(dirname -- "$(realpath -- "$0")")"/\'python3\'',
    }[how]
    text = f"#!/bin/sh\n'''exec' {named} \"$0\" \"$@\"\n' '''\nimport mine\nmine.main()\n"
    file = script(home / "bin/app", text)
    assert subprocess.run([file, "x"], capture_output=True, text=True, check=True).stdout == f'["{home}", ["x"]]\n'
    front = script(place / "front", f'#!/bin/sh\n"{file}" "$@"\n')
    run("pack", "-q", str(file), str(front), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    shutil.rmtree(home)
    assert result(tmp_path / "tree", "app", "x") == f'["{home}", ["x"]]\n'
    if how != "beside":  # there the host's realpath is asked for a path that only the bundle has
        assert result(tmp_path / "tree", "front", "x") == f'["{home}", ["x"]]\n'


def test_an_executable_text_without_a_shebang_is_a_shell_script(place: Path, tmp_path: Path) -> None:
    inner = script(place / "inner", 'od -An -c </dev/null; echo "inner $*"\n')
    file = script(place / "outer", f'echo "outer $*"\n{inner} "$@"\n')
    run("pack", "-q", str(file), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    assert (tmp_path / "tree/lambundle/outer/root/usr/bin/od").is_file()
    assert result(tmp_path / "tree", "outer", "x", "y z") == "outer x y z\ninner x y z\n"
