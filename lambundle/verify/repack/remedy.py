"""A remedy: what the command that packed a bundle lacked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambundle.bundle.model import PackOptions


@dataclass(frozen=True, slots=True)
class Remedy:
    """Further arguments of ``pack``; ``without`` are the patterns of its ``--exclude`` that are taken back.

    An empty one is to pack again what was changed since.
    """

    programs: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    library_path: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def __or__(self, other: Remedy) -> Remedy:
        """Both of them."""
        return Remedy(*(_joined(getattr(self, name), getattr(other, name)) for name in Remedy.__slots__))

    def applied(self, options: PackOptions) -> PackOptions:
        """The options of a bundle with these."""
        return replace(
            options,
            add=_joined(options.add, self.add),
            package=_joined(options.package, self.packages),
            exclude=tuple(pattern for pattern in options.exclude if pattern not in self.without),
            library_path=_joined(options.library_path, self.library_path),
        )


def _joined(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
