"""Libraries that were not found: closed to readers, lost, Lambda's own, or never packed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambundle.bundle.model import Kind
from lambundle.verify.checks.missing import MissingPath
from lambundle.verify.model import Diagnosis
from tests.unit.verify.made import MadeMachine, entry, manifest, member, subject
from tests.unit.verify.test_diagnosis import evidence, failed, found

SAID = "tool: error while loading shared libraries: {}: cannot open shared object file: {}"
LIB = "lambundle/tool/root/usr/lib/libx.so.1"
FILE = f"{LIB}.2.3"
GONE, CLOSED = "No such file or directory", "Permission denied"
LINK = replace(member(LIB, 0o777, Kind.LINK), target="libx.so.1.2.3")


def test_a_library_behind_a_link_that_may_not_be_read() -> None:
    packed = manifest(entries=[entry(FILE, 0o644)])
    bundle = subject(LINK, member(FILE, 0o600), manifests=(packed,))
    missing = [MissingPath("/usr/lib/libx.so.1", "libx", "tool")]
    item = evidence(SAID.format("libx.so.1", CLOSED), failed("integrity"), failed("missing"), missing=missing)
    answer = found(replace(item, subject=bundle))
    assert (
        answer.cause
        == "libx.so.1.2.3 is not readable in the zip (mode 0600): it was re-zipped by a tool that drops modes"
    )
    assert answer.cure == "upload tool.zip itself, as lambundle wrote it"


def test_links_in_a_circle_lead_nowhere() -> None:
    bundle = subject(replace(LINK, target="libx.so.1"))
    assert found(evidence(SAID.format("libx.so.1", GONE), subject=bundle)).cause.startswith("libx.so.1 is not in")


def test_a_library_that_was_packed_and_lost_is_integritys() -> None:
    bundle = subject(member(FILE), manifests=(manifest(entries=[entry(LIB), entry(FILE, 0o644)]),))
    check = failed("integrity", "lambundle/tool/root/a is missing, and 7 more", "upload the zip")
    answer = found(evidence(SAID.format("libx.so.1", GONE), check, subject=bundle))
    assert answer == Diagnosis(f"{LIB} is missing", "upload the zip")


def test_another_file_that_was_changed_is_not_the_library() -> None:
    bundle = subject(member("a"), manifests=(manifest(entries=[entry("a")]),))
    check = failed("integrity", "a has other bytes than were packed", "upload the zip")
    assert found(evidence(SAID.format("liby.so", GONE), check, subject=bundle)).cause.startswith("liby.so is not in")


def test_a_library_of_lambdas_is_never_blamed_on_a_zip_that_counts_on_it() -> None:
    answer = found(evidence(SAID.format("libm.so.6", GONE), subject=subject(manifests=())))
    assert answer.cause == "libm.so.6 is on Lambda, and not in this sandbox: nothing is wrong with the bundle"
    assert "--add" not in answer.cure
    own = evidence(SAID.format("libm.so.6", GONE), failed("closure", "tool needs libm.so.6, which is not inside"))
    assert found(own).cause == "libm.so.6 is not in the bundle, and tool needs it"


@pytest.mark.parametrize(
    ("path", "cause", "cure"),
    [
        ("vendor/libx.so.1", "is in the zip as vendor/libx.so.1, and was not found there: Lambda's", "to lib/"),
        ("lib/libx.so.1", "is in the zip, and is damaged or not for this machine", "architecture"),
        ("pkg/libx.so.1", "is in the zip as pkg/libx.so.1", "to lib/"),
    ],
)
def test_a_library_that_is_there_is_not_called_missing(path: str, cause: str, cure: str) -> None:
    bundle = subject(member(path), manifests=())
    answer = found(evidence(SAID.format("libx.so.1", GONE), subject=bundle))
    assert answer.cause.startswith(f"libx.so.1 {cause}")
    assert cure in answer.cure
    check = failed("closure", "x needs libx.so.1, which is inside, but not where its loader looks", "upload")
    assert found(evidence(SAID.format("libx.so.1", GONE), check, subject=bundle)) == Diagnosis(check.detail, "upload")


def test_the_cure_is_a_command_for_ours_and_a_place_for_others() -> None:
    said = SAID.format("libx.so.1", GONE)
    missing = [MissingPath("/usr/lib/libx.so.1", "libx", "tool")]
    assert found(evidence(said, missing=missing)).cure == "lambundle pack /usr/bin/tool --add /usr/lib/libx.so.1"
    assert found(evidence(said)).cure.endswith("then pack again: lambundle pack /usr/bin/tool")
    assert found(evidence(said, subject=subject(manifests=()))).cure.startswith("copy libx.so.1 into lib/ of the zip")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (
            "Error loading shared library libx.so.1: No such file or directory (needed by /usr/bin/tool)",
            "libx.so.1 is not in the bundle, and tool needs it",
        ),
        (
            "tool: error while loading shared libraries: libx.so.1: file too short",
            "libx.so.1 is in the zip, and is damaged: file too short",
        ),
        (
            "tool: error while loading shared libraries: /usr/lib/libx.so.1: invalid ELF header",
            "libx.so.1 is in the zip, and is damaged: invalid ELF header",
        ),
        (
            "Error loading shared library libx.so.1: Exec format error (needed by /usr/bin/tool)",
            "libx.so.1 is in the zip, and is damaged: Exec format error",
        ),
        (
            "Error relocating /usr/bin/tool: x_new: symbol not found",
            "tool needs the symbol x_new, and no library that was loaded has it",
        ),
        (
            "tool: symbol lookup error: /usr/lib/liby.so: undefined symbol: x_new",
            "liby.so needs the symbol x_new, and no library that was loaded has it",
        ),
    ],
)
def test_what_the_loaders_say(said: str, cause: str) -> None:
    answer = found(evidence(said))
    assert answer.cause == cause
    assert "lambundle pack /usr/bin/tool" in answer.cure


def test_a_library_of_ours_that_the_loader_passes_over_is_damaged() -> None:
    bundle = subject(member(LIB, 0o755))
    answer = found(evidence(SAID.format("libx.so.1", GONE), subject=bundle))
    assert answer.cause == "libx.so.1 is in the zip, and is damaged: the loader passes over it"
    assert answer.cure == "lambundle pack /usr/bin/tool"


def test_a_library_that_is_here_is_not_to_be_installed() -> None:
    machine = MadeMachine({"/opt/own/lib/libx.so.1": ""})
    answer = found(evidence(SAID.format("libx.so.1", GONE), machine=machine))
    assert answer.cure == "lambundle pack /usr/bin/tool --library-path /opt/own/lib"


def test_a_plug_in_of_a_package_comes_with_it() -> None:
    machine = MadeMachine({"/usr/lib/x/plug.so": "plug-ins"})
    said = "/usr/lib/x/plug.so: cannot open shared object file: No such file or directory"
    assert found(evidence(said, machine=machine)).cure == "lambundle pack /usr/bin/tool --package plug-ins"
