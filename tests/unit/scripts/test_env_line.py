"""env's own words: each line is read as the env of this machine reads it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from lambundle.machine import MemoryFiles
from lambundle.scripts.env_line import EnvLine, parse_env
from lambundle.scripts.shebang import Shebang, read_shebang

ENV = shutil.which("env")
SHOWS = r'printf "<%s>" "$0" "$@"'


@pytest.mark.parametrize(
    "text",
    [
        "sh -c X a b",
        '  sh   -c X "a b"  c',
        "sh -c X 'a  b' \"it's\" 'say \"so\"'",
        r"sh -c X a\_b \_c",
        r'sh -c X "a\_b" "tab\there" new\nline',
        r"sh -c X 'a\_b' 'it\'s' 'back\\slash' 'n\n'",
        r"sh -c X \#no \$no \"no \'no",
        "sh -c X a # b c",
        "sh -c X a#b ''",
        r"sh -c X a\c b c",
        "A=1 B='x y' sh -c X a",
        "-i A=1 sh -c X a",
        "-u HOME sh -c X a",
        "-uHOME --unset=PATH /bin/sh -c X a",
        "-C / sh -c X a",
        "-- sh -c X a",
        "sh -c X '' \"\"",
    ],
)
@pytest.mark.parametrize("option", ["-S", "-S ", "--split-string=", "-iS"])
def test_words_are_those_of_env(text: str, option: str) -> None:
    assert ENV is not None
    line = option + text
    found = parse_env(line)
    assert found is not None
    assert found.words[1:3] == ("-c", "X")
    said = subprocess.run(
        [ENV, line.replace(" X", f" '{SHOWS}'", 1)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/bin", "HOME": "/"},
    ).stdout
    after = found.words[3:] or (found.words[0],)
    assert said == "".join(f"<{word}>" for word in after)


@pytest.mark.parametrize(
    ("argument", "words", "by_env"),
    [
        ("python3", ("python3",), False),
        ("-S python3 -u", ("python3", "-u"), False),
        ('-S python3 -c "print(8)"', ("python3", "-c", "print(8)"), False),
        ("-vS python3", ("python3",), True),
        ("-S A=1 python3", ("python3",), True),
        ("-S python3 ${HOME}", ("python3", "${HOME}"), True),
        ("--split-string=-i python3", ("python3",), True),
        ("-S -S 'python3 -u'", ("python3", "-u"), False),
    ],
)
def test_env_itself_starts_what_needs_more_than_a_search(argument: str, words: tuple[str, ...], by_env: bool) -> None:
    assert parse_env(argument) == EnvLine(words, by_env)


@pytest.mark.parametrize(
    "argument", ["", "-S", "-i", "-S A=1", "-S 'open", r"-S a\q", "-i python3", "--what", r'-S "a\c"', "-S # python3"]
)
def test_what_starts_nothing_is_none(argument: str) -> None:
    assert parse_env(argument) is None


def test_a_path_that_the_line_sets_is_searched() -> None:
    files = MemoryFiles(
        {"/opt/bin/tool": b"", "/usr/bin/tool": b"", "/usr/bin/script": b"#!/usr/bin/env -S PATH=/opt/bin tool -x\n"}
    )
    expected = Shebang("/opt/bin/tool", ("-x",), "/usr/bin/env", "-S PATH=/opt/bin tool -x")
    assert read_shebang(files, "/usr/bin/script", ("/usr/bin",)) == expected
