"""The diagnosis: for each rule a failure that it explains, and one that it leaves to others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambundle.verify import diagnosis
from lambundle.verify.diagnosis import RULES, Evidence, diagnose
from lambundle.verify.environment import Difference, Lost
from lambundle.verify.missing import MissingPath
from lambundle.verify.model import Check, Diagnosis, Status
from tests.unit.verify.made import attempt, entry, manifest, member, mounted, subject

if TYPE_CHECKING:
    from pathlib import Path

SMOKE = Check("smoke", Status.FAIL, "tool ended with 1")
CC1 = "lambundle/tool/root/usr/lib/gcc/cc1"


def failed(name: str, detail: str = "what was found", hint: str = "what to do") -> Check:
    """A check that failed."""
    return Check(name, Status.FAIL, detail, hint)


def evidence(stderr: str = "", *checks: Check, status: int = 1, ended_by: str = "", **more: Any) -> Evidence:
    """A command failed and said this; these checks failed too."""
    found = Evidence(
        (SMOKE, *checks), [attempt(status, stderr, ended_by=ended_by)], subject=subject(), mounted=mounted()
    )
    return replace(found, **more)


def found(item: Evidence) -> Diagnosis:
    """The diagnosis."""
    answer = diagnose(item)
    assert answer is not None
    return answer


def test_where_nothing_failed_there_is_nothing_to_say() -> None:
    assert diagnose(Evidence([Check("smoke", Status.PASS, "did it")], [attempt()])) is None


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("gcc: fatal error: cannot execute 'cc1': execvp: No such file or directory", 1),
        ("gcc: fatal error: cannot execute 'cc1': posix_spawn: Permission denied", 1),
        ("gcc: fatal error: cannot execute \u2018cc1\u2019: execvp: No such file or directory", 1),
        ("sh: line 1: /opt/lambundle/tool/root/usr/lib/gcc/cc1: Permission denied", 126),
        ("error: cannot exec '/usr/lib/gcc/cc1': Permission denied", 1),
    ],
)
def test_a_lost_mode_is_named_and_who_dropped_it(said: str, status: int) -> None:
    bundle = subject(member(CC1, 0o644), manifests=(manifest(entries=[entry(CC1, 0o755)]),))
    answer = found(evidence(said, failed("integrity"), failed("permissions"), status=status, subject=bundle))
    assert answer.cause == ("cc1 is not executable in the zip (mode 0644): it was re-zipped by a tool that drops modes")
    assert answer.cure == "upload tool.zip itself, as lambundle wrote it"


def test_a_mode_that_was_never_right_is_to_be_set() -> None:
    bundle = subject(member(CC1, 0o600), manifests=())
    answer = found(evidence("cc1: Permission denied", subject=bundle))
    assert answer.cause == "cc1 is not readable in the zip (mode 0600)"
    assert "chmod 755" in answer.cure


def test_permission_denied_of_a_file_with_the_right_mode_is_another_matter() -> None:
    bundle = subject(member(CC1, 0o755))
    assert diagnosis.lost_mode(evidence("cc1: Permission denied", subject=bundle)) is None


def test_a_launcher_that_cannot_be_executed_is_found_without_a_word() -> None:
    bundle = subject(member("bin/tool", 0o644))
    assert "tool is not executable" in found(evidence("", status=126, subject=bundle)).cause


@pytest.mark.parametrize("said", ["sh: /opt/bin/x: cannot execute binary file: Exec format error", "Exec format error"])
def test_another_machine(said: str) -> None:
    assert "not for this machine" in found(evidence(said)).cause
    assert found(evidence(said, failed("platform", "8 files for aarch64"))).cause == "8 files for aarch64"


@pytest.mark.parametrize("name", ["memory", "tmp"])
def test_a_limit_comes_before_everything(name: str) -> None:
    item = evidence("x: Permission denied; HOME", failed(name, "too little"), failed("integrity"))
    assert found(item) == Diagnosis("too little", "what to do")


def test_time_is_a_limit_too() -> None:
    answer = found(evidence("", ended_by="timeout"))
    assert "had not ended after" in answer.cause
    assert "--timeout" in answer.cure


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (
            "tool: error while loading shared libraries: libx.so.1: cannot open shared object file: No such file",
            "libx.so.1 is not in the bundle, and tool needs it",
        ),
        ("ImportError: libx.so.1: cannot open shared object file", "libx.so.1 is not in the bundle, and tool needs it"),
    ],
)
def test_a_missing_library(said: str, cause: str) -> None:
    assert found(evidence(said, failed("closure"))).cause == cause
    missing = [MissingPath("/usr/lib/libx.so.1", "libx", "tool")]
    assert "--add /usr/lib/libx.so.1" in found(evidence(said, missing=missing)).cure


def test_a_loader_that_does_not_know_the_options() -> None:
    said = "--argv0: error while loading shared libraries: --argv0: cannot open shared object file"
    assert found(evidence(said)).cause.startswith("the launcher starts the host's loader")


def test_a_program_that_got_the_hosts_libc() -> None:
    said = "./a.out: /lib64/libc.so.6: version `GLIBC_2.34' not found (required by ./a.out)"
    answer = found(evidence(said))
    assert answer.cause == "a.out needs GLIBC_2.34 and got the host's libc.so.6, which is older"
    assert "-static" in answer.cure


@pytest.mark.parametrize(
    "said",
    [
        "sh: line 1: foo: command not found",
        "/bin/bash: line 1: foo: command not found",
        "sh: 1: foo: not found",
        "/opt/lambundle/tool/root/usr/bin/dash: 1: foo: not found",
    ],
)
def test_a_command_that_nobody_has(said: str) -> None:
    answer = found(evidence(said, status=127))
    assert answer.cause == "foo is neither in the bundle nor on Lambda"
    assert answer.cure == "pack it too: lambundle pack /usr/bin/tool foo"


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    said = "sh: /opt/bin/x: /usr/bin/python9: bad interpreter: No such file or directory"
    answer = found(evidence(said, status=126))
    assert answer.cause == "/opt/bin/x: cannot start: /usr/bin/python9 is not there".replace("x: cannot", "x cannot")
    assert "--add /usr/bin/python9" in answer.cure
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/x").touch()
    said = "env: '/opt/bin/x': No such file or directory"
    assert "what starts it is not" in found(evidence(said, status=127, mounted=mounted(tmp_path))).cause
    assert "what starts it is not" not in found(evidence(said, status=127)).cause


def test_a_variable_that_the_bundle_lost_or_the_program_named() -> None:
    check = failed("environment", "TOOL_DIR is not set", "set it")
    lost = (Lost("TOOL_DIR", "@/etc", "tool", "recipe tool"),)
    named = (Difference("TOOL_DIR", "tool", is_here=True, is_named=True),)
    for more in ({"lost": lost}, {"different": named}):
        assert found(evidence("broken", check, failed("integrity"), failed("missing"), **more)).cause == check.detail


def test_a_file_that_the_program_named() -> None:
    item = MissingPath("/usr/share/tool/data", "tool-data", "/usr/bin/tool", is_named=True)
    answer = found(evidence("cannot open data", failed("missing"), failed("integrity"), missing=[item]))
    assert answer.cause == "/usr/share/tool/data of package tool-data is not in the bundle, and /usr/bin/tool needs it"
    assert "--add /usr/share/tool/data" in answer.cure


def test_a_file_that_nobody_named_comes_after_the_bundle_at_rest() -> None:
    item = MissingPath("/usr/share/tool/data", None, "/usr/bin/tool")
    assert "/usr/share/tool/data is not in the bundle" in found(evidence("", failed("missing"), missing=[item])).cause
    more = evidence("", failed("missing"), failed("closure", "a library is missing"), missing=[item])
    assert found(more).cause == "a library is missing"


def test_the_bundle_at_rest_is_asked_in_the_order_in_which_one_fault_makes_others() -> None:
    checks = [failed(name, name) for name in ("quota", "closure", "integrity", "links")]
    assert found(evidence("", *checks)).cause == "integrity"
    assert found(Evidence(checks[:2])).cause == "closure"


@pytest.mark.parametrize(
    ("said", "cause", "cure"),
    [
        ("tool: cannot find your home directory", "no HOME", "HOME=/tmp"),
        ("fatal: $HOME not set", "no HOME", "HOME=/tmp"),
        ("touch: cannot touch '/var/task/x': Read-only file system", "it writes to /var/task/x", "/tmp"),
        ("OSError: [Errno 30] Read-only file system: '/opt/cache'", "it writes to /opt/cache", "/tmp"),
        ("  File synchronize.py: in __init__ SemLock", "no /dev/shm", "threads or pipes"),
        ("curl: (6) Could not resolve host: example.org", "asks for the network", "does without"),
    ],
)
def test_what_lambda_does_not_have(said: str, cause: str, cure: str) -> None:
    answer = found(evidence(said))
    assert cause in answer.cause
    assert cure in answer.cure


@pytest.mark.parametrize("name", ["isolation", "environment"])
def test_what_may_be_the_reason_is_told_when_nothing_else_is(name: str) -> None:
    assert found(evidence("broken", failed(name, "maybe", "try"))) == Diagnosis("maybe", "try")


def test_where_nothing_fits_the_last_words_are_repeated() -> None:
    assert found(evidence("first\nlast words\n\n")).cause == "tool ended with 1: last words"
    assert found(evidence("")).cause == "tool ended with 1, and said nothing"


def test_a_check_without_a_hint_still_has_a_cure() -> None:
    assert found(Evidence([failed("quota", "too large", "")])).cure


def test_every_rule_is_asked() -> None:
    public = {
        value
        for name, value in vars(diagnosis).items()
        if callable(value) and getattr(value, "__module__", "") == diagnosis.__name__ and not name.startswith("_")
    } - {diagnose, Evidence}
    assert public == set(RULES)
    assert RULES[-1] is diagnosis.unknown
