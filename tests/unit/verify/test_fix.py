"""--fix: the rounds of running, seeing what is missing and adding it, with everything around made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.verify.checks.missing import MissingPath
from lambundle.verify.command import Findings, Surroundings, VerifyRequest
from lambundle.verify.fix import fix as module
from lambundle.verify.fix.extend import Addition
from lambundle.verify.fix.fix import MAX_ROUNDS, Fixed, fix, fixed_name
from lambundle.verify.fix.lost import LostFiles
from lambundle.verify.model import Check, Status, Verification
from tests.unit.verify.made import MadeMachine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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

    def verify(self, request: VerifyRequest, _around: Surroundings) -> Findings:
        """Fail for the first files that are not held."""
        self.verified.append(request.bundle)
        missing = next((list(paths) for paths in self.needed if not set(paths) <= self.held), [])
        failed = Check("missing", Status.FAIL, "missing") if missing else Check("smoke", Status.PASS, "did it")
        items = tuple(
            MissingPath(path, MACHINE.owner(path), "tool", is_directory=path in MACHINE.folders) for path in missing
        )
        return Findings(Verification(str(request.bundle), (failed,)), items)

    def extend(
        self, bundle: Path, additions: Sequence[Addition], _machine: object, out: Path, _work: Path
    ) -> tuple[str, ...]:
        """Write what stands for a new bundle."""
        new = {item.path for item in additions} - self.held
        self.held |= new | {path.rpartition("/")[0] for path in new if path.startswith("/usr/share/dir/")}
        out.write_bytes(bundle.read_bytes() + b"+")
        return tuple(sorted(new))

    def fix(self, output: Path | None = None) -> Fixed:
        """Fix it."""
        return fix(VerifyRequest(self.bundle), self.around, output or fixed_name(self.bundle))

    def lose(self, patched: pytest.MonkeyPatch, *paths: str, others: Sequence[str] = ()) -> None:
        """Let the manifest list files that are gone."""
        additions = tuple(Addition(path, "data", "it was gone") for path in paths)
        patched.setattr(module, "lost_files", lambda *_: LostFiles(additions, tuple(others)))


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


def test_what_the_manifest_lists_comes_back_first_and_once(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = world(patched, tmp_path, ["/usr/share/a"], ["/usr/share/b"])
    made.lose(patched, "/usr/share/a", "/usr/share/b", "/usr/share/c", others=["one", "two", "three", "four"])
    found = made.fix()
    assert len(made.verified) == 2, "one round is enough"
    assert found.lines == (
        "added /usr/share/a (package data): it was gone",
        "added /usr/share/b (package data): it was gone",
        "added /usr/share/c (package data): it was gone",
        "gone for good, since no package here owns it: one, two, three and 1 more",
        f"wrote {tmp_path / 'tool.fixed.zip'}",
    )


def test_a_bundle_that_passes_has_lost_nothing_that_matters(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = world(patched, tmp_path)
    made.lose(patched, "/usr/share/a")
    assert made.fix().lines == ("nothing to fix",)


def test_two_names_of_one_file_are_added_once(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "also").symlink_to("data")
    made = world(patched, tmp_path, [str(tmp_path / "also/x")])
    patched.setitem(MACHINE.owners, str(tmp_path / "also/x"), "data")
    made.lose(patched, str(tmp_path / "data/x"))
    assert sum(line.startswith("added ") for line in made.fix().lines) == 1


def test_one_path_is_one_path(patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = world(patched, tmp_path, ["/usr/share/a"], ["/etc/own"])
    assert made.fix().lines[-1] == "nothing was written: 1 path was added, and it fails still"


@pytest.mark.parametrize("verdict", ["at once", "afterwards"])
def test_what_could_not_be_found_out_is_not_written(patched: pytest.MonkeyPatch, tmp_path: Path, verdict: str) -> None:
    made = world(patched, tmp_path, *([["/usr/share/a"]] if verdict == "afterwards" else []))
    unknown = Findings(Verification("x", (Check("smoke", Status.SKIP, "no sandbox"),)))

    def verify(request: VerifyRequest, around: Surroundings) -> Findings:
        findings = made.verify(request, around)
        return findings if findings.verification.exit_code else unknown

    patched.setattr(module, "verify", verify)
    found = made.fix()
    assert found.lines[-1].startswith("nothing was written: ")
    assert found.lines[-1].endswith(("could not be found out", "helps could not be found out"))
    assert found.findings.verification.exit_code == 3
    assert not (tmp_path / "tool.fixed.zip").exists()


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
