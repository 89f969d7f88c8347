"""Commands that a script starts get what they would get if they had been asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from tests.unit.machines import machine

if TYPE_CHECKING:
    from lambundle.machine import Machine, MemoryFiles


def with_files(family: str, **texts: str) -> Machine:
    """Return a made-up machine that has scripts in /srv, by name."""
    made = machine(family)
    files = cast("MemoryFiles", made.files)
    files._put("/srv", None)  # noqa: SLF001  (a machine of a family plus files of no package)
    for name, text in texts.items():
        files._put(f"/srv/{name}", text.encode())  # noqa: SLF001
        files._modes[f"/srv/{name}"] = 0o755  # noqa: SLF001
    return made


def packed(made: Machine, program: str, *add: str) -> set[str]:
    """Return the paths of a bundle's files on the packing machine."""
    manifest = make_plan(Request(machine=made, programs=(program,), add=add)).manifest
    return {path for entry in manifest.entries for _, root, path in [entry.path.partition("/root/")] if root}


SCRIPTS = {
    "python": '#!/usr/bin/python3\nimport subprocess\nsubprocess.run(["gs", "-q", source])\n',
    "perl": "#!/usr/bin/perl\nmy $text = `gs -q $file`;\n",
    "shell": "#!/bin/sh\ngs -q page.ps\n",
}


@pytest.mark.parametrize("family", ["debian", "fedora"])
@pytest.mark.parametrize("language", SCRIPTS)
def test_a_command_that_a_script_starts_comes_with_all_that_it_has(family: str, language: str) -> None:
    found = packed(with_files(family, run=SCRIPTS[language]), "/srv/run")
    assert any(path.endswith("/gs_init.ps") for path in found)
    idle = packed(
        with_files(family, run=SCRIPTS[language].replace("gs -q", "x").replace('"gs", "-q"', "x")), "/srv/run"
    )
    assert not any("ghostscript" in path for path in idle)


def test_a_compiler_that_a_script_starts_comes_by_its_recipe() -> None:
    found = packed(with_files("debian", run="#!/bin/sh\ngcc -o a a.c\n"), "/srv/run")
    assert {"usr/include/stdio.h", "usr/bin/gcc"} <= found


def test_a_script_of_no_package_that_a_script_starts_brings_its_interpreter() -> None:
    made = with_files("debian", run="#!/bin/sh\n/srv/other\n", other="#!/usr/bin/perl\nuse Encode;\n")
    assert {"srv/other", "usr/bin/perl"} <= packed(made, "/srv/run")


@pytest.mark.parametrize("between", [(), ("middle",)])
def test_an_interpreter_that_is_a_script_brings_what_it_starts(between: tuple[str, ...]) -> None:
    texts = {"inner": '#!/bin/sh\nexec gs -q "$1"\n', "middle": "#!/srv/inner\n"}
    made = with_files("debian", run=f"#!/srv/{'middle' if between else 'inner'}\npage\n", **texts)
    found = packed(made, "/srv/run")
    assert "srv/inner" in found
    assert any(path.endswith("/gs_init.ps") for path in found)


@pytest.mark.parametrize("first", ["#!/usr/bin/env python3", "#!/usr/bin/env -S python3 -c 'print(8)'"])
def test_an_added_script_brings_the_env_that_starts_it(first: str) -> None:
    made = with_files("debian", tool=f"{first}\n")
    assert "usr/bin/env" not in packed(made, "jq")
    assert "usr/bin/env" in packed(made, "jq", "/srv")
