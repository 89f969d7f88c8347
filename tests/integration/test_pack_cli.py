"""The command line as a user meets it: what it prints, its exit status, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable

LAMBUNDLE = (sys.executable, "-m", "lambundle")


def run(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run lambundle and check its exit status."""
    done = subprocess.run(
        (*LAMBUNDLE, *arguments),
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **(env or {})},
        text=True,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_pack_ends_with_what_was_resolved_and_both_sizes_against_both_quotas(tmp_path: Path) -> None:
    done = run("pack", "env", cwd=tmp_path)
    assert (tmp_path / "env.zip").is_file()
    assert re.fullmatch(
        r" +Resolved  \d+ programs, \d+ libraries\n"
        r" +Wrote  env\.zip\n"
        r" +PASS +unzipped +[\d.]+ MiB +\d+ % of 250 MiB, [\d.]+ MiB left\n"
        r" +PASS +zipped +[\d.]+ MiB +\d+ % of 50 MiB direct upload, [\d.]+ MiB left\n"
        r"next: lambundle verify env\.zip\n",
        done.stdout,
    )
    assert done.stderr == ""


def test_quiet_prints_only_the_path(tmp_path: Path) -> None:
    done = run("pack", "-q", "env", "-o", "x.zip", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("x.zip\n", "")


def test_a_dry_run_writes_nothing_and_lists_every_file_with_its_reason(tmp_path: Path) -> None:
    done = run("pack", "--dry-run", "-v", "env", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert re.search(r"lambundle/env/root/usr/bin/env  program env$", done.stdout, re.MULTILINE)
    assert re.search(r"libc\.so\.6  .*needed libc\.so\.6 /", done.stdout)


def test_json_says_it_all(tmp_path: Path) -> None:
    data = json.loads(run("pack", "--json", "mine=env", "--name", "n", cwd=tmp_path).stdout)
    assert data["version"] == 1
    assert data["zip"] == "n.zip"
    assert data["programs"] == [
        {"launcher": "bin/mine", "path": "/usr/bin/env", "real": os.path.realpath("/usr/bin/env"), "static": False}
    ]
    assert data["zipped"] == (tmp_path / "n.zip").stat().st_size
    files = {entry["path"]: entry for entry in data["entries"] if entry["kind"] == "file"}
    with zipfile.ZipFile(tmp_path / "n.zip") as archive:
        packed = {item.filename: item for item in archive.infolist() if (item.external_attr >> 28) == 0o10}
        assert set(packed) == set(files) | {"lambundle/n/manifest.json"}
        assert data["unzipped"] == sum(item.file_size for item in archive.infolist())
    assert all(len(entry["sha256"]) == 64 for entry in files.values())


def test_nothing_lies_where_lambdas_library_path_would_find_it(tmp_path: Path) -> None:
    run("pack", "-q", "env", "bash", cwd=tmp_path)
    with zipfile.ZipFile(tmp_path / "env.zip") as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        assert tops == {"bin", "lambundle"}
        assert {name for name in archive.namelist() if name.startswith("bin/")} == {"bin/", "bin/env", "bin/bash"}
        for item in archive.infolist():
            assert item.create_system == 3
            mode = item.external_attr >> 16
            if item.is_dir():
                assert mode == 0o040755
            elif mode >> 12 == 0o12:
                assert not archive.read(item).startswith(b"/")
            else:
                assert mode in {0o100644, 0o100755}


def test_two_programs_share_their_files(tmp_path: Path) -> None:
    run("pack", "-q", "env", "cat", "-o", "both.zip", cwd=tmp_path)
    run("pack", "-q", "env", "-o", "one.zip", cwd=tmp_path)
    both, one = (tmp_path / name for name in ("both.zip", "one.zip"))
    assert both.stat().st_size - one.stat().st_size < 100_000


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    run("pack", "-q", "env", "-o", "a.zip", cwd=tmp_path)
    run("pack", "-q", "env", "-o", "b.zip", cwd=tmp_path, env={"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_added_directory_comes_with_its_links_and_the_libraries_of_its_programs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy("/usr/bin/env", data / "tool")
    (data / "link").symlink_to(data / "tool")
    run("pack", "-q", "--add", "data", "bash", "--tree", "tree", cwd=tmp_path)
    root = tmp_path / "tree" / "lambundle" / "bash" / "root"
    packed = Path(f"{root}{data}")
    assert not (packed / "link").readlink().is_absolute()
    assert (packed / "link").resolve() == packed / "tool"
    assert os.access(packed / "tool", os.X_OK)


def test_an_excluded_library_is_left_out(tmp_path: Path) -> None:
    run("pack", "-q", "--exclude", "libtinfo.so*", "bash", cwd=tmp_path)
    with zipfile.ZipFile(tmp_path / "bash.zip") as archive:
        assert not [name for name in archive.namelist() if "libtinfo" in name]


GO_NOTE = r'__asm__(".section .note.go, \"a\"; .long 4, 4, 4; .asciz \"Go\\0\"; .long 0; .text");'


@pytest.mark.parametrize(
    ("flags", "more", "what"), [(["-static"], "", "a static program"), ([], GO_NOTE, "a Go program"), ([], "", None)]
)
def test_a_program_that_asks_the_kernel_itself_is_said_to_miss_what_it_names(
    tmp_path: Path, flags: list[str], more: str, what: str | None
) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as there:
        wanted = Path(there, "wanted")
        wanted.touch()
        texts = ", ".join(f'"{path}"' for path in (wanted, "/etc/passwd", "/bin/sh", "/etc/not-here"))
        source = tmp_path / "tool.c"
        source.write_text(f"{more} const char *volatile paths[] = {{{texts}}}; int main(void) {{ return !paths[0]; }}")
        subprocess.run(["gcc", *flags, "-o", tmp_path / "tool", source], check=True)
        done = run("pack", str(tmp_path / "tool"), "--dry-run", "-v", cwd=tmp_path)
    told = [line for line in done.stderr.splitlines() if "not redirected" in line]
    assert [f"tool is {what}" in line for line in told] == ([] if what is None else [True])
    assert all(str(wanted) in line for line in told)
    assert not [line for line in told if "passwd" in line or "/bin/sh" in line or "not-here" in line]


def test_a_static_program_packs_to_itself_and_a_launcher(tmp_path: Path) -> None:
    source = tmp_path / "s.c"
    source.write_text("int main(void) { return 42; }")
    subprocess.run(["gcc", "-static", "-o", tmp_path / "static", source], check=True)
    done = run("pack", str(tmp_path / "static"), "--tree", str(tmp_path / "tree"), cwd=tmp_path)
    assert "static program" in done.stderr
    files = [path for path in (tmp_path / "tree").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"static", "manifest.json"}
    assert subprocess.run([tmp_path / "tree" / "bin" / "static"], check=False).returncode == 42


ERRORS = [
    (["pack", "jq", "--package", "no-such-package-here"], 1, "package-not-found", "no-such-package-here is installed"),
    (["pack", "no-such-program-here"], 1, "program-not-found", "looked in the directories of PATH"),
    (["pack", "./text"], 1, "not-elf", "is neither an ELF program nor a script"),
    (["pack", "./script"], 1, "program-not-found", "is a script for /no/such"),
    (["pack", "./half"], 1, "bad-elf", "half"),
    (["pack", "./"], 1, "not-elf", "directory"),
    (["pack", "env", "-o", "none/x.zip"], 3, "cannot-write", "none"),
    (["pack", "env", "--add", "gone"], 2, "usage", "gone does not exist"),
    (["pack", "env", "--add", "dangling"], 1, "dangling-link", "does not exist"),
    (["pack", "env", "--name", "a/b"], 2, "usage", "name of a bundle"),
    (["pack", "env", "--tree", "t", "-o", "o.zip"], 2, "usage", "exclude each other"),
    (["deps", "./text"], 1, "not-elf", "is neither an ELF program nor a script"),
]


@pytest.mark.parametrize(("arguments", "status", "code", "text"), ERRORS, ids=[" ".join(case[0]) for case in ERRORS])
def test_an_error_says_what_is_wrong_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], status: int, code: str, text: str
) -> None:
    (tmp_path / "text").write_bytes(b"hello\0\n")
    (tmp_path / "script").write_text("#!/no/such\n")
    (tmp_path / "half").write_bytes(Path("/usr/bin/env").read_bytes()[:3000])
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("text", "script", "half"):
        (tmp_path / name).chmod(0o755)
    before = sorted(tmp_path.iterdir())
    done = run(*arguments, cwd=tmp_path, status=status)
    assert done.stderr.startswith(f"error: {code}\n")
    assert text in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_library_shows_every_place_in_the_loaders_order(tmp_path: Path) -> None:
    (tmp_path / "lib.c").write_text("int f(void) { return 0; }")
    (tmp_path / "main.c").write_text("int f(void); int main(void) { return f(); }")
    subprocess.run(
        ["gcc", "-shared", "-o", "libgone.so.1", "-Wl,-soname,libgone.so.1", "lib.c"], cwd=tmp_path, check=True
    )
    subprocess.run(
        ["gcc", "-o", "render", "main.c", "./libgone.so.1", "-Wl,-rpath,$ORIGIN/lib"], cwd=tmp_path, check=True
    )
    (tmp_path / "libgone.so.1").unlink()
    done = run("pack", "./render", cwd=tmp_path, status=1)
    assert done.stderr.startswith("error: library-not-found\n")
    for text in ("libgone.so.1 not found", "needed by", "$ORIGIN/lib", "ld.so.conf", "default", "--library-path"):
        assert text in done.stderr
    assert not (tmp_path / "render.zip").exists()
    data = json.loads(run("deps", "--json", "./render", cwd=tmp_path, status=1).stdout)
    assert data["missing"][0]["soname"] == "libgone.so.1"
    assert f"{tmp_path}/lib/libgone.so.1" in data["missing"][0]["looked_in"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", small], check=True)
    try:
        done = run("pack", "env", "-o", str(small / "env.zip"), cwd=tmp_path, status=3)
        assert "error: cannot-write" in done.stderr
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_wrong_usage_is_exit_status_2(tmp_path: Path) -> None:
    run("pack", cwd=tmp_path, status=2)
    run("pack", "env", "--level", "13", cwd=tmp_path, status=2)
    run("nonsense", cwd=tmp_path, status=2)


def test_help_and_version_load_neither_rich_nor_lief_nor_deflate() -> None:
    for argument in ("--help", "--version"):
        code = (
            "import sys\nfrom lambundle.cli.main import main\n"
            f"sys.argv = ['lambundle', '{argument}']\n"
            "try:\n    main()\nexcept SystemExit:\n    pass\n"
            "print(sorted({'rich', 'lief', 'deflate', 'lambundle.pack.plan'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
        assert done.stdout.endswith("[]\n")


def test_every_command_has_help(tmp_path: Path) -> None:
    listing = run("--help", cwd=tmp_path).stdout.partition("Commands:")[2].partition("Examples:")[0]
    for line in listing.strip().splitlines():
        command = line.split()[0]
        assert "Usage: lambundle" in run(command, "--help", cwd=tmp_path).stdout


def test_deps_json_has_the_documented_form(tmp_path: Path) -> None:
    data = json.loads(run("deps", "--json", "env", cwd=tmp_path).stdout)
    assert data["version"] == 1
    assert data["programs"] == [os.path.realpath("/usr/bin/env")]
    first = data["files"][0]
    assert set(first) == {"path", "soname", "interpreter", "needed"}
    assert set(first["needed"][0]) == {"soname", "path", "found_by"}


def test_deps_shows_by_which_rule_each_library_was_found(tmp_path: Path) -> None:
    done = run("deps", "bash", cwd=tmp_path)
    assert re.search(r"libc\.so\.6 +(ld\.so\.conf|default)", done.stdout)


def test_only_what_a_real_run_opened_is_the_smallest_bundle(tmp_path: Path) -> None:
    done = run("pack", "env", "--record", "env true", "--only-recorded", "--why", "/usr/bin/true", cwd=tmp_path)
    assert re.search(r"/usr/bin/true\n +a recorded command opened it", done.stdout)
    everything = run("pack", "--json", "--dry-run", "env", cwd=tmp_path)
    assert "/usr/bin/true" not in everything.stdout


def test_the_output_of_a_recorded_command_does_not_mix_with_the_answer(tmp_path: Path) -> None:
    done = run("pack", "env", "--record", "env echo from the command", "--json", "--dry-run", cwd=tmp_path)
    assert json.loads(done.stdout)["version"] == 1
    assert "from the command" in done.stderr


def test_a_recorded_command_that_fails_is_an_error(tmp_path: Path) -> None:
    done = run("pack", "env", "--record", "exit 3", cwd=tmp_path, status=1)
    assert done.stderr.startswith("error: recording-failed\n")
    run("pack", "env", "--only-recorded", cwd=tmp_path, status=2)
    assert list(tmp_path.iterdir()) == []


def test_why_follows_the_reasons_up_to_a_program(tmp_path: Path) -> None:
    done = run("pack", "bash", "--dry-run", "--why", "/lib64/ld-linux-x86-64.so.2", cwd=tmp_path)
    assert re.search(r"ld-linux-x86-64\.so\.2\n +(interpreter of|needed as \S+ by) /\S+\n", done.stdout)
    done = run("pack", "bash", "--dry-run", "--why", "/usr/bin/bash", cwd=tmp_path)
    assert "you asked for bash" in done.stdout
    run("pack", "bash", "--dry-run", "--why", "/not/there", cwd=tmp_path, status=1)


def test_a_recipe_of_the_users_own_adds_files_and_variables(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("x")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        f'why = "a test of recipes"\nprograms = ["env"]\nfiles = ["{tmp_path}/data"]\n[environment]\nMINE = "@/usr"\n'
    )
    run("pack", "env", "--recipe", str(recipe), "--tree", "tree", cwd=tmp_path)
    assert Path(f"{tmp_path}/tree/lambundle/env/root{tmp_path}/data/file").read_text() == "x"
    shown = subprocess.run([tmp_path / "tree/bin/env"], capture_output=True, text=True, check=True).stdout
    assert f"MINE={tmp_path}/tree/lambundle/env/root/usr\n" in shown
    assert "mine: env" in run("recipes", "--recipe", str(recipe), cwd=tmp_path).stdout


def test_recipes_are_listed_with_their_reason(tmp_path: Path) -> None:
    data = json.loads(run("recipes", "--json", cwd=tmp_path).stdout)
    assert data["version"] == 1
    assert {"gcc", "g++"} <= {item["name"] for item in data["recipes"]}


def test_the_shell_has_what_it_preloads_beside_a_program_with_another_libc(tmp_path: Path) -> None:
    if shutil.which("musl-gcc") is None:
        unavailable(UnavailableError("musl-gcc is not installed: apt-get install musl-tools"))
    (tmp_path / "main.c").write_text("int main(void) { return 0; }")
    subprocess.run(["musl-gcc", "-o", tmp_path / "tool", tmp_path / "main.c"], check=True)
    run("pack", "-q", "./tool", cwd=tmp_path)
    assert "PASS  closure" in run("verify", "--static", "tool.zip", cwd=tmp_path).stdout
