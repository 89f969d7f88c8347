"""What is in a bundle without need: what is there twice, documentation; and what a zip does not make smaller."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lambundle.size.contents import SizedContents, SizedItem

WORTH = 64 << 10
"""Bytes from which a kind of finding is worth a line, and a file that does not compress is worth to be named."""
HARDLY = 0.9
"""Share of its size that a file still has in the zip for it to count as not compressed."""

_TEXTS = re.compile(
    r"(?:^|/)(?:docs?|man/man[1-9n]|(?:share|usr)/(?:man|info|gtk-doc|help|devhelp))/"
    r"|(?:^|/)share/(?:locale|locale-langpack)/(?!en[/_@]|C[/.]|locale\.alias)"
    r"|\.(?:pod|qch|chm)$|(?:^|/)[A-Za-z0-9_.+-]+\.[1-9]\.gz$"
)
"""Where manuals, documentation and message catalogues lie. English ones are kept, as discovery does."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A kind of thing that was found.

    ``kind`` is ``duplicates``, ``documentation``, ``symbols`` or ``compressed``; ``files`` are paths in the bundle
    with the bytes that each would give up unpacked, or of what is compressed those that it has; the largest first.
    """

    kind: str
    files: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(size for _, size in self.files)


def findings(contents: SizedContents, others: Sequence[SizedContents] = ()) -> tuple[Finding, ...]:
    """Look for what the names and sizes alone betray. Nothing is unpacked."""
    found = (
        _finding("duplicates", _duplicates((contents, *others))),
        _finding("documentation", ((item.path, item.size) for item in contents.items if _TEXTS.search(item.path))),
        _finding("compressed", _compressed(contents.items)),
    )
    return tuple(finding for finding in found if finding.size >= WORTH)


def _finding(kind: str, files: Iterable[tuple[str, int]]) -> Finding:
    return Finding(kind, tuple(sorted(files, key=lambda file: (-file[1], file[0]))))


def _compressed(items: Iterable[SizedItem]) -> Iterator[tuple[str, int]]:
    for item in items:
        if item.packed is not None and item.size >= WORTH and item.packed > HARDLY * item.size:
            yield item.path, item.size


def _duplicates(every: Sequence[SizedContents]) -> Iterator[tuple[str, int]]:
    """Give each file whose content is there before it, in this bundle or in one that goes with it.

    The same content is told by the hash in the manifest, else by the checksum in the zip together with the size.
    """
    hashes = [_hashes(contents) for contents in every]
    by_hash = all(hashes)
    seen: dict[tuple[int, str | int], int] = {}
    for number, contents in enumerate(every):
        for item in contents.items:
            content: str | int | None = hashes[number].get(item.path) if by_hash else item.crc
            if item.is_link or not item.size or content is None:
                continue
            if (item.size, content) in seen:
                yield item.path if number == 0 else f"{contents.path}: {item.path}", item.size
            seen[item.size, content] = number


def _hashes(contents: SizedContents) -> Mapping[str, str]:
    return {entry.path: entry.sha256 for manifest in contents.manifests for entry in manifest.entries if entry.sha256}
