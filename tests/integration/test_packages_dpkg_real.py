"""dpkg's database of this machine, held against dpkg's own commands."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

import pytest

from lambundle.machine import DiskFiles
from lambundle.packages import DependencyKind, PackageDatabase, detect

REQUIRED = bool(os.environ.get("LAMBUNDLE_REQUIRE") or os.environ.get("CI"))
SAMPLED_FILES = 600
SAMPLED_PACKAGES = 60
SEED = 20240101
SECONDS_PER_THOUSAND_PACKAGES = 1.0

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def database() -> PackageDatabase:
    found = detect(DiskFiles())
    if shutil.which("dpkg") is None or type(found).__name__ != "DpkgDatabase" or found is None:
        if REQUIRED:
            pytest.fail("this machine has no dpkg")
        pytest.skip("this machine has no dpkg")
    return found


def output(*command: str) -> str:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stdout


@cache
def sample() -> tuple[str, ...]:
    """Packages of this machine, always the ones with diversions, alternatives and links among them."""
    lines = output("dpkg-query", "-W", "-f=${db:Status-Status} ${Package}:${Architecture}\n").splitlines()
    native = output("dpkg", "--print-architecture").strip()
    installed = sorted(line.split()[1] for line in lines if line.startswith("installed "))
    names = [name.removesuffix(f":{native}").removesuffix(":all") for name in installed]
    chosen = random.Random(SEED).sample(names, min(SAMPLED_PACKAGES, len(names)))
    always = {"dash", "libc6", "base-files", "coreutils", "mawk", "perl-base"} & set(names)
    return tuple(sorted({*chosen, *always}))


def listed(package: str) -> list[str]:
    """Return ``dpkg -L`` as names on disk: a line on a diversion says where the name before it went."""
    names: list[str] = []
    for line in output("dpkg", "-L", package).splitlines():
        if line.startswith(("diverted by ", "locally diverted to")):
            names[-1] = line.partition(" to: ")[2]
        elif line.startswith("package diverts others to: "):
            continue
        elif line != "/.":
            names.append(line)
    return names


def test_files_and_directories_are_those_of_dpkg(database: PackageDatabase) -> None:
    for package in sample():
        files, directories = database.files(package), database.directories(package)
        assert sorted(files + directories) == sorted(set(listed(package))), package
        assert not [path for path in files if Path(path).is_dir() and not Path(path).is_symlink()]
        assert all(Path(path).is_dir() for path in directories if Path(path).exists())


def test_owners_are_those_of_dpkg(database: PackageDatabase) -> None:
    files = sorted({path for package in sample() for path in database.files(package)})
    chosen = random.Random(SEED).sample(files, min(SAMPLED_FILES, len(files)))
    asked = [path for path in chosen if not re.search(r"[*?\[\\]", path)]
    said: dict[str, set[str]] = {}
    for line in output("dpkg", "-S", *asked).splitlines():
        names, _, path = line.rpartition(": ")
        if not line.startswith(("diversion by", "local diversion")):
            said.setdefault(path, set()).update(names.split(", "))
    owners = database.owners(asked)
    native = output("dpkg", "--print-architecture").strip()
    assert len(said) > len(asked) * 0.95
    for path, packages in said.items():
        assert owners.get(path) in {name.removesuffix(f":{native}") for name in packages}, path


def test_every_name_of_a_file_has_the_same_owner(database: PackageDatabase) -> None:
    if not Path("/lib").is_symlink():
        pytest.skip("no merged /usr")
    for package in sample():
        for path in database.files(package)[:50]:
            if path.startswith(("/lib/", "/bin/", "/sbin/")):
                assert database.owner(f"/usr{path}") == database.owner(path) == package
            elif path.startswith(("/usr/lib/", "/usr/bin/", "/usr/sbin/")):
                assert database.owner(path.removeprefix("/usr")) == database.owner(path)


def test_alternatives_belong_to_what_they_lead_to(database: PackageDatabase) -> None:
    tried = 0
    for name in output("update-alternatives", "--get-selections").splitlines():
        _, _, value = name.split(maxsplit=2)
        link = f"/etc/alternatives/{name.split()[0]}"
        if Path(link).is_symlink() and (expected := database.owner(value)):
            tried += 1
            assert database.owner(link) == expected
    assert tried


def test_what_packages_ask_for_is_what_dpkg_says(database: PackageDatabase) -> None:
    installed = set(database.packages())
    fields = {"Pre-Depends": DependencyKind.PRE_DEPENDS, "Depends": DependencyKind.DEPENDS}
    fields |= {"Recommends": DependencyKind.RECOMMENDS, "Suggests": DependencyKind.SUGGESTS}
    for package in sample():
        for field, kind in fields.items():
            text = output("dpkg-query", "-W", f"-f=${{{field}}}", package)
            wanted = [
                tuple(re.split(r"[\s:(]", part.strip())[0] for part in clause.split("|"))
                for clause in text.split(", ")
                if clause
            ]
            found = [each for each in database.depends(package) if each.kind is kind]
            assert [each.names for each in found] == [tuple(dict.fromkeys(each)) for each in wanted], package
            for each in found:
                assert set(each.providers) <= installed
                assert set(each.names) & installed <= set(each.providers)
                # dpkg would not have configured the package otherwise.
                assert each.providers or kind not in {DependencyKind.DEPENDS, DependencyKind.PRE_DEPENDS}


def test_reading_all_lists_takes_well_under_a_second() -> None:
    best = float("inf")
    count = 1
    for _ in range(3):
        start = time.perf_counter()
        database = detect(DiskFiles())
        assert database is not None
        database.owner("/usr/bin/env")
        best = min(best, time.perf_counter() - start)
        count = sum(1 for _ in database.packages())
    assert best / max(count, 200) * 1000 < SECONDS_PER_THOUSAND_PACKAGES
