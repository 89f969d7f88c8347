"""The comparison of the corpus with home sees what differs: a test of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import Entry, Group, Kind, Manifest, PackedOn, Reason
from lambundle.bundle.write import write_zip
from tests.integration import twins
from tests.integration.add_ons import add_on_bytes
from tests.integration.corpus import load_jobs
from tests.integration.twins import Result, compare

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bareroot import Sandbox

JOB = load_jobs()[0]
SAME = Result(("one", "two"), {"a": "1", "b": "2"})


def compared(monkeypatch: pytest.MonkeyPatch, sandbox: object, tree: Path, *results: Result) -> tuple[str, ...]:
    """Compare a job whose results are those of the bundle, of home, and of home again."""
    left = list(results)
    monkeypatch.setattr(twins, "result", lambda *_: left.pop(0))
    monkeypatch.setattr(twins, "stand_in", lambda *_: tree)
    monkeypatch.setattr("tests.integration.twins.time.sleep", lambda _: None)
    made: Sandbox = sandbox  # type: ignore[assignment]
    return compare(JOB, made, tree, "/opt")


@pytest.mark.parametrize(
    ("away", "found"),
    [
        (SAME, ()),
        (Result(("one", "other"), SAME.made), ("stdout: 'two' at home, 'other' from the bundle",)),
        (Result(("one",), SAME.made), ("stdout: '2 lines' at home, '1 lines' from the bundle",)),
        (Result(SAME.lines, {"a": "1", "b": "3"}), ("b: differs",)),
        (Result(SAME.lines, {"a": "1"}), ("b: is made on one side only",)),
    ],
)
def test_what_differs_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, away: Result, found: tuple[str, ...]
) -> None:
    assert compared(monkeypatch, None, tmp_path, away, SAME, SAME) == found


def test_what_differs_by_itself_at_home_is_not_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    away = Result(("one", "now"), {"a": "9", "b": "9"})
    again = Result(("one", "later"), {"a": "8", "b": "2"})
    assert compared(monkeypatch, None, tmp_path, away, SAME, again) == ("b: differs",)


def test_bytes_that_only_an_add_on_holds_are_counted(tmp_path: Path) -> None:
    root = "lambundle/x/root"

    def file(path: str, size: int, *reasons: Reason, package: str | None = None) -> Entry:
        content = bytes(size)
        return Entry(f"{root}{path}", Kind.FILE, 0o644, size, content=content, reasons=reasons, package=package)

    entries = (
        file("/bin/x", 1, Reason("program", None, "x")),
        file("/lib/own", 10, Reason("package", "/bin/x", "own"), package="own"),
        file("/lib/both", 100, Reason("needed", "/lib/own"), Reason("needed", "/lib/more")),
        file("/lib/more", 1000, Reason("add-on", "/bin/x", "more"), package="more"),
        file("/lib/deeper", 10_000, Reason("package", "more", "deeper"), package="deeper"),
    )
    groups = (
        Group("package", "own", (Reason("package", "/bin/x", "own"),)),
        Group("package", "more", (Reason("add-on", "/bin/x", "more"),)),
        Group("package", "deeper", (Reason("package", "more", "deeper"),)),
    )
    write_zip(Manifest("x", (), PackedOn("", "", ""), entries, {}, groups), tmp_path / "x.zip")
    assert add_on_bytes(tmp_path / "x.zip") == 11_000
