"""The table's layout: the README shows it as it was printed."""

from __future__ import annotations

from tests.bench import table
from tests.bench.__main__ import notes
from tests.bench.table import Row, Skipped, render

ROWS: list[Row | Skipped] = [
    table.times("time, zip", 2.5, 10.0, 0.25),
    table.times("time, something slower", 0.0031, 0.002),
    table.sizes("size, zip", 101_900_000, 101_800_000, 1.0),
    table.more_time("--help, python -c pass", 0.12, 0.02, 0.15),
    table.less_than("peak memory", 300_000_000, 300_000_000),
    Skipped("exodus", "pip could not install it: no network, and a reason that is much longer than a line"),
]
EXPECTED = """\
                                        ours     rival   ratio        aim    met
--------------------------------------------------------------------------------
packing, against
  time, zip                           2.50 s   10.00 s   0.250   <= 0.250    yes
  time, something slower             3.10 ms   2.00 ms   1.550
  size, zip                         101.9 MB  101.8 MB   1.001   <= 1.000     NO
  --help, python -c pass              120 ms     20 ms +100 ms <= +150 ms    yes
  peak memory                       300.0 MB                     < 300 MB     NO
  exodus: skipped, pip could not install it: no network, and a reason that is mu
--------------------------------------------------------------------------------
end"""


def test_layout() -> None:
    assert render([("packing, against", ROWS)], ["end"]) == EXPECTED.splitlines()


def test_every_line_fits_80_columns() -> None:
    assert max(map(len, render([("packing, against", ROWS)], notes(12.3)))) <= 80


def test_a_busy_machine_is_named_as_such() -> None:
    assert "load 2.3" in notes(2.3)[-2]
    assert not any("load" in line for line in notes(0.1))
