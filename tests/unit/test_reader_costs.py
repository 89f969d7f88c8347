"""Every reader of what strangers write: ten times the input takes at most fifteen times as long, and bounded memory.

Texts have ``scripts/test_costs.py``, graphs ``size/test_costs.py``, the tables of ELF files ``test_elf_costs.py``.
"""

from __future__ import annotations

import struct
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.manifest import encode_manifest
from lambundle.packages.rpm.header import Tag
from tests.fuzz.targets import BETWEEN, TARGETS
from tests.scaling import assert_scales
from tests.unit.packages.rpms import header, ndb, sqlite
from tests.unit.plans import file, link, manifest
from tests.unit.test_elf_costs import needed, opened, phdrs, versions
from tests.unit.zips import DIR, LNK, raw, zipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MEMORY = 100 << 20


def joined(lines: Iterable[str]) -> bytes:
    return "".join(lines).encode()


def dpkg(count: int) -> bytes:
    status = joined(
        f"Package: p{each}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"
        f"Depends: p{each + 1}, a | b (>= 1)\nProvides: v\n\n"
        for each in range(count)
    )
    listed = joined(f"/usr/d{each % 9}/f{each}\n" for each in range(count))
    diverted = joined(f"/usr/f{each}\n/usr/g{each}\np{each}\n" for each in range(count))
    return BETWEEN.join([status, b"/usr\n" + listed, diverted])


def apk(count: int) -> bytes:
    return joined(f"P:p{each}\nV:1\nA:x\nD:so:v p{each + 1}\np:so:v=1\nF:usr/d{each}\nR:f\n\n" for each in range(count))


def pacman(count: int) -> bytes:
    desc = "%NAME%\ntool\n\n%VERSION%\n1-1\n\n%DEPENDS%\n" + "".join(f"p{each}>=1\n" for each in range(count))
    return BETWEEN.join([desc.encode(), b"%FILES%\n" + joined(f"usr/f{each}\n" for each in range(count))])


def package(number: int, files: int = 1) -> bytes:
    names = [f"f{each}" for each in range(files)]
    tags: dict[Tag, list[str] | list[int]] = {
        Tag.NAME: [f"p{number}"],
        Tag.VERSION: ["1"],
        Tag.RELEASE: ["1"],
        Tag.ARCH: ["x86_64"],
        Tag.BASENAMES: names,
        Tag.DIRNAMES: ["/usr/bin/"],
        Tag.DIRINDEXES: [0] * files,
        Tag.REQUIRENAME: ["v"],
        Tag.PROVIDENAME: ["v"],
    }
    return header(tags)


def overlapping(count: int) -> bytes:
    """SUSE's database whose blobs all go to its end."""
    whole = bytearray(ndb([package(each) for each in range(count)]))
    at = 0
    while (at := whole.find(b"BlbS", at)) >= 0:
        struct.pack_into("<I", whole, at + 12, len(whole) - at - 16)
        at += 4
    return bytes(whole)


def cache(count: int) -> bytes:
    texts = b"".join(b"lib%d.so\0/lib/lib%d.so\0" % (each, each) for each in range(count))
    start = 48 + 24 * count
    entries, at = b"", start
    for each in range(count):
        length = len(b"lib%d.so\0" % each)
        entries += struct.pack("<iIIIQ", 0x303, at, at + length, 0, 0)
        at += length + len(b"/lib/lib%d.so\0" % each)
    return struct.pack("<20sIIB3xI12x", b"glibc-ld.so.cache1.1", count, len(texts), 2, 0) + entries + texts


def http(count: int) -> bytes:
    head = b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: x\r\n"
    return head + b"".join(b"x-%d: y\r\n" % each for each in range(count)) + b"Content-Length: 2\r\n\r\n{}"


def links(count: int) -> bytes:
    return zipped(*[raw(b"l%d" % each, b"l%d/../l%d" % (each + 1, each + 1), LNK) for each in range(count)])


READERS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "elf, names": ("elf", needed),
    "elf, notes": ("elf", opened),
    "elf, versions": ("elf", versions),
    "elf, headers": ("elf", lambda count: phdrs(count, 4, 4096)),
    "zip, files": ("zip", lambda count: zipped(*[raw(b"d%d/f" % each, b"x" * 99, method=8) for each in range(count)])),
    "zip, directories": (
        "zip",
        lambda count: zipped(*[raw(b"a/" * 50 + b"%d/" % each, mode=DIR) for each in range(count)]),
    ),
    "zip, links": ("zip", links),
    "zip, nothing": ("zip", lambda count: b"PK\5\6" * count),
    "manifest": (
        "manifest",
        lambda count: encode_manifest(
            manifest(
                *[file(f"lambundle/test/root/f{each}") for each in range(count)],
                *[link(f"lambundle/test/root/l{each}", f"f{each}") for each in range(count)],
            )
        ).replace(b'"sha256":null', b'"sha256":"' + b"0" * 64 + b'"'),
    ),
    "trace": ("trace", lambda count: joined(f"{each + 1}\tlookup\tnowhere\topen\t/{each}\n" for each in range(count))),
    "trace, one line": ("trace", lambda count: b"7\tstart\t" + b"\\x2f" * count),
    "dpkg": ("dpkg", dpkg),
    "apk": ("apk", apk),
    "pacman": ("pacman", pacman),
    "rpm, packages": ("rpm", lambda count: ndb([package(each) for each in range(count)])),
    "rpm, files": ("rpm", lambda count: ndb([package(1, count)])),
    "rpm, sqlite": ("rpm", lambda count: sqlite([package(each) for each in range(count)])),
    "rpm, overlapping": ("rpm", overlapping),
    "ld.so.cache": ("ldso", cache),
    "ld.so.conf": ("ldso", lambda count: joined(f"/usr/lib{each}\ninclude /x{each}/*.conf\n" for each in range(count))),
    "http": ("http", http),
}


@pytest.mark.parametrize("name", READERS)
def test_ten_times_the_input_is_ten_times_the_work(name: str) -> None:
    target, make = READERS[name]
    assert_scales(make, TARGETS[target], 100)


@pytest.mark.parametrize("name", READERS)
def test_memory_is_bounded(name: str) -> None:
    target, make = READERS[name]
    data = make(2000)
    tracemalloc.start()
    TARGETS[target](data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * len(data) + (8 << 20) < MEMORY
