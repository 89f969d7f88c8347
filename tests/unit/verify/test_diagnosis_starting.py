"""Why a program could not be started: by its first bytes, by its interpreter, or since nobody has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambundle.target import is_on_host
from lambundle.verify.diagnosis.starting import command_missing, entrypoint, interpreter_missing
from lambundle.verify.first_line import fault_of
from lambundle.verify.model import Check, Diagnosis, RunReport, Status
from lambundle.verify.run.mounted import Mounted
from tests.unit.verify.made import MadeMachine, entry, manifest, member, mounted, subject
from tests.unit.verify.test_diagnosis import evidence, failed, found

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.verify.diagnosis import Evidence


@pytest.mark.parametrize(
    ("head", "why", "cure"),
    [
        (b"", "is empty", "write bin/x again"),
        (b"#!/bin/sh\r\necho 1\r\n", "CR LF", r"sed -i 's/\r$//' bin/x"),
        (b"#!/usr/bin/nope -x\n", "names /usr/bin/nope, which is neither", "lambundle pack nope"),
        (b"#!/usr/local/bin/bash\n", "names /usr/local/bin/bash", "let its first line be #!/bin/bash"),
        (b"\xef\xbb\xbf#!/bin/sh\n", "byte order mark", r"\xEF\xBB\xBF"),
        (b"echo 1\n", "has no first line with #!", "#!/bin/sh"),
        (b"#!\n", "names no interpreter", "#!/bin/sh"),
    ],
)
def test_what_the_kernel_cannot_start(head: bytes, why: str, cure: str) -> None:
    fault = fault_of("bin/x", head, is_on_host)
    assert fault is not None
    assert why in fault.why
    assert cure in fault.cure


@pytest.mark.parametrize("head", [b"#!/bin/sh\n", b"#! /usr/bin/env python3\n", b"#!/bin/bash -e", b"\x7fELF\2\1"])
def test_what_the_kernel_starts(head: bytes) -> None:
    assert fault_of("x", head, is_on_host) is None


def test_an_interpreter_of_the_bundle_is_there() -> None:
    assert fault_of("x", b"#!/opt/bin/perl\n", lambda path: path == "/opt/bin/perl") is None


# ---- interpreters ----


def script(tree: Path, text: bytes, path: str = "bin/x") -> Path:
    """Write a script into an unpacked bundle."""
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text)
    file.chmod(0o755)
    return tree


@pytest.mark.parametrize(
    "said",
    [
        "env: '/opt/bin/x': No such file or directory",
        "bash: line 1: /opt/bin/x: cannot execute: required file not found",
        "[Errno 2] No such file or directory: '/opt/bin/x'",
        "sh: 1: /opt/bin/x: not found",
    ],
)
def test_a_script_that_is_there_and_not_found_is_read(said: str, tmp_path: Path) -> None:
    item = evidence(said, status=127, mounted=mounted(script(tmp_path, b"#!/bin/sh\r\n")))
    assert found(item).cause == "bin/x has lines that end in CR LF, its first line too"
    item = evidence(said, status=127, mounted=mounted(script(tmp_path, b"#!/usr/bin/nope\n")))
    assert found(item).cause == (
        "bin/x has a first line that names /usr/bin/nope, which is neither in the bundle nor on Lambda"
    )
    item = evidence(said, status=127, mounted=mounted(script(tmp_path, b"#!/bin/sh\n")))
    assert interpreter_missing(item) is None


def test_a_script_that_is_not_as_packed_is_integritys(tmp_path: Path) -> None:
    bundle = subject(member("bin/x", 0o755), manifests=(manifest(entries=[entry("bin/x")]),))
    check = failed("integrity", "bin/x has other bytes than were packed, and 3 more", "use the zip that pack wrote")
    said = "sh: line 1: /opt/bin/x: cannot execute: required file not found"
    item = evidence(said, check, subject=bundle, mounted=mounted(script(tmp_path, b"#!/bin/sh\r\n")))
    assert found(item) == Diagnosis("bin/x has other bytes than were packed", "use the zip that pack wrote")


def test_a_script_of_the_bundles_root_gets_its_interpreter_packed(tmp_path: Path) -> None:
    path = "lambundle/tool/root/usr/bin/x"
    said = f"sh: /opt/{path}: /usr/bin/nope: bad interpreter: No such file or directory"
    answer = found(evidence(said, mounted=mounted(script(tmp_path, b"#!/usr/bin/nope\n", path))))
    assert answer.cure == "lambundle pack /usr/bin/tool --add /usr/bin/nope"


def test_a_bad_interpreter_of_a_file_that_cannot_be_read() -> None:
    said = "sh: /opt/bin/x: /usr/bin/python9: bad interpreter: No such file or directory"
    answer = found(evidence(said, status=126, machine=MadeMachine({"/usr/bin/python9": "python9"})))
    assert answer.cause == "/opt/bin/x cannot start: /usr/bin/python9 is not there"
    assert "--add /usr/bin/python9" in answer.cure
    foreign = evidence(said, status=126, subject=subject(manifests=()))
    assert "lambundle pack python9" in found(foreign).cure


def test_a_link_out_of_the_bundle_is_not_followed(tmp_path: Path) -> None:
    outside = script(tmp_path / "outside", b"secret\n") / "bin/x"
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True)
    (tree / "bin/x").symlink_to(outside)
    assert interpreter_missing(evidence("x: /opt/bin/x: not found", mounted=mounted(tree))) is None


# ---- commands ----


@pytest.mark.parametrize(
    "said",
    [
        "sh: line 1: nosuch: command not found",
        "/bin/bash: line 1: nosuch: command not found",
        "sh: 1: nosuch: not found",
        "/opt/lambundle/tool/root/usr/bin/dash: 1: nosuch: not found",
        "/var/task/bootstrap: line 2: nosuch: command not found",
        "/opt/bin/x: line 2: nosuch: command not found",
        "/opt/bin/x: 2: nosuch: not found",
        "/usr/bin/env: 'nosuch': No such file or directory",
        "/usr/bin/env: \u2018nosuch\u2019: No such file or directory",
        "env: nosuch: No such file or directory",
        "timeout: failed to run command 'nosuch': No such file or directory",
        "xargs: nosuch: No such file or directory",
        'exec: "nosuch": executable file not found in $PATH',
        "Error: spawn nosuch ENOENT",
        'Can\'t exec "nosuch": No such file or directory at x line 1.',
        "in _execute_child\nFileNotFoundError: [Errno 2] No such file or directory: 'nosuch'",
    ],
)
def test_a_command_that_nobody_has(said: str) -> None:
    answer = found(evidence(said, status=127))
    assert answer.cause == "nosuch is neither in the bundle nor on Lambda"
    assert answer.cure == "install nosuch here; pack it too: lambundle pack /usr/bin/tool nosuch"


def test_a_command_that_is_here_need_not_be_installed() -> None:
    assert found(evidence("sh: 1: cat: not found")).cure == "lambundle pack /usr/bin/tool cat"


def test_a_launcher_that_was_lost_is_integritys() -> None:
    bundle = subject(manifests=(manifest(entries=[entry("bin/tool")]),))
    check = failed("integrity", "bin/other is missing, and 1 more", "use the zip that pack wrote")
    item = evidence("env: 'tool': No such file or directory", check, subject=bundle)
    assert found(item) == Diagnosis("bin/tool is missing", "use the zip that pack wrote")


@pytest.mark.parametrize(
    "said", ["cat: x: No such file or directory", "FileNotFoundError: No such file: 'x'", "x: done"]
)
def test_a_file_that_is_not_there_is_no_command(said: str) -> None:
    assert command_missing(evidence(said)) is None


# ---- the bootstrap ----


def custom(tree: Path, *checks: Check, kind: str = "Runtime.InvalidEntrypoint") -> Evidence:
    """A custom runtime that did not start."""
    response = {"errorType": kind, "errorMessage": "RequestId: 1 Error: fork/exec /var/task/bootstrap: no such file"}
    run = RunReport("died", "", "", 1.0, event="{}", response=response)
    item = evidence("", *checks, mounted=Mounted("/var/task", {"/var/task": tree}, {}), subject=subject(manifests=()))
    return replace(item, results=[replace(item.results[0], invocations=(run,))])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (b"#!/bin/bash\r\n", "bootstrap has lines that end in CR LF"),
        (b"#!/usr/bin/python3\n", "bootstrap has a first line that names /usr/bin/python3"),
        (b"echo\n", "bootstrap has no first line with #!"),
        (b"", "bootstrap is empty"),
    ],
)
def test_a_bootstrap_that_cannot_be_started_is_read(text: bytes, cause: str, tmp_path: Path) -> None:
    answer = entrypoint(custom(script(tmp_path, text, "bootstrap")))
    assert answer is not None
    assert answer.cause.startswith(cause)


def test_where_there_is_no_bootstrap_the_two_ways_are_told(tmp_path: Path) -> None:
    answer = entrypoint(custom(tmp_path))
    assert answer is not None
    assert answer.cause == "there is no bootstrap at the top of the zip or of a layer"
    assert "--handler" in answer.cure
    layout = Check("layout", Status.FAIL, "everything lies below x/", "cd x")
    assert entrypoint(custom(tmp_path, layout)) == Diagnosis("everything lies below x/", "cd x")


def test_a_bootstrap_that_is_a_directory_or_has_not_its_mode(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").mkdir()
    answer = entrypoint(custom(tmp_path))
    assert answer is not None
    assert answer.cause == "/var/task/bootstrap is a directory"
    (tmp_path / "bootstrap").rmdir()
    item = custom(script(tmp_path, b"#!/bin/sh\n", "bootstrap"))
    item = replace(item, subject=subject(member("bootstrap", 0o644), manifests=()))
    answer = entrypoint(item)
    assert answer is not None
    assert answer.cause == "bootstrap is not executable in the zip (mode 0644)"


def test_a_bootstrap_that_ended_by_itself_is_another_matter(tmp_path: Path) -> None:
    assert entrypoint(custom(script(tmp_path, b"", "bootstrap"), kind="Runtime.ExitError")) is None
