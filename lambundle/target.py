"""AWS Lambda as figures: its quotas. Every number that lambundle compares with stands here.

Sources: the developer guide ("Lambda quotas") and, for the exact limits, the service's own error texts
("must be smaller than 262144000 bytes": a bundle of exactly that size is refused).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """An upper bound in bytes that a size must stay below, and what to do when it does not."""

    name: str
    limit: int
    text: str
    way_out: str

    def admits(self, size: int) -> bool:
        """Whether a size in bytes is accepted."""
        return size < self.limit


UNZIPPED = Quota(
    "unzipped",
    262_144_000,
    "250 MiB",
    "a function and all its layers together must be smaller; drop files with --exclude, or use a container image",
)
ZIPPED = Quota(
    "zipped",
    52_428_800,
    "50 MiB direct upload",
    "upload it through S3 (aws s3 cp, then --s3-bucket and --s3-key)",
)
