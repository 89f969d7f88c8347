"""From what the user typed to a program."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lambundle.errors import ForeignElfError, NotElfError, ProgramNotFoundError, UsageError
from lambundle.gather.programs import bundle_name, each_once, resolve
from lambundle.machine import Machine, MemoryFiles
from tests import here
from tests.unit.test_elf import make_elf

SEARCH = ("/nonexistent", "/usr/bin", "/bin")


def test_a_name_is_searched_on_path_and_keeps_its_links() -> None:
    found = resolve(here.machine(SEARCH), "env")
    assert (found.launcher, found.path, found.real) == ("env", "/usr/bin/env", os.path.realpath("/usr/bin/env"))


def test_a_launcher_can_have_another_name() -> None:
    assert resolve(here.machine(SEARCH), "other=/usr/bin/env").launcher == "other"


def made(links: dict[str, str]) -> Machine:
    """Return a machine with programs of one name in several directories."""
    loader = b"/lib64/ld-linux-x86-64.so.2"
    first, second = (make_elf(type_=2, entry=entry, interpreter=loader) for entry in (1, 2))
    content = {"/a/bin/prog": first, "/b/bin/prog": second, "/a/bin/script": b"#!/a/bin/prog\n"}
    return Machine(MemoryFiles(content, links=links), {"PATH": "/a/bin"})


@pytest.mark.parametrize(
    ("arguments", "launchers"),
    [
        (("/a/bin/prog", "/a/bin/prog"), ["prog"]),
        (("prog", "/a/bin/prog"), ["prog"]),
        (("/a/bin/prog", "/same/prog"), ["prog"]),
        (("/a/bin/prog", "other=/b/bin/prog"), ["prog", "other"]),
        (("one=prog", "two=prog"), ["one", "two"]),
        (("/a/bin/prog", "/b/bin/prog"), None),
        (("x=/a/bin/prog", "x=/b/bin/prog"), None),
        (("/a/bin/script", "script=/b/bin/prog"), None),
        (("/b/bin/prog", "/a/bin/script", "prog"), None),
        # Of a program that looks beside itself, a link in another directory is another program.
        (("/a/bin/prog", "/venv/bin/prog"), None),
    ],
)
def test_two_programs_of_one_name_are_an_error_and_the_same_twice_is_not(
    arguments: tuple[str, ...], launchers: list[str] | None
) -> None:
    machine = made({"/same": "/a/bin", "/venv/bin/prog": "/a/bin/prog"})
    requested = [resolve(machine, argument) for argument in arguments]
    if launchers is not None:
        assert [program.launcher for program in each_once(requested)] == launchers
        return
    with pytest.raises(UsageError) as caught:
        each_once(requested)
    assert caught.value.hint is not None
    assert f"NAME={requested[-1].path}" in caught.value.hint


def test_an_equals_sign_in_a_path_is_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "a=b").write_bytes(Path("/usr/bin/env").read_bytes())
    assert resolve(here.machine(), f"{tmp_path}/a=b").launcher == "a=b"


def test_a_program_that_is_not_there_says_where_it_was_looked_for_and_what_is_near() -> None:
    with pytest.raises(ProgramNotFoundError) as caught:
        resolve(here.machine(SEARCH), "enw")
    assert "  /nonexistent" in caught.value.context
    assert caught.value.hint is not None
    assert "env" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"plain text\n"])
def test_a_file_that_is_no_program_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(NotElfError, match="is neither an ELF program nor a script"):
        resolve(here.machine(), str(tmp_path / "text"))


def test_a_directory_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(NotElfError, match="directory"):
        resolve(here.machine(), str(tmp_path))


def test_a_dangling_link_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(ProgramNotFoundError, match="is a link to"):
        resolve(here.machine(), str(tmp_path / "link"))


@pytest.mark.parametrize(("offset", "value"), [(4, b"\x01"), (18, b"\x28\x00")], ids=["32 bit", "ARM"])
def test_another_machine_is_refused(tmp_path: Path, offset: int, value: bytes) -> None:
    data = bytearray(64)
    data[:20] = Path("/usr/bin/env").read_bytes()[:20]
    data[16:18] = b"\x02\x00"
    data[24] = 1  # an entry point
    data[offset : offset + len(value)] = value
    (tmp_path / "foreign").write_bytes(data + bytes(64))
    with pytest.raises(ForeignElfError, match="another machine"):
        resolve(here.machine(), str(tmp_path / "foreign"))


def test_the_bundles_name_comes_from_the_first_program_or_the_user() -> None:
    env = resolve(here.machine(SEARCH), "we ird[=/usr/bin/env")
    assert bundle_name(None, [env]) == "we_ird_"
    assert bundle_name("mine", [env]) == "mine"
    for bad in ("", ".x", "a/b", "a b", "-x", "a\n"):
        with pytest.raises(UsageError):
            bundle_name(bad, [env])


@pytest.mark.parametrize(("shim", "asks"), [("rustup", "rustup which rustc"), ("volta-shim", "volta which rustc")])
def test_a_compiled_shim_is_refused_with_what_tells_the_program(tmp_path: Path, shim: str, asks: str) -> None:
    shutil.copy(os.path.realpath("/bin/sh"), tmp_path / shim)
    (tmp_path / "rustc").symlink_to(shim)
    with pytest.raises(NotElfError) as caught:
        resolve(here.machine(), str(tmp_path / "rustc"))
    assert asks in (caught.value.hint or "")
    assert resolve(here.machine(), str(tmp_path / shim)).launcher == shim
