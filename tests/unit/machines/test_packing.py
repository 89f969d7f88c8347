"""Selection on machines of every family: the same programs, and of each what it needs to do its job."""

from __future__ import annotations

import fnmatch
from functools import cache

import pytest

from lambundle.bundle.model import Kind
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from tests.unit.machines import FAMILIES, PROGRAMS, machine

HEADERS = ("*.h", "*.a", "*/crt1.o")
NEEDED = {
    "gcc": ("*/cc1", "*/collect2", "*/bin/as", "*/bin/ld*", "/usr/include/stdio.h", "*/crt1.o", "*/libgcc.a"),
    "git": ("*/git-core/git-remote-http", "*/git-core/git-submodule", "*/git-core/git-sh-setup", "/etc/*.crt|*.pem"),
    "python3": ("*/python3.*/json/__init__.py", "*/lib-dynload/_ssl.*.so", "*/python3.*/os.py"),
    "jq": ("*/libjq.so.1", "*/libonig.so.5"),
    "curl": ("*/libcurl.so.4", "*/libssl.so.3", "/etc/*.crt|*.pem"),
    "ffmpeg": ("*/libavcodec.so.*", "*/libvpx.so.*", "/etc/fonts/fonts.conf", "*.ttf|*.otf"),
    "convert": ("*/coders/*.so", "*/policy.xml", "/etc/fonts/fonts.conf", "*.ttf|*.otf"),
    "gs": ("*/Resource/Init/gs_init.ps", "*/NimbusSans-Regular*"),
    "node": ("*/libcrypto.so.3|*/bin/node", "*/libstdc++.so.6"),
    "tesseract": ("*/eng.traineddata", "*/configs/*", "*/libtesseract.so.5"),
    "dot": ("*/libgvplugin_core.so.6", "*/libgvplugin_dot_layout.so.6", "*/libgvplugin_pango.so.6", "*.ttf|*.otf"),
    "gpg": ("/usr/bin/gpg-agent",),
}
"""Patterns of files without which a program does not do its job; one of ``a|b``."""
NEVER = ("/usr/share/doc/*", "/usr/share/man/*", "*.pod", "/usr/lib/python3.*/test/*", "/var/lib/*")
PERL = ("/usr/bin/perl", "*/Git.pm", "*/Error.pm")
OVER_DEBIAN = 1.1


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def packed(family: str, program: str) -> dict[str, int]:
    """Return what a bundle mirrors, with sizes: paths of the machine, links among them."""
    manifest = make_plan(Request(machine=machine(family), programs=(program,))).manifest
    top = f"lambundle/{program}/root"
    return {
        entry.path.removeprefix(top): entry.size
        for entry in manifest.entries
        if entry.path.startswith(f"{top}/") and entry.kind is not Kind.DIRECTORY
    }


def matching(paths: dict[str, int], patterns: str) -> list[str]:
    return [path for path in paths for pattern in patterns.split("|") if fnmatch.fnmatchcase(path, pattern)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_gets_what_it_needs(family: str, program: str) -> None:
    paths = packed(family, program)
    assert [patterns for patterns in NEEDED[program] if not matching(paths, patterns)] == []
    assert FAMILIES[family].libc.loader.rpartition("/")[2] in {path.rpartition("/")[2] for path in paths}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_gets_nothing_for_readers_and_administrators(family: str, program: str) -> None:
    assert [path for pattern in NEVER for path in matching(packed(family, program), pattern)] == []


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name != "gcc"])
def test_only_a_compiler_gets_headers(family: str, program: str) -> None:
    """On Arch, glibc holds the C library's headers and every package depends on it."""
    assert [path for pattern in HEADERS for path in matching(packed(family, program), pattern)] == []


@pytest.mark.parametrize("name", ["debian", "fedora", "arch"])
def test_git_keeps_perl_where_its_package_has_perl_scripts(name: str) -> None:
    paths = packed(name, "git")
    assert [pattern for pattern in PERL if not matching(paths, pattern)] == []


def test_git_in_four_packages_is_no_larger_than_in_one() -> None:
    """Fedora has git, git-core, git-core-doc and perl-Git."""
    sizes = {name: sum(packed(name, "git").values()) for name in ("fedora", "debian")}
    assert sizes["fedora"] <= sizes["debian"] * OVER_DEBIAN


def test_busybox_stands_behind_the_shell() -> None:
    paths = packed("alpine", "jq")
    assert {"/bin/sh", "/bin/busybox", "/lib/ld-musl-x86_64.so.1"} <= paths.keys()
    assert not matching(paths, "*libc.so.6")


def test_a_machine_packs_the_same_twice() -> None:
    first = make_plan(Request(machine=machine("fedora"), programs=("git",))).manifest
    assert make_plan(Request(machine=machine("fedora"), programs=("git",))).manifest == first
