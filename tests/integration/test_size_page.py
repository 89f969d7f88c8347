"""The page of ``size --html`` in a real browser: it draws, zooms, sorts and finds, with no mouse and no network."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from lambundle.bundle.model import Reason
from lambundle.size.contents import SizedItem
from lambundle.size.drops import drops
from lambundle.size.facts import SizeFacts
from lambundle.size.findings import findings
from lambundle.size.page import page
from tests.bareroot import UnavailableError
from tests.chromium import Page, chromium
from tests.integration.conftest import unavailable
from tests.unit.size.made import MIB, Told, asked, file, manifest, player, told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# One browser for all of them, so one worker.
pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("chromium")]

HOSTILE = "</script><script>document.title='hit'</script><img src=x onerror=\"document.title='hit'\">"
ARROW = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
TILES = "[...document.querySelectorAll('#map .tile')].map(tile => tile.getAttribute('aria-label'))"
CRUMBS = "[...document.querySelectorAll('#crumbs button')].map(crumb => crumb.textContent)"
FOCUSED = "document.activeElement.getAttribute('aria-label')"
ROWS = "[...document.querySelectorAll('#files tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
CONTRAST = """
(() => {
  const bright = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((c) => bright(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const says = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const seen = [...document.querySelectorAll("body *")].filter((each) => says(each) && each.getClientRects().length);
  return Math.min(...seen.map((element) => {
    const [one, other] = [light(getComputedStyle(element).color), light(ground(element))];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  }));
})()
"""
"""The least contrast of any text to what is behind it, as WCAG 2 counts it."""


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    try:
        with chromium() as page:
            yield page
    except UnavailableError as missing:
        unavailable(missing)


def write(path: Path, facts: SizeFacts) -> Path:
    offers = () if facts.graph is None else drops(facts.graph)
    path.write_bytes(page(facts, offers, findings(facts.contents)))
    return path


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("page") / "test.html", SizeFacts(told(player())))


def test_it_draws_areas_in_proportion(tab: Page, ours: Path) -> None:
    tab.open(ours)
    assert tab.run("document.title") == "test.zip: 133.2 MiB"
    assert tab.run(CRUMBS) == ["test.zip", "play"]
    labels = tab.run(TILES)
    assert labels[0] == "libcodec.so.9.1, 108.0 MiB, 81.1 %, 2 parts inside"
    boxes = tab.run("[...document.querySelectorAll('#map .tile')].map(tile => tile.offsetWidth * tile.offsetHeight)")
    whole = tab.run("document.querySelector('#map').clientWidth * document.querySelector('#map').clientHeight")
    assert abs(sum(boxes) - whole) / whole < 0.02
    assert abs(boxes[0] / whole - 108 / 132.2) < 0.02


def test_tiles_do_not_overlap(tab: Page, ours: Path) -> None:
    tab.open(ours)
    boxes = tab.run(
        "[...document.querySelectorAll('#map .tile')].map(tile => { const box = tile.getBoundingClientRect();"
        " return [box.left, box.top, box.right, box.bottom]; })"
    )
    for one, other in itertools.combinations(boxes, 2):
        across = min(one[2], other[2]) - max(one[0], other[0])
        down = min(one[3], other[3]) - max(one[1], other[1])
        assert across < 0.5 or down < 0.5


def test_the_keyboard_goes_in_moves_and_goes_out(tab: Page, ours: Path) -> None:
    tab.open(ours)
    tab.run("document.querySelector('#map .tile').focus()")
    tab.press("Enter")
    assert tab.run(CRUMBS) == ["test.zip", "play", "libcodec.so.9.1"]
    assert tab.run(FOCUSED).startswith("libtext.so.2, 78.0 MiB")
    tab.press("Enter")
    assert tab.run(FOCUSED).startswith("libdata.so.2, 60.0 MiB")
    tab.press("ArrowRight")
    second = tab.run(FOCUSED)
    assert second != "libdata.so.2, 60.0 MiB, 45.0 %"
    assert "of 133.2 MiB" in tab.run("document.querySelector('#detail').textContent")
    tab.press("Home")
    assert tab.run(FOCUSED).startswith("libdata.so.2")
    assert ARROW.join(("play", "libcodec.so.9.1", "libtext.so.2")) in tab.run(
        "document.querySelector('#detail').textContent"
    )
    tab.press("Enter")  # a file: there is nothing inside
    assert len(tab.run(CRUMBS)) == 4
    tab.press("Escape")
    assert tab.run(CRUMBS) == ["test.zip", "play", "libcodec.so.9.1"]
    assert tab.run(FOCUSED).startswith("libtext.so.2")  # where one came from
    tab.press("Escape")
    tab.press("Escape")
    tab.press("Escape")
    assert tab.run(CRUMBS) == ["test.zip"]


def test_tab_comes_to_everything_and_the_map_is_one_stop(tab: Page, ours: Path) -> None:
    tab.open(ours)
    seen = []
    for _ in range(30):
        tab.press("Tab")
        seen.append(tab.run("document.activeElement.closest('[id]')?.id ?? document.activeElement.tagName"))
    assert seen.count("map") <= 2  # once more where it begins again
    assert {"views", "crumbs", "map", "find", "files"} <= set(seen)


def test_the_list_follows_the_map_and_can_be_sorted_and_searched(tab: Page, ours: Path) -> None:
    tab.open(ours)
    everything = tab.run(ROWS)
    assert everything[0] == [
        "/usr/lib/x86_64-linux-gnu/libdata.so.2",
        "60.0 MiB",
        "24.0 MiB",
        "60.0 MiB",
        ARROW.join(("play", "libcodec.so.9.1", "libtext.so.2")),
    ]
    tab.run("document.querySelector('#map .tile').click()")
    assert len(tab.run(ROWS)) < len(everything)
    assert tab.run("document.querySelector('#count').textContent") == "5 files, 108.0 MiB in libcodec.so.9.1"
    tab.run("document.querySelectorAll('#files th button')[0].click()")
    names = [row[0] for row in tab.run(ROWS)]
    assert names == sorted(names)
    assert tab.run("document.querySelector('#files th').getAttribute('aria-sort')") == "ascending"
    tab.run("document.querySelector('#find').value = 'FONTS'")
    tab.run("document.querySelector('#find').dispatchEvent(new Event('input'))")
    assert [row[0] for row in tab.run(ROWS)] == ["/usr/share/fonts/a.ttf", "/usr/share/fonts/b.ttf"]


def test_it_can_be_arranged_by_directory(tab: Page, ours: Path) -> None:
    tab.open(ours)
    tab.run("document.querySelector('input[value=directory]').click()")
    assert any(label.startswith("x86_64-linux-gnu,") for label in tab.run(TILES)) or "x86_64-linux-gnu" in tab.run(
        CRUMBS
    )


def test_a_bundle_of_others_is_arranged_by_directory_alone(tab: Page, tmp_path: Path) -> None:
    items = [SizedItem(f"python/{name}/data", is_link=False, size=MIB, packed=1) for name in "abc"]
    tab.open(write(tmp_path / "layer.html", SizeFacts(Told(items, zipped=99))))
    assert tab.run("document.querySelector('#views').hidden")
    assert [label.partition(",")[0] for label in tab.run(TILES)] == ["a", "b", "c"]


def test_nothing_is_asked_of_anybody_and_nothing_goes_wrong(tab: Page, ours: Path, tmp_path: Path) -> None:
    tab.requests.clear()
    tab.errors.clear()
    tab.open(ours)
    empty = write(tmp_path / "empty.html", SizeFacts(Told([], zipped=22)))
    tab.open(empty)
    assert tab.requests == [ours.resolve().as_uri(), empty.resolve().as_uri()]
    assert tab.errors == []


def test_a_hostile_name_is_only_shown(tab: Page, tmp_path: Path) -> None:
    made = manifest(
        [
            file("/usr/bin/p", MIB, *asked("p")),
            file(f"/opt/{HOSTILE}", 9 * MIB, Reason("add", None, HOSTILE), package=HOSTILE),
            file(f"/opt/b{HOSTILE}", 2 * MIB, Reason("add", None, HOSTILE)),
        ],
        {"p": "/usr/bin/p"},
    )
    tab.errors.clear()
    tab.requests.clear()
    tab.open(write(tmp_path / "hostile.html", SizeFacts(told(made))))
    tab.run("document.querySelector('#map .tile').focus()")
    assert tab.run(ROWS)[0][0] == f"/opt/{HOSTILE}"
    assert tab.run("document.title") == "test.zip: 12.0 MiB"
    assert tab.run("document.images.length + document.querySelectorAll('script').length") == 2
    assert len(tab.requests) == 1
    assert tab.errors == []


@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_it_fits_any_width(tab: Page, ours: Path, width: int) -> None:
    tab.open(ours, width=width, height=800)
    assert tab.run("document.scrollingElement.scrollWidth") <= width
    box: dict[str, Any] = tab.run(
        "(({width, height}) => ({width, height}))(document.querySelector('#map').getBoundingClientRect())"
    )
    assert box["width"] > 0.8 * min(width, 1300) - 40
    assert box["height"] >= 300


def test_it_draws_anew_when_the_window_changes(tab: Page, ours: Path) -> None:
    tab.open(ours, width=1200)
    before = tab.run("document.querySelector('#map .tile').offsetWidth")
    tab.size(500, 900)
    tab.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert tab.run("document.querySelector('#map .tile').offsetWidth") < before


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out(tab: Page, ours: Path, dark: bool) -> None:
    tab.open(ours, dark=dark)
    ground = tab.run("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 22, 26)" if dark else "rgb(251, 250, 248)")
    assert tab.run(CONTRAST) >= 4.5
