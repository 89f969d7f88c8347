"""``closure`` of scripts: what Lambda or a person starts names an interpreter that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.write import write_zip
from lambundle.elf.headers import MAGIC
from lambundle.verify.static.contents import head_of
from lambundle.verify.static.scripts import is_of_package, packages_in, started_by
from tests.unit.plans import file, manifest
from tests.unit.verify.drafts import Draft, assert_fails, failures, judged
from tests.unit.verify.elves import program

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "which is neither in the bundle nor on Lambda"
PERL = b"#!/usr/bin/perl -w\n"


def one(path: str, data: bytes, mode: int = 0o755) -> Draft:
    return Draft().file(path, data, mode)


@pytest.mark.parametrize(
    ("data", "head"),
    [
        (b"#!/bin/sh -e\nexit\n", b"#!/bin/sh -e"),
        (b"#!/bin/sh\r\n", b"#!/bin/sh\r"),
        (b"#!" + b"x" * 300, b"#!" + b"x" * 254),
        (MAGIC + b"more", MAGIC),
        (b"tex", b"tex"),
        (b"", b""),
    ],
)
def test_no_more_is_kept_of_a_file_than_the_kernel_reads_of_a_script(data: bytes, head: bytes) -> None:
    assert head_of(data) == head


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b"#!/usr/bin/env perl", "perl"),
        (b"#! /usr/bin/env -S perl -w", "perl"),
        (b"#!/usr/bin/env LANG=C perl", "perl"),
        (b"#!/usr/bin/env perl\r", "perl"),
        (b"#!/usr/bin/env", ""),
        (b"#!/usr/bin/perl env", ""),
        (b"#!", ""),
    ],
)
def test_env_looks_for_its_first_word_that_is_no_option(line: bytes, wanted: str) -> None:
    assert started_by(line)[1] == wanted


@pytest.mark.parametrize("path", ["bootstrap", "extensions/x", "bin/x", "run", "scripts/deep/x"])
@pytest.mark.parametrize(
    ("line", "phrase"),
    [
        (PERL, f"has a first line that names /usr/bin/perl, {NOWHERE}"),
        (b"#!/usr/bin/env perl\n", f"has a first line that names perl, {NOWHERE}"),
        (b"#!/home/me/bin/tool\n", f"has a first line that names /home/me/bin/tool, {NOWHERE}"),
        (b"#!/usr/local/bin/bash\n", f"has a first line that names /usr/local/bin/bash, {NOWHERE}"),
        (b"#!/bin/sh\r\n", "has lines that end in CR LF"),
        (b"#!/usr/bin/env bash\r\n", "has lines that end in CR LF"),
    ],
)
def test_what_is_started_by_something_that_is_not_there_fails(
    tmp_path: Path, path: str, line: bytes, phrase: str
) -> None:
    draft = one(path, line + b"echo\n")
    assert_fails(judged(draft, tmp_path / "x.zip"), closure=f"{path} {phrase}")
    assert failures(judged(one(path, b"#!/bin/sh\necho\n"), tmp_path / "x.zip")) == {}


@pytest.mark.parametrize(
    "line", [b"#!/bin/bash\n", b"#! /usr/bin/env -S bash -e\n", b"#!/usr/bin/gawk -f\n", b"#!/var/lang/bin/php\n"]
)
def test_what_lambda_has_or_may_have_passes(tmp_path: Path, line: bytes) -> None:
    assert failures(judged(one("bootstrap", line), tmp_path / "x.zip")) == {}


@pytest.mark.parametrize(
    "line", [b"#!/usr/bin/env python3\r\n", b"#!/home/me/venv/bin/python3.12\n", b"#!/usr/bin/node\n"]
)
def test_interpreters_of_lambdas_runtimes_fail_only_for_a_bootstrap(tmp_path: Path, line: bytes) -> None:
    """Pip writes the packing machine's Python into every command; nobody starts those of a function."""
    for path in ("bin/f2py", "handler.py", "extensions/x"):
        assert failures(judged(one(path, line), tmp_path / "x.zip")) == {}
    assert set(failures(judged(one("bootstrap", line), tmp_path / "x.zip"))) == {"closure"}


@pytest.mark.parametrize("path", ["node_modules/x/tool", "python/x/tool", "numpy/tool", "vendor/tool"])
def test_scripts_of_packages_are_not_started(tmp_path: Path, path: str) -> None:
    draft = one(path, PERL).file("numpy-2.0.dist-info/RECORD").file("python/x-1.dist-info/RECORD")
    assert failures(judged(draft, tmp_path / "x.zip")) == {}


def test_where_packages_are_installed() -> None:
    paths = ["x-1.dist-info/RECORD", "python/y.egg-info", "python/a.dist-info/b.dist-info/x", "d/dist-info", "z/w.py"]
    assert packages_in(paths) == {"", "python"}
    assert is_of_package("python/deep/x", frozenset({"python"}))
    assert is_of_package("any/x", frozenset({""}))
    assert not is_of_package("x", frozenset({""}))
    assert not is_of_package("pythonic/x", frozenset({"python"}))


def test_a_script_that_nobody_can_start_is_text(tmp_path: Path) -> None:
    assert failures(judged(one("examples/x.pl", PERL, 0o644), tmp_path / "x.zip")) == {}


@pytest.mark.parametrize("data", [b"", b"\0", b"echo\n", b"\xef\xbb\xbf#!/bin/sh\n", b"#!\n"])
def test_what_lambda_starts_must_be_a_program_or_a_script(tmp_path: Path, data: bytes) -> None:
    for path in ("bootstrap", "extensions/x"):
        assert_fails(judged(one(path, data), tmp_path / "x.zip"), closure=path)
        assert failures(judged(one(path, program()), tmp_path / "x.zip")) == {}
    assert failures(judged(one("etc/x", data, 0o644), tmp_path / "x.zip")) == {}


def test_a_bootstrap_that_is_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    draft = one("fn/start", b"#!/usr/bin/python3\n").link("bootstrap", "fn/start")
    assert_fails(judged(draft, tmp_path / "x.zip"), closure="fn/start has a first line that names /usr/bin/python3")


class TestInside:
    """The function or one of its layers may bring the interpreter, at its own place."""

    @pytest.mark.parametrize("mount", ["/opt", "/var/task"])
    @pytest.mark.parametrize("line", [b"#!/opt/bin/perl\n", b"#!/usr/bin/env perl\n"])
    def test_in_a_layer(self, tmp_path: Path, mount: str, line: bytes) -> None:
        layer = Draft().file("bin/perl", program(), 0o755).write(tmp_path / "perl.zip")
        draft = one("bootstrap", line)
        assert failures(judged(draft, tmp_path / "x.zip", mount=mount, layers=[layer])) == {}
        assert "closure" in failures(judged(draft, tmp_path / "x.zip", mount=mount))

    def test_in_the_zip_itself(self, tmp_path: Path) -> None:
        draft = one("bootstrap", b"#!/var/task/own/perl\n").file("own/perl", program(), 0o755)
        assert failures(judged(draft, tmp_path / "x.zip", mount="/var/task")) == {}
        assert "closure" in failures(judged(one("bootstrap", b"#!/var/task/own/perl\n"), tmp_path / "x.zip"))

    def test_a_layer_may_use_what_the_function_has(self, tmp_path: Path) -> None:
        layer = one("extensions/x", b"#!/var/task/own/perl\n").write(tmp_path / "layer.zip")
        draft = Draft().file("own/perl", program(), 0o755)
        assert failures(judged(draft, tmp_path / "x.zip", mount="/var/task", layers=[layer])) == {}
        result = judged(Draft().file("app.py"), tmp_path / "x.zip", mount="/var/task", layers=[layer])
        assert_fails(result, closure=f"{layer}: extensions/x has a first line that names /var/task/own/perl")


class TestPacked:
    """The runtime serves the interpreter of a bundle's script from the bundle, by its path on the packing machine."""

    ROOT = "lambundle/test/root"

    def packed(self, tmp_path: Path, line: bytes, *more: str) -> Draft:
        plan = manifest(
            file("bin/test", b"#!/bin/sh\n", 0o755),
            file(f"{self.ROOT}/usr/bin/test", line, 0o755),
            *(file(f"{self.ROOT}{path}", program(), 0o755) for path in more),
        )
        write_zip(plan, tmp_path / "good.zip")
        return Draft.read(tmp_path / "good.zip")

    @pytest.mark.parametrize("line", [b"#!/usr/bin/perl\n", b"#!/usr/bin/env perl\n", b"#!/usr/bin/env\tperl -w\n"])
    def test_the_interpreter_is_in_the_bundle(self, tmp_path: Path, line: bytes) -> None:
        draft = self.packed(tmp_path, line, "/usr/bin/perl")
        assert "a first line" not in str(failures(judged(draft, tmp_path / "x.zip")))
        draft = self.packed(tmp_path, line)
        phrases = ["/usr/bin/test has a first line that names", "perl, which is not inside", "it was lost"]
        assert_fails(judged(draft, tmp_path / "x.zip"), closure=phrases)

    def test_a_shell_of_the_host_will_do(self, tmp_path: Path) -> None:
        assert failures(judged(self.packed(tmp_path, b"#!/bin/sh\n"), tmp_path / "x.zip")) == {}
