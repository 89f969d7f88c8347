"""Variables that a bundle lost, and those that differ between here and Lambda."""

from __future__ import annotations

import pytest

from lambundle.bundle.model import Program
from lambundle.pack.config import read_config
from lambundle.recipes.recipe import Recipe
from lambundle.verify.checks.environment import (
    LostVariable,
    VariableDifference,
    complains_of,
    differences,
    environment_check,
    lost_variables,
)
from lambundle.verify.model import Check, Status
from lambundle.verify.run.jobs import Origin
from lambundle.verify.run.trace import Trace
from tests.unit.verify.made import STARTED, manifest, mounted, result, trace

HOME = "/opt/lambundle/tool"
RECIPE = Recipe("mine", "why", ("tool",), environment={"TOOL_DIR": "@/etc"})


@pytest.mark.parametrize(
    ("environment", "config", "lost"),
    [
        ({"A": "@/x"}, "environment A=@/x\n", []),
        ({"A": "@/x"}, "library-path /lib\n", [("A", "its manifest")]),
        ({"A": "@/x"}, "environment A=@/y\n", [("A", "its manifest")]),
        ({"A": "1", "B": "2"}, "environment B=2\n", [("A", "its manifest")]),
        ({}, "", [("TOOL_DIR", "recipe mine")]),
        ({}, "environment TOOL_DIR=@/etc\n", []),
    ],
)
def test_a_variable_of_the_manifest_or_the_recipe_must_be_configured(
    environment: dict[str, str], config: str, lost: list[tuple[str, str]]
) -> None:
    found = lost_variables({HOME: manifest(environment=environment)}, {HOME: read_config(config.encode())}, [RECIPE])
    assert [(item.name, item.asked_by) for item in found] == lost


def test_a_bundle_without_configuration_has_lost_all() -> None:
    assert len(lost_variables({HOME: manifest(environment={"A": "1"})}, {}, [])) == 1


def test_a_static_program_is_given_no_variables() -> None:
    static = Program("bin/tool", "/usr/bin/tool", "/usr/bin/tool", static=True)
    assert lost_variables({HOME: manifest(static)}, {}, [RECIPE]) == ()


# ---- what differs ----


def different(*records: str, stderr: str = "", here: tuple[str, ...] = ()) -> list[VariableDifference]:
    """What differs for a failed run with these records."""
    runs = [result(1, stderr, records=trace(STARTED, *records))]
    return list(differences(runs, dict.fromkeys(here, "x"), mounted()))


def test_what_is_set_here_and_was_asked_for_in_vain_differs() -> None:
    [item] = different("1 env unset TOOL_HOME", "1 env set PATH", "1 env unset NOWHERE", here=("TOOL_HOME", "PATH"))
    assert item == VariableDifference("TOOL_HOME", "tool", is_here=True, is_named=False)
    assert item.is_unusual


def test_what_the_program_names_counts_even_where_nobody_sets_it() -> None:
    [item] = different("1 env unset TOOL_HOME", stderr="error: TOOL_HOME is not set")
    assert item.is_named
    assert not item.is_here
    assert different("1 env unset TOOL_HOME", stderr="MY_TOOL_HOME2 is not set") == []


@pytest.mark.parametrize(
    ("said", "is_complaint"),
    [
        ("TOOL_HOME: is not set", True),
        ("please set TOOL_HOME", True),
        ("TOOL_HOME environment variable missing", True),
        ("${TOOL_HOME} is undefined", True),
        ("  TOOL_HOME = (not set)", False),
        ("TOOL_HOME=/x is set", False),
        ("TOOL_HOME\nis not here", False),
        ("using TOOL_HOME", False),
    ],
)
def test_a_program_complains_of_a_variable_or_only_lists_it(said: str, is_complaint: bool) -> None:
    assert complains_of(said, "TOOL_HOME") is is_complaint


@pytest.mark.parametrize(
    "name",
    [
        "HOME", "LC_ALL", "TERM", "XDG_CACHE_HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONHASHSEED",
        "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "GIT_SSL_CAINFO", "https_proxy", "NO_PROXY",
    ],
)  # fmt: skip
def test_what_always_differs_is_not_unusual(name: str) -> None:
    [item] = different(f"1 env unset {name}", here=(name,))
    assert not item.is_unusual


@pytest.mark.parametrize("name", ["TOOL_HOME", "PYTHONPATH", "PERL5LIB", "JAVA_HOME"])
def test_where_a_program_finds_its_parts_is_unusual(name: str) -> None:
    [item] = different(f"1 env unset {name}", here=(name,))
    assert item.is_unusual


def test_named_and_unusual_come_first() -> None:
    found = different(
        "1 env unset HOME", "1 env unset B_VAR", "1 env unset A_VAR", "1 env unset NAMED",
        stderr="set NAMED", here=("HOME", "A_VAR", "B_VAR"),
    )  # fmt: skip
    assert [item.name for item in found] == ["NAMED", "A_VAR", "B_VAR", "HOME"]


# ---- the check ----

UNUSUAL = VariableDifference("TOOL_HOME", "tool", is_here=True, is_named=False)
NAMED = VariableDifference("TOOL_HOME", "tool", is_here=False, is_named=True)
USUAL = VariableDifference("HOME", "tool", is_here=True, is_named=False)


def checked(
    *items: VariableDifference, status: int = 1, is_explained: bool = False, lost: tuple[LostVariable, ...] = ()
) -> Check:
    """Check one run."""
    return environment_check([result(status)], lost, items, is_explained=is_explained)


@pytest.mark.parametrize("status", [0, 1])
def test_a_lost_variable_fails_whatever_the_run_did(status: int) -> None:
    check = checked(status=status, lost=(LostVariable("TOOL_DIR", "@/etc", HOME, "recipe mine"),))
    assert check.status is Status.FAIL
    assert "TOOL_DIR" in check.detail
    assert "TOOL_DIR=/opt/lambundle/tool/root/etc" in check.hint


@pytest.mark.parametrize(
    ("item", "is_explained", "status"),
    [
        (NAMED, True, Status.FAIL),
        (NAMED, False, Status.FAIL),
        (UNUSUAL, False, Status.FAIL),
        (UNUSUAL, True, Status.PASS),
        (USUAL, False, Status.PASS),
    ],
)
def test_a_difference_fails_a_failed_run_where_it_is_the_likely_cause(
    item: VariableDifference, is_explained: bool, status: Status
) -> None:
    check = checked(item, is_explained=is_explained)
    assert check.status is status
    assert (item.name in check.detail and item.name in check.hint) == (status is Status.FAIL)
    assert checked(item, status=0).status is Status.PASS


def test_the_hint_can_be_typed() -> None:
    assert checked(UNUSUAL).hint.endswith('to try it: -- env TOOL_HOME="$TOOL_HOME" /opt/bin/tool x')
    assert "env" not in checked(NAMED).hint  # nobody knows its value
    smoke = environment_check([result(1, origin=Origin.SMOKE)], (), (UNUSUAL,), is_explained=False)
    assert smoke.hint == "set TOOL_HOME in the function's configuration"


def test_what_differs_is_listed_for_whoever_asks() -> None:
    assert checked(USUAL, UNUSUAL, status=0).context == ("HOME, asked for by tool", "TOOL_HOME, asked for by tool")


def test_without_a_trace_nothing_is_known() -> None:
    assert environment_check([result(records=Trace())], (), (), is_explained=False).status is Status.SKIP
