"""Made-up machines: their databases answer as the lists say, and their files load as on real ones."""

from __future__ import annotations

import posixpath
import time

import pytest

from lambundle.elf.headers import parse_elf
from lambundle.packages import PackageDatabase, detect
from tests.unit.machines import FAMILIES, PROGRAMS, machine
from tests.unit.machines.listing import UNLISTED, File, Sort

DATABASES = {"debian": "DpkgDatabase", "fedora": "RpmDatabase", "arch": "PacmanDatabase", "alpine": "ApkDatabase"}
OWNERS = {
    "debian": {"git": "git", "python3": "python3-minimal", "convert": "imagemagick-6.q16", "dot": "graphviz"},
    "fedora": {"git": "git-core", "python3": "python3", "convert": "ImageMagick", "gpg": "gnupg2"},
    "arch": {"git": "git", "python3": "python", "convert": "imagemagick", "gpg": "gnupg"},
    "alpine": {"git": "git", "python3": "python3", "awk": "busybox", "gpg": "gpg"},
}
"""Owners of programs in /usr/bin, by whatever links they are found."""
SATISFIED = {
    "debian": [("jq", "libjq1", "libjq1"), ("git", "perl", "perl"), ("gcc-12", "libgcc-12-dev", "libgcc-12-dev")],
    "fedora": [
        ("git", "perl(Git)", "perl-Git"),
        ("jq", "libonig.so.5()(64bit)", "oniguruma"),
        ("ghostscript", "/usr/bin/sh", "bash"),
        ("jq", "libc.so.6()(64bit)", "glibc"),
    ],
    "arch": [("git", "perl", "perl"), ("jq", "glibc", "glibc"), ("gnupg", "libgcrypt.so", "libgcrypt")],
    "alpine": [
        ("jq", "so:libonig.so.5", "oniguruma"),
        ("jq", "so:libc.musl-x86_64.so.1", "musl"),
        ("git-perl", "perl-git", "perl-git"),
        ("ca-certificates", "/bin/sh", "busybox-binsh"),
    ],
}
"""Dependencies: of which package, on what, which package satisfies it."""
STDIO = {"debian": "libc6-dev", "fedora": "glibc-devel", "arch": "glibc", "alpine": "musl-dev"}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def database(family: str) -> PackageDatabase:
    found = detect(machine(family).files)
    assert found is not None
    assert type(found).__name__ == DATABASES[family]
    return found


def listed(family: str) -> list[tuple[str, File]]:
    packages = FAMILIES[family].packages()
    return [(package.name, file) for package in packages if package.name != UNLISTED for file in package.files]


def test_every_file_belongs_to_the_package_that_lists_it(family: str) -> None:
    found = database(family)
    for name, file in listed(family):
        if file.sort is not Sort.DIRECTORY:
            assert found.owner(file.path) == name, file.path
            assert file.path in found.files(name)


def test_owners_of_programs(family: str) -> None:
    found = database(family)
    for name, owner in OWNERS[family].items():
        assert found.owner(f"/usr/bin/{name}") == owner
    assert found.owner("/usr/include/stdio.h") == STDIO[family]


def test_dependencies(family: str) -> None:
    found = database(family)
    for package, wanted, satisfied in SATISFIED[family]:
        answers = {name: item.providers for item in found.depends(package) for name in item.names}
        assert answers[wanted] == (satisfied,)


def test_packages_have_the_versions_of_the_list(family: str) -> None:
    found = database(family)
    for package in FAMILIES[family].packages():
        known = found.package(package.name)
        if package.name == UNLISTED:
            assert known is None
        else:
            assert known is not None
            assert (known.version, known.source) == (package.version, package.source)


def test_every_file_is_there_with_its_size(family: str) -> None:
    files = machine(family).files
    for _, file in listed(family):
        assert files.exists(file.path), f"{file.path} > {file.target}"
        if file.sort not in {Sort.LINK, Sort.DIRECTORY, Sort.SAME}:
            assert files.size(file.path) >= file.size


def test_compiled_files_say_what_they_need(family: str) -> None:
    files = machine(family).files
    libc = FAMILIES[family].libc
    names = {posixpath.basename(file.path) for _, file in listed(family)} | {libc.soname}
    for _, file in listed(family):
        if file.is_elf:
            elf = parse_elf(files.read(file.path, 1 << 20), file.path)
            assert set(file.needed) <= set(elf.needed) <= names, file.path
            assert (elf.soname or "") == file.soname
            if file.sort is Sort.PROGRAM:
                assert elf.interpreter == libc.loader
                assert files.is_file(libc.loader)


def test_every_script_has_its_interpreter(family: str) -> None:
    files = machine(family).files
    for _, file in listed(family):
        if file.sort is Sort.SCRIPT:
            assert files.is_executable(file.interpreter.split()[0]), file.path


def test_programs(family: str) -> None:
    files = machine(family).files
    assert [name for name in PROGRAMS if not files.is_executable(f"/usr/bin/{name}")] == []


def test_names_of_one_file_are_one_file() -> None:
    files = machine("arch").files
    assert files.identity("/usr/bin/ld.bfd") == files.identity("/usr/bin/ld")
    assert files.stat("/usr/bin/ld").st_nlink == 2


def test_a_machine_takes_milliseconds(family: str) -> None:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        database(family).owner("/usr/bin/git")
        best = min(best, time.process_time() - start)
    assert best < 0.5
