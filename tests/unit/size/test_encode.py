"""``--json``: the shape that is promised, by the schema that is shipped."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from lambundle.size import grouping
from lambundle.size.compare import changes
from lambundle.size.contents import SizedItem
from lambundle.size.drops import drops
from lambundle.size.encode import encode, encode_changes, encode_groups
from lambundle.size.facts import SizeFacts
from lambundle.size.findings import findings
from tests.unit.size.made import MIB, Told, facts, player, told

SCHEMA = json.loads(files("lambundle.size").joinpath("schema", "size.schema.json").read_text(encoding="utf-8"))


def encoded(made: SizeFacts) -> dict[str, Any]:
    offers = () if made.graph is None else drops(made.graph)
    data: dict[str, Any] = json.loads(json.dumps(encode(made, offers, findings(made.contents, made.others))))
    return data


def check(data: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(data)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("ratio", [0.4, None])
def test_a_bundle_of_ours(ratio: float | None) -> None:
    made = SizeFacts(told(player(), ratio=ratio))
    data = encoded(made)
    check(data)
    assert (data["version"], data["bundle"]) == (1, "test.zip")
    assert data["unzipped"] == sum(entry["size"] for entry in data["entries"]) == made.unzipped
    assert set(data["entries"][0]) == {"path", "size", "compressed", "why", "saves"}
    assert data["entries"][0]["why"][0] == "play"
    assert [set(quota) for quota in data["quotas"]] == [{"name", "value", "limit", "status"}] * 2
    assert data["quotas"][0] == {"name": "unzipped", "value": made.unzipped, "limit": 262_144_000, "status": "pass"}
    assert data["quotas"][1]["status"] == ("warn" if ratio else "unknown")


def test_a_bundle_of_others_and_what_goes_with_it() -> None:
    item = SizedItem("app.py", is_link=False, size=100 * MIB, packed=4, crc=1)
    data = encoded(SizeFacts(Told([item], zipped=120), [Told([item, SizedItem("b", is_link=False, size=160 * MIB)])]))
    check(data)
    assert data["entries"] == [{"path": "app.py", "size": 100 * MIB, "compressed": 4, "why": None, "saves": None}]
    assert data["with"] == [{"bundle": "x.zip", "unzipped": 260 * MIB, "zipped": None}]
    assert [quota["status"] for quota in data["quotas"]] == ["fail", "pass", "unknown"]


def test_sums_and_comparisons() -> None:
    made = facts()
    for by, sums in (("package", grouping.by_package(made)), ("program", grouping.by_program(made))):
        data = encoded(made) | encode_groups(by, sums)
        check(data)
        assert sum(group["size"] for group in data["groups"]) == data["unzipped"]
    other = SizeFacts(Told([SizedItem("app.py", is_link=False, size=1)]))
    check(encoded(made) | encode_changes(other, changes(made, other)))


def test_what_is_not_of_that_shape_is_no_answer() -> None:
    data = encoded(facts())
    data["entries"][0]["size"] = 1.5
    with pytest.raises(jsonschema.ValidationError):
        check(data)
