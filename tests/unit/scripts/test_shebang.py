"""Who interprets a script whose first line does not say so."""

from __future__ import annotations

import pytest

from lambundle.machine import MemoryFiles
from lambundle.scripts.shebang import Shebang, headless_script, read_shebang


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('/venv/bin/python3 "$0" "$@"', Shebang("/venv/bin/python3")),
        ('"/a b/bin/python3" "$0" "$@"', Shebang("/a b/bin/python3")),
        ('\'/a b/bin/python3\' -E "$0" "$@"', Shebang("/a b/bin/python3", ("-E",))),
        (f'/{"long/" * 400}python3 "$0" "$@"', Shebang(f"/{'long/' * 400}python3")),
        ('"$(dirname -- "$(realpath -- "$0")")"/\'python3\' "$0" "$@"', Shebang("/app/bin/python3")),
        ('"$HOME/python3" "$0" "$@"', Shebang("/bin/sh")),
        ('"/venv/python3 "$0" "$@"', Shebang("/bin/sh")),
        ("/venv/bin/python3", Shebang("/bin/sh")),
    ],
)
def test_a_line_that_hands_the_script_on_names_its_interpreter(line: str, expected: Shebang) -> None:
    files = MemoryFiles(
        {"/app/bin/tool": f"#!/bin/sh\n'''exec' {line}\n' '''\nimport x\n"}, links={"/bin/tool": "/app/bin/tool"}
    )
    assert read_shebang(files, "/bin/tool", ()) == expected


@pytest.mark.parametrize(
    ("content", "mode", "is_script"),
    [
        ("echo hello\n", 0o755, True),
        ("# a comment\nexit 1\n", 0o755, True),
        ("é: ; echo\n", 0o755, True),
        ("echo hello\n", 0o644, False),
        ("", 0o755, False),
        (" \n", 0o755, False),
        ("#!\n", 0o755, False),
        ("\x7fELF", 0o755, False),
        ("MZ\0", 0o755, False),
    ],
)
def test_an_executable_text_without_a_first_line_is_for_sh(content: str, mode: int, is_script: bool) -> None:
    files = MemoryFiles({"/bin/tool": content}, modes={"/bin/tool": mode})
    assert headless_script(files, "/bin/tool") == (Shebang("/bin/sh") if is_script else None)
