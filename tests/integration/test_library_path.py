"""Two programs of one bundle that want different libraries of the same name."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

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
