"""``lambundle verify`` compares a job with home: programs of our own, and a real one with a package left out."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable
from tests.integration.verifying import Broken, verify

if TYPE_CHECKING:
    from tests.integration.verifying import Verified

pytestmark = pytest.mark.integration

DATA = "/usr/share/zoneinfo/tzdata.zi"
"""A file of a package that every program here can read, and no bundle has unasked."""


@pytest.fixture
def sandbox() -> None:
    """Skip where there is none."""
    if shutil.which("bwrap") is None:
        unavailable(UnavailableError("bubblewrap is not installed"))


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """Return the bundle of grep and sed, which are on the packing machine and, as helpers, on Lambda."""
    return pack(tmp_path, "sed", "--add", DATA)


def pack(directory: Path, *arguments: str) -> Path:
    bundle = directory / "bundle.zip"
    command = [sys.executable, "-m", "lambundle", "pack", "-q", *arguments, "-o", str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return bundle


def program(directory: Path, text: str, *arguments: str) -> Path:
    """Pack a script for perl: perl is traced, and no host has it."""
    path = directory / "tool"
    path.write_text(f"#!/usr/bin/perl\n{text}")
    path.chmod(0o755)
    return pack(directory, str(path), *arguments)


def compared(bundle: Path, *arguments: str | Path, stdin: str | None = None) -> Verified:
    found = verify(bundle, *arguments, host=None, stdin=stdin)
    assert found.check("same")["status"] != "skip", found.check("same")
    return found


READS = 'print -e $ARGV[0] && open(my $f, "<", $ARGV[0]) ? "there\\n" : "not there\\n"; '


@pytest.mark.usefixtures("sandbox")
class TestJobs:
    """Jobs whose results are, or are not, those at home."""

    def test_the_same_result_passes(self, tmp_path: Path) -> None:
        found = compared(program(tmp_path, READS, "--add", DATA), "--", "tool", DATA)
        assert (found.status, found.failed) == (0, set())
        assert found.check("same")["detail"] == "status and stdout are as at home"

    def test_a_file_that_only_home_has_fails_and_its_package_cures_it(self, tmp_path: Path) -> None:
        found = compared(program(tmp_path, READS), "--", "tool", DATA)
        assert (found.status, found.failed) == (1, {"same"})
        check = found.check("same")
        assert check["detail"] == "stdout: line 1 is 'there' at home, 'not there' from the bundle"
        assert check["hint"].endswith("tool --package tzdata")
        assert found.check("missing")["status"] == "warn"
        command = [sys.executable, "-m", *check["hint"].split()]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        assert compared(tmp_path / "tool.zip", "--", "tool", DATA).status == 0

    def test_what_differs_by_itself_is_not_compared(self, tmp_path: Path) -> None:
        text = 'print "at ", rand, "\\nfine\\n"; open(my $f, ">", $_) for "/tmp/" . int(rand(1e9)), "/tmp/x";'
        found = compared(program(tmp_path, text), "--", "tool")
        assert found.failed == set()
        assert "from run to run there: stdout, /tmp/" in found.check("same")["detail"]

    def test_the_rest_of_what_differs_by_itself_is(self, tmp_path: Path) -> None:
        text = f'print "at ", time, "\\n"; {READS}'
        found = compared(program(tmp_path, text), "--", "tool", DATA)
        assert found.check("same")["detail"].startswith("stdout: line 2 is 'there' at home")

    def test_status_and_files_are_compared(self, tmp_path: Path) -> None:
        text = f'open(my $o, ">", "/tmp/out"); my $is = open(my $f, "<", "{DATA}"); print $o $is ? 1 : 2; exit !$is;'
        found = compared(program(tmp_path, text), "--", "sh", "-c", "tool || true; cat /tmp/out >/dev/null")
        assert found.check("same")["detail"] == "/tmp/out: line 1 is '1' at home, '2' from the bundle"
        found = compared(tmp_path / "bundle.zip", "--", "tool")
        assert found.check("same")["detail"].startswith("the exit status is 0 at home, 1 from the bundle")

    def test_a_job_that_fails_at_home_too_is_the_same(self, tmp_path: Path) -> None:
        found = compared(program(tmp_path, 'print "no\\n"; exit 3;'), "--", "tool")
        assert found.failed == {"smoke"}
        assert found.check("same")["detail"] == "status 3 and stdout are as at home"

    def test_a_job_that_only_the_bundle_does_shows_nothing(self, tmp_path: Path) -> None:
        found = verify(program(tmp_path, "exit !-e '/opt/lambundle';"), "--", "tool", host=None)
        check = found.check("same")
        assert (check["status"], check["detail"]) == ("skip", "on this machine itself it ends with 1")

    def test_paths_and_variables_of_the_bundle_are_no_difference(self, tmp_path: Path) -> None:
        text = 'print "$0\\n", readlink("/proc/self/exe"), "\\n", map { "$_=$ENV{$_}\\n" } sort keys %ENV;'
        found = compared(program(tmp_path, text), "--", "tool")
        assert found.failed == set(), found.check("same")

    def test_home_cannot_be_written_to_and_homes_are_not_seen(self, tmp_path: Path) -> None:
        text = 'print "$_ ", (opendir(my $d, $_) ? join(",", grep !/^[.]/, readdir $d) : "-"), "\\n" for @ARGV;'
        text += 'print "$_ ", (open(my $f, ">", "$_/x") ? "written" : "no"), "\\n" for @ARGV;'
        places = ("/root", "/home", "/run/user", "/var/run", "/var/log", "/etc/ssl/private")
        found = compared(program(tmp_path, text), "--", "tool", *places)
        assert found.check("same")["detail"] == "status and stdout are as at home"
        assert set(found.data["runs"][0]["stdout"].split()[1::2]) == {"-", "no"}


@pytest.mark.usefixtures("sandbox")
class TestInputs:
    """What a job is given and what is kept of it."""

    def test_files_lie_where_the_job_runs_and_its_own_are_kept(self, tmp_path: Path) -> None:
        (tmp_path / "in.txt").write_text("one\ntwo\n")
        bundle = pack(tmp_path, "sed")
        job = "pwd; cat in.txt sub/b >&2; tr a-z A-Z < in.txt > out; mkdir made; cp out made/deep; echo >> sub/b"
        inputs = ("--input", tmp_path / "in.txt", "--input", f"{tmp_path}/in.txt=sub/b", "--output", tmp_path / "kept")
        found = compared(bundle, *inputs, "--", "sh", "-ec", job)
        assert found.failed == set()
        assert found.data["runs"][0]["stdout"] == "/tmp/job\n"
        assert found.check("same")["detail"] == "status, stdout and 3 files are as at home"
        kept = {str(path.relative_to(tmp_path / "kept")) for path in (tmp_path / "kept").rglob("*") if path.is_file()}
        assert kept == {"out", "made/deep", "sub/b"}
        assert (tmp_path / "kept/made/deep").read_text() == "ONE\nTWO\n"

    def test_each_run_finds_its_files_as_they_were(self, tmp_path: Path) -> None:
        (tmp_path / "in").write_text("1\n")
        found = compared(
            pack(tmp_path, "sed"), "--input", tmp_path / "in", "--", "sh", "-ec", "test ! -e x; mv in x; cat x"
        )
        assert found.failed == set()

    def test_without_an_input_it_runs_where_a_function_does(self, tmp_path: Path) -> None:
        found = compared(
            pack(tmp_path, "sed"), "--output", tmp_path / "kept", "--", "sh", "-c", "pwd; echo >/tmp/a; >b"
        )
        assert found.data["runs"][0]["stdout"] == "/var/task\n"
        assert [path.name for path in (tmp_path / "kept").iterdir()] == ["a"]

    def test_standard_input_is_passed_on_to_every_run(self, tmp_path: Path) -> None:
        found = compared(pack(tmp_path, "sed"), "--", "sed", "s/a/b/", stdin="a\n" * 50_000)
        assert found.failed == set()
        assert [run["stdout"] for run in found.data["runs"]] == ["b\n" * 50_000] * 2

    def test_an_input_that_nobody_sends_holds_up_nothing(self, tmp_path: Path) -> None:
        bundle = pack(tmp_path, "sed")
        command = [sys.executable, "-m", "lambundle", "verify", "-q", str(bundle), "--", "sed", "--version"]
        begun = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.wait(60) == 0
        assert time.monotonic() - begun < 45


@pytest.mark.usefixtures("sandbox")
class TestElsewhere:
    """Where nothing is compared, with the reason."""

    def test_not_asked_for(self, packed: Path) -> None:
        found = verify(packed, "--no-compare", "--", "sed", "--version", host=None)
        check = found.check("same")
        assert (found.status, check["status"], check["detail"]) == (0, "skip", "not asked for (--no-compare)")

    def test_a_program_that_is_another_one_here(self, packed: Path, tmp_path: Path) -> None:
        tree = tmp_path / "tree"
        subprocess.run(["unzip", "-q", packed, "-d", tree], check=True)
        broken = Broken(tree, tmp_path)
        program = next(path for path in broken.tree.rglob("usr/bin/sed") if not path.is_symlink())
        program.write_bytes(program.read_bytes() + b"\0")
        check = verify(broken.reconcile(), "--", "sed", "--version", host=None).check("same")
        assert check["status"] == "skip"
        assert "sed is not as it was packed" in check["detail"]

    def test_a_script_of_the_manifest_is_not_run_at_home(self, tmp_path: Path) -> None:
        recipe = tmp_path / "sed.toml"
        recipe.write_text('programs = ["sed"]\n[smoke]\ndoes = "did"\nscript = \'"$P" --version\'\n')
        bundle = pack(tmp_path, "sed", "--recipe", str(recipe))
        check = verify(bundle, host=None).check("same")
        assert (check["status"], check["detail"]) == (
            "skip",
            "no job that may run at home: those of the manifest do not",
        )


@pytest.mark.usefixtures("sandbox")
def test_a_file_left_out_is_found_by_the_result(tmp_path: Path) -> None:
    """A real program in a pipe: its status is lost, and only what it prints tells that a converter is not there."""
    converter = next((path for path in ("gconv/UHC.so", "*/gconv/UHC.so") if [*Path("/usr/lib").glob(path)]), None)
    if converter is None or shutil.which("iconv") is None:
        unavailable(UnavailableError("iconv and glibc's converters are not installed"))
    job = ("--", "sh", "-c", "printf '\\352\\260\\200' | iconv -f utf-8 -t cp949 | od -An -tx1")
    bundle = pack(tmp_path, "iconv", "--exclude", f"/usr/lib/{converter}")
    found = compared(bundle, *job)
    assert found.failed == {"same"}
    assert found.check("same")["detail"].startswith("stdout: line 1 is ' b0 a1' at home")
    command = [sys.executable, "-m", *shlex.split(found.check("same")["hint"])]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert compared(tmp_path / "iconv.zip", *job).failed == set()
