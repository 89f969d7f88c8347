"""Which files are events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.errors import UsageError
from lambundle.target import PAYLOAD_LIMIT
from lambundle.verify.function.events import read_event
from lambundle.verify.function.model import Event

if TYPE_CHECKING:
    from pathlib import Path


def test_event_is_the_file_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(b'  {"a": 1}\n')
    assert read_event(path) == Event(str(path), b'  {"a": 1}\n')


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "not JSON"), (b"{", "not JSON"), (b"[" * 100_000, "not JSON"), (b"1" * (PAYLOAD_LIMIT + 1), "6,291,556")],
    ids=["empty", "cut", "deep", "large"],
)
def test_what_invoke_refuses(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=why):
        read_event(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the event .*: no such file or directory"):
        read_event(tmp_path / "none")
