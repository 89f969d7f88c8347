"""Cures are tried before they are told, and --fix writes the one that helps; packing and verifying are made up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import Entry, Kind
from lambundle.pack.again import pack_command
from lambundle.verify import explain
from lambundle.verify.checks.environment import VariableDifference
from lambundle.verify.checks.missing import MissingPath
from lambundle.verify.checks.same import OF_THE_MACHINE
from lambundle.verify.command import Findings, Surroundings, VerifyRequest
from lambundle.verify.diagnosis import Evidence
from lambundle.verify.explain import explained
from lambundle.verify.fix import fix as module
from lambundle.verify.fix.fix import fix, fixed_name
from lambundle.verify.home.compare import Differences
from lambundle.verify.home.comparison import Comparison
from lambundle.verify.home.run import HomeRun
from lambundle.verify.model import Check, Status, Verification
from lambundle.verify.repack.remedy import Remedy
from tests.unit.verify.made import MadeMachine, entry, manifest, mounted, outcome, result, subject

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.bundle.model import Manifest
    from lambundle.verify.packing_machine import PackingMachine

MACHINE = MadeMachine(
    {**{f"/usr/share/{name}/{file}": name for name in "ab" for file in "xy"}, "/etc/own": ""},
    variables={"TOOL_HOME": "/x"},
)


@dataclass
class Packer:
    """Packs nothing, and writes down what it was packed with."""

    manifest: Manifest = field(default_factory=manifest)
    tried: list[Remedy] = field(default_factory=list)
    can_pack: bool = True

    def command(self, remedy: Remedy) -> str:
        """Return the command."""
        return " ".join(pack_command(self.manifest, remedy.applied(self.manifest.options), remedy.programs))

    def bringing(self, path: str) -> Remedy:
        """Return the package of a path, or the path."""
        owner = MACHINE.owner(path)
        return Remedy(packages=(owner,)) if owner else Remedy(add=(path,))

    def excluding(self, _name: str) -> tuple[str, ...]:
        """Nothing is excluded."""
        return ()

    def write(self, remedy: Remedy, out: Path, *, is_zip: bool = False) -> bool:
        """Write down the remedy."""
        self.tried.append(remedy)
        if is_zip:
            out.write_bytes(b"new")
        return self.can_pack

    def news(self, remedy: Remedy) -> tuple[Entry, ...]:
        """Two files of each package."""
        found = [replace(entry(f"{name}{number}"), package=name) for name in remedy.packages for number in (1, 2)]
        return (*found, *(Entry(path, Kind.FILE, 0o644) for path in remedy.add))


class World:
    """A bundle that passes with ``needs``; until then it says ``said`` and has looked for ``paths``."""

    def __init__(
        self, tmp_path: Path, needs: Remedy | None, said: str = "broken", paths: tuple[str, ...] = ("/usr/share/a/x",)
    ) -> None:
        self.needs, self.said, self.paths = needs, said, paths
        self.packer = Packer()
        self.bundle = tmp_path / "tool.zip"
        self.bundle.write_bytes(b"old")
        work = tmp_path / "work"
        work.mkdir()
        self.steps: list[str] = []
        self.around = Surroundings(work, MACHINE, (), self.steps.append)
        self.request = VerifyRequest(self.bundle, command=("tool", "x"))
        self.needs_variable = ""
        self.words: list[str] = []

    def examine(self, request: VerifyRequest, around: Surroundings) -> Findings:
        """Pass if what it was packed with last is enough."""
        around.progress("examining")
        last = self.packer.tried[-1] if self.packer.tried and request.bundle != self.bundle else None
        is_cured = last is not None and self.needs is not None and last | self.needs == last
        if is_cured or (self.needs_variable and self.needs_variable in request.command):
            check = Check("smoke", Status.PASS, "did it")
            return Findings(Verification(str(request.bundle), (check,)), (), Evidence(MACHINE, (check,)))
        lacked = [path for path in self.paths if last is None or (MACHINE.owner(path) or "") not in last.packages]
        missing = [
            MissingPath(path, MACHINE.owner(path), "/usr/bin/tool", is_named=path in self.said) for path in lacked
        ]
        checks = (Check("smoke", Status.FAIL, "tool ended with 1"), Check("missing", Status.FAIL, "missing", "hint"))
        different = [VariableDifference("TOOL_HOME", "tool", is_here=True, is_named=False)]
        evidence = Evidence(MACHINE, checks, [result(1, self.said)], subject(), mounted(), missing, different=different)
        return Findings(Verification(str(request.bundle), checks), (), evidence)

    def verify(self, request: VerifyRequest | None = None, _around: Surroundings | None = None) -> Findings:
        """Verify it."""
        asked = request or self.request
        return explained(self.examine(asked, self.around), asked, self.around, self.examine)

    def told(self) -> tuple[str, str]:
        """Return cause and cure."""
        found = self.verify().verification.diagnosis
        assert found is not None
        return found.cause, found.cure


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a bundle that lacks package a, and says nothing of it."""
    made = World(tmp_path, Remedy(packages=("a",)))

    def packer(_manifest: Manifest, _machine: PackingMachine, _bundle: Path) -> Packer:
        return made.packer

    monkeypatch.setattr(explain, "Repacker", packer)
    monkeypatch.setattr(module, "verify", made.verify)
    monkeypatch.setattr(module, "examine", made.examine)
    return made


def test_what_was_looked_for_is_the_cause_when_with_it_the_job_succeeds(world: World) -> None:
    cause, cure = world.told()
    assert cause == (
        "/usr/share/a/x of package a is not in the bundle, and /usr/bin/tool needs it: with it tool succeeds"
    )
    assert cure == "lambundle pack /usr/bin/tool --package a"


def test_what_is_tried_stays_on_the_progress_line(world: World) -> None:
    world.verify()
    assert world.steps == ["examining", "trying lambundle pack /usr/bin/tool --package a"]


def test_what_does_not_help_is_no_cause_and_no_check_fails_for_it(world: World) -> None:
    world.needs = None
    found = world.verify().verification
    assert found.diagnosis is not None
    assert found.diagnosis.cause == "tool ended with 1: broken"
    assert [check.status for check in found.checks] == [Status.FAIL, Status.PASS]
    assert found.checks[1].detail.endswith("that is not why it failed")


def test_a_known_cause_that_is_no_file_leaves_no_check_that_fails_for_a_file(world: World) -> None:
    world.said = "cannot create /etc/x: Read-only file system"
    found = world.verify().verification
    assert found.diagnosis is not None
    assert found.diagnosis.cause == "it writes to /etc/x, and on Lambda only /tmp can be written"
    assert found.checks[1].detail.endswith("that is not why it failed")


def test_a_variable_is_the_cause_only_when_with_it_the_job_succeeds(world: World) -> None:
    world.needs, world.needs_variable = None, "TOOL_HOME=/x"
    cause, cure = world.told()
    assert cause.startswith("TOOL_HOME is set here and not on Lambda")
    assert cure == 'set TOOL_HOME="$TOOL_HOME" in the function\'s configuration'


def test_one_thing_after_the_other_that_is_named_makes_one_cure(world: World) -> None:
    world.said = "cannot open /usr/share/a/x and /usr/share/b/x"
    world.paths = ("/usr/share/a/x", "/usr/share/b/x")
    world.needs = Remedy(packages=("a", "b"))
    cause, cure = world.told()
    assert cause.startswith("/usr/share/a/x of package a is not in the bundle")
    assert cure == "lambundle pack /usr/bin/tool --package a --package b"


@pytest.mark.parametrize(("needs", "cure"), [("a", "lambundle pack /usr/bin/tool --package a"), ("b", OF_THE_MACHINE)])
def test_a_file_that_only_home_opened_is_the_cause_when_with_it_the_result_is_the_same(
    world: World, needs: str, cure: str
) -> None:
    world.needs = Remedy(packages=(needs,))
    opened = (MissingPath("/usr/share/a/x", "a", ""),)
    compared = Comparison(result(), HomeRun(outcome()), Differences(("x differs",)), opened)
    checks = (Check("smoke", Status.PASS, "did it"), Check("same", Status.FAIL, "x differs", "hint"))
    evidence = Evidence(MACHINE, checks, [result()], subject(), mounted(), comparisons=[compared])
    findings = Findings(Verification("tool.zip", checks), (), evidence)
    found = explained(findings, world.request, world.around, world.examine).verification
    assert found.diagnosis is not None
    assert found.diagnosis.cure == found.checks[1].hint == cure
    assert ("/usr/share/a/x" in found.diagnosis.cause) == (needs == "a")


def test_two_things_that_nobody_named_are_tried_together(world: World) -> None:
    world.paths = ("/usr/share/a/x", "/usr/share/b/x", "/usr/share/a/y")
    world.needs = Remedy(packages=("a", "b"))
    cause, cure = world.told()
    assert cause.startswith("/usr/share/a/x of package a and /usr/share/b/x of package b: none of it is in")
    assert cure == "lambundle pack /usr/bin/tool --package a --package b"
    assert world.packer.tried == [
        Remedy(packages=("a",)),
        Remedy(packages=("b",)),
        Remedy(packages=("a", "b")),
    ]


def test_what_was_said_for_certain_stays_where_it_cannot_be_packed(world: World) -> None:
    world.said, world.packer.can_pack = "cannot open /usr/share/a/x", False
    assert world.told() == (
        "/usr/share/a/x of package a is not in the bundle, and /usr/bin/tool needs it",
        "lambundle pack /usr/bin/tool --package a",
    )


@pytest.mark.parametrize("change", [{"static": True}, {"layers": ("x",)}])
def test_nothing_is_tried_on_what_was_not_run_by_itself(world: World, change: dict[str, object]) -> None:
    world.verify(replace(world.request, **change))  # type: ignore[arg-type]
    assert world.packer.tried == []


# ---- --fix ----


def test_the_bundle_with_what_helped_is_written_beside_the_old_one(world: World, tmp_path: Path) -> None:
    found = fix(world.request, world.around, fixed_name(world.bundle))
    out = tmp_path / "tool.fixed.zip"
    assert (out.read_bytes(), world.bundle.read_bytes()) == (b"new", b"old")
    assert found.lines == (
        "added 2 files of package a",
        "packed again: lambundle pack /usr/bin/tool --package a",
        f"wrote {out}",
    )
    assert found.findings.verification.bundle == str(out)
    assert found.findings.verification.exit_code == 0


def test_it_is_written_where_the_user_says(world: World, tmp_path: Path) -> None:
    fix(world.request, world.around, tmp_path / "mine.zip")
    assert {path.name for path in tmp_path.iterdir()} == {"tool.zip", "mine.zip", "work"}


def test_what_is_of_no_package_is_counted_too(world: World) -> None:
    world.paths, world.needs, world.said = ("/etc/own",), Remedy(add=("/etc/own",)), "/etc/own?"
    assert fix(world.request, world.around, fixed_name(world.bundle)).lines[0] == "added 1 file of no package"


def test_a_bundle_that_was_changed_is_packed_again_as_it_was(world: World) -> None:
    world.paths, world.needs = (), Remedy()
    assert (
        fix(world.request, world.around, fixed_name(world.bundle)).lines[0]
        == "packed again: lambundle pack /usr/bin/tool"
    )


def test_what_does_not_help_is_not_written(world: World, tmp_path: Path) -> None:
    world.needs = None
    found = fix(world.request, world.around, fixed_name(world.bundle))
    assert found.lines == ("nothing was written: what fails is nothing that a file of this machine would cure",)
    assert found.findings.verification.exit_code == 1
    assert not (tmp_path / "tool.fixed.zip").exists()


@pytest.mark.parametrize(("status", "line"), [(Status.PASS, "nothing to fix"), (Status.SKIP, "could not be found out")])
def test_what_did_not_fail_is_left_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch, status: Status, line: str
) -> None:
    findings = Findings(Verification("x", (Check("smoke", status, "x"),)))
    monkeypatch.setattr(module, "verify", lambda *_: findings)
    found = fix(world.request, world.around, fixed_name(world.bundle))
    assert found.lines[-1].endswith(line)
    assert world.packer.tried == []
