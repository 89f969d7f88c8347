"""The checks ``names`` and ``links``: each thing wrong is told, and what is wrong may not be unpacked."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle import zipformat
from lambundle.verify.model import Status
from lambundle.verify.static import static_checks
from tests.unit.verify.drafts import WINDOWS, Draft, assert_fails, details, failures, judged
from tests.unit.zips import DIR, LNK, Raw, raw, zipped

if TYPE_CHECKING:
    from pathlib import Path

NAMES: dict[str, tuple[list[Raw], str]] = {
    "parent": ([raw(b"../x")], "'../x' contains '..'"),
    "absolute": ([raw(b"/etc/x")], "'/etc/x' is absolute"),
    "twice": ([raw(b"y"), raw(b"x"), raw(b"x")], "'x' occurs twice"),
    "file_and_directory": ([raw(b"x"), raw(b"x/", mode=DIR)], "'x' occurs twice"),
    "below_a_file": ([raw(b"x"), raw(b"x/y")], "'x/y' lies below 'x', which is a file"),
    "below_a_link": ([raw(b"d/", mode=DIR), raw(b"x", b"d", LNK), raw(b"x/y")], "below 'x', which is a link"),
    "pipe": ([raw(b"x", mode=stat.S_IFIFO | 0o644)], "device, pipe or socket"),
    "control_character": ([raw(b"x\ny")], "control character"),
    "not_the_utf8_it_claims": ([raw(b"\xff", flags=zipformat.UTF8)], "is flagged as UTF-8 and is not"),
    "not_utf8": ([raw(b"\xff")], "not written in UTF-8"),
    "backslashes_of_windows": ([raw(b"bin\\x", system=WINDOWS)], "zipped on Windows"),
    "directory_by_mode_alone": ([raw(b"x", mode=DIR)], "by name or by mode"),
    "encrypted": ([raw(b"x", b"content", flags=zipformat.ENCRYPTED)], "'x' is encrypted"),
}
LINKS: dict[str, tuple[list[Raw], str]] = {
    "absolute": ([raw(b"x", b"/etc/passwd", LNK)], "x leads to /etc/passwd, an absolute path"),
    "out": ([raw(b"x", b"../y", LNK)], "x leads to ../y, out of the tree"),
    "out_through_another": (
        [raw(b"d/e/", mode=DIR), raw(b"up", b"d/e/..", LNK), raw(b"x", b"up/../../y", LNK)],
        "x leads to up/../../y, out of the tree",
    ),
    "huge_target": ([raw(b"x", b"a/" * 3000, LNK)], "has a target of 6,000 bytes"),
    "not_utf8": ([raw(b"x", b"\xff", LNK)], "is not UTF-8"),
    "no_target": ([raw(b"x", b"", LNK)], "no target"),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_unsafe_name_fails_and_may_not_be_unpacked(tmp_path: Path, name: str) -> None:
    entries, phrase = NAMES[name]
    (tmp_path / "x.zip").write_bytes(zipped(*entries))
    result = static_checks(tmp_path / "x.zip")
    assert_fails(result, names=[phrase, "zip the tree again"])
    assert result.subject
    assert not result.subject.runnable


@pytest.mark.parametrize("target", ["/tmp", "/tmp/cache", "/dev/stdout", "/proc/self/fd/2"])
def test_a_link_to_what_every_host_has_passes(tmp_path: Path, target: str) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(raw(b"x", target.encode(), LNK), raw(b"y", b"x", LNK)))
    (check,) = (check for check in static_checks(tmp_path / "x.zip").checks if check.name == "links")
    assert (check.status, check.detail.split("; ")[1]) == (Status.PASS, "2 to places of the host")


@pytest.mark.parametrize("target", ["/tmp/../etc/passwd", "/tmp/", "/dev/sda", "/proc/self/root/etc/passwd", "/tmpx"])
def test_a_link_to_anything_else_of_the_host_fails(tmp_path: Path, target: str) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(raw(b"x", target.encode(), LNK)))
    assert_fails(static_checks(tmp_path / "x.zip"), links=f"x leads to {target}, an absolute path")


@pytest.mark.parametrize("name", LINKS)
def test_a_link_that_leads_out_fails_and_may_not_be_unpacked(tmp_path: Path, name: str) -> None:
    entries, phrase = LINKS[name]
    (tmp_path / "x.zip").write_bytes(zipped(*entries))
    result = static_checks(tmp_path / "x.zip")
    assert_fails(result, links=[phrase, "nothing outside goes to Lambda"])
    assert result.subject
    assert not result.subject.runnable


def test_a_method_other_than_deflate_fails(tmp_path: Path) -> None:
    data = zipped(raw(b"x", b"content", method=0)).replace(b"\x14\x00\x00\x00\x00\x00", b"\x14\x00\x00\x00\x0c\x00")
    (tmp_path / "x.zip").write_bytes(data)
    assert_fails(static_checks(tmp_path / "x.zip"), names="method 12, which is neither stored nor deflate")


def test_all_offenders_are_told_and_the_list_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(*(raw(b"../%d" % number) for number in range(1000))))
    (check,) = (check for check in static_checks(tmp_path / "x.zip").checks if check.name == "names")
    assert "and 999 more" in check.detail
    assert len(check.context) == 21
    assert check.context[-1] == "… and 980 more"


def test_names_that_differ_only_in_case_are_two_names(tmp_path: Path) -> None:
    """Linux's headers have such pairs, and Lambda is Linux."""
    draft = Draft().file("xt_MARK.h").file("xt_mark.h").file("a\\b")
    result = judged(draft, tmp_path / "x.zip")
    assert failures(result) == {}
    assert details(result)["names"] == "3 entries with safe names"


@pytest.mark.parametrize("target", ["gone", "d/gone", "self", "d/../gone"])
def test_a_dangling_link_fails_but_can_be_unpacked(tmp_path: Path, target: str) -> None:
    draft = Draft().folder("d").link("self", target)
    result = judged(draft, tmp_path / "x.zip")
    where = "in a circle" if target == "self" else "which does not exist"
    assert_fails(result, links=[f"self leads {'' if target == 'self' else 'to '}", where, "put back"])
    assert result.subject
    assert result.subject.runnable


def test_a_link_may_lead_into_another_layer_below_the_same_mount_point(tmp_path: Path) -> None:
    layer = Draft().file("lib/data").write(tmp_path / "layer.zip")
    draft = Draft().link("data", "lib/data")
    assert_fails(judged(draft, tmp_path / "x.zip"), links="lib/data, which does not exist")
    assert failures(judged(draft, tmp_path / "x.zip", layers=[layer])) == {}
    assert_fails(judged(draft, tmp_path / "x.zip", layers=[layer], mount="/var/task"), links="does not exist")


def test_links_that_lead_to_something_pass(tmp_path: Path) -> None:
    draft = Draft().folder("d").file("d/x").link("l", "d").link("m", "l/../d/x").link("d/up", "..")
    result = judged(draft, tmp_path / "x.zip")
    assert failures(result) == {}
    assert details(result)["links"] == "3 links, all relative, inside and leading to something"


class TestDirectory:
    """A directory is checked like a zip."""

    def test_a_pipe_fails(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        result = static_checks(tmp_path)
        assert_fails(result, names="device, pipe or socket")
        assert result.subject
        assert not result.subject.runnable

    def test_a_name_that_is_not_utf8_fails(self, tmp_path: Path) -> None:
        open(os.fsencode(tmp_path) + b"/\xff", "wb").close()  # noqa: PTH123
        assert_fails(static_checks(tmp_path), names="not UTF-8")

    @pytest.mark.parametrize("target", ["/etc/passwd", "../.."])
    def test_a_link_that_leads_out_is_not_followed(self, tmp_path: Path, target: str) -> None:
        (tmp_path / "l").symlink_to(target)
        assert_fails(static_checks(tmp_path), links="l leads to")

    def test_a_sound_one_passes(self, tmp_path: Path) -> None:
        (tmp_path / "d").mkdir()
        (tmp_path / "d/x").write_text("content")
        (tmp_path / "l").symlink_to("d/x")
        result = static_checks(tmp_path)
        assert failures(result) == {}
        assert result.subject
        assert (result.subject.is_zip, result.subject.zipped, result.subject.unzipped) == (False, None, 7 + 3)
