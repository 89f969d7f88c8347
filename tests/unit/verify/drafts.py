"""A zip as a draft: read, changed entry by entry, written again; nothing checks what is changed."""

from __future__ import annotations

import json
import stat
import zipfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lambundle.bundle import zipformat
from lambundle.verify.model import Status
from lambundle.verify.static import StaticResult, static_checks
from tests.unit.zips import raw, zipped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.unit.zips import Raw

WINDOWS = 0  # creator system FAT: no Unix attributes


@dataclass(frozen=True)
class Item:
    """One entry: its whole st_mode, its content or link target, and the system that it was made on."""

    mode: int
    data: bytes = b""
    system: int = zipformat.UNIX


@dataclass
class Draft:
    """Entries by path (directories without a trailing slash), and further ones as they are."""

    items: dict[str, Item] = field(default_factory=dict)
    more: list[Raw] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Draft:
        """Read a sound zip."""
        with zipfile.ZipFile(path) as opened:
            return cls(
                {
                    info.filename.rstrip("/"): Item(info.external_attr >> 16, opened.read(info))
                    for info in opened.infolist()
                }
            )

    def copy(self) -> Draft:
        return Draft(dict(self.items), list(self.more))

    def file(self, path: str, data: bytes = b"content", mode: int = 0o644) -> Draft:
        self.items[path] = Item(stat.S_IFREG | mode, data)
        return self

    def link(self, path: str, target: str) -> Draft:
        self.items[path] = Item(stat.S_IFLNK | 0o777, target.encode())
        return self

    def folder(self, path: str, mode: int = 0o755) -> Draft:
        self.items[path] = Item(stat.S_IFDIR | mode)
        return self

    def chmod(self, path: str, mode: int) -> Draft:
        self.items[path] = replace(self.items[path], mode=stat.S_IFMT(self.items[path].mode) | mode)
        return self

    def edit(self, path: str, change: Callable[[bytes], bytes]) -> Draft:
        self.items[path] = replace(self.items[path], data=change(self.items[path].data))
        return self

    def manifest(self, path: str, change: Callable[[dict[str, Any]], object]) -> Draft:
        """Change a manifest as a value."""
        value = json.loads(self.items[path].data)
        change(value)
        return self.edit(path, lambda _: json.dumps(value).encode())

    def write(self, path: Path) -> Path:
        path.write_bytes(zipped(*(_raw(name, item) for name, item in sorted(self.items.items())), *self.more))
        return path


def _raw(name: str, item: Item) -> Raw:
    slash = "/" if stat.S_ISDIR(item.mode) else ""
    flags = 0 if name.isascii() else zipformat.UTF8
    method = zipformat.DEFLATED if len(item.data) > 1000 else zipformat.STORED
    return raw(f"{name}{slash}".encode(), item.data, item.mode, method, flags=flags, system=item.system)


def judged(draft: Draft, path: Path, **options: Any) -> StaticResult:
    """Write a draft and check it."""
    return static_checks(draft.write(path), **options)


def failures(result: StaticResult) -> dict[str, str]:
    """What failed: name of the check, and all that it says."""
    return {
        check.name: "\n".join([check.detail, *check.context, check.hint])
        for check in result.checks
        if check.status is Status.FAIL
    }


def details(result: StaticResult) -> dict[str, str]:
    return {check.name: check.detail for check in result.checks}


def assert_fails(result: StaticResult, **phrases: str | Sequence[str]) -> None:
    """Exactly these checks fail, each with all these phrases."""
    found = failures(result)
    assert set(found) == set(phrases), found
    for name, wanted in phrases.items():
        for phrase in [wanted] if isinstance(wanted, str) else wanted:
            assert phrase in found[name], f"{name}: {found[name]}"
