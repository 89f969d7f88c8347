"""The screen and the JSON of verify."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from lambundle.cli.verify_json import SCHEMA, to_json
from lambundle.cli.verify_screen import answer_lines, screen, tally
from lambundle.errors import EXIT_NO, EXIT_UNKNOWN
from lambundle.verify.model import Check, Diagnosis, RunReport, Status, Verification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.cli.line import Line

PASSED = Check("integrity", Status.PASS, "every entry matches the manifest", context=("seen",))
FAILED = Check("smoke", Status.FAIL, "it ended with 1", "do this", ("first", "second"))
SKIPPED = Check("image", Status.SKIP, "no image", "install Docker")
COMMAND = RunReport(
    1, "out\n", "err\n", 12.5, command=("/opt/bin/x", "a b"), max_memory_mb=1.5, tmp_mb=0.0, read_bytes=4096
)
EVENT = RunReport("ok", "", "", 1.0, event="e.json", response={"a": [1]}, init_ms=3.0)
FULL = Verification("x.zip", (PASSED, FAILED, SKIPPED), (COMMAND, EVENT), Diagnosis("this broke", "mend it"))


def texts(lines: Iterable[Line]) -> list[str]:
    return list(map(str, lines))


def schema() -> dict[str, Any]:
    """Return the schema that is shipped."""
    found: dict[str, Any] = json.loads(SCHEMA.read_text())
    return found


def test_the_screen_shows_status_name_and_detail_aligned_and_the_cause_last() -> None:
    assert texts(screen(FULL)) == [
        "  PASS  integrity    every entry matches the manifest",
        "  FAIL  smoke        it ended with 1",
        "                     first",
        "                     second",
        "                     hint: do this",
        "  SKIP  image        no image",
        "                     hint: install Docker",
        "",
        "  e.json: ok",
        '    {"a": [1]}',
        "",
        "FAIL  1 failed, 1 passed, 1 skipped",
        "cause: this broke",
        " cure: mend it",
    ]


def test_with_verbose_everything_is_shown() -> None:
    lines = texts(screen(FULL, verbose=True))
    assert "                     seen" in lines
    assert "  $ /opt/bin/x 'a b'" in lines
    assert lines.index("    out") < lines.index("    err") < lines.index("    status 1, 12 ms")


def test_notes_and_a_functions_log_are_shown() -> None:
    told = Verification("x", (PASSED,), notes=("a stand-in",))
    lines = texts(screen(told, ["START", "REPORT"]))
    assert lines[1:] == ["", "  START", "  REPORT", "", "note: a stand-in", "PASS  1 passed"]


def test_long_contexts_are_cut_unless_verbose() -> None:
    check = Check("missing", Status.FAIL, "many", context=tuple(map(str, range(30))))
    told = Verification("x", (check,))
    assert "                     and 18 more; -v shows them" in texts(screen(told))
    assert len(screen(told, verbose=True)) == 32


def test_the_verdicts_stand_out() -> None:
    lines = screen(FULL)
    assert lines[0].parts[1] == ("PASS", "pass")
    assert lines[-3].parts[0] == ("FAIL", "fail")


@pytest.mark.parametrize(
    ("checks", "strict", "word", "code"),
    [
        ((PASSED,), False, "PASS", 0),
        ((PASSED, SKIPPED), False, "PASS", 0),
        ((PASSED, SKIPPED), True, "UNKNOWN", EXIT_UNKNOWN),
        ((SKIPPED,), False, "UNKNOWN", EXIT_UNKNOWN),
        ((PASSED, FAILED, SKIPPED), True, "FAIL", EXIT_NO),
    ],
)
def test_the_verdict_is_the_last_word_and_the_exit_status(
    checks: tuple[Check, ...], strict: bool, word: str, code: int
) -> None:
    told = Verification("x", checks, strict=strict)
    assert str(tally(told)).split()[0] == word
    assert told.exit_code == code
    assert to_json(told)["verdict"] == word.lower()


# ---- JSON ----


def test_json_has_exactly_the_shape_that_is_promised() -> None:
    data = to_json(FULL)
    assert list(data) == ["version", "bundle", "verdict", "checks", "runs"]
    assert data["version"] == 1
    assert data["checks"][1] == {"name": "smoke", "status": "fail", "detail": "it ended with 1", "hint": "do this"}
    command, event = data["runs"]
    shared = {
        "status", "response", "stdout", "stderr", "duration_ms", "init_ms", "max_memory_mb", "tmp_mb", "read_bytes"
    }  # fmt: skip
    assert command.keys() == shared | {"command"}
    assert event.keys() == shared | {"event"}
    assert event["response"] == {"a": [1]}


def test_json_is_valid_by_the_shipped_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    for told in (FULL, Verification("x", ()), Verification("x", (SKIPPED,), strict=True)):
        validator.validate(json.loads(json.dumps(to_json(told))))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.pop("verdict"),
        lambda data: data.update(version=2),
        lambda data: data["checks"][0].update(status="PASS"),
        lambda data: data["checks"][0].update(name="unheard of"),
        lambda data: data["checks"][0].pop("hint"),
        lambda data: data["runs"][0].pop("command"),
        lambda data: data["runs"][0].update(event="both"),
        lambda data: data["runs"][1].update(status="good"),
        lambda data: data["runs"][0].update(read_bytes=-1),
    ],
)
def test_the_schema_refuses_what_is_not_promised(damage: Any) -> None:
    data = to_json(FULL)
    damage(data)
    assert not jsonschema.Draft202012Validator(schema()).is_valid(data)


def test_the_schema_knows_every_check() -> None:
    from lambundle.verify.command import RUNNING_CHECKS
    from lambundle.verify.static import CHECKS

    known = schema()["$defs"]["check"]["properties"]["name"]["enum"]
    assert set(known) == {*CHECKS, *RUNNING_CHECKS, "image"}


def test_an_answer_is_cut_short() -> None:
    long = RunReport("ok", "", "", 1.0, event="e.json", response="x" * 2000)
    assert texts(answer_lines(EVENT, verbose=False)) == ["  e.json: ok", '    {"a": [1]}']
    _, short = texts(answer_lines(long, verbose=False))
    assert short.endswith("... (2,002 characters; -v shows them all)")
    assert len(texts(answer_lines(long, verbose=True))[1]) > 2000
