"""Packing ffmpeg's closure against Info-ZIP's zip: a quarter of its time, no larger than its best."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lambundle import zipformat
from lambundle.destinations import archive

pytestmark = pytest.mark.bench

PACK = """
import sys
from pathlib import Path
from lambundle.destinations import write_zip
from lambundle.model import Entry, Kind, Manifest, PackedOn
out, level, top = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
entries = [
    Entry(path.name, Kind.FILE, 0o755, path.stat().st_size, source=path) for path in sorted(top.iterdir())
]
write_zip(Manifest("bench", (), PackedOn("", "", ""), tuple(entries)), out, level=level)
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) >> 10)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that holds ffmpeg and every library that ldd names."""
    program = shutil.which("ffmpeg")
    if program is None or shutil.which("zip") is None:
        pytest.skip("ffmpeg and zip are needed")
    top = tmp_path_factory.mktemp("tree")
    told = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    files = {Path(word).resolve() for word in told.split() if word.startswith("/")} | {Path(program).resolve()}
    for file in files:
        shutil.copyfile(file, top / file.name)
    return top


def ours(tree: Path, out: Path, level: int) -> tuple[float, int, int]:
    """Return seconds, bytes and the peak of memory in MiB, the start of Python and all."""
    environment = {**os.environ, "PYTHONPATH": str(Path(zipformat.__file__).parents[1])}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PACK, out, str(level), tree],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, out.stat().st_size, int(done.stdout)


def zips(tree: Path, out: Path, level: int) -> tuple[float, int]:
    """Return seconds and bytes of Info-ZIP's zip."""
    out.unlink(missing_ok=True)
    started = time.perf_counter()
    subprocess.run(["zip", "-qyr", f"-{level}", out, "."], cwd=tree, check=True)
    return time.perf_counter() - started, out.stat().st_size


def test_ffmpeg(tree: Path, tmp_path: Path) -> None:
    levels = (1, 3, 5, archive.LEVEL, 7, 8, 9, 10)
    found = {level: ours(tree, tmp_path / "ours.zip", level) for level in levels}
    found[archive.LEVEL] = min(ours(tree, tmp_path / "ours.zip", archive.LEVEL) for _ in range(3))
    fast, best = zips(tree, tmp_path / "zip.zip", 6), zips(tree, tmp_path / "zip.zip", 9)
    for level, (seconds, size, memory) in found.items():
        sys.stdout.write(f"lambundle {level:2} {seconds:6.2f} s {size:12,} bytes {memory:4} MiB\n")
    sys.stdout.write(f"zip -6       {fast[0]:6.2f} s {fast[1]:12,} bytes\n")
    sys.stdout.write(f"zip -9       {best[0]:6.2f} s {best[1]:12,} bytes\n")
    seconds, size, memory = found[archive.LEVEL]
    if len(os.sched_getaffinity(0)) > 1:
        assert seconds <= fast[0] / 4
    assert size <= best[1]
    assert memory < 300
