"""The runtime's configuration: the search order of libraries and environment variables. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambundle.errors import RuntimeLimitError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Config:
    """The runtime's configuration; its text is lines of KEY SPACE VALUE.

    ``directories`` is the search order for libraries, absolute paths of the packing machine; None in a bundle of static
    programs. ``private`` has the search orders of programs that need another, by real path. ``environment`` are
    defaults of variables; a value that begins with ``@`` is a path below the bundle's root. ``old_loader`` is true for
    a glibc before 2.33, ``serves_tmp`` if the bundle has files of /tmp.
    """

    directories: tuple[str, ...] | None = None
    private: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    old_loader: bool = False
    serves_tmp: bool = False

    def text(self) -> str:
        """Return the text. Raises RuntimeLimitError if a value has a line break."""
        lines = []
        if self.directories is not None:
            lines.append(f"library-path {':'.join(self.directories)}")
        if self.old_loader:
            lines.append("old-loader")
        lines += [f"library-path-of {program}={':'.join(dirs)}" for program, dirs in sorted(self.private.items())]
        if self.serves_tmp:
            lines.append("serves-tmp")
        lines += [f"environment {name}={value}" for name, value in sorted(self.environment.items())]
        for line in lines:
            if "\n" in line:
                raise RuntimeLimitError(
                    f"the runtime's configuration cannot hold a line break: {line!r}", hint="rename it, or leave it out"
                )
        return "".join(f"{line}\n" for line in lines)


def read_config(data: bytes) -> Config:
    """Parse a configuration; unknown keys and relative directories are ignored."""
    found = Config()
    private: dict[str, tuple[str, ...]] = {}
    environment: dict[str, str] = {}
    for line in data.decode(errors="surrogateescape").split("\n"):
        key, _, value = line.partition(" ")
        name, _, rest = value.partition("=")
        match key:
            case "library-path":
                found = replace(found, directories=_directories(value))
            case "library-path-of":
                private[name] = _directories(rest)
            case "environment":
                environment[name] = rest
            case "old-loader":
                found = replace(found, old_loader=True)
            case "serves-tmp":
                found = replace(found, serves_tmp=True)
    return replace(found, private=private, environment=environment)


def _directories(text: str) -> tuple[str, ...]:
    return tuple(directory for directory in text.split(":") if directory.startswith("/"))
