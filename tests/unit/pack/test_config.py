"""The runtime's configuration: what is written is read, and what is written of it anew."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from lambundle.errors import RuntimeLimitError
from lambundle.pack.config import Config, read_config
from lambundle.pack.launcher import Loader, Script, launcher

FULL = Config(
    ("/usr/lib", "/usr/lib/x"),
    {"/usr/bin/p": ("/a", "/usr/lib")},
    {"A": "@/x", "B": "b=c d"},
    old_loader=True,
    serves_tmp=True,
)


@pytest.mark.parametrize("made", [FULL, Config(), Config(()), Config(("/lib",), environment={"A": "\udcff"})])
def test_what_is_written_is_read(made: Config) -> None:
    assert read_config(made.text().encode(errors="surrogateescape")) == made


def test_an_empty_configuration_has_no_lines() -> None:
    assert Config().text() == ""


@pytest.mark.parametrize(
    "made",
    [
        Config(environment={"A": "x\nold-loader"}),
        Config(private={"/a\nb": ("/usr/lib",)}),
        Config(private={"/a": ("/usr/lib\n",)}),
        Config(("/usr\n/lib",)),
    ],
)
def test_a_line_break_cannot_be_said(made: Config) -> None:
    with pytest.raises(RuntimeLimitError, match="cannot hold a line break"):
        made.text()


def test_what_is_not_known_or_relative_is_passed_over() -> None:
    assert read_config(b"library-path a:/b:\nnew-key x\n\xff\n") == Config(("/b",))


DIRECTORIES = ("/usr/lib", "/usr/lib/a b", "/it's", "/\u00e9", "/$x`y`")


@pytest.mark.parametrize("script", [None, Script("/usr/bin/python3", ("-s",))])
@pytest.mark.parametrize("libc", ["glibc", "musl"])
@pytest.mark.parametrize("old", [False, True])
def test_a_launcher_tells_the_directories_that_it_was_made_with(old: bool, libc: str, script: Script | None) -> None:
    def made(*directories: str) -> str:
        loader = Loader("/lib64/ld.so", libc, old, directories)
        return launcher("tool", "tool", "/usr/bin/tool", "/usr/bin/tool", loader, script)

    for searched in ((), ("/usr/lib",), DIRECTORIES):
        words = shlex.split(made(*searched).rpartition("\nexec ")[2])
        below = [f"$lambundle_bundle/root{directory}" for directory in searched]
        assert words[words.index("--library-path") + 1].split(":") == [*below, "$lambundle_bundle/runtime"]


def test_a_static_programs_launcher_searches_nothing() -> None:
    text = launcher("tool", "tool", "/usr/bin/tool", "/usr/bin/tool", None)
    assert "--library-path" not in text


def test_a_launcher_sets_what_the_runtime_cannot_where_the_user_has_not() -> None:
    variables = {"ROOT": "@/usr/lib/a b", "PLAIN": "it's 0"}
    text = launcher("tool", "tool", "/usr/bin/tool", "/usr/bin/tool", None, environment=variables)
    assert "/root'/usr/lib/a b'\n" in text
    script = text[text.index('[ -n "${ROOT+set}"') : text.rindex("exec ")] + 'printf "%s|%s" "$ROOT" "$PLAIN"'
    for given, said in (({}, "/b/root/usr/lib/a b|it's 0"), ({"ROOT": "", "PLAIN": "mine"}, "|mine")):
        env = {"lambundle_bundle": "/b", **given}
        assert (
            subprocess.run(["/bin/sh", "-euc", script], env=env, capture_output=True, check=True).stdout
            == said.encode()
        )
