"""How a size stands to Lambda's quotas: the same words after ``pack`` and in ``size``."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.target import UNZIPPED, ZIPPED, Quota

if TYPE_CHECKING:
    from collections.abc import Sequence

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class QuotaStatus(enum.StrEnum):
    """Whether a size stays below a quota; ``WARN`` where it does not, but there is another way to upload it."""

    PASS = "pass"  # noqa: S105  (no password)
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Standing:
    """A size in bytes against a quota; None where it is not known, as of a bundle that is not zipped.

    ``of`` names the file that it is the size of, where there are several.
    """

    quota: Quota
    value: int | None
    of: str = ""

    @property
    def status(self) -> QuotaStatus:
        """How it came out."""
        if self.value is None:
            return QuotaStatus.UNKNOWN
        if self.quota.admits(self.value):
            return QuotaStatus.PASS
        return QuotaStatus.FAIL if self.quota.is_hard else QuotaStatus.WARN

    @property
    def excess(self) -> int:
        """Bytes that must go for the quota to be kept; 0 when it is."""
        return 0 if self.value is None else max(0, self.value - self.quota.limit + 1)


def standings(unzipped: int, zipped: int | None) -> tuple[Standing, Standing]:
    """Return both sizes of a bundle against their quotas."""
    return Standing(UNZIPPED, unzipped), Standing(ZIPPED, zipped)


def ways_out(found: Sequence[Standing]) -> list[str]:
    """Return for each quota that is not kept what to do."""
    return [
        f"{item.quota.name} {mebibytes(item.value or 0)} is over {item.quota.text}: {item.quota.way_out}"
        for item in found
        if item.excess
    ]


def mebibytes(size: int) -> str:
    """Return a size in the unit of the quotas."""
    return f"{size / MIB:,.1f} MiB"


def human(size: int) -> str:
    """Return a size in the unit in which it has three digits at most before the point."""
    for unit, name in ((KIB, "KiB"), (MIB, "MiB")):
        if KIB <= abs(size) < 999.95 * unit:
            return f"{size / unit:.1f} {name}"
    return f"{size:,} B" if abs(size) < KIB else f"{size / GIB:,.1f} GiB"
