"""quota: sizes and counts against Lambda's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.target import LAYERS_MAX, OPT, UNZIPPED, ZIPPED
from lambundle.verify.static.outcome import count, failed, passed

if TYPE_CHECKING:
    from lambundle.verify.model import Check
    from lambundle.verify.static.facts import StaticFacts

NAME = "quota"
EMPTY = "zip the tree itself: Lambda takes no empty zip"
TOO_MANY = "merge layers, or put the bundle into the function's own zip"

_MIB = 1 << 20


def check(facts: StaticFacts) -> Check:
    """Compare with every limit; all layers count together."""
    unzipped = facts.listing.unzipped + sum(layer.listing.unzipped for layer in facts.layers)
    files = sum(member.kind is not Kind.DIRECTORY for member in facts.members)
    if not files and not facts.listing.faults:
        return failed(NAME, ["it holds no file"], EMPTY)
    if not UNZIPPED.admits(unzipped):
        with_layers = f" with {count(len(facts.layers), 'other layer')}" if facts.layers else ""
        text = f"{unzipped:,} bytes unzipped{with_layers}, and {UNZIPPED.limit:,} ({UNZIPPED.text}) are too many"
        return failed(NAME, [text], UNZIPPED.way_out)
    layers = len(facts.layers) + (facts.mount == OPT)
    if layers > LAYERS_MAX:
        return failed(NAME, [f"{layers} layers, and a function has {LAYERS_MAX} at most"], TOO_MANY)
    detail = f"{_size(unzipped)} of {UNZIPPED.text} unzipped"
    zipped = facts.listing.zipped
    if zipped is not None:
        detail += f", {_size(zipped)} zipped"
        if not ZIPPED.admits(zipped):
            detail += f" (over {ZIPPED.text}: upload through S3)"
    return passed(NAME, f"{detail}, {count(files, 'file')}")


def _size(size: int) -> str:
    return f"{size / _MIB:.1f} MiB"
