"""Totals, quotas, sums by package, directory and program, comparisons, and findings."""

from __future__ import annotations

import dataclasses

import pytest

from lambundle.bundle.model import Group, Manifest, Reason
from lambundle.size import grouping
from lambundle.size.compare import changes
from lambundle.size.contents import SizedItem
from lambundle.size.facts import SizeFacts
from lambundle.size.findings import findings
from lambundle.size.quotas import QuotaStatus, human, standings, ways_out
from lambundle.target import UNZIPPED, ZIPPED
from tests.unit.size.made import KIB, LIB, MIB, Told, asked, facts, file, manifest, needed, player, told


def test_rows_are_all_files_and_links_the_largest_first() -> None:
    made = facts()
    assert sum(row.size for row in made.rows) == made.unzipped == made.contents.unzipped
    assert [row.size for row in made.rows] == sorted((row.size for row in made.rows), reverse=True)
    assert made.rows[0].name == f"{LIB}/libdata.so.2"
    assert (made.rows[0].saves, made.rows[0].package) == (60 * MIB, "libtext2")


def test_a_bundle_of_others_has_rows_without_reasons() -> None:
    made = SizeFacts(Told([SizedItem("app.py", is_link=False, size=5, packed=4, crc=1)], zipped=120))
    assert made.graph is None
    assert [(row.path, row.why, row.saves) for row in made.rows] == [("app.py", None, None)]
    assert made.contents.packed == 4


# ---- quotas ----


@pytest.mark.parametrize(
    ("unzipped", "zipped", "statuses"),
    [
        (UNZIPPED.limit - 1, ZIPPED.limit - 1, [QuotaStatus.PASS, QuotaStatus.PASS]),
        (UNZIPPED.limit, ZIPPED.limit, [QuotaStatus.FAIL, QuotaStatus.WARN]),
        (1, None, [QuotaStatus.PASS, QuotaStatus.UNKNOWN]),
    ],
)
def test_a_size_must_be_smaller_than_its_quota(unzipped: int, zipped: int | None, statuses: list[QuotaStatus]) -> None:
    found = standings(unzipped, zipped)
    assert [standing.status for standing in found] == statuses
    assert len(ways_out(found)) == sum(status in {QuotaStatus.FAIL, QuotaStatus.WARN} for status in statuses)


def test_of_a_size_that_is_the_quota_one_byte_is_too_much() -> None:
    assert [standing.excess for standing in standings(UNZIPPED.limit, ZIPPED.limit - 1)] == [1, 0]


def test_what_goes_together_counts_together_unzipped_and_apart_zipped() -> None:
    one, other = (
        told(player(), path="one.zip"),
        Told([SizedItem("x", is_link=False, size=200 * MIB)], zipped=MIB, path="dir/two.zip"),
    )
    made = SizeFacts(one, [other])
    assert [(each.quota.name, each.value, each.of) for each in made.standings] == [
        ("unzipped", one.unzipped + 200 * MIB, ""),
        ("zipped", one.zipped, "one.zip"),
        ("zipped", MIB, "two.zip"),
    ]
    assert made.excess == one.unzipped + 200 * MIB - UNZIPPED.limit + 1


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (KIB, "1.0 KiB"),
        (1023 * KIB, "1.0 MiB"),
        (-5 * MIB, "-5.0 MiB"),
        (999 * MIB, "999.0 MiB"),
        (2000 * MIB, "2.0 GiB"),
    ],
)
def test_sizes_in_the_unit_that_suits_them(size: int, text: str) -> None:
    assert human(size) == text


# ---- sums ----


def test_every_file_is_in_one_package() -> None:
    made = facts()
    sums = grouping.by_package(made)
    assert sum(group.size for group in sums) == made.unzipped
    assert sum(len(group.paths) for group in sums) == len(made.rows)
    sizes = {group.name: group.size for group in sums}
    assert sizes["libtext2"] == 72 * MIB
    assert sizes[grouping.OURS] == 900 + 77
    assert sizes[grouping.NO_PACKAGE] == 7 * MIB + len("libcodec.so.9.1")
    text = next(group for group in sums if group.name == "libtext2")
    assert grouping.saves(made, text) == 78 * MIB


def test_every_file_is_in_one_directory() -> None:
    made = facts()
    sums = grouping.by_directory(made)
    assert sum(group.size for group in sums) == made.unzipped
    assert {group.name: group.size for group in sums}["/usr/share/fonts"] == 6 * MIB


def two_programs() -> Manifest:
    one, two = "/usr/bin/one", "/usr/bin/two"
    reasons = Reason("package", one, "common"), Reason("package", two, "common")
    return manifest(
        [
            file(one, 1, *asked("one")),
            file(two, 10, *asked("two")),
            file(f"{LIB}/libone.so", 100, *needed(one)),
            file(f"{LIB}/libboth.so", 1000, *needed(one, two)),
            file("/usr/share/common/data", 10_000, reasons[0], package="common"),
            file("/bin/sh", 100_000, Reason("shell")),
        ],
        {"one": one, "two": two},
        [Group("package", "common", reasons)],
    )


def test_programs_have_their_own_and_share_the_rest() -> None:
    made = facts(two_programs())
    assert {group.name: group.size for group in grouping.by_program(made)} == {
        "one": 101,
        "two": 10,
        grouping.SHARED: 11_000,
        grouping.EVERY: 100_000,
    }


# ---- comparisons ----


def test_what_grew_shrank_is_new_and_is_gone() -> None:
    before = player()
    after = dataclasses.replace(
        before,
        name="test",
        entries=(
            file("/usr/bin/fresh", 7 * MIB, Reason("add")),
            *(
                dataclasses.replace(entry, size=entry.size + (5 * MIB if entry.path.endswith("libtext.so.2") else 0))
                for entry in before.entries
                if not entry.path.endswith(("one.png", "/probe"))
            ),
        ),
    )
    found = changes(facts(after), facts(before))
    assert [(change.kind, change.name.rpartition("/")[2], change.delta) for change in found] == [
        ("new", "fresh", 7 * MIB),
        ("gone", "one.png", -5 * MIB),
        ("grown", "libtext.so.2", 5 * MIB),
        ("gone", "probe", -MIB),
    ]
    assert sum(change.delta for change in found) == facts(after).unzipped - facts(before).unzipped


def test_another_version_of_a_library_is_the_same_library() -> None:
    before = manifest([file(f"{LIB}/libx.so.1.2.3", 5), file(f"{LIB}/a1", 1), file(f"{LIB}/a2", 1)], {})
    after = manifest([file(f"{LIB}/libx.so.1.3.0", 9), file(f"{LIB}/a3", 2)], {})
    found = {change.name.rpartition("/")[2]: change for change in changes(facts(after), facts(before))}
    assert (found["libx.so.1.3.0"].kind, found["libx.so.1.3.0"].was) == ("grown", f"{LIB}/libx.so.1.2.3")
    assert found["a3"].kind == "new"  # of two that are gone nobody knows which it was


def test_the_name_of_the_bundle_makes_no_difference() -> None:
    one = Told([SizedItem("lambundle/a/runtime/config", is_link=False, size=5)])
    other = Told([SizedItem("lambundle/b/runtime/config", is_link=False, size=5)])
    assert changes(SizeFacts(one), SizeFacts(other)) == ()


# ---- findings ----


def test_what_is_there_without_need_is_found() -> None:
    found = {finding.kind: finding for finding in findings(told(player()))}
    assert [path.rpartition("/")[2] for path, _ in found["documentation"].files] == ["manual.html"]
    assert ("lambundle/test/root" + f"{LIB}/icons/two.png", 5 * MIB) in found["duplicates"].files
    assert "compressed" not in found


def test_content_is_the_same_by_checksum_and_size_where_there_is_no_manifest() -> None:
    items = [
        SizedItem("a", is_link=False, size=70 * KIB, packed=70 * KIB, crc=5),
        SizedItem("b", is_link=False, size=70 * KIB, packed=70 * KIB, crc=5),
        SizedItem("c", is_link=False, size=80 * KIB, packed=10, crc=5),
        SizedItem("d", is_link=True, size=70 * KIB, packed=10, crc=5),
    ]
    found = {finding.kind: finding.files for finding in findings(Told(items, zipped=1))}
    assert found == {"duplicates": (("b", 70 * KIB),), "compressed": (("a", 70 * KIB), ("b", 70 * KIB))}


def test_the_same_content_in_two_layers_is_found() -> None:
    item = SizedItem("a", is_link=False, size=70 * KIB, packed=1, crc=5)
    found = findings(Told([item], zipped=1), [Told([dataclasses.replace(item, path="b")], zipped=1, path="layer.zip")])
    assert [finding.files for finding in found] == [(("layer.zip: b", 70 * KIB),)]


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("lambundle/x/root/usr/share/doc/x/README", True),
        ("usr/share/man/man1/x.1.gz", True),
        ("python/docs/index.html", True),
        ("usr/share/locale/de/LC_MESSAGES/x.mo", True),
        ("usr/share/locale/en_GB/LC_MESSAGES/x.mo", False),
        ("usr/share/locale/en/LC_MESSAGES/x.mo", False),
        ("usr/lib/locale/C.utf8/LC_CTYPE", False),
        ("usr/lib/libdoc.so", False),
        ("usr/share/perl5/Docs.pm", False),
    ],
)
def test_documentation_is_told_by_where_it_lies(path: str, is_one: bool) -> None:
    items = [SizedItem(path, is_link=False, size=MIB, packed=1)]
    assert bool(findings(Told(items, zipped=1))) is is_one


def test_small_findings_are_not_worth_a_line() -> None:
    items = [SizedItem("usr/share/doc/x", is_link=False, size=10, packed=1)]
    assert findings(Told(items, zipped=1)) == ()
