"""The totals of ``lambundle size`` are those of unzip and du, on real bundles and on zips of every common tool."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from lambundle.size.contents import SizedContents, open_contents
from lambundle.size.facts import SizeFacts
from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable
from tests.integration.corpus import load_jobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import Packs

pytestmark = pytest.mark.integration

JOBS = {job.name: job for job in load_jobs()}
BUNDLES = ("gcc", "g++", "ffmpeg", "curl", "jq", "sqlite3", "bash", "git", "perl", "openssl")


def tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        unavailable(UnavailableError(f"{name} is not installed: apt-get install {package}"))
    return found


def unzip_totals(archive: Path) -> tuple[int, int]:
    """Return bytes unpacked and packed, by the last line of ``unzip -v``."""
    done = subprocess.run([tool("unzip", "unzip"), "-v", archive], capture_output=True, text=True, check=True)
    found = re.match(r" *(\d+) +(\d+) +-?\d+%", done.stdout.splitlines()[-1])
    assert found is not None
    return int(found[1]), int(found[2])


def du_total(tree: Path) -> int:
    """Return the bytes of all files and links of a tree, by ``du --apparent-size``; its directories have none."""
    listed = subprocess.run(
        ["find", tree, "(", "-type", "f", "-o", "-type", "l", ")", "-print0"], capture_output=True, check=True
    )
    # du counts a file once whatever its names; a zip and Lambda know no hard links.
    done = subprocess.run(
        ["du", "--apparent-size", "--block-size=1", "--total", "--count-links", "--files0-from=-"],
        input=listed.stdout,
        capture_output=True,
        check=True,
    )
    return int(done.stdout.splitlines()[-1].split()[0])


def check_sums(contents: SizedContents) -> None:
    """Check that rows add up to the totals."""
    facts = SizeFacts(contents)
    assert sum(row.size for row in facts.rows) == contents.unzipped
    assert contents.packed is None or sum(row.compressed or 0 for row in facts.rows) == contents.packed
    assert facts.graph is None or facts.graph.total == contents.unzipped


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(JOBS[name].name)) for name in BUNDLES]
)
def test_totals_of_a_real_bundle(name: str, packs: Packs) -> None:
    packed = packs(JOBS[name])
    with open_contents(packed.archive) as contents:
        assert (contents.unzipped, contents.packed) == unzip_totals(packed.archive)
        assert contents.zipped == packed.archive.stat().st_size
        check_sums(contents)
        unzipped = contents.unzipped
    with open_contents(packed.tree) as contents:
        assert contents.unzipped == unzipped == du_total(packed.tree)
        check_sums(contents)


def by_zip(tree: Path, out: Path) -> None:
    subprocess.run([tool("zip", "zip"), "-qyr", out, "."], cwd=tree, check=True)


def by_zip_in_a_pipe(tree: Path, out: Path) -> None:
    """Without seeking: sizes follow the data."""
    made = subprocess.run([tool("zip", "zip"), "-qyr", "-", "."], cwd=tree, check=True, capture_output=True)
    out.write_bytes(made.stdout)


def by_7z(tree: Path, out: Path) -> None:
    command: list[str | Path] = [tool("7z", "p7zip-full"), "a", "-tzip", "-snl", "-bso0", "-bsp0", out, "."]
    subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)


def by_bsdtar(tree: Path, out: Path) -> None:
    subprocess.run([tool("bsdtar", "libarchive-tools"), "--format", "zip", "-cf", out, "."], cwd=tree, check=True)


def by_python(tree: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(tree.rglob("*")):
            name = path.relative_to(tree).as_posix()
            if path.is_symlink():
                info = zipfile.ZipInfo(name)
                info.create_system, info.external_attr = 3, 0o120777 << 16
                archive.writestr(info, os.readlink(path))
            elif path.is_file():
                archive.write(path, name)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory such as somebody would zip: odd names, empty files, links that lead anywhere, hard links."""
    top = tmp_path_factory.mktemp("tree")
    (top / "bin").mkdir()
    (top / "python" / "ein Wörterbuch").mkdir(parents=True)
    (top / "python" / "ein Wörterbuch" / "日本.txt").write_text("x" * 5000)
    (top / "bin" / "tool").write_bytes(os.urandom(70_000))
    os.link(top / "bin" / "tool", top / "bin" / "same")
    (top / "empty").touch()
    (top / "bin" / "link").symlink_to("tool")
    (top / "venv").symlink_to("/usr/bin/python3")
    (top / "up").symlink_to("../../elsewhere")
    (top / "none").mkdir()
    return top


@pytest.mark.parametrize("make", [by_zip, by_zip_in_a_pipe, by_7z, by_bsdtar, by_python])
def test_totals_of_a_zip_of_another_tool(make: Callable[[Path, Path], None], tree: Path, tmp_path: Path) -> None:
    archive = tmp_path / "made.zip"
    make(tree, archive)
    with open_contents(archive) as contents:
        assert (contents.unzipped, contents.packed) == unzip_totals(archive)
        assert contents.unzipped == du_total(tree)
        assert {item.path for item in contents.items if item.is_link} == {"bin/link", "venv", "up"}
        check_sums(contents)
