"""The lines on sizes and quotas, after ``pack`` and in ``size``."""

from __future__ import annotations

import pytest

from lambundle.cli.quota_screen import quota_lines
from lambundle.size.quotas import standings
from lambundle.target import UNZIPPED, ZIPPED


def test_there_is_a_line_for_each_size_that_is_known() -> None:
    assert list(map(str, quota_lines(standings(UNZIPPED.limit, None)))) == [
        "  FAIL  unzipped  250.0 MiB   100 % of 250 MiB, 1 B too much"
    ]
    assert [str(each)[2:18] for each in quota_lines(standings(1, ZIPPED.limit))] == [
        "PASS  unzipped  ",
        "WARN  zipped    ",
    ]


@pytest.mark.parametrize(
    ("unzipped", "verdict", "figures"),
    [(0.89, "pass", ""), (0.9, "pass", "near"), (1.0, "fail", "fail")],
)
def test_figures_stand_out_from_nine_tenths_of_a_quota(unzipped: float, verdict: str, figures: str) -> None:
    (found,) = quota_lines(standings(int(unzipped * UNZIPPED.limit), None))
    assert [style for _, style in found.parts] == ["", verdict, "", figures, ""]
