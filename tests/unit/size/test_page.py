"""The page as text: whole, alone, and with nothing of a hostile name left that a browser would act on."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from lambundle.bundle.model import Reason
from lambundle.size.contents import SizedItem
from lambundle.size.drops import drops
from lambundle.size.facts import SizeFacts
from lambundle.size.findings import findings
from lambundle.size.page import page
from tests.unit.size.made import MIB, Told, asked, facts, file, manifest, told

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u2028'\"{{facts}}"


class Tags(HTMLParser):
    """Counts tags, and keeps the attributes that could fetch or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value) for name, value in attrs if name in {"src", "href"} or name.startswith("on")]


def paged(made: SizeFacts) -> str:
    offers = () if made.graph is None else drops(made.graph)
    return page(made, offers, findings(made.contents, made.others)).decode()


def data_of(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def test_it_fetches_nothing_and_says_so_to_the_browser() -> None:
    text = paged(facts())
    tags = Tags(text)
    assert tags.attributes == []
    assert not {"link", "img", "iframe", "object"} & {*tags.tags}
    assert "default-src 'none'" in text
    assert "http:" not in text
    assert "https:" not in text


def test_a_hostile_name_stays_text() -> None:
    hostile = manifest(
        [
            file("/usr/bin/p", MIB, *asked(HOSTILE)),
            file(f"/opt/{HOSTILE}", 2 * MIB, Reason("add", None, HOSTILE), package=HOSTILE),
            file(f"/opt/b{HOSTILE}", 2 * MIB, Reason("add", None, HOSTILE), content="b"),
            file(f"/opt/c{HOSTILE}", 2 * MIB, Reason("add", None, HOSTILE), content="b"),
        ],
        {"p": "/usr/bin/p"},
    )
    text = paged(SizeFacts(told(hostile, path=f"{HOSTILE}.zip")))
    tags = Tags(text)
    assert tags.tags.count("script") == 2
    assert "img" not in tags.tags
    assert tags.attributes == []
    rows = data_of(text)["rows"]
    assert isinstance(rows, list)
    assert f"/opt/{HOSTILE}" in [row["name"] for row in rows]
    assert "\u2028" not in text.partition('id="facts">')[2].partition("</script>")[0]


def test_the_facts_are_those_of_the_command() -> None:
    made = facts()
    data = data_of(paged(made))
    rows, steps = data["rows"], data["steps"]
    assert isinstance(rows, list)
    assert isinstance(steps, list)
    assert [(row["name"], row["size"], row["compressed"], row["saves"]) for row in rows] == [
        (row.name, row.size, row.compressed, row.saves) for row in made.rows
    ]
    assert [tuple(steps[step] for step in row["why"]) for row in rows] == [row.why for row in made.rows]


def test_every_row_is_once_in_the_tree_of_reasons_below_one_that_came_before() -> None:
    data = data_of(paged(facts()))
    reasons, rows = data["reasons"], data["rows"]
    assert isinstance(reasons, list)
    assert isinstance(rows, list)
    assert sorted(row for _, _, row in reasons if row is not None) == list(range(len(rows)))
    assert all(above < number for number, (above, _, _) in enumerate(reasons))


def test_a_bundle_of_others_has_a_page_too() -> None:
    data = data_of(paged(SizeFacts(Told([SizedItem("app.py", is_link=False, size=1)]))))
    assert data["reasons"] is None


def test_a_name_that_is_not_utf8_does_not_break_it() -> None:
    assert "app" in paged(SizeFacts(Told([SizedItem("app\udcff", is_link=False, size=1)])))
