"""Files that a job is given, and those that it made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lambundle.errors import SandboxError, UsageError
from lambundle.verify.run.inputs import DIRECTORY, InputFile, check_inputs, fill, read_input, stage_inputs
from lambundle.verify.run.made import Made, MadeFile, collect
from lambundle.verify.run.output import check_output, keep_output
from lambundle.verify.sandbox.interface import MIB, Command, Limits, Outcome


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a directory with some files."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b=c", "d"):
        Path(name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "source", "path"),
    [
        ("a.txt", "a.txt", "a.txt"),
        ("./a.txt", "a.txt", "a.txt"),
        ("a.txt=in/x.txt", "a.txt", "in/x.txt"),
        ("a.txt=./in//x", "a.txt", "in/x"),
        ("b=c", "b=c", "b=c"),
        ("b=c=x", "b=c", "x"),
        ("d=a..b", "d", "a..b"),
    ],
)
def test_a_file_has_its_own_name_or_the_one_given(text: str, source: str, path: str) -> None:
    assert read_input(text) == InputFile(Path(source), path)


@pytest.mark.parametrize(
    "text", ["", "=", "=x", "a.txt=", "nosuch", "nosuch=x", "a.txt=/x", "a.txt=../x", "a.txt=x/../../y", "a.txt=.", "."]
)
def test_what_names_no_file_or_leads_out_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_input(text)


@pytest.mark.parametrize("paths", [("x", "x"), ("x", "x/y"), ("x/y/z", "x/y")])
def test_two_files_do_not_lie_at_one_path(paths: tuple[str, str]) -> None:
    check_inputs([InputFile(Path("a.txt"), "x"), InputFile(Path("d"), "xy"), InputFile(Path("d"), "z/x")])
    with pytest.raises(UsageError):
        check_inputs([InputFile(Path("a.txt"), path) for path in paths])


def test_the_files_are_copied_for_everybody_to_read(directory: Path) -> None:
    Path("d").chmod(0o700)
    Path("a.txt").chmod(0o600)
    stage_inputs([read_input("a.txt=in/x"), read_input("d")], directory / "staged", Limits())
    modes = {
        str(path.relative_to(directory)): path.stat().st_mode & 0o777 for path in Path(directory).rglob("staged/**/*")
    }
    assert modes == {"staged/in": 0o755, "staged/in/x": 0o644, "staged/d": 0o755}
    assert (directory / "staged/in/x").read_text() == "a.txt"


def test_files_larger_than_tmp_are_refused(directory: Path) -> None:
    os.truncate("a.txt", 3 * MIB)
    inputs = [read_input("d"), read_input("a.txt")]
    with pytest.raises(UsageError, match="larger than /tmp, which has 3 MiB"):
        stage_inputs(inputs, directory / "staged", Limits(tmp=3 * MIB))
    with pytest.raises(UsageError, match="larger"):
        stage_inputs([InputFile(Path("/dev/zero"), "x")], directory / "endless", Limits(tmp=MIB))


class MadeSandbox:
    """Runs what a command would do to /tmp here: ``files`` are what a job left there."""

    name = "made"

    def __init__(self, files: dict[str, bytes] | None = None, status: int = 0) -> None:
        self.files = files or {}
        self.status = status
        self.commands: list[Command] = []

    def start(self, command: Command) -> MadeSandbox:
        self.commands.append(command)
        for to in command.writable.values():
            for name, content in self.files.items():
                (to / name).parent.mkdir(parents=True, exist_ok=True)
                (to / name).write_bytes(content)
        return self

    def wait(self, seconds: float | None = None) -> Outcome:
        assert seconds
        return Outcome(self.status, b"", b"no space", 0.1)

    def kill(self) -> None:
        """It has ended."""

    def unavailable(self) -> None:
        """It can be had."""

    def close(self) -> None:
        """There is nothing to close."""


def test_a_directory_that_cannot_be_filled_is_the_sandboxs_fault(directory: Path) -> None:
    sandbox = MadeSandbox(status=1)
    with pytest.raises(SandboxError) as caught:
        fill(sandbox, directory, Limits())
    assert caught.value.context == ("no space",)
    assert sandbox.commands[0].argv[-1] == DIRECTORY


def test_only_files_are_collected_and_no_link_is_followed(directory: Path) -> None:
    sandbox = MadeSandbox({"job/x": b"1", "job/deep/y": b"22"})
    to = directory / "out"
    collect(sandbox, "/tmp", to, Limits())
    (to / "link").symlink_to("/etc/passwd")
    (to / "tree").symlink_to("/etc")
    os.mkfifo(to / "fifo")
    os.truncate(to / "job/x", 600 * MIB)
    made = collect(MadeSandbox(), "/tmp", directory / "none", Limits())
    assert made.files == {}
    from lambundle.verify.run.made import _files

    assert [str(path.relative_to(to)) for path, _ in _files(to)] == ["job/x", "job/deep/y"]


def test_what_is_too_large_or_elsewhere_is_left_out(directory: Path) -> None:
    files = {"job/x": b"1" * 100, "shown/tree/y": b"2", "z": b"3"}
    made = collect(MadeSandbox(files), "/tmp", directory / "out", Limits(tmp=50), without=("/tmp/shown",))
    assert list(made.files) == ["/tmp/z"]
    assert made.files["/tmp/z"].read(10) == b"3"


def test_more_files_than_are_looked_at_are_noticed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambundle.verify.run.made.FILES_MAX", 2)
    made = collect(MadeSandbox(dict.fromkeys("abc", b"")), "/tmp", directory / "out", Limits())
    assert len(made.files) == 2
    assert not made.is_whole


def made_files(directory: Path, **contents: bytes) -> Made:
    """Files that a job made in its directory."""
    found = {}
    for name, content in contents.items():
        place = directory / "copies" / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
        found[f"{DIRECTORY}/{name}"] = MadeFile(f"{DIRECTORY}/{name}", place, len(content), name.startswith("run"))
    return Made(found)


def test_what_was_given_and_left_alone_is_not_made(directory: Path) -> None:
    (directory / "given").mkdir()
    for name in ("same", "changed", "grown"):
        (directory / "given" / name).write_bytes(b"12")
    made = made_files(directory, same=b"12", changed=b"13", grown=b"123", new=b"12")
    left = made.without(directory / "given", DIRECTORY)
    assert sorted(left.files) == [f"{DIRECTORY}/{name}" for name in ("changed", "grown", "new")]
    assert made.without(None, DIRECTORY) is made


def test_the_output_appears_whole_in_a_new_or_empty_directory(directory: Path) -> None:
    made = made_files(directory, x=b"1", run=b"2")
    Path("empty").mkdir()
    for name in ("new", "empty"):
        check_output(Path(name))
        assert keep_output(made, DIRECTORY, Path(name)) == 2
        modes = {path.name: path.stat().st_mode & 0o777 for path in Path(name).iterdir()}
        assert modes == {"x": 0o644, "run": 0o755}
    assert keep_output(made, "/tmp/elsewhere", Path("none")) == 0
    assert sorted(path.name for path in directory.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("name", ["full", "a.txt", "nosuch/x", "link"])
def test_another_place_is_refused(name: str) -> None:
    Path("full").mkdir()
    Path("full/x").touch()
    Path("empty").mkdir()
    Path("link").symlink_to("empty")
    with pytest.raises(UsageError):
        check_output(Path(name))
