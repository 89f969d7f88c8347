"""Real commands recorded, with strace and with the runtime's trace."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle import runtime
from lambundle.errors import RecordingError
from lambundle.recording import Method, record, shell, strace
from lambundle.recording import filter as recording_filter
from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCE = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void *in_thread(void *path) { close(open(path, O_RDONLY)); return NULL; }
static void *become(void *path) { execl(path, path, "data", (char *)0); return NULL; }

static void thread(void *(*function)(void *), char *argument)
{
    pthread_t id;
    pthread_create(&id, NULL, function, argument);
    pthread_join(id, NULL);
}

/* Letters say what to do with the arguments, one each. */
int main(int argc, char **argv)
{
    struct stat status;
    char text[4096];
    for (int i = 2; i < argc; i++) {
        char *path = argv[i];
        switch (argv[1][i - 2]) {
        case 'o': close(open(path, O_RDONLY)); break;
        case 'f': { FILE *file = fopen(path, "r"); if (file) fclose(file); break; }
        case 's': stat(path, &status); break;
        case 'a': access(path, R_OK); break;
        case 'l': if (readlink(path, text, sizeof text) < 0) perror(path); break;
        case 'd': { DIR *directory = opendir(path); while (readdir(directory)) {} closedir(directory); break; }
        case 'c': if (chdir(path)) perror(path); break;
        case 't': thread(in_thread, path); break;
        case 'b': thread(become, path); break;
        case 'w': close(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644)); break;
        case 'p': puts(path); break;
        case 'v': {
            pid_t child = vfork();
            if (child == 0) { execl(path, path, "data", (char *)0); _exit(127); }
            waitpid(child, NULL, 0);
            break;
        }
        case 'x': return atoi(path);
        }
    }
    return 0;
}
"""

ODD = ("two words", "line\nbreak", "'quotes\"", "back\\slash", "tab\t", "über", "a) = -1 E (x)", "<angle>")


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """Programs, in a directory that everybody may search."""
    if shutil.which("gcc") is None:
        unavailable(UnavailableError("gcc is not installed"))
    with tempfile.TemporaryDirectory(prefix="lambundle-test-", dir="/var/tmp") as directory:
        place = Path(directory)
        place.chmod(0o755)
        (place / "uses.c").write_text(SOURCE)
        for name, options in {"uses": (), "static": ("-static",)}.items():
            command = ["gcc", "-O1", "-pthread", *options, "uses.c", "-o", name]
            subprocess.run(command, check=True, cwd=place, capture_output=True)
            (place / name).chmod(0o755)
        yield place


@pytest.fixture
def place(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory like one of the system's, with a few files; the working directory is another."""
    monkeypatch.setattr(recording_filter, "TEMPORARY", (str(tmp_path), "/run"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with tempfile.TemporaryDirectory(prefix="files-", dir=built) as directory:
        made = Path(directory)
        made.chmod(0o755)
        (made / "sub").mkdir(mode=0o755)
        for name in ("data", "other", "sub/data", "sub/deep", *ODD):
            (made / name).write_text("x")
            (made / name).chmod(0o644)
        (made / "link").symlink_to("data")
        script(made / "script", "#!/bin/sh -e", 'cat "$(dirname "$0")/$1" >/dev/null')
        yield made


@pytest.fixture(params=list(Method))
def method(request: pytest.FixtureRequest) -> Method:
    """Each method in turn."""
    if request.param is Method.STRACE:
        need_strace()
    found: Method = request.param
    return found


def need_strace() -> None:
    if shutil.which("strace") is None:
        unavailable(UnavailableError("strace is not installed"))


def script(path: Path, *lines: str) -> None:
    path.write_text("\n".join((*lines, "")))
    path.chmod(0o755)


def command(program: Path | str, *arguments: Path | str) -> str:
    return shlex.join(map(str, (program, *arguments)))


def test_every_way_to_use_a_file_is_seen(built: Path, place: Path, method: Method) -> None:
    files = [place / name for name in ("other", "data", "sub/data", "sub/deep", "link")]
    found = record([command(built / "uses", "fsatld", *files, place / "sub")], method=method)
    assert {str(path) for path in files} <= set(found.files)
    assert found.directories == (str(place / "sub"),)
    assert found.executed == (str(built / "uses"),)
    assert str(built / "uses") in found.files
    assert any(os.path.basename(path) == "libc.so.6" for path in found.files)
    assert any(os.path.basename(path).startswith("ld-linux") for path in found.files)
    assert (found.status, found.method) == ((0,), method)
    assert list(found.files) == sorted(set(found.files))
    assert not any("lambundle-record" in path or "runtime/built" in path for path in found.files)
    assert not any("dash" in path or path == "/bin/sh" for path in found.files)


def test_relative_names_are_told_from_where_the_program_was(built: Path, place: Path, method: Method) -> None:
    steps = command(built / "uses", "cofvcov", place, "data", "other", "./script", "sub", "deep", "../script")
    found = record([f"cd / && {steps}"], method=method)
    assert {f"{place}/data", f"{place}/other", f"{place}/script", f"{place}/sub/deep"} <= set(found.files)
    assert {name.replace("/sub/..", "") for name in found.executed} >= {f"{place}/script"}


def test_children_and_their_interpreters_are_seen(built: Path, place: Path, method: Method) -> None:
    script(place / "nested", f"#!{place}/uses of", "")
    (place / "uses").symlink_to(built / "uses")
    found = record([command(built / "uses", "vv", place / "script", place / "nested")], method=method)
    executed = set(found.executed)
    assert {str(place / "script"), "/bin/sh", str(place / "nested"), str(place / "uses")} <= executed
    assert {"cat", "dirname"} <= {os.path.basename(path) for path in executed}
    assert str(place / "data") in found.files


def test_threads_are_seen_and_may_become_other_programs(built: Path, place: Path, method: Method) -> None:
    found = record([command(built / "uses", "ttb", place / "data", place / "other", place / "script")], method=method)
    assert {f"{place}/data", f"{place}/other", f"{place}/script"} <= set(found.files)
    assert f"{place}/script" in found.executed


def test_names_may_hold_any_byte(built: Path, place: Path, method: Method) -> None:
    names = [os.fsencode(place / name) for name in ODD] + [os.fsencode(place) + b"/not\xffutf\x01\x7f"]
    for name in names[-1:]:
        Path(os.fsdecode(name)).write_text("x")
    asked = [os.fsdecode(name) for name in names]
    found = record([command(built / "uses", "o" * len(asked), *asked)], method=method)
    assert set(asked) <= set(found.files)
    odd = os.fsdecode(os.fsencode(place) + b"/dir \xff\n")
    Path(odd).mkdir(mode=0o755)
    Path(odd, "file").write_text("x")
    found = record([command(built / "uses", "cod", odd, "file", ".")], method=method)
    assert f"{odd}/file" in found.files
    assert found.directories == (odd,)


def test_only_strace_sees_into_a_static_program(built: Path, place: Path, method: Method) -> None:
    commands = [command(built / "uses", "o", place / "other"), command(built / "static", "o", place / "data")]
    found = record(commands, method=method)
    told = [note for note in found.notes if note.startswith(f"{built}/static is a static program")]
    seen = f"{place}/data" in found.files
    assert f"{place}/other" in found.files
    assert f"{built}/static" in found.executed
    assert (seen, len(told)) == ((False, 1) if method is Method.RUNTIME else (True, 0))


def test_what_is_private_secret_temporary_or_made_is_left_out(
    built: Path, place: Path, tmp_path: Path, method: Method
) -> None:
    home, work = place / "me", Path.cwd()
    home.mkdir(mode=0o755)
    secrets = [home / "token", work / "input", tmp_path / "scratch", place / "key"]
    for path in secrets:
        path.write_text("secret")
        path.chmod(0o600 if path.name == "key" else 0o644)
    made = place / "made"
    host = ["/etc/passwd", "/etc/hosts", "/proc/self/status", "/dev/null"]
    paths = [*map(str, secrets), str(made), str(made), *host, str(place / "data")]
    found = record([command(built / "uses", "oooowooooos", *paths)], home=home, method=method)
    kept = set(found.files)
    assert made.exists()
    assert str(place / "data") in kept
    assert kept.isdisjoint(map(str, [*secrets, made, *host]))
    for which in (
        f"1 file under {home}",
        "1 file in the working directory",
        f"1 file under {tmp_path}",
        "1 file that not every",
    ):
        assert sum(note.startswith(which) for note in found.notes) == 1, (which, found.notes)
    assert all("--add PATH" in note for note in found.notes if "left out" in note)
    assert not any("/etc/" in note or "/proc" in note for note in found.notes)


def test_a_program_below_home_is_not_taken_by_itself(built: Path, place: Path, method: Method) -> None:
    found = record([command(built / "uses", "o", place / "data")], home=built, method=method)
    assert found.executed == ()
    assert not any(path.startswith(f"{built}/") for path in found.files)


def test_the_status_is_the_commands(built: Path, place: Path, method: Method) -> None:
    commands = [command(built / "uses", "ox", place / "data", "3"), "kill -9 $$", "true", "no-such-program", "if"]
    found = record(commands, method=method)
    assert found.status == (3, 137, 0, 127, 2)
    assert f"{place}/data" in found.files


def test_output_goes_to_stderr_and_input_is_handed_on(
    built: Path, place: Path, method: Method, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMBUNDLE_TEST", "its own environment")
    before = os.dup(0)
    with (place / "data").open() as data:
        try:
            os.dup2(data.fileno(), 0)
            record([f'cat; echo "$LAMBUNDLE_TEST"; {command(built / "uses", "p", "said")}'], method=method)
        finally:
            os.dup2(before, 0)
            os.close(before)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.endswith("xits own environment\nsaid\n")


def test_what_the_shell_opens_for_the_command_counts(place: Path, method: Method) -> None:
    (place / "other").write_text("true\n")
    found = record([f". {place}/other; cat <{place}/data"], method=method)
    assert {f"{place}/data", f"{place}/other"} <= set(found.files)


def test_a_preload_of_the_users_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "libm.so.6")
    found = record([f"cat {place}/data >/dev/null; echo $LD_PRELOAD >&2"], method=Method.RUNTIME)
    assert f"{place}/data" in found.files
    assert any("libm.so" in path for path in found.files)


def test_a_daemon_does_not_keep_strace(built: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_strace()
    monkeypatch.setattr(strace, "LINGER", 0.2)
    begun = time.monotonic()
    found = record([f"sleep 60 & {command(built / 'uses', 'o', place / 'data')}"], method=Method.STRACE)
    assert time.monotonic() - begun < 20
    assert f"{place}/data" in found.files
    assert found.notes == ("sleep ran on in the background and was ended 0.2 s after the command",)
    assert found.status == (0,)


# ---- choosing the method ----


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Sets a PATH on which strace is what a script says, or absent."""

    def use(text: str | None) -> None:
        directory = tmp_path / "bin"
        directory.mkdir()
        for name in ("cat", "true"):
            (directory / name).symlink_to(shutil.which(name) or "/bin/false")
        if text is not None:
            script(directory / "strace", "#!/bin/sh", text)
        monkeypatch.setenv("PATH", str(directory))

    return use


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "strace is not installed"),
        ("echo 'strace: ptrace(PTRACE_TRACEME): Operation not permitted' >&2; exit 1", "Operation not permitted"),
        ("exit 0", "exit status 0"),
    ],
)
def test_without_strace_the_runtime_records(
    built: Path, place: Path, tools: Callable[[str | None], None], text: str | None, says: str
) -> None:
    tools(text)
    found = record([command(built / "uses", "o", place / "data")])
    assert found.method is Method.RUNTIME
    assert f"{place}/data" in found.files
    assert says in found.notes[0]
    assert "does not see" in found.notes[0]
    with pytest.raises(RecordingError, match="strace cannot be used") as error:
        record(["true"], method=Method.STRACE)
    assert error.value.code == "recording-failed"
    assert error.value.hint


def test_an_strace_without_the_quick_way_is_used_all_the_same(
    built: Path, place: Path, tools: Callable[[str | None], None]
) -> None:
    need_strace()
    tools(f'case "$1" in --seccomp-bpf) exit 1;; esac; exec {shutil.which("strace")} "$@"')
    found = record([command(built / "uses", "o", place / "data")])
    assert (found.method, found.notes) == (Method.STRACE, ())
    assert f"{place}/data" in found.files


REFUSED = """
import ctypes, struct, sys
from lambundle.recording import record
from lambundle.recording import filter as recording_filter
number = int(sys.argv[1])
# load the call's number; ptrace fails with EPERM, the rest is allowed
code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in code))
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(Filter(4, ctypes.addressof(program))), 0, 0):
    sys.exit(77)
recording_filter.TEMPORARY = ("/tmp", "/run")
found = record([sys.argv[2]])
print(found.method, sys.argv[3] in found.files, found.notes[0])
"""


def test_where_ptrace_is_refused_the_runtime_records(built: Path, place: Path) -> None:
    need_strace()
    number = {"x86_64": "101", "aarch64": "117"}.get(platform.machine())
    if number is None:
        pytest.skip("the number of ptrace is not known here")
    steps = command(built / "uses", "o", place / "data")
    arguments = [sys.executable, "-c", REFUSED, number, steps, str(place / "data")]
    environment = {**os.environ, "PYTHONPATH": str(Path(runtime.__file__).parents[2])}
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, env=environment)
    if done.returncode == 77:
        unavailable(UnavailableError("seccomp filters are not allowed here"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("runtime True strace does not work here (")
    assert "not permitted" in done.stdout


def test_a_command_that_cannot_be_recorded_is_an_error(monkeypatch: pytest.MonkeyPatch, method: Method) -> None:
    with pytest.raises(RecordingError, match="cannot be started"):
        record(["nul\0"], method=method)
    monkeypatch.setattr(shell, "PATH", "/nowhere/sh")
    with pytest.raises(RecordingError):
        record(["true"], method=method)


def test_a_shell_that_leaves_no_trace_is_an_error(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "PATH", str(built / "static"))
    with pytest.raises(RecordingError, match="nothing could be recorded"):
        record(["true"], method=Method.RUNTIME)


def test_a_library_whose_place_has_a_space_can_be_preloaded(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = tmp_path / "a place"
    shutil.copytree(runtime.BUILT, libraries)
    monkeypatch.setattr(runtime, "BUILT", libraries)
    assert f"{place}/data" in record([f"cat {place}/data >/dev/null"], method=Method.RUNTIME).files
    shutil.rmtree(libraries)
    with pytest.raises(RecordingError, match="is missing from this installation"):
        record(["true"], method=Method.RUNTIME)
