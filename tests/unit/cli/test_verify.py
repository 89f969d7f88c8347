"""The command line of verify: what it makes of its options, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lambundle.cli.main import cli
from lambundle.verify import command
from lambundle.verify.command import Findings, VerifyRequest
from lambundle.verify.fix import fix
from lambundle.verify.model import Check, Diagnosis, Status, Verification
from lambundle.verify.sandbox.interface import MIB, Limits

if TYPE_CHECKING:
    from click.testing import Result

PASSED = Verification("x.zip", (Check("integrity", Status.PASS, "fine"),), notes=("a stand-in",))
FAILED = Verification("x.zip", (Check("smoke", Status.FAIL, "broke"),), diagnosis=Diagnosis("it", "mend it"))


class Verify:
    """Runs the command line with a verification that is made up, and keeps the request."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[VerifyRequest] = []
        self.fixes: list[Any] = []
        self.answer = Findings(PASSED)
        monkeypatch.setattr(command, "verify", self._verify)
        monkeypatch.setattr(fix, "fix", self._fix)

    def _verify(self, request: VerifyRequest, _around: object) -> Findings:
        self.requests.append(request)
        return self.answer

    def _fix(self, request: VerifyRequest, _around: object, output: Path | None) -> fix.Fixed:
        self.requests.append(request)
        self.fixes.append(output)
        return fix.Fixed(self.answer, ("added /x (package x): it looked for it", "wrote x.fixed.zip"))

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["verify", *arguments])


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Return the command line."""
    return Verify(monkeypatch)


def test_without_options_it_is_lambdas_own_limits(verify: Verify) -> None:
    assert verify("x.zip").exit_code == 0
    assert verify.requests == [VerifyRequest(Path("x.zip"))]


def test_every_option_arrives(verify: Verify) -> None:
    verify(
        "x.zip", "--image", "i", "--sandbox", "docker", "--mount", "/var/task", "--memory", "256", "--tmp", "1024",
        "--timeout", "2.5", "--layer", "a.zip", "--layer", "b.zip", "--arch", "arm64", "--strict", "--", "tool", "-v",
    )  # fmt: skip
    assert verify.requests == [
        VerifyRequest(
            Path("x.zip"),
            command=("tool", "-v"),
            image="i",
            sandbox="docker",
            mount="/var/task",
            limits=Limits(256 * MIB, 1024 * MIB, 2.5),
            layers=(Path("a.zip"), Path("b.zip")),
            arch="aarch64",
            strict=True,
        )
    ]
    verify("x.zip", "--handler", "m.f", "--event", "a", "--event", "b", "--static")
    request = verify.requests[-1]
    assert (request.handler, request.events, request.static) == ("m.f", (Path("a"), Path("b")), True)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("x.zip", "--handler", "m.f", "--", "tool"),
        ("x.zip", "--event", "e", "--", "tool"),
        ("x.zip", "--image", "i", "--sandbox", "bubblewrap"),
        ("x.zip", "--static", "--fix"),
        ("x.zip", "-o", "y.zip"),
        ("x.zip", "--memory", "64"),
        ("x.zip", "--mount", "/usr"),
        ("x.zip", "--sandbox", "chroot"),
        ("x.zip", "--timeout", "901"),
        ("x.zip", "--handler", ""),
        ("x.zip", "--image", " "),
    ],
)
def test_what_has_no_meaning_is_wrong_usage(verify: Verify, arguments: tuple[str, ...]) -> None:
    assert verify(*arguments).exit_code == 2
    assert verify.requests == []


def test_a_failure_ends_with_1_and_its_cure(verify: Verify) -> None:
    verify.answer = Findings(FAILED)
    found = verify("x.zip")
    assert found.exit_code == 1
    assert found.stdout.splitlines()[-3:] == ["FAIL  1 failed", "cause: it", " cure: mend it"]


def test_json_is_all_that_is_printed(verify: Verify) -> None:
    found = verify("x.zip", "--json")
    assert json.loads(found.stdout)["verdict"] == "pass"
    assert found.stderr == ""


def test_quiet_prints_the_verdict(verify: Verify) -> None:
    assert verify("x.zip", "-q").stdout == "PASS  1 passed\n"


def test_quiet_says_why_nothing_could_be_found_out(verify: Verify) -> None:
    verify.answer = Findings(Verification("x.zip", (Check("smoke", Status.SKIP, "no Docker here"),)))
    found = verify("x.zip", "-q")
    assert (found.exit_code, found.stdout, found.stderr) == (3, "UNKNOWN  1 skipped\n", "error: no Docker here\n")


def test_fix_tells_what_it_added(verify: Verify) -> None:
    found = verify("x.zip", "--fix", "-o", "y.zip")
    assert found.stdout.startswith("added /x (package x): it looked for it\nwrote x.fixed.zip\n")
    assert verify.fixes == [Path("y.zip")]
    found = verify("x.zip", "--fix", "--json")
    assert "added /x" in found.stderr
    assert json.loads(found.stdout)


def test_help_imports_nothing_heavy() -> None:
    text = (
        "import sys; from lambundle.cli.main import cli\n"
        "cli(['verify', '--help'], standalone_mode=False)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'lief', 'rich', 'deflate'}))\n"
        "print(any(name.startswith('lambundle.verify.') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["[]", "False"]


def test_what_packs_and_what_serves_a_function_is_imported_where_it_is_used() -> None:
    text = (
        "import sys; import lambundle.verify.command\n"
        "print(sorted({'h11', 'lief', 'lambundle.pack.plan', 'lambundle.verify.function.invoke'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
