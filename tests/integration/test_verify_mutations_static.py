"""Every way in which a bundle can be broken that is seen without running it: failed by the check that should.

One small bundle is packed once: a program with a library of versioned symbols, a helper, a script, a plug-in, data and
links. Each mutation changes a copy of its zip; the checks that fail must be exactly those named, with these words;
and the same zip with the change undone, or with the repair that the hint asks for, passes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import shutil
import stat
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from lambundle.bundle.extract import extract
from lambundle.elf.headers import EM_AARCH64
from lambundle.verify.static import CHECKS, static_checks
from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable
from tests.unit.verify.drafts import WINDOWS, Draft, assert_fails, details, failures, judged
from tests.unit.zips import in_zip64s_way, raw, zipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.integration

REZIPPED = "re-zipped by a tool that drops modes or links: upload the zip that lambundle pack wrote itself"
CHANGED = "changed since lambundle packed it"
LOST = "it was lost since lambundle packed it"
HOME = "lambundle/tool"
MANIFEST = f"{HOME}/manifest.json"

LIBRARY = """
#include <string.h>
const char *greet(void) { static char text[8]; return strcpy(text, "hello"); }
#ifndef LACKS
const char *part(void) { return "part"; }
#endif
"""
VERSIONS = {"new": "GREET_1 { global: greet; part; };", "old": "GREET_0 { global: greet; };"}
PROGRAM = """
#include <stdio.h>
const char *greet(void); const char *part(void);
int main(void) { return puts(greet()) < 0 || puts(part()) < 0; }
"""
HELPER = "int main(void) { return 0; }\n"
PLUGIN = (
    "#include <math.h>\nextern double of_the_host(void); double plug(double x) { return cos(x) + of_the_host(); }\n"
)


@dataclasses.dataclass(frozen=True)
class World:
    """What was packed: ``top`` is where it lies on this machine, ``root`` the same in the zip."""

    top: Path
    good: Path
    libraries: dict[str, bytes]

    @property
    def root(self) -> str:
        return f"{HOME}/root{self.top}"


def build(top: Path, *arguments: str) -> None:
    subprocess.run(["gcc", *arguments], cwd=top, check=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    if not shutil.which("gcc"):
        unavailable(UnavailableError("gcc is not installed: apt-get install gcc libc6-dev"))
    if platform.machine() != "x86_64":
        pytest.skip("the mutations are written down for x86_64")
    top = tmp_path_factory.mktemp("world").resolve()
    for directory in ("bin", "lib", "plugins", "share/d", "share/empty"):
        (top / directory).mkdir(parents=True)
    others = tmp_path_factory.mktemp("others").resolve()  # what lies around a program of no package is packed with it
    sources = {"greet.c": LIBRARY, "tool.c": PROGRAM, "helper.c": HELPER, "plug.c": PLUGIN}
    sources |= {"new.map": VERSIONS["new"], "old.map": VERSIONS["old"]}
    for name, text in sources.items():
        (top / name).write_text(text)
    shared = ("-shared", "-fPIC", "-Wl,-soname,libgreet.so.1")
    build(top, *shared, "-Wl,--version-script=new.map", "-o", "lib/libgreet.so.1.0", "greet.c")
    build(top, *shared, "-Wl,--version-script=old.map", "-DLACKS", "-o", str(others / "old.so"), "greet.c")
    build(top, *shared, "-Wl,--version-script=new.map", "-DLACKS", "-o", str(others / "lacks.so"), "greet.c")
    (top / "lib/libgreet.so.1").symlink_to("libgreet.so.1.0")
    build(top, "-o", "bin/tool", "tool.c", "lib/libgreet.so.1", "-Wl,-rpath,$ORIGIN/../lib")
    build(top, "-o", "bin/helper", "helper.c")
    build(top, "-shared", "-fPIC", "-o", "plugins/plug.so", "plug.c", "-lm")
    (top / "bin/script").write_text("#!/bin/sh\necho script\n")
    (top / "bin/script").chmod(0o755)
    (top / "share/data").write_text("some data\n")
    (top / "share/d/x").write_text("x\n")
    (top / "share/link").symlink_to("data")
    (top / "share/dlink").symlink_to("d")
    added = [f"--add={top / name}" for name in ("bin", "plugins", "share")]
    command = [sys.executable, "-m", "lambundle", "pack", "-q", "bin/tool", *added, "-o", "good.zip"]
    subprocess.run(command, cwd=top, check=True, capture_output=True)
    libraries = {name: (others / f"{name}.so").read_bytes() for name in ("old", "lacks")}
    return World(top, top / "good.zip", libraries)


@pytest.fixture
def good(world: World) -> Draft:
    return Draft.read(world.good)


def forget(draft: Draft, *paths: str) -> None:
    """Remove files, from the manifest too: as a tool would that knows of manifests."""
    for path in paths:
        draft.items.pop(path, None)
    draft.manifest(
        MANIFEST, lambda value: value.update(entries=[e for e in value["entries"] if e["path"] not in paths])
    )


def admit(draft: Draft, path: str) -> Draft:
    """Let the manifest say of a file what it is now."""

    def change(value: dict[str, Any]) -> None:
        item = draft.items[path]
        (entry,) = (entry for entry in value["entries"] if entry["path"] == path)
        entry.update(mode=f"{item.mode & 0o777:04o}", size=len(item.data), sha256=hashlib.sha256(item.data).hexdigest())

    return draft.manifest(MANIFEST, change)


def for_aarch64(data: bytes) -> bytes:
    """The same ELF file with another machine in its header (e_machine, at 18)."""
    return data[:18] + bytes([EM_AARCH64, 0]) + data[20:]


def of_the_host(data: bytes) -> bytes:
    """The same program with an interpreter that only some host may have."""
    return data.replace(b"/lib64/ld-linux-x86-64.so.2", b"/lib64/ld-other-x86-64.so.2")


def resolved(draft: Draft, path: str) -> str:
    """Follow the links of ``path`` in a draft."""
    done: list[str] = []
    todo = path.split("/")[::-1]
    while todo:
        part = todo.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            done.pop()
            continue
        item = draft.items.get("/".join([*done, part]))
        if item is not None and stat.S_ISLNK(item.mode):
            todo += item.data.decode().split("/")[::-1]
        else:
            done.append(part)
    return "/".join(done)


def loader(draft: Draft) -> str:
    """Path of ld.so in the zip, no link left in it."""
    config = draft.items["bin/tool"].data.decode()
    (line,) = (line for line in config.splitlines() if "--library-path" in line)
    return resolved(draft, f"{HOME}/root" + line.split('"/root')[1].split()[0].strip("'\""))


def libc(draft: Draft) -> str:
    return next(resolved(draft, path) for path in draft.items if path.endswith("/libc.so.6"))


def test_what_was_packed_passes_and_so_does_its_copy(world: World, good: Draft, tmp_path: Path) -> None:
    result = static_checks(world.good)
    assert failures(result) == {}
    assert [check.status for check in result.checks] == ["pass"] * len(CHECKS)
    assert result.subject
    assert result.subject.runnable
    assert [program.launcher for program in result.subject.programs] == ["bin/tool"]
    assert details(judged(good, tmp_path / "x.zip")) | {"quota": ""} == details(result) | {"quota": ""}


MUTATIONS: dict[str, tuple[Callable[[World, Draft], object], dict[str, str | list[str]]]] = {
    # --- files that are gone
    "library_removed": (
        lambda world, draft: draft.items.pop(f"{world.root}/lib/libgreet.so.1.0"),
        {
            "closure": ["/bin/tool needs libgreet.so.1, which is not inside", LOST],
            "links": ["/lib/libgreet.so.1 leads to", "libgreet.so.1.0, which does not exist", "put back"],
            "integrity": ["libgreet.so.1.0 is missing", CHANGED],
        },
    ),
    "library_removed_and_forgotten": (
        lambda world, draft: forget(draft, *(f"{world.root}/lib/libgreet.so.1{end}" for end in ("", ".0"))),
        {"closure": ["/bin/tool needs libgreet.so.1, which is not inside", LOST]},
    ),
    "loader_removed_and_forgotten": (
        lambda _, draft: forget(draft, loader(draft)),
        {"closure": ["needs /lib", "ld-linux", "which is not inside"], "links": "which does not exist"},
    ),
    "library_of_a_plugin_removed": (
        lambda _, draft: draft.items.pop(next(path for path in draft.items if path.endswith("/libm.so.6"))),
        {
            "closure": ["/plugins/plug.so needs libm.so.6, which is not inside", LOST],
            "integrity": "libm.so.6 is missing",
        },
    ),
    "library_of_the_runtime_removed_and_forgotten": (
        lambda _, draft: forget(draft, *(path for path in draft.items if path.endswith("/libdl.so.2"))),
        {"closure": [f"{HOME}/runtime/liblambundle-glibc.so needs libdl.so.2, which is not inside", LOST]},
    ),
    "data_file_removed": (
        lambda world, draft: draft.items.pop(f"{world.root}/share/d/x"),
        {"integrity": ["share/d/x is missing", CHANGED]},
    ),
    "launcher_removed": (lambda _, draft: draft.items.pop("bin/tool"), {"integrity": "bin/tool is missing"}),
    "manifest_removed": (
        lambda _, draft: draft.items.pop(MANIFEST),
        {"integrity": [f"{MANIFEST} is missing: no launcher starts without it", CHANGED]},
    ),
    "helper_removed_that_a_link_leads_to": (
        lambda world, draft: draft.items.pop(f"{world.root}/share/data"),
        {"links": "share/link leads to", "integrity": "share/data is missing"},
    ),
    # --- modes
    "execute_bit_lost": (
        lambda world, draft: draft.chmod(f"{world.root}/bin/helper", 0o644),
        {
            "permissions": ["/bin/helper is not executable for others (mode 0644)", REZIPPED],
            "integrity": ["modes were lost (1)", REZIPPED],
        },
    ),
    "execute_bit_of_a_script_lost": (
        lambda world, draft: draft.chmod(f"{world.root}/bin/script", 0o644),
        {"permissions": "/bin/script is not executable for others", "integrity": "modes were lost (1)"},
    ),
    "execute_bit_of_the_loader_lost": (
        lambda _, draft: draft.chmod(loader(draft), 0o644),
        {"permissions": ["ld-linux", "is not executable"], "integrity": "modes were lost (1)"},
    ),
    "execute_bit_of_the_program_lost_and_forgotten": (
        lambda world, draft: admit(draft.chmod(f"{world.root}/bin/tool", 0o644), f"{world.root}/bin/tool"),
        {"permissions": "/bin/tool is not executable for others (mode 0644)"},
    ),
    "file_0600": (
        lambda world, draft: draft.chmod(f"{world.root}/share/data", 0o600),
        {
            "permissions": ["share/data is not readable for others (mode 0600)", REZIPPED],
            "integrity": "modes were lost",
        },
    ),
    "directory_0700": (
        lambda world, draft: draft.chmod(f"{world.root}/share", 0o700),
        {
            "permissions": "share/ is closed to others (mode 0700)",
            "integrity": "has mode 0700, 0755 when it was packed",
        },
    ),
    "set_id": (
        lambda world, draft: draft.chmod(f"{world.root}/bin/helper", 0o4755),
        {"permissions": ["/bin/helper has mode 4755", "chmod u-s,g-s"]},
    ),
    "all_modes_lost": (
        lambda _, draft: [draft.chmod(p, 0o644) for p, item in draft.items.items() if stat.S_ISREG(item.mode)],
        {"permissions": ["is not executable", REZIPPED], "integrity": ["modes were lost", REZIPPED]},
    ),
    "made_on_windows": (
        lambda _, draft: draft.items.update(
            {p: dataclasses.replace(i, system=WINDOWS) for p, i in draft.items.items()}
        ),
        {
            "permissions": ["bin/tool has no Unix attributes in the zip", REZIPPED],
            "integrity": ["links became small text files", "modes were lost", REZIPPED],
            "closure": ["/bin/tool needs libgreet.so.1, which is inside, but not where its loader looks", "a link or"],
        },
    ),
    # --- links
    "absolute_link": (
        lambda world, draft: draft.link(f"{world.root}/share/link", "/etc/hostname"),
        {
            "links": ["share/link leads to /etc/hostname, an absolute path", "nothing outside goes to Lambda"],
            "integrity": "share/link leads to /etc/hostname, not to data",
        },
    ),
    "link_out_of_the_tree": (
        lambda world, draft: draft.link(f"{world.root}/share/link", "../" * 40 + "etc/hostname"),
        {"links": ["out of the tree", "nothing outside goes to Lambda"], "integrity": "not to data"},
    ),
    "links_flattened": (
        lambda world, draft: flatten(draft, world.root),
        {"integrity": ["links became copies (", REZIPPED]},
    ),
    "links_in_a_circle": (
        lambda world, draft: draft.link(f"{world.root}/share/link", "link"),
        {"links": "share/link leads in a circle", "integrity": "not to data"},
    ),
    # --- bytes
    "byte_flipped": (
        lambda world, draft: draft.edit(f"{world.root}/share/data", lambda data: data[:-1] + b"!"),
        {"integrity": ["share/data has other bytes than were packed", CHANGED]},
    ),
    "byte_of_the_program_flipped": (
        lambda world, draft: draft.edit(f"{world.root}/bin/tool", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        {"integrity": "bin/tool has other bytes than were packed"},
    ),
    "launcher_replaced": (
        lambda _, draft: draft.edit("bin/tool", lambda _: b"#!/bin/sh\nexec /usr/bin/tool\n"),
        {"integrity": "bin/tool has other bytes"},
    ),
    "manifest_edited": (
        lambda _, draft: draft.manifest(MANIFEST, lambda value: value["entries"][1].update(sha256="0" * 64)),
        {"integrity": ["bin/tool has other bytes than were packed", CHANGED]},
    ),
    "manifest_cut_short": (
        lambda _, draft: draft.edit(MANIFEST, lambda data: data[:-9]),
        {"integrity": [f"{MANIFEST} is not a manifest: not JSON", CHANGED]},
    ),
    "file_added": (
        lambda world, draft: draft.file(f"{world.root}/share/new"),
        {"integrity": ["share/new was added", CHANGED]},
    ),
    # --- names
    "file_named_twice": (
        lambda _, draft: draft.more.append(raw(b"bin/tool", b"#!/bin/sh\n")),
        {"names": ["'bin/tool' occurs twice", "zip the tree again"]},
    ),
    "file_and_directory_of_one_name": (
        lambda _, draft: draft.more.append(raw(b"bin/tool/x", b"x")),
        {"names": "'bin/tool/x' lies below 'bin/tool', which is a file"},
    ),
    "entry_outside": (
        lambda _, draft: draft.more.append(raw(b"../../etc/profile", b"x")),
        {"names": "'../../etc/profile' contains '..'"},
    ),
    # --- machines
    "program_for_another_machine": (
        lambda world, draft: (
            draft.edit(f"{world.root}/bin/tool", for_aarch64),
            admit(draft, f"{world.root}/bin/tool"),
        ),
        {"platform": ["/bin/tool is for aarch64, not x86_64", "choose the function's architecture"]},
    ),
    "helper_for_another_machine": (
        lambda world, draft: draft.edit(f"{world.root}/bin/helper", for_aarch64),
        {"platform": "/bin/helper is for aarch64, not x86_64", "integrity": "bin/helper has other bytes"},
    ),
    "library_for_another_machine": (
        lambda world, draft: (
            draft.edit(f"{world.root}/lib/libgreet.so.1.0", for_aarch64),
            admit(draft, f"{world.root}/lib/libgreet.so.1.0"),
        ),
        {
            "platform": "libgreet.so.1.0 is for aarch64, not x86_64",
            "closure": "/bin/tool needs libgreet.so.1, and what is inside is for another machine",
        },
    ),
    # --- symbols
    "library_of_an_older_version": (
        lambda world, draft: (
            draft.edit(f"{world.root}/lib/libgreet.so.1.0", lambda _: world.libraries["old"]),
            admit(draft, f"{world.root}/lib/libgreet.so.1.0"),
        ),
        {"closure": ["/bin/tool needs GREET_1, which the libgreet.so.1 inside does not define", "replaced by another"]},
    ),
    "library_without_a_symbol": (
        lambda world, draft: (
            draft.edit(f"{world.root}/lib/libgreet.so.1.0", lambda _: world.libraries["lacks"]),
            admit(draft, f"{world.root}/lib/libgreet.so.1.0"),
        ),
        {"closure": ["/bin/tool wants the symbol part@GREET_1, which nothing that it loads gives", "pack again"]},
    ),
    "loader_not_told_where_to_look": (
        lambda _, draft: (
            draft.edit(f"{HOME}/runtime/config", lambda _: b"library-path /nowhere\n"),
            admit(draft, f"{HOME}/runtime/config"),
        ),
        {"closure": "needs libc.so.6, which is inside, but not where its loader looks"},
    ),
    # --- the loader of a program
    "interpreter_of_the_program_changed": (
        lambda world, draft: (
            draft.edit(f"{world.root}/bin/tool", of_the_host),
            admit(draft, f"{world.root}/bin/tool"),
        ),
        {"closure": ["/bin/tool needs /lib64/ld-other-x86-64.so.2, which is not inside", LOST]},
    ),
    "interpreter_of_a_helper_changed": (
        lambda world, draft: draft.edit(f"{world.root}/bin/helper", of_the_host),
        {"integrity": ["bin/helper has other bytes than were packed", CHANGED]},
    ),
    # --- what the host finds
    "libc_in_lib": (
        lambda _, draft: draft.folder("lib").file("lib/libc.so.6", draft.items[libc(draft)].data),
        {"layout": ["lib/libc.so.6 lies where LD_LIBRARY_PATH", "the host's own programs, its shell among them"]},
    ),
    "lib_leads_to_the_libc": (
        lambda _, draft: draft.link("lib", libc(draft).rpartition("/")[0]),
        {"layout": "lib/libc.so.6 lies where LD_LIBRARY_PATH"},
    ),
    # --- where Lambda looks
    "directory_zipped_instead_of_its_content": (
        lambda _, draft: nest(draft, "d"),
        {"layout": ["everything lies below d/", "it was zipped, not its content", "cd d && zip -FSqry ../x.zip ."]},
    ),
    "bootstrap_is_a_directory": (
        lambda _, draft: draft.folder("bootstrap").file("bootstrap/x"),
        {"layout": ["bootstrap is a directory, and Lambda starts only a file", "put the program itself at bootstrap"]},
    ),
    # --- what is to be started and cannot be
    "bootstrap_of_an_interpreter_that_is_not_there": (
        lambda _, draft: draft.file("bootstrap", b"#!/usr/bin/python3\n", 0o755),
        {"closure": ["bootstrap has a first line that names /usr/bin/python3", "lambundle pack python3"]},
    ),
    "bootstrap_that_is_no_program": (
        lambda _, draft: draft.file("bootstrap", b"exec /opt/bin/tool\n", 0o755),
        {"closure": "bootstrap has no first line with #!, and is no program"},
    ),
    "extension_of_an_interpreter_that_is_not_there": (
        lambda _, draft: draft.folder("extensions").file("extensions/x", b"#!/usr/bin/env nope\n", 0o755),
        {"closure": "extensions/x has a first line that names nope, which is neither in the bundle nor on Lambda"},
    ),
    "command_beside_the_launchers_with_line_ends_of_windows": (
        lambda _, draft: draft.file("bin/mine", b"#!/bin/sh\r\ntool\r\n", 0o755),
        {"closure": ["bin/mine has lines that end in CR LF", "sed -i 's/\\r$//' bin/mine"]},
    ),
    "program_became_a_script_of_an_interpreter_that_is_not_there": (
        lambda world, draft: (
            draft.edit(f"{world.root}/bin/tool", lambda _: b"#!/usr/bin/perl\n"),
            admit(draft, f"{world.root}/bin/tool"),
        ),
        {"closure": ["/bin/tool has a first line that names /usr/bin/perl, which is not inside", LOST]},
    ),
    "over_quota": (
        lambda _, draft: draft.file("filler", bytes(262_144_000)),
        {"quota": ["bytes unzipped, and 262,144,000 (250 MiB) are too many", "drop files with --exclude"]},
    ),
}


def on_windows(draft: Draft) -> None:
    """Do what a tool does that knows no Unix modes: links, too, are then files."""
    draft.items.update({path: dataclasses.replace(item, system=WINDOWS) for path, item in draft.items.items()})


def nest(draft: Draft, directory: str) -> None:
    """Do what zip -r does when it is given a directory."""
    draft.items = {f"{directory}/{path}": item for path, item in draft.items.items()}
    draft.folder(directory)


def flatten(draft: Draft, root: str) -> None:
    """Do what zip -r without -y does: put what links lead to in their place."""
    original = draft.copy()

    def put(path: str, source: str) -> None:
        source = resolved(original, source)
        draft.items[path] = original.items[source]
        for name in original.items:
            if name.rpartition("/")[0] == source:
                put(f"{path}/{name.rpartition('/')[2]}", name)

    for path, item in original.items.items():
        if stat.S_ISLNK(item.mode):
            put(path, path)
    assert not stat.S_ISLNK(draft.items[f"{root}/share/link"].mode)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_failed_by_the_check_that_should(world: World, good: Draft, tmp_path: Path, name: str) -> None:
    change, phrases = MUTATIONS[name]
    mutated = good.copy()
    change(world, mutated)
    assert mutated != good
    assert_fails(judged(mutated, tmp_path / "x.zip"), **phrases)
    assert failures(judged(good, tmp_path / "x.zip")) == {}


def test_another_machine_than_asked_for(world: World) -> None:
    assert_fails(static_checks(world.good, arch="aarch64"), platform=["is for x86_64, not aarch64", "architecture"])
    assert failures(static_checks(world.good, arch="x86_64")) == {}


def test_a_damaged_byte_of_the_zip(world: World, tmp_path: Path) -> None:
    data = bytearray(world.good.read_bytes())
    data[len(data) // 3] ^= 1
    (tmp_path / "x.zip").write_bytes(data)
    result = static_checks(tmp_path / "x.zip")
    assert_fails(result, integrity="fetch it again from where it came")
    assert result.subject
    assert not result.subject.runnable


def test_a_zip_cut_short(world: World, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(world.good.read_bytes()[:-100])
    assert_fails(static_checks(tmp_path / "x.zip"), integrity=["cut short", "fetch it again"])


def test_a_zip_that_tells_sizes_as_zip64_does(world: World, tmp_path: Path) -> None:
    """Sound, and nothing says whether Lambda takes it."""
    with zipfile.ZipFile(world.good) as good:
        entries = [raw(info.filename.encode(), good.read(info), info.external_attr >> 16) for info in good.infolist()]
    special = [in_zip64s_way(entry) if entry.central.name == b"bin/tool" else entry for entry in entries]
    (tmp_path / "x.zip").write_bytes(zipped(*special))
    assert_fails(
        static_checks(tmp_path / "x.zip"),
        names=["'bin/tool' has its size in a zip64 field", "zip the tree again, plainly"],
    )


def test_what_macos_leaves_in_a_bundle_does_no_harm(good: Draft, tmp_path: Path) -> None:
    good.file("__MACOSX/._bin", mode=0o600).file(f"{HOME}/.DS_Store", mode=0o600)
    result = judged(good, tmp_path / "x.zip")
    assert failures(result) == {}
    assert f"zip -d {tmp_path}/x.zip '__MACOSX/*' '*.DS_Store'" in details(result)["permissions"]


class TestLayers:
    """BUNDLE is unpacked first, then each ``--layer`` over it."""

    def test_a_layer_that_replaces_a_file_and_the_right_order(self, world: World, good: Draft, tmp_path: Path) -> None:
        draft = good.copy().edit("bin/tool", lambda data: data + b"# newer\n")
        newer = admit(draft, "bin/tool").write(tmp_path / "newer.zip")
        result = static_checks(world.good, layers=[newer])
        assert_fails(result, layout=["bin/tool is replaced by the one of", "attach the layer before this one"])
        assert failures(static_checks(world.good, layers=[world.good])) == {}

    def test_a_layer_beside_it(self, world: World, tmp_path: Path) -> None:
        layer = Draft().folder("bin").file("bin/other", b"#!/bin/sh\n", 0o755).write(tmp_path / "other.zip")
        assert failures(static_checks(world.good, layers=[layer])) == {}

    def test_one_layer_that_replaces_a_file_of_another(self, world: World, tmp_path: Path) -> None:
        function = Draft().file("app.py").write(tmp_path / "function.zip")
        layer = Draft().folder("bin").file("bin/tool", b"#!/bin/sh\n", 0o755).write(tmp_path / "other.zip")
        result = static_checks(function, layers=[world.good, layer], mount="/var/task")
        assert_fails(result, layout=f"bin/tool is replaced by the one of {layer}, which is unpacked after {world.good}")
        assert failures(static_checks(function, layers=[world.good, world.good], mount="/var/task")) == {}

    def test_a_layer_that_lost_something(self, world: World, good: Draft, tmp_path: Path) -> None:
        function = Draft().file("app.py").write(tmp_path / "function.zip")
        del good.chmod(f"{world.root}/share/data", 0o600).items[f"{world.root}/lib/libgreet.so.1.0"]
        layer = good.write(tmp_path / "layer.zip")
        assert_fails(
            static_checks(function, layers=[layer], mount="/var/task"),
            integrity=[f"{layer}: not as lambundle packed it", "libgreet.so.1.0 is missing", REZIPPED],
            permissions=f"{layer}: {world.root}/share/data is not readable for others",
            links=f"{layer}: {world.root}/lib/libgreet.so.1 leads to",
            closure=f"{layer}: {world.top}/bin/tool needs libgreet.so.1, which is not inside",
        )

    def test_together_over_quota(self, world: World, tmp_path: Path) -> None:
        layer = Draft().file("filler", bytes(262_144_000)).write(tmp_path / "large.zip")
        assert_fails(static_checks(world.good, layers=[layer]), quota="bytes unzipped with 1 other layer")


def test_an_unpacked_bundle_is_checked_as_its_zip_is(world: World, tmp_path: Path) -> None:
    extract(world.good, tmp_path / "tree")
    assert failures(static_checks(tmp_path / "tree")) == {}
    shutil.copytree(tmp_path / "tree", tmp_path / "copied", symlinks=False)
    assert REZIPPED in failures(static_checks(tmp_path / "copied"))["integrity"]
    (tmp_path / "tree/bin/tool").chmod(0o600)
    assert_fails(
        static_checks(tmp_path / "tree"), permissions="bin/tool is not executable", integrity="modes were lost"
    )


def test_bundles_merged_into_one_function_with_code_beside_them(world: World, good: Draft, tmp_path: Path) -> None:
    shutil.copy(world.top / "bin/helper", tmp_path / "second")
    command = [sys.executable, "-m", "lambundle", "pack", "-q", "./second", "-o", "second.zip"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    merged = good.copy()
    merged.items |= Draft.read(tmp_path / "second.zip").items
    merged.file("bootstrap", b"#!/bin/sh\nexec /var/task/bin/tool\n", 0o755).file("handler.py")
    result = judged(merged, tmp_path / "x.zip", mount="/var/task")
    assert failures(result) == {}
    assert result.subject
    assert [program.launcher for program in result.subject.programs] == ["bin/second", "bin/tool"]
    assert details(result)["integrity"] == "every entry matches the manifests"
    del merged.items[f"{world.root}/lib/libgreet.so.1.0"]
    assert "closure" in failures(judged(merged, tmp_path / "x.zip"))
