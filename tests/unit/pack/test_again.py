"""What a manifest keeps of the pack command, and the command that it gives back."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from lambundle.bundle.model import PackOptions, Program
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.again import options_of, pack_command
from lambundle.pack.request import Recorded, Request
from tests.unit.plans import manifest

if TYPE_CHECKING:
    from lambundle.elf.closure import Closure

MACHINE = Machine(MemoryFiles({}), {}, "/work")


def kept(**options: object) -> PackOptions:
    closure: Closure = SimpleNamespace(files={})  # type: ignore[assignment]
    return options_of(replace(Request(("tool",), MACHINE), **options), closure)  # type: ignore[arg-type]


def test_of_a_plain_pack_nothing_is_kept() -> None:
    assert kept() == PackOptions()
    assert pack_command(manifest(), PackOptions()) == ("lambundle", "pack", "/usr/bin/test")


def test_paths_are_absolute_and_globs_and_packages_are_as_given() -> None:
    found = kept(add=("data", "/etc/x"), exclude=("*.a", "lib y"), packages=("foo:amd64",), library_path=("lib",))
    assert found == PackOptions(("/work/data", "/etc/x"), ("foo:amd64",), ("*.a", "lib y"), ("/work/lib",))
    assert shlex.join(pack_command(manifest(), found)) == (
        "lambundle pack /usr/bin/test --add /work/data --add /etc/x --package foo:amd64 "
        "--exclude '*.a' --exclude 'lib y' --library-path /work/lib"
    )


def test_a_recording_a_recipe_and_names_come_back() -> None:
    found = kept(recipes=(Path("/r.toml"),), recorded=Recorded(("/a",), True, ("test x",)))
    made = replace(manifest(name="other"), programs=(Program("bin/t", "/usr/bin/test", "/usr/bin/test"),))
    assert shlex.join(pack_command(made, found, ("/usr/bin/more",))) == (
        "lambundle pack t=/usr/bin/test /usr/bin/more --name other --recipe /r.toml --record 'test x' --only-recorded"
    )


def test_the_usual_name_is_not_told() -> None:
    made = replace(manifest(name="_.t_"), programs=(Program("bin/.t#", "/usr/bin/.t#", "/usr/bin/.t#"),))
    assert "--name" not in pack_command(made, PackOptions())
