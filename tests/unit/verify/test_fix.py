"""--fix: the rounds of running, seeing what is missing and adding it, with everything around made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.verify import fix as module
from lambundle.verify.command import Findings, Request, Surroundings
from lambundle.verify.fix import MAX_ROUNDS, Fixed, fix
from lambundle.verify.missing import MissingPath
from lambundle.verify.model import Check, Status, Verification
from tests.unit.verify.made import MadeMachine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lambundle.verify.extend import Addition

MACHINE = MadeMachine(
    {**{f"/usr/share/{name}": "data" for name in "abcdefgh"}, "/usr/share/dir/one": "data", "/etc/own": ""},
    folders={"/usr/share/dir": "data"},
)


class World:
    """Bundles that miss ``needed`` files, one at a time unless they are looked for together."""

    def __init__(self, tmp_path: Path, needed: Sequence[Sequence[str]]) -> None:
        self.needed = needed
        self.held: set[str] = set()
        self.verified: list[Path] = []
        self.bundle = tmp_path / "tool.zip"
        self.bundle.write_bytes(b"old")
        work = tmp_path / "work"
        work.mkdir()
        self.around = Surroundings(work, MACHINE, ())

    def verify(self, request: Request, _around: Surroundings) -> Findings:
        """Fail for the first files that are not held."""
        self.verified.append(request.bundle)
        missing = next((list(paths) for paths in self.needed if not set(paths) <= self.held), [])
        failed = Check("missing", Status.FAIL, "missing") if missing else Check("smoke", Status.PASS, "did it")
        items = tuple(
            MissingPath(path, MACHINE.owner(path), "tool", is_directory=path in MACHINE.folders) for path in missing
        )
        return Findings(Verification(str(request.bundle), (failed,)), items)

    def extend(
        self, bundle: Path, additions: Sequence[Addition], _is_owned: object, out: Path, _work: Path
    ) -> tuple[str, ...]:
        """Write what stands for a new bundle."""
        new = {item.path for item in additions} - self.held
        self.held |= new | {path.rpartition("/")[0] for path in new if path.startswith("/usr/share/dir/")}
        out.write_bytes(bundle.read_bytes() + b"+")
        return tuple(sorted(new))

    def fix(self, output: Path | None = None) -> Fixed:
        """Fix it."""
        return fix(Request(self.bundle), self.around, output)


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return what puts a world in the place of verify and extend."""
    return monkeypatch


def world(patched: pytest.MonkeyPatch, tmp_path: Path, *needed: Sequence[str]) -> World:
    """Put a world in their place."""
    made = World(tmp_path, needed)
    patched.setattr(module, "verify", made.verify)
    patched.setattr(module, "extend", made.extend)
    return made


def test_one_thing_after_the_other_is_added_until_it_passes(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = world(patched, tmp_path, ["/usr/share/a"], ["/usr/share/b", "/usr/share/c"])
    found = made.fix()
    out = tmp_path / "tool.fixed.zip"
    assert out.read_bytes() == b"old++"
    assert made.bundle.read_bytes() == b"old"
    assert found.lines == (
        "added /usr/share/a (package data): tool looked for it",
        "added /usr/share/b (package data): tool looked for it",
        "added /usr/share/c (package data): tool looked for it",
        f"wrote {out}",
    )
    assert found.findings.verification.bundle == str(out)
    assert found.findings.verification.exit_code == 0


def test_it_is_written_where_the_user_says(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = world(patched, tmp_path, ["/usr/share/a"])
    made.fix(tmp_path / "mine.zip")
    assert {path.name for path in tmp_path.iterdir()} == {"tool.zip", "mine.zip", "work"}


def test_of_a_directory_all_that_its_package_brought_is_added(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert world(patched, tmp_path, ["/usr/share/dir"]).fix().lines[0].startswith("added /usr/share/dir/one")


def test_what_no_package_owns_is_not_added(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = world(patched, tmp_path, ["/etc/own"]).fix()
    assert found.lines == ("nothing was written: what fails is nothing that a file of a package here would cure",)
    assert not (tmp_path / "tool.fixed.zip").exists()


def test_a_bundle_that_passes_is_left_as_it_is(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = world(patched, tmp_path)
    assert made.fix().lines == ("nothing to fix",)
    assert made.verified == [made.bundle]


def test_rounds_have_an_end_and_what_did_not_help_is_not_written(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = world(patched, tmp_path, *(["/usr/share/" + name] for name in "abcdefgh"))
    found = made.fix()
    assert len(made.verified) == MAX_ROUNDS + 1
    assert found.lines[-1] == f"nothing was written: {MAX_ROUNDS} paths were added, and it fails still"
    assert found.findings.verification.bundle == str(made.bundle)
    assert not (tmp_path / "tool.fixed.zip").exists()


def test_what_was_added_and_is_missing_still_is_not_added_again(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = world(patched, tmp_path, ["/usr/share/a"])
    patched.setattr(module, "extend", lambda *_: ())
    assert made.fix().lines[0].startswith("nothing was written")
    assert len(made.verified) == 1
