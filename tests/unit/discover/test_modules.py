"""Which modules scripts ask for, by their text, and where those are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.discover.installation.modules import language_of, loaded_modules
from lambundle.machine import DiskFiles, Machine, MemoryFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def asked(interpreter: str, text: str) -> list[str]:
    language = language_of(MemoryFiles(), interpreter)
    assert language is not None
    return list(language.loaded_names(text))


def made(top: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)


def found(
    top: Path, script: str, interpreter: str, is_owned: Callable[[str], bool] = lambda _: False
) -> dict[str, str]:
    """Files below ``top`` that a script asks for, each with what for."""
    return {
        path.removeprefix(f"{top}/"): detail
        for path, detail in loaded_modules(Machine(DiskFiles()), str(top / script), interpreter, is_owned)
        if path.startswith(f"{top}/")
    }


@pytest.mark.parametrize(
    ("interpreter", "text", "names"),
    [
        ("perl", "use strict; use DBI;\nuse Image::Magick 6.9 ();", ["strict", "DBI", "Image::Magick"]),
        ("perl", "  require Foo::Bar;\nif ($x) {require Baz}\nuse v5.36;", ["v5", "Foo::Bar", "Baz"]),
        (
            "perl",
            "use parent -norequire, 'A::B';\nuse base qw(C D);",
            ["parent", "base", "norequire", "A::B", "qw", "C", "D"],
        ),
        ("perl5.36.0", "DBI->connect('dbi:SQLite:dbname=x')", ["DBD::SQLite"]),
        ("perl", "# use A;\nprint 'use B';\n=head1 X\n\nuse C;\n\n=cut\nuse D;\n__END__\nuse E;\n", ["D"]),
        ("ruby3.1", "require 'nokogiri'\nrequire(\"a/b\")\nrequire_relative '../c'", ["nokogiri", "a/b", "../c"]),
        ("ruby", "# require 'a'\nrequire \"#{x}\"\nrequired 'b'", []),
        ("lua5.4", "local j = require 'cjson'; require(\"socket.http\") require[[x]]", ["cjson", "socket.http", "x"]),
        ("luajit", "--[[ require 'a'\n]] -- require 'b'", []),
        ("tclsh8.6", "package require json\npackage require -exact md5 2", ["json", "md5"]),
        ("tclsh", "# package require a\npackage require Tcl 8.5", []),
        ("Rscript", "library(jsonlite)\nif (require('x')) y::f(1)\nz:::g", ["jsonlite", "x", "y", "z"]),
        ("R", "Package: p\nImports: cli, gtable (>= 0.1.1),\n        MASS\nSuggests: no", ["cli", "gtable", "MASS"]),
        ("node", "const a = require('semver'), fs = require('fs');", ["semver"]),
        ("nodejs", "import {\n  x\n} from '@s/y';\nimport 'z';\nimport os from 'node:os';", ["@s/y", "z"]),
        ("node", "// require('a')\n/* require('b') */ await import('c/d.js')", ["c/d.js"]),
    ],
)
def test_every_language_asks_in_its_own_way(interpreter: str, text: str, names: list[str]) -> None:
    assert set(asked(f"/usr/bin/{interpreter}", text)) == set(names)


@pytest.mark.parametrize("interpreter", ["/bin/sh", "/usr/bin/python3", "/usr/bin/perldoc", "/usr/bin/gawk"])
def test_what_is_not_understood_asks_for_nothing(interpreter: str, tmp_path: Path) -> None:
    made(tmp_path, {"run": "require 'other'", "other.rb": ""})
    assert found(tmp_path, "run", interpreter) == {}


def test_modules_beside_a_script_are_followed(tmp_path: Path) -> None:
    made(
        tmp_path,
        {
            "run.pl": "use One; do './set.pl';",
            "lib/One.pm": "package One; use Deep::Two;",
            "lib/Deep/Two.pm": "",
            "lib/Three.pm": "",
            "set.pl": "",
        },
    )
    assert found(tmp_path, "run.pl", "/usr/bin/perl") == {
        "lib/One.pm": "asked for as One",
        "lib/Deep/Two.pm": "asked for as Deep::Two",
        "set.pl": "asked for as ./set.pl",
    }


def test_of_a_packages_module_only_the_file_is_given(tmp_path: Path) -> None:
    made(tmp_path, {"run.rb": "require 'one'", "one.rb": "require 'two'", "two.rb": ""})
    assert found(tmp_path, "run.rb", "/usr/bin/ruby", lambda path: path.endswith("one.rb")) == {
        "one.rb": "asked for as one"
    }


def test_modules_that_may_be_links_to_libraries_are_looked_for_in_packages_too(tmp_path: Path) -> None:
    made(tmp_path, {"run.lua": "require 'one'", "one.lua": "require 'one.core'", "one/core.so": "\0"})
    assert set(found(tmp_path, "run.lua", "/usr/bin/lua5.4", lambda path: "one" in path)) == {"one.lua", "one/core.so"}


def test_the_first_place_that_has_a_module_is_the_last_looked_at(tmp_path: Path) -> None:
    made(tmp_path, {"run.pl": "use One;", "One.pm": "", "lib/One.pm": ""})
    assert set(found(tmp_path, "run.pl", "/usr/bin/perl")) == {"One.pm"}


def test_a_node_module_comes_whole_with_what_it_depends_on(tmp_path: Path) -> None:
    made(
        tmp_path,
        {
            "app/run.js": "require('one'); require('./part')",
            "app/part.js": "",
            "one.js": "",
            "node_modules/one/package.json": '{"name": "one", "dependencies": {"@s/two": "^1"}}',
            "node_modules/one/lib/x.js": "",
            "node_modules/one/test/y.js": "",
            "node_modules/@s/two/package.json": "{}",
            "node_modules/three/package.json": "{}",
        },
    )
    assert set(found(tmp_path, "app/run.js", "/usr/bin/node")) == {
        *("app/part.js", "node_modules/one/package.json", "node_modules/one/lib/x.js"),
        "node_modules/@s/two/package.json",
    }


def test_an_index_says_which_modules_are_beside_it(tmp_path: Path) -> None:
    made(
        tmp_path,
        {
            "run.tcl": "package require a::b",
            "lib/a/pkgIndex.tcl": "package ifneeded a::b 1.0 [list source [file join $dir ab.tcl]]",
            "lib/a/ab.tcl": "",
            "lib/c/pkgIndex.tcl": "package ifneeded a::bc 1.0 {}",
        },
    )
    assert set(found(tmp_path, "run.tcl", "/usr/bin/tclsh")) == {"lib/a/pkgIndex.tcl", "lib/a/ab.tcl"}


def test_what_only_its_owner_may_read_is_never_given(tmp_path: Path) -> None:
    made(tmp_path, {"run.rb": "require_relative 'key'\nrequire_relative 'open'", "key.rb": "", "open.rb": ""})
    (tmp_path / "key.rb").chmod(0o600)
    assert set(found(tmp_path, "run.rb", "/usr/bin/ruby")) == {"open.rb"}


def test_modules_that_ask_for_each_other_are_no_circle(tmp_path: Path) -> None:
    made(tmp_path, {"run.lua": "require 'a'", "a.lua": "require 'b'", "b.lua": "require 'a'"})
    assert set(found(tmp_path, "run.lua", "/usr/bin/lua5.4")) == {"a.lua", "b.lua"}


def test_an_interpreter_of_its_own_looks_only_around_the_script(tmp_path: Path) -> None:
    made(tmp_path, {"run.pl": "use strict; use One;", "One.pm": ""})
    given = loaded_modules(Machine(DiskFiles()), str(tmp_path / "run.pl"), str(tmp_path / "bin/perl"), lambda _: False)
    assert [path for path, _ in given] == [str(tmp_path / "One.pm")]
