"""Home: where it is, what a job sees of it, which files it opened there only, and what the check says."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from lambundle.bundle.model import Entry, Kind, Manifest, PackedOn, Program, Reason
from lambundle.machine import DiskFiles, Machine, MemoryFiles
from lambundle.verify.checks.missing import MissingPath
from lambundle.verify.checks.same import OF_THE_MACHINE, cure, same_check
from lambundle.verify.home.compare import Differences
from lambundle.verify.home.comparison import Comparison, is_comparable
from lambundle.verify.home.opened import opened_only
from lambundle.verify.home.place import other_than_packed, view
from lambundle.verify.home.run import HomeRun, home_environment
from lambundle.verify.model import Status
from lambundle.verify.packing_machine import PackingMachine
from lambundle.verify.run.jobs import Job, Origin
from lambundle.verify.run.made import Made, MadeFile
from lambundle.verify.sandbox.interface import Limits
from tests.unit.verify.made import MadeMachine, manifest, mounted, outcome, result, trace

HERE = "lambundle/tool/root"
CONTENT = b"\x7fELF"
TOOL = Program("bin/tool", "/usr/bin/tool", "/usr/bin/tool")


def file(path: str, content: bytes = CONTENT, package: str | None = "tool", kind: Kind = Kind.FILE) -> Entry:
    """An entry of the bundle ``tool``."""
    digest = hashlib.sha256(content).hexdigest()
    reasons = (Reason("add"),)
    return Entry(f"{HERE}{path}", kind, 0o755, len(content), sha256=digest, package=package, reasons=reasons)


def packed(*entries: Entry) -> Manifest:
    return Manifest("tool", (TOOL,), PackedOn("Linux", "glibc 2.36", "x86_64"), entries)


# ---- is it the packing machine? ----


class Disk(DiskFiles):
    """A real tree that counts as this machine."""


def machine_at(root: Path, **variables: str) -> PackingMachine:
    files = Disk(str(root))
    return PackingMachine(Machine(files, variables, architecture="x86_64"))


def tree(root: Path, **files: bytes) -> Path:
    for name, content in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


FILES = (file("/usr/bin/tool"), file("/usr/share/tool/data", b"12345"), file("/etc/made", b"1", package=None))


def test_a_machine_with_the_packed_files_is_the_packing_machine(tmp_path: Path) -> None:
    root = tree(tmp_path, **{"/usr/bin/tool": CONTENT, "/usr/share/tool/data": b"54321", "/etc/made": b"other"})
    assert other_than_packed([packed(*FILES)], machine_at(root)) == ""


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"/usr/bin/tool": b"\x7fELG", "/usr/share/tool/data": b"54321"}, "/usr/bin/tool is not as it was packed"),
        ({"/usr/bin/tool": CONTENT, "/usr/share/tool/data": b"5432"}, "/usr/share/tool/data is not as it was packed"),
        ({"/usr/bin/tool": CONTENT}, "/usr/share/tool/data is not as it was packed"),
        ({"/usr/share/tool/data": b"54321"}, "/usr/bin/tool is not as it was packed"),
    ],
)
def test_one_with_others_is_not(tmp_path: Path, files: dict[str, bytes], told: str) -> None:
    assert told in other_than_packed([packed(*FILES)], machine_at(tree(tmp_path, **files)))


def test_a_program_that_no_entry_has_must_be_there(tmp_path: Path) -> None:
    root = tree(tmp_path, **{"/usr/share/tool/data": b"54321"})
    assert "/usr/bin/tool" in other_than_packed([packed(FILES[1])], machine_at(root))


def test_another_machine_and_none_are_named() -> None:
    memory = PackingMachine(Machine(MemoryFiles({})))
    assert "does not say" in other_than_packed([], memory)
    assert "below a root" in other_than_packed([packed()], memory)
    other = MadeMachine(distribution="Other")
    assert "not the one it was packed on" in other_than_packed([packed()], other)


# ---- what a job sees of it ----


def test_homes_and_temporary_files_are_hidden_but_for_what_was_packed() -> None:
    machine = Machine(MemoryFiles({"/data/ann/x": "", "/home/ann/x": ""}), {"HOME": "/data/ann"})
    paths = (
        "/usr/bin/tool",
        "/home/ann/app/bin/tool",
        "/home/ann/single",
        "/data/ann/.local/lib/tool/x",
        "/data/ann/.local/bin/tool",
        "/data/ann/own/a/b",
        "/tmp/build/tool",
        "/root/tool",
    )
    seen = view([packed(*map(file, paths), file("/home/ann/empty", kind=Kind.DIRECTORY))], machine)
    assert seen.without == {"home", "root"}
    assert seen.covered == ("/data/ann",)
    assert seen.shown == (
        "/data/ann/.local/bin",
        "/data/ann/.local/lib",
        "/data/ann/own",
        "/home/ann/app",
        "/home/ann/single",
        "/root/tool",
        "/tmp/build",
    )


def test_the_home_of_the_user_is_shown_in_parts_too() -> None:
    machine = Machine(MemoryFiles({}), {"HOME": "/home/ann"})
    seen = view([packed(file("/home/ann/app/bin/tool"), file("/home/ann/.ssh/id"))], machine)
    assert seen.shown == ("/home/ann/.ssh/id", "/home/ann/app")


def test_of_what_only_its_owner_may_enter_the_part_below_is_shown(tmp_path: Path) -> None:
    root = tree(tmp_path, **{"/tmp/own/deep/open/tool": b"", "/tmp/own/deep/open/more": b""})
    for name, mode in (("own", 0o700), ("own/deep", 0o711), ("own/deep/open", 0o755)):
        (root / "tmp" / name).chmod(mode)
    machine = machine_at(root).machine
    assert view([packed(file("/tmp/own/deep/open/tool"))], machine).shown == ("/tmp/own/deep/open",)
    (root / "tmp/own/deep/open").chmod(0o700)
    assert view([packed(file("/tmp/own/deep/open/tool"))], machine_at(root).machine).shown == (
        "/tmp/own/deep/open/tool",
    )


def test_a_home_that_is_the_root_or_temporary_covers_nothing() -> None:
    for home in ("/", "/tmp", "/tmp/x", "/run/user/1", "/root/x"):
        machine = Machine(MemoryFiles({f"{home}/file".replace("//", "/"): ""}), {"HOME": home})
        assert view([packed()], machine).covered == ()


def test_the_variables_at_home_are_the_bundles_but_for_places() -> None:
    machine = Machine(MemoryFiles({}), {"PATH": "/usr/games:/usr/bin"})
    found = home_environment(mounted(), machine, Limits())
    assert found["PATH"] == "/opt/bin:/usr/games:/usr/bin:/usr/local/bin:/bin"
    assert found["LANG"] == "en_US.UTF-8"
    assert not found.keys() & {"LD_LIBRARY_PATH", "HOME"}
    linked = manifest(entries=[file("/usr/lib/locale/en_US.utf8", kind=Kind.LINK)])
    bundle = replace(mounted(), bundles={"/opt/lambundle/tool": linked})
    assert home_environment(bundle, machine, Limits())["LANG"] == "C.UTF-8"


# ---- what it opened ----


def test_files_that_only_home_opened(tmp_path: Path) -> None:
    inside = tmp_path / "lambundle/tool/root/usr/share/inside"
    inside.parent.mkdir(parents=True)
    inside.touch()
    paths = ("/usr/share/data", "/usr/share/inside", "/usr/share/asked", "/usr/share/gone", "/usr/lib/plug.so")
    owners = dict.fromkeys((*paths, "/usr/bin/awk", "/usr/bin/cat", "/usr/lib/libz.so.1", "/etc/os-release"), "p") | {
        "/srv/own": ""
    }
    seen = trace(
        "1 lookup host open64 /usr/share/data",
        "1 lookup host fopen /usr/share//data",
        "1 lookup host open /usr/share/inside",
        "1 lookup host access /usr/share/asked",
        "1 lookup nowhere open /usr/share/gone",
        "1 lookup host open /usr/share/locale/x.mo",
        "1 lookup host open /srv/own",
        "1 lookup host open /etc/os-release",
        "1 exec host /usr/bin/awk",
        "1 exec host /usr/bin/cat",
        "1 object /usr/lib/plug.so",
        "1 object /usr/lib/libz.so.1",
        "1 object /usr/lib/libhost.so.3",
    )
    there = result(records=trace("1 lookup host open /etc/os-release"))
    found = opened_only(there, seen, mounted(tmp_path), MadeMachine(owners=owners), {"libhost.so.3"})
    assert [(item.path, item.package, item.is_program) for item in found] == [
        ("/usr/bin/awk", "p", True),
        ("/usr/share/data", "p", False),
        ("/usr/lib/plug.so", "p", False),
        ("/srv/own", None, False),
    ]


# ---- the check ----

DATA = MissingPath("/usr/share/fonts/x.ttf", "fonts-x", "")


def comparison(found: tuple[str, ...] = (), opened: tuple[MissingPath, ...] = (), **more: object) -> Comparison:
    differences = Differences(found, *(more.pop(name, ()) for name in ("varying", "placed")))  # type: ignore[arg-type]
    made = Made({path: MadeFile(path, Path(path), 1) for path in ("/tmp/a", "/tmp/b")})
    home = HomeRun(outcome(int(str(more.pop("status", 0)))), made)
    return Comparison(result(), home, differences, opened, str(more.pop("obstacle", "")))


def test_the_same_result_passes() -> None:
    check = same_check([comparison()], "", [manifest()])
    assert (check.status, check.detail) == (Status.PASS, "status, stdout and 2 files are as at home")
    check = same_check([comparison(status=2)], "", [manifest()])
    assert check.detail.startswith("status 2, stdout")
    check = same_check([comparison(), comparison()], "", [manifest()])
    assert (check.detail, len(check.context)) == ("2 jobs have the results that they have at home", 2)


def test_what_is_not_compared_is_named() -> None:
    check = same_check([comparison(varying=("stdout", "/tmp/a"), placed=("/tmp/b",))], "", [manifest()])
    assert check.status is Status.PASS
    assert check.detail == (
        "status is as at home; compared but for what changes from run to run there: stdout, /tmp/a; "
        "not compared: /tmp/b, with paths of the bundle inside"
    )


def test_a_difference_fails_with_the_package_that_cures_it() -> None:
    own = MissingPath("/etc/own", None, "")
    check = same_check([comparison(("a differs", "b differs"), (DATA, own))], "", [manifest()])
    assert (check.status, check.detail) == (Status.FAIL, "a differs (and 1 more)")
    assert check.context == ("b differs", "opened at home only: /usr/share/fonts/x.ttf (package fonts-x)")
    assert check.hint == "lambundle pack /usr/bin/tool --package fonts-x"


def test_where_no_package_makes_the_difference_no_command_is_told() -> None:
    own = MissingPath("/etc/own", None, "")
    seen = comparison(("a differs",), (own,))
    assert "--record" in same_check([seen], "", [manifest()]).hint, "home was not recorded"
    seen = replace(seen, home=replace(seen.home, trace=trace("1 lookup host open /etc/own")))
    check = same_check([seen], "", [manifest()])
    assert (check.hint, check.context) == (OF_THE_MACHINE, ("opened at home only: /etc/own (of no package)",))
    assert "--package fonts-x" in same_check([replace(seen, opened=(own, DATA))], "", [manifest()]).hint


@pytest.mark.parametrize(
    ("opened", "words"),
    [
        ((MissingPath("/usr/bin/awk", "mawk", "", is_program=True), DATA), "awk --package fonts-x"),
        ((MissingPath("/usr/lib/x/helper", "x", "", is_program=True),), "--package x"),
        ((MissingPath("/srv/x y", None, ""),), "--add '/srv/x y'"),
        ((), "--record 'tool x'"),
    ],
)
def test_the_cure_packs_programs_packages_or_files(opened: tuple[MissingPath, ...], words: str) -> None:
    job = result().job
    assert cure([manifest()], opened, job) == f"lambundle pack /usr/bin/tool {words}"
    renamed = manifest(Program("bin/other", "/usr/bin/tool", "/usr/bin/tool"))
    assert cure([renamed], opened, job) == f"lambundle pack other=/usr/bin/tool --name tool {words}"


def test_without_a_result_of_home_the_check_is_skipped() -> None:
    assert same_check([], "not asked for", [manifest()]).detail == "not asked for"
    check = same_check([comparison(obstacle="on this machine itself it ends with 2")], "", [manifest()])
    assert (check.status, check.detail) == (Status.SKIP, "on this machine itself it ends with 2")
    assert same_check([], "", [manifest()]).status is Status.SKIP


def test_no_script_of_a_manifest_and_no_function_runs_at_home() -> None:
    ran = replace(result(), made=Made())
    assert is_comparable(ran)
    assert not is_comparable(result())
    theirs = Job(("/bin/sh",), Origin.SMOKE, "did it", is_ours=False)
    assert not is_comparable(replace(ran, job=theirs))
    assert not is_comparable(replace(ran, job=replace(theirs, origin=Origin.FUNCTION, is_ours=True)))
