"""Texts of anybody: time in proportion to their length, whatever repeats in them, and no more than that of memory."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from lambundle.machine import MemoryFiles
from lambundle.scripts.python_imports import MAX_NAMES, PythonImports, imported_names
from lambundle.scripts.shebang import started_programs
from lambundle.scripts.shell_words import MAX_WORDS, all_words, command_words
from lambundle.scripts.started_commands import started_commands
from tests.scaling import assert_scales

if TYPE_CHECKING:
    from collections.abc import Callable

PIECES = (
    *("'", '"', "`", "(", ")", "[", "{", "$", "\\", "\n", " ", "\t", "#", ";", ":", "|", "&", "=", "/", "\0", "_"),
    *("a", "a.", "a=", "a={ ", "a={", "a=;", "a,", "a|", "1", "é", "'''", "\\\n", "\r\n", "\0a", "A=1 ", '"a.'),
    *(
        "<<n ",
        "<<n\n",
        "$((1<<n))\n",
        "<<'n'\nn\n",
        "$(",
        "${a:-",
        "do ",
        "then ",
        "then\n",
        "in ",
        "in|",
        "in.",
        "if ",
    ),
    *(
        "if ",
        "xargs -a ",
        "nice $a ",
        "case a in ",
        "import ",
        "from ",
        "from . ",
        "import a.",
        "import a.a\n",
        "a.a.a ",
    ),
    *("from a import (", "from a import b,", "from a import (b)\n", "cmd", "cmd:", "cmd = [", "args=('a',", "run"),
    *("run ", "run(", 'run("', "run(\n", "['a', 'b", "qx(", "q[", "open ", "open '-|', ", "subprocess."),
)
STARTS = ("", "from ", "import a", "run('", "run ", "`", "a=", "exec ", "cat <<x\n", '"')


def made(start: str, piece: str) -> Callable[[int], str]:
    return lambda size: start + piece * (size // len(piece))


def imports_of(text: str) -> None:
    files = MemoryFiles({"/lib/site-packages/m.py": text})
    imports = PythonImports(files)
    imports.add_sites(["/lib/site-packages"])
    imports.start(["/lib/site-packages/m.py"])


READERS: dict[str, Callable[[str], object]] = {
    "shell": command_words,
    "words": all_words,
    "started": lambda text: started_commands(text, "/usr/bin/perl"),
    "imports": imports_of,
}


@pytest.mark.parametrize("reader", READERS)
def test_ten_times_the_text_is_ten_times_the_work(reader: str) -> None:
    for start in STARTS:
        for piece in PIECES if not start else (" ", ".", "a.", "a|", ";", "\\", "<<x\n", "'"):
            assert_scales(made(start, piece), READERS[reader], 2000)


@pytest.mark.parametrize(
    "source",
    [
        "import " + ".".join(["a"] * 200_000),
        "from " + ".".join(["a"] * 200_000) + " import b",
        "from a import " + ",".join(f"b{number}" for number in range(60_000)),
        "x = '" + ".".join(["a"] * 200_000) + "'",
        "from " + "." * 400_000 + "a import b",
    ],
)
def test_imports_take_memory_in_proportion_to_their_source(source: str) -> None:
    tracemalloc.start()
    imports_of(source)
    imported_names(MemoryFiles({"/m.py": source}), "/m.py")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


def test_no_more_modules_than_any_real_source_has_are_looked_for() -> None:
    names = ",".join(f"m{number}" for number in range(2 * MAX_NAMES))
    content = {"/s/m.py": f"import {names}", "/s/m1.py": "", f"/s/m{2 * MAX_NAMES - 1}.py": ""}
    imports = PythonImports(MemoryFiles(content))
    imports.add_sites(["/s"])
    imports.start(["/s/m.py"])
    assert imports.reached == {"/s/m.py", "/s/m1.py"}


def test_two_hundred_thousand_commands_are_looked_for_in_lists() -> None:
    class Counted(MemoryFiles):
        asked = 0

        def _lstat(self, path: str) -> object:  # type: ignore[override]
            self.asked += 1
            return super()._lstat(path)

    script = "\n".join(f"command{number} x" for number in range(200_000))
    files = Counted({"/x": f"{script}\n", "/bin/command7": "", "/bin/command199999": ""})
    assert started_programs(files, "/x", ["/bin", "/usr/bin", "/sbin"]) == ["/bin/command7"]
    assert files.asked < 100
    assert len(command_words(script)) == MAX_WORDS


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("x=$((1<<n))\nsort", ["1", "sort"]),
        ("x=$((1<<n))\ncat <<n\nman page\nn\nsort", ["1", "sort"]),
        ("cat <<a <<a\nman page\na\nsort", ["cat", "sort"]),
        ("cat <<'a b'\nsort", ["cat", "sort"]),
        ("cat <<a\n\ta\nsort", ["cat", "sort"]),
    ],
)
def test_a_here_document_ends_where_its_word_is_a_line(script: str, words: list[str]) -> None:
    assert command_words(script) == words
