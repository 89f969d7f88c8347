"""The search, its environment and the files ldconfig leaves, on machines that are not this one."""

from __future__ import annotations

import json
import os
import random
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.cli.deps_json import to_json
from lambundle.cli.deps_screen import tree_lines
from lambundle.elf.environment import Libc, SearchEnvironment, default_interpreter, environment_for
from lambundle.elf.files import ElfFiles, Refusal
from lambundle.elf.headers import EM_386, EM_AARCH64, EM_X86_64, ElfFile, read_elf
from lambundle.elf.ldconfig import CacheEntry, built_in, parse_cache, read_conf
from lambundle.elf.loader import (
    FailedLookup,
    Found,
    Requester,
    Rule,
    expand,
    search,
)
from lambundle.elf.walk import walk
from lambundle.errors import BadElfError, NotElfError, UnreadableFileError
from lambundle.machine import DiskFiles, Files
from tests.unit.test_elf import make_elf

if TYPE_CHECKING:
    from lambundle.elf import closure

LD = "/lib64/ld-linux-x86-64.so.2"


class Root:
    """A machine described file by file below a directory."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.elves = ElfFiles(DiskFiles(str(top)))

    def put(self, path: str, content: bytes) -> None:
        """Write a file."""
        place = self.top / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        place = self.top / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def library(self, path: str, *needed: str, **fields: str) -> None:
        """Write a library."""
        tags = {"soname": 14, "rpath": 15, "runpath": 29}
        dynamic: list[tuple[int, bytes | int]] = [(1, name.encode()) for name in needed]
        dynamic += [(tags[name], value.encode()) for name, value in fields.items()]
        self.put(path, make_elf(dynamic=dynamic or [(0x6FFFFFFB, 0)]))

    def program(self, path: str, *needed: str, interpreter: str = LD) -> None:
        """Write a program."""
        dynamic: list[tuple[int, bytes | int]] = [(1, name.encode()) for name in needed]
        self.put(path, make_elf(entry=1, type_=2, interpreter=interpreter.encode(), dynamic=dynamic or [(30, 0)]))

    def loader(self, *directories: str, path: str = LD) -> None:
        """Write a glibc's loader with its constants behind a plausible ELF file."""
        constants = b"\0".join(name.encode() for name in directories) + b"\0"
        content = make_elf(dynamic=[(14, b"ld-linux-x86-64.so.2")]) + bytes(3) + constants + bytes(9)
        self.put(path, content + b"/etc/ld.so.cache\0")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def make_cache(
    entries: list[tuple[str, str, int, int]], *, order: str = "<", hwcaps: tuple[str, ...] = (), old: int = -1
) -> bytes:
    """Write ld.so.cache: entries of (soname, path, flags, hwcap), behind ``old`` ones of the old format."""
    start = 48 + 24 * len(entries)
    strings = bytearray()

    def text(value: str) -> int:
        strings.extend(value.encode() + b"\0")
        return start + len(strings) - len(value) - 1

    body = b"".join(
        struct.pack(order + "iIIIQ", flags, text(soname), text(path), 0, hwcap)
        for soname, path, flags, hwcap in entries
    )
    names = [text(name) for name in hwcaps]
    strings.extend(bytes(-len(strings) % 4))
    extension = start + len(strings)
    tail = b""
    if hwcaps:
        tail = struct.pack(order + "II", 0xEAA42174, 1)
        tail += struct.pack(order + "IIII", 1, 0, extension + 24, 4 * len(names))
        tail += struct.pack(order + f"{len(names)}I", *names)
    header = b"glibc-ld.so.cache1.1"
    header += struct.pack(order + "IIB3xI12x", len(entries), len(strings), 0, extension if hwcaps else 0)
    new = header + body + bytes(strings) + tail
    if old < 0:
        return new
    before = b"ld.so-1.7.0\0" + struct.pack(order + "I", old) + bytes(12 * old)
    return before + bytes(-len(before) % 8) + new


X86_64 = (EM_X86_64, 64)


@pytest.mark.parametrize("old", [-1, 0, 3])
def test_cache_gives_the_entries_of_the_machine(old: int) -> None:
    data = make_cache(
        [
            ("liba.so.1", "/lib64/liba.so.1", 0x303, 0),
            ("liba.so.1", "/lib/liba.so.1", 0x003, 0),
            ("libb.so.1", "/lib/libb.so.1", 0xA03, 0),
        ],
        old=old,
    )
    assert parse_cache(data, *X86_64, little=True) == {"liba.so.1": (CacheEntry("/lib64/liba.so.1"),)}
    assert parse_cache(data, EM_386, 32, little=True) == {"liba.so.1": (CacheEntry("/lib/liba.so.1"),)}
    assert parse_cache(data, EM_AARCH64, 64, little=True) == {"libb.so.1": (CacheEntry("/lib/libb.so.1"),)}


def test_cache_names_its_hwcaps_and_forgets_the_old_kind() -> None:
    extension = 1 << 62
    data = make_cache(
        [
            ("liba.so.1", "/v3", 0x303, extension | 1),
            ("liba.so.1", "/v2", 0x303, extension | 0),
            ("liba.so.1", "/haswell", 0x303, 1 << 50),
            ("liba.so.1", "/no-such-number", 0x303, extension | 7),
            ("liba.so.1", "/plain", 0x303, 0),
        ],
        hwcaps=("x86-64-v2", "x86-64-v3"),
    )
    assert parse_cache(data, *X86_64, little=True) == {
        "liba.so.1": (CacheEntry("/v3", "x86-64-v3"), CacheEntry("/v2", "x86-64-v2"), CacheEntry("/plain"))
    }


def test_the_big_endian_cache() -> None:
    data = make_cache([("liba.so.1", "/liba.so.1", 0x403, 0)], order=">", old=2)
    assert parse_cache(data, 22, 64, little=False) == {"liba.so.1": (CacheEntry("/liba.so.1"),)}


@pytest.mark.parametrize("data", [b"", b"text", b"glibc-ld.so.cache1.1", b"ld.so-1.7.0\0" + b"\xff" * 4])
def test_a_cache_that_is_none(data: bytes) -> None:
    assert parse_cache(data, *X86_64, little=True) is None


def test_a_hostile_cache_does_no_harm() -> None:
    sample = make_cache(
        [(f"lib{number}.so", f"/lib/lib{number}.so", 0x303, (1 << 62) | number % 2) for number in range(8)],
        hwcaps=("x86-64-v2", "x86-64-v3"),
        old=2,
    )
    chance = random.Random(7)
    for length in range(len(sample)):
        parse_cache(sample[:length], *X86_64, little=True)
    for _ in range(20_000):
        data = bytearray(sample)
        for _ in range(chance.choice((1, 2, 8))):
            at = chance.randrange(len(data))
            data[at : at + 1] = chance.randbytes(1)
        parse_cache(bytes(data), *X86_64, little=True)


def test_the_machines_own_cache_names_files_that_exist() -> None:
    path = Path("/etc/ld.so.cache")
    if not path.exists() or os.uname().machine != "x86_64":
        pytest.skip("needs /etc/ld.so.cache of an x86-64 machine")
    cache = parse_cache(path.read_bytes(), *X86_64, little=True)
    assert cache
    assert any(Path(entry.path).exists() for entry in cache.get("libc.so.6", ()))


def test_conf_follows_includes_in_order(root: Root) -> None:
    root.put("etc/ld.so.conf", b"# first\n  include conf.d/*.conf\n/opt/last/\nhwcap 1 nosegneg\nrelative\n")
    root.put("etc/conf.d/b.conf", b"/opt/b # comment\n/opt/last\ninclude /etc/ld.so.conf\n")
    root.put("etc/conf.d/a.conf", b"\n/opt/a=libc6\ninclude /etc/more/x.conf /etc/more/y.conf")
    root.put("etc/more/x.conf", b"/opt/x")
    root.put("etc/more/y.conf", b"/opt/y")
    assert read_conf(root.elves) == ("/opt/a", "/opt/x", "/opt/y", "/opt/b", "/opt/last")
    assert read_conf(ElfFiles(DiskFiles(str(root.top / "nowhere")))) == ()


@pytest.mark.parametrize(
    ("directories", "lib"),
    [
        (
            ("/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu/", "/lib/", "/usr/lib/"),
            "lib/x86_64-linux-gnu",
        ),
        (("/lib64/", "/usr/lib64/"), "lib64"),
        (("/usr/lib/",), "lib"),
        (("/nix/store/abc-glibc-2.40-66/lib/",), "lib"),
    ],
    ids=["debian", "fedora", "arch", "nixos"],
)
def test_the_default_directories_are_the_loaders_own(directories: tuple[str, ...], lib: str) -> None:
    constants = b"\0".join(name.encode() for name in directories) + b"\0"
    content = b"\x7fELF\0/proc/self/exe\0/dev/full\0\0" + constants + b"\0/var/tmp\0x/etc\0/etc/ld.so.cache\0"
    found = built_in(content, *X86_64)
    assert found.directories == tuple(name.rstrip("/") for name in directories)
    assert (found.lib, found.cache) == (lib, "/etc/ld.so.cache")


def test_the_default_directories_where_the_loader_does_not_tell() -> None:
    found = built_in(b"\x7fELF", EM_AARCH64, 64)
    assert found.directories[:2] == ("/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
    assert "/usr/lib64" in found.directories


def _environment(**changes: object) -> SearchEnvironment:
    values: dict[str, object] = {
        "libc": Libc.GLIBC,
        "bits": 64,
        "little": True,
        "machine": EM_X86_64,
        "interpreter": LD,
        "lib": "lib64",
        **changes,
    }
    return SearchEnvironment(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("/plain", "/plain"),
        ("$ORIGIN/x", "/o/x"),
        ("${ORIGIN}x", "/ox"),
        ("$ORIGINx", "$ORIGINx"),
        ("${ORIGIN", "${ORIGIN"),
        ("a$LIB/${LIB}", "alib64/lib64"),
        ("$ORIGIN$LIB", "/olib64"),
        ("$PLATFORM", None),
        ("$$LIB$", "$lib64$"),
    ],
)
def test_tokens(text: str, expanded: str | None) -> None:
    assert expand(text, "/o", _environment()) == expanded


def test_an_element_with_a_token_of_no_value_is_dropped(root: Root) -> None:
    root.library("/x/libone.so")
    elf = ElfFile("/a", 64, True, EM_X86_64, 2, 0, 1, runpath="/x/$PLATFORM:/x")
    found = search("libone.so", Requester("/a", elf, "/"), _environment(), root.elves)
    assert isinstance(found, Found)
    assert (found.path, found.rule) == ("/x/libone.so", Rule.RUNPATH)


def test_another_root_is_another_machine(root: Root) -> None:
    root.loader("/lib64/", "/usr/lib64/")
    root.library("/usr/lib64/libone.so.1.2", soname="libone.so.1")
    root.link("/usr/lib64/libone.so.1", "/usr/lib64/libone.so.1.2")
    root.library("/opt/lib/libtwo.so")
    root.put("/etc/ld.so.cache", make_cache([("libtwo.so", "/opt/lib/libtwo.so", 0x303, 0)]))
    root.program("/bin/a", "libone.so.1", "libtwo.so", "libgone.so")
    found = walk(root.elves, ["/bin/a"])
    assert list(found.files) == ["/bin/a", LD, "/usr/lib64/libone.so.1", "/opt/lib/libtwo.so"]
    assert found.files["/usr/lib64/libone.so.1"].real == "/usr/lib64/libone.so.1.2"
    assert [(need.soname, need.found_by) for need in found.files["/bin/a"].needed] == [
        ("libone.so.1", "default"),
        ("libtwo.so", "ld.so.conf"),
    ]
    (missing,) = found.missing
    assert [place.path for place in missing.looked_in if place.path] == [
        "/lib64/libgone.so",
        "/usr/lib64/libgone.so",
    ]


def test_links_of_another_root_do_not_lead_out_of_it(root: Root) -> None:
    root.put("/inside", b"")
    root.link("/up", "../../../../../../inside")
    root.link("/loop", "loop")
    assert root.elves.real("/up") == "/inside"
    assert root.elves.real("/loop/x") == "/loop/x"
    assert isinstance(root.elves.elf("/loop"), Refusal)


def test_the_cache_is_believed_rather_than_the_directory(root: Root) -> None:
    root.loader("/lib64/")
    root.put("/etc/ld.so.conf", b"/opt/lib\n")
    root.put("/etc/ld.so.cache", make_cache([]))
    root.library("/opt/lib/libnew.so")
    root.program("/bin/a", "libnew.so")
    (missing,) = walk(root.elves, ["/bin/a"]).missing
    (conf,) = [place for place in missing.looked_in if place.rule is Rule.CONF]
    assert conf.reason == ("/etc/ld.so.cache does not list it, though /opt/lib/libnew.so is there: run ldconfig")


def test_the_directories_of_conf_come_last_where_there_is_no_cache(root: Root) -> None:
    root.loader("/lib64/")
    root.put("/etc/ld.so.conf", b"/opt/lib\n")
    root.library("/opt/lib/libboth.so")
    root.library("/lib64/libboth.so")
    root.library("/opt/lib/libnew.so")
    root.program("/bin/a", "libboth.so", "libnew.so")
    needed = walk(root.elves, ["/bin/a"]).files["/bin/a"].needed
    assert [(need.path, need.found_by) for need in needed] == [
        ("/lib64/libboth.so", "default"),
        ("/opt/lib/libnew.so", "ld.so.conf"),
    ]


def test_the_cache_gives_the_baseline_build(root: Root) -> None:
    root.loader("/lib64/")
    extension = 1 << 62
    entries = [
        ("libone.so", "/lib64/glibc-hwcaps/x86-64-v3/libone.so", 0x303, extension | 1),
        ("libone.so", "/lib64/glibc-hwcaps/x86-64-v2/libone.so", 0x303, extension | 0),
        ("libone.so", "/lib64/libone.so", 0x303, 0),
    ]
    root.put("/etc/ld.so.cache", make_cache(entries, hwcaps=("x86-64-v2", "x86-64-v3")))
    for _, path, _, _ in entries:
        root.library(path)
    root.program("/bin/a", "libone.so")
    (need,) = walk(root.elves, ["/bin/a"]).files["/bin/a"].needed
    assert need.path == "/lib64/glibc-hwcaps/x86-64-v2/libone.so"


def test_a_cache_entry_whose_file_is_gone_is_no_answer(root: Root) -> None:
    root.loader("/lib64/")
    root.put("/etc/ld.so.cache", make_cache([("libone.so", "/gone/libone.so", 0x303, 0)]))
    root.library("/lib64/libone.so")
    root.program("/bin/a", "libone.so")
    (need,) = walk(root.elves, ["/bin/a"]).files["/bin/a"].needed
    assert (need.path, need.found_by) == ("/lib64/libone.so", "default")


def test_a_library_alone_is_walked_with_its_machines_loader(root: Root) -> None:
    root.loader("/lib64/")
    root.library("/lib64/libone.so")
    root.library("/opt/plugin.so", "libone.so", "ld-linux-x86-64.so.2")
    found = walk(root.elves, ["/opt/plugin.so"])
    assert list(found.files) == ["/opt/plugin.so", "/lib64/libone.so", "/lib64/ld-linux-x86-64.so.2"]
    assert found.programs == ("/opt/plugin.so",)


def test_musl_is_known_by_the_libc_a_library_needs(root: Root) -> None:
    root.put("/lib/ld-musl-x86_64.so.1", make_elf(dynamic=[(30, 0)]))
    root.library("/lib/plugin.so", "libc.musl-x86_64.so.1")
    found = walk(root.elves, ["/lib/plugin.so"])
    assert found.missing == ()
    assert "/lib/ld-musl-x86_64.so.1" in found.files
    answer = root.elves.elf("/lib/plugin.so")
    assert isinstance(answer, ElfFile)
    assert default_interpreter(answer) == "/lib/ld-musl-x86_64.so.1"


def test_musl_reads_its_path_file_below_its_own_prefix(root: Root) -> None:
    root.put("/opt/musl/etc/ld-musl-x86_64.path", b"/opt/musl/lib\n/other:/third\n")
    root.program("/bin/a", interpreter="/opt/musl/lib/ld-musl-x86_64.so.1")
    answer = root.elves.elf("/bin/a")
    assert isinstance(answer, ElfFile)
    environment = environment_for(answer, root.elves)
    assert environment.default_directories == ("/opt/musl/lib", "/other", "/third")
    root.program("/bin/b", interpreter="/lib/ld-musl-x86_64.so.1")
    answer = root.elves.elf("/bin/b")
    assert isinstance(answer, ElfFile)
    assert environment_for(answer, root.elves).default_directories == ("/lib", "/usr/local/lib", "/usr/lib")


def test_a_missing_interpreter_is_missing(root: Root) -> None:
    root.program("/bin/a", interpreter="/lib/ld-gone.so.1")
    (missing,) = walk(root.elves, ["/bin/a"]).missing
    assert (missing.soname, missing.needed_by) == ("/lib/ld-gone.so.1", "/bin/a")
    assert missing.looked_in == (FailedLookup(Rule.PATH, "/lib/ld-gone.so.1", "/lib/ld-gone.so.1", "no such file"),)


def test_a_static_program_needs_nothing(root: Root) -> None:
    root.put("/bin/a", make_elf(type_=2, entry=1))
    found = walk(root.elves, ["/bin/a"])
    assert list(found.files) == ["/bin/a"]
    assert found.missing == ()


def test_a_root_that_is_no_elf_file_is_an_error(root: Root) -> None:
    root.put("/text", b"#!/bin/sh\n")
    root.put("/bad", b"\x7fELF\2\1" + bytes(20))
    for path, error in (("/text", NotElfError), ("/bad", BadElfError), ("/gone", UnreadableFileError)):
        with pytest.raises(error, match=path):
            walk(root.elves, [path])


def test_each_file_is_read_once_for_all_programs(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    root.loader("/lib64/")
    root.library("/lib64/libone.so")
    root.link("/lib64/libalias.so", "libone.so")
    for name in "abc":
        root.program(f"/bin/{name}", "libone.so", "libalias.so")
    read: list[str] = []

    def counting(files: Files, path: str) -> ElfFile:
        read.append(path)
        return real(files, path)

    real = read_elf
    monkeypatch.setattr("lambundle.elf.files.read_elf", counting)
    walk(root.elves, ["/bin/a", "/bin/b", "/bin/c"])
    assert len(read) == len(set(read)) == 5


def test_a_file_with_different_answers_in_two_programs_keeps_both(root: Root) -> None:
    root.loader("/lib64/")
    root.library("/lib64/libone.so", "libtwo.so")
    root.library("/left/libtwo.so")
    root.library("/right/libtwo.so")
    for side in ("left", "right"):
        dynamic: list[tuple[int, bytes | int]] = [(1, b"libone.so"), (15, f"/{side}".encode())]
        root.put(f"/bin/{side}", make_elf(entry=1, type_=2, interpreter=LD.encode(), dynamic=dynamic))
    found = walk(root.elves, ["/bin/left", "/bin/right"])
    assert [need.path for need in found.files["/lib64/libone.so"].needed] == [
        "/left/libtwo.so",
        "/right/libtwo.so",
    ]
    scope = {file.path: file for file in found.scopes["/bin/right"]}
    assert [need.path for need in scope["/lib64/libone.so"].needed] == ["/right/libtwo.so"]


def _lost(root: Root) -> closure.Closure:
    root.loader("/lib64/", "/usr/lib64/")
    root.put("/etc/ld.so.cache", make_cache([]))
    root.library("/lib64/libone.so.1.2", "libtwo.so", soname="libone.so.1")
    root.link("/lib64/libone.so.1", "libone.so.1.2")
    root.library("/lib64/libtwo.so", "libgone.so.1", runpath="$ORIGIN/lib:/nowhere")
    root.program("/bin/real-a", "libone.so.1", "libtwo.so")
    root.link("/bin/a", "real-a")
    return walk(root.elves, ["/bin/a"], library_path=["/usr/lib64"])


def test_json_has_real_paths_and_what_is_missing(root: Root) -> None:
    document = to_json(_lost(root))
    assert json.loads(json.dumps(document)) == document
    two = {"soname": "libtwo.so", "path": "/lib64/libtwo.so", "found_by": "default"}
    assert document == {
        "version": 1,
        "programs": ["/bin/real-a"],
        "files": [
            {
                "path": "/bin/real-a",
                "soname": None,
                "interpreter": LD,
                "needed": [
                    {"soname": "libone.so.1", "path": "/lib64/libone.so.1.2", "found_by": "default"},
                    two,
                ],
            },
            {"path": LD, "soname": "ld-linux-x86-64.so.2", "interpreter": None, "needed": []},
            {"path": "/lib64/libone.so.1.2", "soname": "libone.so.1", "interpreter": None, "needed": [two]},
            {"path": "/lib64/libtwo.so", "soname": None, "interpreter": None, "needed": []},
        ],
        "missing": [
            {
                "soname": "libgone.so.1",
                "needed_by": "/lib64/libtwo.so",
                "looked_in": [
                    "/usr/lib64/libgone.so.1",
                    "/lib64/lib/libgone.so.1",
                    "/nowhere/libgone.so.1",
                    "/lib64/libgone.so.1",
                    "/usr/lib64/libgone.so.1",
                ],
            }
        ],
    }


def _drawn(found: closure.Closure) -> str:
    return "".join(f"{line}\n" for line in tree_lines(found, unicode=True))


def test_the_tree_says_by_which_rule_and_every_place(root: Root) -> None:
    (root.top / "usr" / "lib64").mkdir(parents=True)
    assert _drawn(_lost(root)) == (
        "/bin/a\n"
        "├── /lib64/libone.so.1  default\n"
        "│   └── … libtwo.so (below)\n"
        "└── /lib64/libtwo.so  default\n"
        "    └── libgone.so.1  not found; looked in, by the loader's order:\n"
        "                1 rpath             not used, runpath is set\n"
        "                2 LD_LIBRARY_PATH   /usr/lib64 (no such file)\n"
        "                3 runpath           $ORIGIN/lib = /lib64/lib (no such directory)\n"
        "                                    /nowhere (no such directory)\n"
        "                4 ld.so.conf        /etc/ld.so.cache does not list it\n"
        "                5 default           /lib64 /usr/lib64\n"
        "1 program, 3 libraries, 1 not found\n"
    )


def test_the_tree_shows_each_library_in_full_once(root: Root) -> None:
    root.loader("/lib64/")
    root.library("/lib64/libone.so", "libtwo.so", "libone.so")
    root.library("/lib64/libtwo.so", "libone.so")
    root.program("/bin/a", "libone.so")
    root.program("/bin/b", "libtwo.so")
    assert _drawn(walk(root.elves, ["/bin/a", "/bin/b"])) == (
        "/bin/a\n"
        "└── /lib64/libone.so  default\n"
        "    ├── /lib64/libtwo.so  default\n"
        "    │   └── … libone.so (above)\n"
        "    └── … libone.so (above)\n"
        "/bin/b\n"
        "└── … libtwo.so (above)\n"
        "2 programs, 3 libraries\n"
    )
