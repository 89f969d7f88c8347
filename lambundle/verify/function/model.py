"""A function, its events and the report on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lambundle.verify.model import RunReport


@dataclass(frozen=True, slots=True)
class Function:
    """A deployed function.

    ``mounts`` maps ``/var/task`` (the function zip) and ``/opt`` (its layers, merged in their order) to
    directories here; either may be absent. ``handler`` is that of a Python function (``module.function``);
    None is a custom runtime, started by its ``bootstrap``. ``environment`` are the variables of its
    configuration, beside those that Lambda sets.
    """

    mounts: Mapping[str, Path]
    handler: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    name: str = "function"


@dataclass(frozen=True, slots=True)
class Event:
    """One invocation's payload, a JSON text, and the name under which the report speaks of it."""

    name: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """The runs of the events, in their order.

    ``log`` is what CloudWatch would show: Lambda's own lines (INIT_REPORT, START, END, REPORT) and between them
    what the function wrote. ``notes`` say what stood in for what Lambda would have.
    """

    runs: tuple[RunReport, ...]
    log: str
    notes: tuple[str, ...] = ()
