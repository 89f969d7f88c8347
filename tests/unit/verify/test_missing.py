"""Missing files: which of the failed lookups may be the cause, and what cures it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import PackOptions, Program
from lambundle.verify.checks.missing import MissingPath, cure, is_likely, missing_check, missing_paths
from lambundle.verify.model import Check, Status
from lambundle.verify.run.jobs import Origin
from lambundle.verify.run.trace import Trace
from tests.unit.verify.made import ROOT, STARTED, MadeMachine, entry, manifest, mounted, result, trace

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.bundle.model import Manifest
    from lambundle.verify.run.result import JobResult

DATA = "/usr/share/tool/data"
MACHINE = MadeMachine(
    {DATA: "tool-data", "/usr/share/tool/other": "tool-data", "/etc/tool.conf": ""},
    folders={"/usr/lib/tool/plugins": "tool-plugins"},
    libraries={"libx.so.1": "/usr/lib/libx.so.1"},
)


def missing(*records: str, stderr: str = "", status: int = 1) -> tuple[MissingPath, ...]:
    """What a run with these records missed."""
    return missing_paths([result(status, stderr, records=trace(STARTED, *records))], mounted(), MACHINE)


def paths(*records: str, stderr: str = "") -> list[str]:
    """Only the paths."""
    return [item.path for item in missing(*records, stderr=stderr)]


def test_a_path_that_this_machine_has_is_missing_with_its_package_and_who_looked_for_it() -> None:
    assert missing(f"1 lookup nowhere open {DATA}", "1 lookup nowhere open /no/such") == (
        MissingPath(DATA, "tool-data", "/usr/bin/tool"),
    )


@pytest.mark.parametrize(
    "record",
    [
        f"1 lookup bundle open {DATA}",
        f"1 lookup host open {DATA}",
        "1 lookup nowhere open /usr/share/locale/de/LC_MESSAGES/tool.mo",
        "1 lookup nowhere open /tmp/usr/share/tool/data",
        "1 lookup nowhere open /var/task/data",
    ],
)
def test_what_was_found_or_is_nobodys_need_is_not_missing(record: str) -> None:
    machine = MadeMachine({**MACHINE.owners, "/usr/share/locale/de/LC_MESSAGES/tool.mo": "x", "/var/task/data": "x"})
    assert missing_paths([result(1, records=trace(STARTED, record))], mounted(), machine) == ()


def test_what_was_found_later_is_not_missing() -> None:
    assert paths(f"1 lookup nowhere open {DATA}", f"1 lookup bundle open {DATA}") == []


def test_a_path_inside_the_bundle_is_one_of_the_packing_machine() -> None:
    assert paths(f"1 lookup nowhere open {ROOT}{DATA}") == [DATA]
    assert paths("1 lookup nowhere open /usr/share/tool/../tool/data") == [DATA]


def test_named_comes_first_then_what_a_package_owns_then_the_last() -> None:
    records = [f"1 lookup nowhere open {path}" for path in (DATA, "/usr/share/tool/other", "/etc/tool.conf")]
    assert paths(*records) == ["/usr/share/tool/other", DATA, "/etc/tool.conf"]
    assert paths(*records, stderr="cannot read tool.conf")[0] == "/etc/tool.conf"
    assert paths(*records, stderr=f"{DATA}: oops")[0] == DATA


def test_a_directory_counts_where_it_was_to_be_listed() -> None:
    [item] = missing("1 lookup nowhere opendir /usr/lib/tool/plugins")
    assert item.is_directory
    assert item.package == "tool-plugins"
    assert paths("1 lookup nowhere access /usr/lib/tool/plugins") == []


@pytest.mark.parametrize(
    "said",
    [
        "tool: error while loading shared libraries: libx.so.1: cannot open shared object file: No such file",
        "dlopen: libx.so.1: cannot open shared object file",
    ],
)
def test_a_library_that_the_loader_names_is_missing_too(said: str) -> None:
    [item] = missing(stderr=said)
    assert item.path == "/usr/lib/libx.so.1"


def test_a_child_without_a_start_of_its_own_is_told_by_the_tasks_name() -> None:
    [item] = missing(f"2 lookup nowhere open {DATA}")
    assert item.by == "tool"


# ---- the check ----


def checked(
    *items: MissingPath, status: int = 1, is_explained: bool = False, opened: tuple[MissingPath, ...] | None = None
) -> Check:
    """Check a run that missed these."""
    runs = [result(status, records=trace(STARTED, "1 lookup host open /x"))]
    return missing_check(runs, items, [manifest()], MACHINE, is_explained=is_explained, opened=opened)


ITEM = MissingPath(DATA, "tool-data", "/usr/bin/tool")


def test_a_failed_run_that_missed_a_file_fails_with_the_command_that_cures_it() -> None:
    check = checked(ITEM, MissingPath("/etc/a b", None, "/usr/bin/tool"))
    assert check.status is Status.FAIL
    assert check.detail.startswith(f"{DATA} (package tool-data) is not in the bundle; /usr/bin/tool looked for it")
    assert check.hint == f"lambundle pack /usr/bin/tool --add {DATA}"
    assert check.context == ("--add '/etc/a b' (of no package)",)


def test_the_machines_own_configuration_is_no_want_of_a_bundle() -> None:
    own = MissingPath("/etc/toolconfig", None, "/usr/bin/tool")
    check = checked(own)
    assert check.status is Status.PASS
    assert check.detail == "1 path looked for that only this machine has: its own configuration"
    assert checked(own, ITEM).detail.startswith(DATA)
    assert checked(replace(own, is_named=True)).status is Status.FAIL
    assert is_likely(replace(own, path="/usr/local/share/tool"))


def test_the_command_that_cures_keeps_the_options_of_the_bundle() -> None:
    options = PackOptions(exclude=("*.md",))
    ours = replace(manifest(), options=options)
    assert cure([ours], ITEM) == f"lambundle pack /usr/bin/tool --exclude '*.md' --add {DATA}"


def test_the_programs_to_pack_again_are_of_the_bundle_that_looked() -> None:
    other = Program("bin/other", "/usr/bin/other", "/usr/bin/other")
    ours = manifest(entries=[entry("lambundle/tool/root/usr/bin/tool")])
    assert cure([manifest(other), ours], ITEM) == f"lambundle pack /usr/bin/tool --add {DATA}"


def test_a_library_that_the_bundle_has_is_not_missing(tmp_path: Path) -> None:
    library = tmp_path / "lambundle/tool/root/usr/lib/libx.so.1"
    library.parent.mkdir(parents=True)
    library.touch()
    said = "tool: error while loading shared libraries: libx.so.1: cannot open shared object file: Permission denied"
    runs = [result(1, said, records=trace(STARTED))]
    assert missing_paths(runs, mounted(tmp_path), MACHINE) == ()


def test_after_a_success_files_of_packages_are_a_warning() -> None:
    check = checked(ITEM, replace(ITEM, path=f"{DATA}2"), status=0)
    assert check.status is Status.WARN
    assert check.detail == f"the job was done without 2 files that this machine has, of package {ITEM.package}"
    assert check.context == (f"{DATA}, {DATA}2 (package {ITEM.package})",)
    assert check.hint == f"lambundle pack /usr/bin/tool --package {ITEM.package}"
    many = [replace(ITEM, path=f"/usr/share/{name}", package=name) for name in "abcdef"]
    assert checked(*many, status=0).detail.endswith("of a, b, c and 3 more packages")


def test_after_a_success_what_is_no_packages_or_not_used_at_home_either_was_not_needed() -> None:
    check = checked(replace(ITEM, package=None), status=0)
    assert check.status is Status.PASS
    assert check.detail.startswith("1 path looked for")
    assert check.context
    assert not check.hint
    assert checked(status=0).detail.startswith("no failed lookup")
    assert checked(ITEM, status=0, opened=()).status is Status.PASS
    assert checked(ITEM, status=0, opened=(ITEM,)).status is Status.WARN


def test_a_failure_that_a_limit_explains_is_not_for_want_of_a_file() -> None:
    assert checked(ITEM, is_explained=True).status is Status.PASS


def test_many_are_cut() -> None:
    check = checked(*[MissingPath(f"/usr/share/{number}", "p", "x") for number in range(30)])
    assert check.context[-1] == "and 19 more"


@pytest.mark.parametrize(
    ("runs", "bundles", "machine", "why"),
    [
        ([result(1)], [], MACHINE, "on which machine it was made"),
        ([result(1)], [manifest()], MadeMachine(distribution="Other"), "not the one it was packed on (Made Linux 1"),
        ([result(1, records=Trace())], [manifest()], MACHINE, "no trace"),
    ],
)
def test_where_nothing_can_be_known_the_check_is_skipped(
    runs: list[JobResult], bundles: list[Manifest], machine: MadeMachine, why: str
) -> None:
    check = missing_check(runs, (), bundles, machine, is_explained=False)
    assert check.status is Status.SKIP
    assert why in check.detail


def test_the_origin_of_a_task_changes_nothing() -> None:
    runs = [result(1, origin=Origin.SMOKE, records=trace(STARTED, f"1 lookup nowhere open {DATA}"))]
    assert [item.path for item in missing_paths(runs, mounted(), MACHINE)] == [DATA]
