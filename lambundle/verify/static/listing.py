"""The entries of a zip or directory with every fault in them, not the first only."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle import zipformat
from lambundle.bundle.listing import open_store
from lambundle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lambundle.bundle.listing import EntryFault, EntryStore, Member


@dataclass(frozen=True, slots=True)
class Listing:
    """The usable entries of a zip or a directory, and what is wrong with the others.

    ``store`` has the entries, and gives their bytes as long as the listing is open.
    """

    path: Path
    store: EntryStore
    faults: tuple[EntryFault, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """The entries sorted by path, each path once, with all twelve bits of their modes."""
        return self.store.members

    @property
    def zipped(self) -> int | None:
        """Size of the zip file in bytes, None for a directory."""
        return self.store.zipped

    @property
    def bare(self) -> frozenset[str]:
        """Paths of entries without Unix attributes, whose modes are unknown."""
        return self.store.bare

    @property
    def unsupported(self) -> tuple[str, ...]:
        """Why entries cannot be read though nothing is wrong with them; they are among the faults too."""
        return tuple(item.text for item in self.faults if isinstance(item.error, zipformat.UnsupportedZipError))

    @property
    def unzipped(self) -> int:
        """Bytes unpacked in Lambda's count: files and link targets."""
        return sum(member.size for member in self.members)

    def faults_of(self, check: str) -> list[str]:
        """Texts of the faults that a check tells of."""
        return [fault.text for fault in self.faults if fault.check == check]


@contextmanager
def listing_of(path: Path) -> Iterator[Listing]:
    """List the zip or directory ``path``; its bytes can be read within the ``with``.

    Raise UsageError when there is nothing of the kind, ZipFormatError when not even the list can be read.
    """
    faults: list[EntryFault] = []
    try:
        store = open_store(path, faults.append)
    except OSError as error:
        raise UsageError(
            f"cannot open {path}: {(error.strerror or str(error)).lower()}",
            hint="name a zip or a directory",
        ) from error
    try:
        yield Listing(path, store, tuple(faults))
    finally:
        store.close()
