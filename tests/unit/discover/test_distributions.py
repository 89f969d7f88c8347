"""Distributions of Python, by their records on made-up machines."""

from __future__ import annotations

import pytest

from lambundle.discover.installation.distributions import Distribution, distributions
from lambundle.machine import MemoryFiles

SITE = "/opt/py/lib/python3.12/site-packages"


def described(**files: str) -> Distribution:
    """A distribution with some files in its dist-info."""
    place = f"{SITE}/d-1.dist-info"
    return Distribution(MemoryFiles({f"{place}/{name}": text for name, text in files.items()}), place)


def names(found: Distribution) -> list[str]:
    """The names of the distributions that one requires without extras."""
    return [name for name, _ in found.required()]


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("Some.Name>=1", ("some-name",)),
        ("one[fast] (>=1.0,<2); python_version < '4'", ("one",)),
        ("one; extra == 'dev'", ()),
        ("one; python_version > '3' and extra == \"dev\"", ()),
        ("extra-things", ("extra-things",)),
        ("pytz>dev", ("pytz",)),  # of before PEP 440
    ],
)
def test_what_is_required_has_its_normalised_name_and_extras_do_not_count(
    requirement: str, expected: tuple[str, ...]
) -> None:
    found = described(METADATA=f"Name: d\nRequires-Dist: {requirement}\n\nName: body\n")
    assert names(found) == list(expected)


def test_an_extra_that_is_asked_for_brings_what_it_requires() -> None:
    text = 'Name: d\nRequires-Dist: one[Fast]; extra == "my-part"\nRequires-Dist: two; extra == "other"\n'
    assert described(METADATA=text).required(["My_Part"]) == (("one", frozenset({"Fast"})),)


def test_only_entry_points_that_are_no_commands_make_a_plug_in() -> None:
    assert not described(**{"entry_points.txt": "[console_scripts]\nd = d:main\n"}).has_plugins
    assert described(**{"entry_points.txt": "[console_scripts]\n\n[pytest11]\nd = d\n"}).has_plugins


def test_the_first_of_a_name_counts_and_names_are_normalised() -> None:
    sites = ("/a", "/b")
    content = {
        "/a/Ruamel.Yaml-1.dist-info/METADATA": "Name: Ruamel.Yaml\n",
        "/b/ruamel_yaml-2.dist-info/METADATA": "Name: ruamel_yaml\n",
    }
    found = distributions(MemoryFiles(content), sites)
    assert {name: item.location for name, item in found.items()} == {"ruamel-yaml": "/a/Ruamel.Yaml-1.dist-info"}


def test_a_record_is_csv_and_relative_to_the_site_directory() -> None:
    found = described(
        RECORD='"d/a,b.py",sha256=x,1\n../../../bin/d,,\n/etc/d.conf,,\n', **{"top_level.txt": "extra_top\n"}
    )
    assert found.paths == (f"{SITE}/d/a,b.py", "/opt/py/bin/d", "/etc/d.conf")
    assert found.top_levels == {"d", "extra_top"}


@pytest.mark.parametrize("record", ['"unclosed', "\0", "a" * 200_000])
def test_a_damaged_record_harms_nothing(record: str) -> None:
    assert "d" not in described(RECORD=record).top_levels


def test_requirements_of_an_egg_are_those_outside_of_extras() -> None:
    place = f"{SITE}/old.egg-info"
    text = "two>=1\n\n[:python_version < '4']\nthree\n\n[dev]\nfour\n\n[dev:python_version < '4']\nfive\n"
    files = MemoryFiles({f"{place}/PKG-INFO": "Name: old\n", f"{place}/requires.txt": text})
    assert names(Distribution(files, place)) == ["two", "three"]
