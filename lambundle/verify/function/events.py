"""Reads the events that a function is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.errors import UsageError
from lambundle.machine import read_regular
from lambundle.target import PAYLOAD_LIMIT
from lambundle.verify.function.model import Event
from lambundle.verify.function.results import parse_json

if TYPE_CHECKING:
    from pathlib import Path


def read_event(path: Path) -> Event:
    """Read an event from the file ``path``; UsageError when it cannot be read, is not JSON, or is over 6 MB."""
    try:
        payload = read_regular(path, PAYLOAD_LIMIT + 1)
    except OSError as error:
        raise UsageError(f"cannot read the event {path}: {(error.strerror or str(error)).lower()}") from error
    if len(payload) > PAYLOAD_LIMIT:
        raise UsageError(f"the event {path} is over {PAYLOAD_LIMIT:,} bytes, which Invoke refuses")
    try:
        parse_json(payload)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the event {path} is not JSON", context=(str(error),)) from error
    return Event(str(path), payload)
