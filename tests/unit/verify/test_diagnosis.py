"""The diagnosis: for each rule a failure that it explains, and one that it leaves to others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lambundle.bundle.model import PackOptions
from lambundle.verify.checks.environment import LostVariable, VariableDifference
from lambundle.verify.checks.missing import MissingPath
from lambundle.verify.diagnosis import RULES, Evidence, diagnose, guesses, libraries, modes, python, service, starting
from lambundle.verify.home.comparison import Comparison
from lambundle.verify.home.run import HomeRun
from lambundle.verify.model import Check, Diagnosis, Status
from tests.unit.verify.made import MadeMachine, entry, manifest, member, mounted, outcome, result, subject

SMOKE = Check("smoke", Status.FAIL, "tool ended with 1")
CC1 = "lambundle/tool/root/usr/lib/gcc/cc1"


def failed(name: str, detail: str = "what was found", hint: str = "what to do") -> Check:
    """A check that failed."""
    return Check(name, Status.FAIL, detail, hint)


def evidence(stderr: str = "", *checks: Check, status: int = 1, ended_by: str = "", **more: Any) -> Evidence:
    """A command failed and said this; these checks failed too."""
    found = Evidence(
        MadeMachine(),
        (SMOKE, *checks),
        [result(status, stderr, ended_by=ended_by)],
        subject=subject(),
        mounted=mounted(),
    )
    return replace(found, **more)


def at_home(item: Evidence, status: int, stderr: str) -> Evidence:
    """The job was done at home too, and ended so."""
    assert item.failed is not None
    return replace(item, comparisons=[Comparison(item.failed, HomeRun(outcome(status, stderr)))])


def found(item: Evidence) -> Diagnosis:
    """The diagnosis."""
    answer = diagnose(item)
    assert answer is not None
    return answer


def test_where_nothing_failed_there_is_nothing_to_say() -> None:
    assert diagnose(Evidence(MadeMachine(), [Check("smoke", Status.PASS, "did it")], [result()])) is None


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
    assert modes.lost_mode(evidence("cc1: Permission denied", subject=bundle)) is None


def test_a_launcher_that_cannot_be_executed_is_found_without_a_word() -> None:
    bundle = subject(member("bin/tool", 0o644))
    assert "tool is not executable" in found(evidence("", status=126, subject=bundle)).cause


@pytest.mark.parametrize("said", ["sh: /opt/bin/x: cannot execute binary file: Exec format error", "exec format error"])
def test_another_machine(said: str) -> None:
    assert "not for this machine" in found(evidence(said)).cause
    assert found(evidence(said, failed("platform", "8 files for aarch64"))).cause == "8 files for aarch64"


@pytest.mark.parametrize(
    ("said", "limit"),
    [("OSError: [Errno 24] Too many open files: '/x'", "1,024"), ("RuntimeError: can't start new thread", "742")],
)
def test_a_resource_limit(said: str, limit: str) -> None:
    assert limit in found(evidence(said)).cause


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
        ("sh: line 1: foo: command not found", "foo is neither"),
        ("x: error while loading shared libraries: libx.so.1: cannot open shared object file", "libx.so.1 is not in"),
        ("x: /opt/lambundle/tool/root/usr/lib/gcc/cc1: Permission denied", "cc1 is not executable"),
    ],
)
def test_what_was_said_comes_before_the_time_that_it_took(said: str, cause: str) -> None:
    assert found(evidence(said, ended_by="timeout", subject=subject(member(CC1, 0o644)))).cause.startswith(cause)


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
    module = found(evidence(said.replace("./a.out", "/var/task/m.cpython-311.so")))
    assert "manylinux" in module.cure


@pytest.mark.parametrize("name", ["environment", "integrity", "closure"])
def test_a_lost_variable_is_told_after_the_bundle_at_rest(name: str) -> None:
    checks = [failed("environment", "TOOL_DIR is not set", "set it"), *([failed(name, name)] * (name != "environment"))]
    lost = (LostVariable("TOOL_DIR", "@/etc", "tool", "recipe tool"),)
    assert found(evidence("broken", *checks, lost=lost)).cause == (
        "TOOL_DIR is not set" if name == "environment" else name
    )


def test_a_variable_that_the_program_complained_of_is_a_fact() -> None:
    named = (VariableDifference("TOOL_DIR", "tool", is_here=True, is_named=True),)
    item = evidence("TOOL_DIR is missing", failed("environment", "TOOL_DIR is set here", "set it"), different=named)
    assert found(item) == Diagnosis("TOOL_DIR is set here", "set it")


def test_a_file_that_the_program_named() -> None:
    item = MissingPath("/usr/share/tool/data", "tool-data", "/usr/bin/tool", is_named=True)
    answer = found(evidence("cannot open data", failed("missing"), failed("integrity"), missing=[item]))
    assert answer.cause == "/usr/share/tool/data of package tool-data is not in the bundle, and /usr/bin/tool needs it"
    assert answer.cure == "lambundle pack /usr/bin/tool --package tool-data"


def test_a_file_that_was_named_before_the_program_went_on_is_no_cause() -> None:
    item = MissingPath("/usr/share/tool/data", "tool-data", "/usr/bin/tool", is_named=True)
    answer = found(evidence("warning: no /usr/share/tool/data\nmy own error", failed("missing"), missing=[item]))
    assert answer.cause == "tool ended with 1: my own error"


def test_a_file_that_nobody_named_may_be_the_reason_only_where_nothing_was_said() -> None:
    item = MissingPath("/usr/share/tool/data", None, "/usr/bin/tool")
    answer = found(evidence("out of luck", failed("missing"), missing=[item]))
    assert answer.cause == "tool ended with 1: out of luck"
    answer = found(evidence("", failed("missing"), missing=[item]))
    assert answer.cause.startswith(
        "/usr/share/tool/data is not in the bundle, and /usr/bin/tool looked for it: that may be why tool ended with 1"
    )
    assert answer.is_open
    more = evidence("", failed("missing"), failed("closure", "a library is missing"), missing=[item])
    assert found(more).cause == "a library is missing"


def test_the_hosts_own_configuration_is_no_cause() -> None:
    item = MissingPath("/etc/tool.conf", None, "/usr/bin/tool")
    assert found(evidence("out of luck", failed("missing"), missing=[item])).cause == "tool ended with 1: out of luck"
    named = replace(item, is_named=True)
    assert "/etc/tool.conf" in found(evidence("tool.conf?", failed("missing"), missing=[named])).cause


def test_a_file_that_was_packed_elsewhere_and_lost_is_integritys() -> None:
    path = "lambundle/tool/root/usr/lib/base/strict.pm"
    bundle = subject(manifests=(manifest(entries=[entry(path)]),))
    item = MissingPath("/usr/share/other/strict.pm", "modules", "/usr/bin/tool", is_named=True)
    checks = (failed("integrity", f"{path} is missing", "upload"), failed("missing"))
    answer = found(evidence("Can't locate strict.pm", *checks, missing=[item], subject=bundle))
    assert answer == Diagnosis(f"{path} is missing", "upload")


@pytest.mark.parametrize(("package", "option"), [("tool-data", "--package tool-data"), (None, "--add '/usr/a b'")])
def test_a_file_of_a_package_comes_with_it_and_any_other_by_itself(package: str | None, option: str) -> None:
    item = MissingPath("/usr/a b", package, "/usr/bin/tool", is_named=True)
    answer = found(evidence("/usr/a b?", failed("missing"), missing=[item]))
    assert answer.cure == f"lambundle pack /usr/bin/tool {option}"


def test_a_cure_keeps_the_options_of_the_bundles_own_command() -> None:
    options = PackOptions(add=("/srv/x",), exclude=("*.a",))
    bundle = subject(manifests=(replace(manifest(), options=options),))
    item = MissingPath("/usr/data", "data", "/usr/bin/tool", is_named=True)
    answer = found(evidence("/usr/data?", failed("missing"), missing=[item], subject=bundle))
    assert answer.cure == "lambundle pack /usr/bin/tool --add /srv/x --package data --exclude '*.a'"


@pytest.mark.parametrize(
    ("status", "said", "is_same"),
    [(1, "my error 5", True), (1, "my error 6", True), (2, "my error 5", False), (0, "", False), (1, "other", False)],
)
def test_what_fails_at_home_in_the_same_way_is_the_jobs_fault(status: int, said: str, is_same: bool) -> None:
    item = MissingPath("/usr/data", "data", "/usr/bin/tool", is_named=True)
    answer = found(at_home(evidence("my error 5", failed("missing"), missing=[item]), status, said))
    assert ("on this machine it fails in the same way" in answer.cause) == is_same
    assert answer.cause.startswith("tool ended with 1: my error 5")


def test_what_fails_only_when_it_runs_again_finds_what_it_left() -> None:
    item = evidence("table t already exists")
    again = replace(item.results[0], first=outcome(), cold=outcome(1, "table t already exists"))
    answer = found(replace(item, results=[again]))
    assert answer.cause.endswith("when it was run again in the same environment: table t already exists")
    assert answer.cure.startswith("what it left in /tmp is there")
    assert guesses.fails_again(item) is None
    again = replace(again, cold=outcome(1, ended_by="timeout"))
    assert guesses.fails_again(replace(item, results=[again])) is None


def test_what_was_excluded_may_make_a_difference_that_no_opened_file_tells() -> None:
    checks = (Check("smoke", Status.PASS, "did it"), failed("same", "x differs"))
    item = Evidence(MadeMachine(), checks, [result()], subject=subject(), mounted=mounted())
    assert found(item) == Diagnosis("x differs", "what to do")
    without = replace(manifest(), options=PackOptions(exclude=("*.a",)))
    answer = found(replace(item, subject=subject(manifests=(without,))))
    assert answer.cause == "x differs: you excluded it (--exclude '*.a')"
    assert answer.cure == "lambundle pack /usr/bin/tool"


def test_a_line_that_home_prints_too_is_no_cause() -> None:
    said = "sh: line 1: foo: command not found\ntool: /etc/x: No such file or directory"
    home = "tool: /etc/x: No such file or directory"
    assert found(at_home(evidence(said), 0, home)).cause == "foo is neither in the bundle nor on Lambda"


def test_the_bundle_at_rest_is_asked_in_the_order_in_which_one_fault_makes_others() -> None:
    checks = [failed(name, name) for name in ("quota", "closure", "integrity", "links")]
    assert found(evidence("", *checks)).cause == "integrity"
    assert found(Evidence(MadeMachine(), checks[:2])).cause == "closure"


@pytest.mark.parametrize(
    ("said", "cause", "cure"),
    [
        ("tool: cannot find your home directory", "no HOME", "HOME=/tmp"),
        ("fatal: $HOME not set", "no HOME", "HOME=/tmp"),
        ("touch: cannot touch '/var/task/x': Read-only file system", "it writes to /var/task/x", "/tmp"),
        ("OSError: [Errno 30] Read-only file system: '/opt/cache'", "it writes to /opt/cache", "/tmp"),
        ("  File synchronize.py: in __init__ SemLock", "no /dev/shm", "threads or pipes"),
        ("touch: /home/sbx_user1051/x: Read-only file system", "no HOME", "HOME=/tmp"),
        ("bash: setlocale: LC_ALL: cannot change locale (xx_XX.UTF-8)", "the locale xx_XX.UTF-8", "LC_ALL=C.UTF-8"),
        ("locale.Error: unsupported locale setting", "the locale that it asks for", "LC_ALL=C.UTF-8"),
        ("curl: (6) Could not resolve host: example.org", "asks for the network", "does without"),
    ],
)
def test_what_lambda_does_not_have(said: str, cause: str, cure: str) -> None:
    answer = found(evidence(said))
    assert cause in answer.cause
    assert cure in answer.cure


def test_what_was_used_of_the_host_is_told_when_nothing_else_is() -> None:
    assert found(evidence("broken", failed("isolation", "the host's", "try"))) == Diagnosis("the host's", "try")


def test_a_variable_that_nobody_named_may_be_the_reason_and_hides_no_other() -> None:
    check = failed("environment", "TOOL_HOME is set here", "set it")
    answer = found(evidence("broken", check))
    assert answer == Diagnosis("tool ended with 1: broken; it may be that TOOL_HOME is set here", "set it")
    assert "TOOL_HOME" not in found(evidence("ValueError: no good", check)).cause
    assert "TOOL_HOME" not in found(evidence("ModuleNotFoundError: No module named 'x'", check)).cause
    assert "TOOL_HOME" not in found(evidence("curl: (7) Failed to connect to 127.0.0.1", check)).cause


@pytest.mark.parametrize(
    ("said", "cause", "cure"),
    [
        ("fatal: empty ident name (for <>) not allowed", "git does not know who commits", "GIT_COMMITTER_EMAIL"),
        ("cat: /dev/fd/63: No such file or directory", "there is no /dev/fd/63 on Lambda", "<( )"),
        ("x: /proc/bus: No such file or directory", "there is no /proc/bus on Lambda", "null"),
        ("curl: (7) Failed to connect to x port 1", "nothing answers where it connects to", "verify has no network"),
        ("x: cannot open '/data/x': No such file", "cannot open '/data/x'", "no /data/x on this machine either"),
        ("x: /data/here: No such file or directory", "/data/here is neither in the bundle", "--add /data/here"),
        ("x: /opt/data/x: No such file or directory", "/opt/data/x is neither in the bundle nor in a layer", "--layer"),
        ("x: /opt/bin/foo: No such file or directory", "/opt/bin/foo is neither", "lambundle pack /usr/bin/tool foo"),
        ("x: /usr/bin/foo: No such file or directory", "/usr/bin/foo is neither", "lambundle pack /usr/bin/tool foo"),
    ],
)
def test_what_nobody_can_bring_and_what_somebody_can(said: str, cause: str, cure: str) -> None:
    answer = found(evidence(said, machine=MadeMachine({"/data/here": ""})))
    assert cause in answer.cause
    assert cure in answer.cure


@pytest.mark.parametrize("said", ["HOME=/root", "/home/me/x failed", "JAVA_HOME is not set"])
def test_not_everything_is_for_want_of_a_home(said: str) -> None:
    assert service.no_home(evidence(said)) is None


def test_where_nothing_fits_the_last_words_are_repeated() -> None:
    assert found(evidence("first\nlast words\n\n")).cause == "tool ended with 1: last words"
    assert found(evidence("")).cause == "tool ended with 1, and said nothing"


def test_recording_is_offered_for_a_command_that_can_be_typed() -> None:
    assert "lambundle pack /usr/bin/tool --record 'tool x'" in found(evidence("")).cure
    assert "--record" not in found(evidence("", subject=subject(manifests=()))).cure


def test_a_check_without_a_hint_still_has_a_cure() -> None:
    assert found(Evidence(MadeMachine(), [failed("quota", "too large", "")])).cure


def test_every_rule_is_asked() -> None:
    public = {
        value
        for module in (guesses, libraries, modes, python, service, starting)
        for name, value in vars(module).items()
        if getattr(value, "__annotations__", {}) == {"evidence": "Evidence", "return": "Diagnosis | None"}
        if value.__module__ == module.__name__ and not name.startswith("_")
    }
    assert public == set(RULES)
    assert RULES[-1] is guesses.unknown
