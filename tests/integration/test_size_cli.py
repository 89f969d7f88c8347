"""``lambundle size`` as a user meets it: exit status, what stdout and stderr carry, what it writes, what it imports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

from lambundle.size.contents import open_contents
from lambundle.size.symbols import symbols
from lambundle.target import UNZIPPED
from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable

REPOSITORY = Path(__file__).parents[2]
SCHEMA = json.loads((REPOSITORY / "lambundle" / "size" / "schema" / "size.schema.json").read_text(encoding="utf-8"))


def run(*arguments: str, cwd: Path, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``lambundle size`` as from a script: no terminal, no colour."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "FORCE_COLOR"}}
    done = subprocess.run(
        (sys.executable, "-m", "lambundle", "size", *arguments),
        cwd=cwd,
        env={**inherited, "PYTHONPATH": str(REPOSITORY), **environment},
        text=True,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a bundle of ours, a layer of somebody else's, and one that is too large."""
    directory = tmp_path_factory.mktemp("size")
    for name, options in (("env", ()), ("less", ("--exclude", "libc.so.6"))):
        command = (sys.executable, "-m", "lambundle", "pack", "-q", "env", "-o", f"{name}.zip", *options)
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
    with zipfile.ZipFile(directory / "layer.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("python/app.py", "print()\n" * 1000)
    with (
        zipfile.ZipFile(directory / "huge.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("data", "w") as entry,
    ):
        for _ in range(250):
            entry.write(bytes(1 << 20))
    return directory


def test_a_bundle_that_fits(work: Path) -> None:
    done = run("env.zip", cwd=work)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["%", "UNZIPPED", "SAVES", "FILE", "WHY"]
    assert lines[-2].startswith("  PASS  unzipped")
    assert lines[-1].startswith("  PASS  zipped")
    assert done.stderr == ""
    assert done.stdout.isascii()


def test_a_bundle_of_exactly_the_quota_does_not_fit(work: Path) -> None:
    with open_contents(work / "huge.zip") as contents:
        assert contents.unzipped == UNZIPPED.limit
    assert "  FAIL  unzipped  250.0 MiB" in run("huge.zip", cwd=work, status=1).stdout
    assert run("env.zip", "--with", "huge.zip", "-q", cwd=work, status=1).stdout.count("\n") == 3


def test_quiet_is_how_it_stands_and_nothing_more(work: Path) -> None:
    assert [line.split()[:2] for line in run("-q", "env.zip", cwd=work).stdout.splitlines()] == [
        ["PASS", "unzipped"],
        ["PASS", "zipped"],
    ]


def test_pack_ends_with_the_same_lines(work: Path) -> None:
    command = (sys.executable, "-m", "lambundle", "pack", "env", "-o", "again.zip")
    packed = subprocess.run(command, cwd=work, check=True, capture_output=True, text=True).stdout
    assert run("-q", "again.zip", cwd=work).stdout in packed


@pytest.mark.parametrize(
    "options",
    [
        ("env.zip",),
        ("layer.zip",),
        ("env.zip", "--with", "layer.zip"),
        ("env.zip", "--by", "package"),
        ("env.zip", "--by", "directory"),
        ("env.zip", "--by", "program"),
        ("env.zip", "--against", "less.zip"),
        ("env.zip", "--deep"),
    ],
)
def test_json_is_of_the_shape_that_is_promised(work: Path, options: tuple[str, ...]) -> None:
    data = json.loads(run(*options, "--json", cwd=work).stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert data["unzipped"] == sum(entry["size"] for entry in data["entries"])


def test_two_bundles_are_compared(work: Path) -> None:
    done = run("less.zip", "--against", "env.zip", "-n", "0", cwd=work)
    assert "gone    libc.so.6" in done.stdout
    assert "TOTAL  against env.zip" in done.stdout


@pytest.mark.parametrize("options", [("--tree",), ("--by", "package"), ("--by", "directory"), ("--by", "program")])
def test_every_view_ends_with_the_quotas(work: Path, options: tuple[str, ...]) -> None:
    done = run("env.zip", *options, cwd=work)
    assert done.stdout.splitlines()[-1].startswith("  PASS  zipped")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_wider_terminal_shows_more(work: Path) -> None:
    assert "/usr/lib" not in run("env.zip", "-n", "3", cwd=work).stdout.partition("TOTAL")[0]
    assert "/usr/lib" in run("env.zip", "-n", "3", cwd=work, COLUMNS="150").stdout.partition("TOTAL")[0]


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        (("missing.zip",), 2, "usage"),
        (("env.zip", "--against", "less.zip", "--tree"), 2, "usage"),
        (("layer.zip", "--by", "package"), 2, "usage"),
        (("layer.zip", "--by", "program"), 2, "usage"),
        (("text",), 1, "bad-bundle"),
        (("env.zip", "--with", "text"), 1, "bad-bundle"),
        (("env.zip", "--html", "no/such/page.html"), 3, "cannot-write"),
    ],
)
def test_what_cannot_be_done_is_said(work: Path, options: tuple[str, ...], status: int, code: str) -> None:
    (work / "text").write_text("no zip")
    done = run(*options, cwd=work, status=status)
    assert done.stderr.startswith(f"error: {code}\n")


def test_names_that_the_terminal_cannot_show_do_not_end_it(work: Path) -> None:
    (work / "odd").mkdir()
    for name in (b"\xff", "日本".encode(), b"a\x1b[31mred"):
        Path(os.fsdecode(os.fsencode(work / "odd") + b"/" + name)).write_text("x")
    for encoding in ("ascii", "utf-8"):
        done = run("odd", "--html", "odd.html", cwd=work, PYTHONIOENCODING=encoding)
        assert "\x1b" not in done.stdout
    assert json.loads(run("odd", "--json", cwd=work).stdout)["unzipped"] == 3


def test_the_page_is_written(work: Path) -> None:
    done = run("env.zip", "--html", "page.html", cwd=work)
    assert done.stdout.endswith("      Wrote  page.html\n")
    text = (work / "page.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")


def test_nothing_heavy_is_imported(work: Path) -> None:
    script = (
        "import sys\n"
        "from lambundle.cli.main import cli\n"
        "cli.main(['size', 'env.zip', '--html', 'light.html'], standalone_mode=False)\n"
        "sys.exit(' '.join({'rich', 'lief', 'networkx', 'tomllib'} & set(sys.modules)))\n"
    )
    done = subprocess.run((sys.executable, "-c", script), cwd=work, capture_output=True, text=True, check=False)
    assert done.stderr == "\n"


SOURCE = "\n".join(
    f"int function_with_a_long_name_{number}(int x) {{ return x * {number}; }}" for number in range(3000)
)


@pytest.mark.parametrize("options", [("-g",), ()], ids=["debug", "symbols"])
def test_what_strip_would_save_is_what_it_saves(tmp_path: Path, options: tuple[str, ...]) -> None:
    for name in ("gcc", "strip"):
        if shutil.which(name) is None:
            unavailable(UnavailableError(f"{name} is not installed: apt-get install gcc binutils"))
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "x.c").write_text(f"{SOURCE}\nint main(void) {{ return 0; }}\n")
    for output in (("-o", "tree/x"), ("-c", "-o", "tree/x.o")):
        subprocess.run(("gcc", *options, *output, "x.c"), cwd=tmp_path, check=True)
    with open_contents(tree) as contents:
        ((path, promised),) = symbols(contents).files
    assert path == "x"
    before = (tree / "x").stat().st_size
    subprocess.run(("strip", tree / "x"), check=True)
    saved = before - (tree / "x").stat().st_size
    assert promised == pytest.approx(saved, rel=0.02)
    with open_contents(tree) as contents:
        assert symbols(contents).files == ()
