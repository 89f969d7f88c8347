"""What the plan keeps so that savings are true: reasons of links, of groups, and nothing of what is excluded."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.manifest import decode_manifest, encode_manifest
from lambundle.bundle.model import Entry, Reason
from lambundle.errors import BadBundleError
from tests import here
from tests.unit.size.made import player

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.gather.mirror import Mirror

WHY = Reason("add", None, "test")


def below(mirror: Mirror, top: Path) -> dict[str, Entry]:
    prefix = f"root{top}/"
    return {entry.path.removeprefix(prefix): entry for entry in mirror.entries("root") if entry.path.startswith(prefix)}


def test_of_what_is_excluded_no_link_is_left(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("x")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "other").symlink_to("link/file")
    mirror = here.mirror(lambda path: path.endswith("/file"))
    assert mirror.add(str(tmp_path / "other"), WHY) is None
    assert below(mirror, tmp_path) == {}
    assert mirror.excludes(str(tmp_path / "other"))
    assert not mirror.excludes(str(tmp_path / "link"))
    assert not mirror.excludes(str(tmp_path / "missing"))


def test_in_an_excluded_directory_nothing_is_made(tmp_path: Path) -> None:
    mirror = here.mirror(lambda path: path.endswith("/etc"))
    mirror.make_file(f"{tmp_path}/etc/conf", b"x", 0o644, WHY)
    assert below(mirror, tmp_path) == {}


def test_a_file_knows_its_hard_links(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x7fELF")
    os.link(tmp_path / "a", tmp_path / "b")
    mirror = here.mirror()
    mirror.add(str(tmp_path / "a"), WHY)
    mirror.add(str(tmp_path / "b"), WHY)
    assert Reason("link", str(tmp_path / "b")) in below(mirror, tmp_path)["a"].reasons
    assert below(mirror, tmp_path)["b"].target == "a"


def test_an_entry_knows_its_package(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    mirror = here.mirror()
    mirror.add(str(tmp_path / "a"), WHY)
    mirror.make_file(f"{tmp_path}/made", b"x", 0o644, WHY)
    packages = {entry.path.rpartition("/")[2]: entry.package for entry in mirror.entries("root", lambda _: "p")}
    assert (packages["a"], packages["made"]) == ("p", None)


def test_groups_and_packages_come_back_from_a_manifest() -> None:
    plan = player()
    data = encode_manifest(plan)
    back = decode_manifest(data)
    assert back.groups == plan.groups
    assert [entry.package for entry in back.entries] == [entry.package for entry in plan.entries]
    assert encode_manifest(back) == data
    plain = encode_manifest(dataclasses.replace(plan, groups=()))
    assert b'"groups"' not in plain
    assert decode_manifest(plain).groups == ()


@pytest.mark.parametrize("groups", [{}, [{"kind": "package"}], [{"kind": "package", "name": 1, "reasons": []}], [7]])
def test_groups_that_are_none_are_refused(groups: object) -> None:
    document = json.loads(encode_manifest(player()))
    document["groups"] = groups
    with pytest.raises(BadBundleError):
        decode_manifest(json.dumps(document).encode())
