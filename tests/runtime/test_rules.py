"""What the bundle never serves, and what must not confuse the look-up."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bareroot import Sandbox, UnavailableError, bare_root
from tests.runtime.conftest import unavailable
from tests.runtime.functions import ELSEWHERE, PROBES
from tests.runtime.worlds import PROGRAMS, compile_c, pack, run

if TYPE_CHECKING:
    from tests.runtime.conftest import Worlds
    from tests.runtime.worlds import World


def cat(world: World, path: Path | str) -> str:
    """Return what a program of the bundle reads at ``path``, or ``errno N``."""
    return world.run("odd", "cat", path).out.rstrip("\n")


NOT_THERE = f"errno {errno.ENOENT}"


def test_root_directory_is_the_hosts(world: World) -> None:
    assert sorted(world.run("odd", "list", "/").out.split()) == sorted([".", "..", *os.listdir("/")])
    for spelling in ("/", "//", "/.", "/usr/..", "/./usr/../"):
        assert sorted(world.run("odd", "list", spelling).out.split()) == sorted([".", "..", *os.listdir("/")])


def test_walk_down_from_the_root_directory_sees_the_host(world: World) -> None:
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        file.write(b"in tmp")
        file.flush()
        assert world.run("odd", "down", file.name).out == "in tmp"
    assert world.run("odd", "down", world.data / "files/both").out == "host\n"


def test_dangling_link_of_the_bundle_does_not_hide_the_hosts_file(world: World) -> None:
    path = world.data / "dangling"
    world.in_bundle(path).symlink_to("nowhere")
    assert cat(world, path) == NOT_THERE
    path.write_text("of the host")
    assert cat(world, path) == "of the host"


def test_dots_that_climb_above_the_root_stay_on_the_host(world: World) -> None:
    only = f"{world.data}/only"
    assert cat(world, f"/../../..{only}/host/file") == "host"
    assert cat(world, "/../manifest.json") == NOT_THERE
    assert cat(world, "/usr/../../manifest.json") == NOT_THERE
    assert cat(world, "/usr/../../runtime/config") == NOT_THERE
    assert (world.bundle / "manifest.json").exists()
    assert (world.bundle / "runtime/config").exists()


def test_dots_and_slashes_within_are_followed(world: World) -> None:
    only = f"{world.data}/only"
    assert cat(world, f"//.//{only}/../only/./bundle//file") == "bundle"
    assert cat(world, f"/bin/../..{only}/bundle/file") == NOT_THERE  # by its letters it climbs above the root
    assert cat(world, f"/usr/bin/../..{only}/bundle/file") == "bundle"


@pytest.mark.parametrize("tree", ["proc", "dev", "sys", "tmp"])
@pytest.mark.parametrize("spelling", ["/{}", "//{}", "/./{}", "/usr/../{}", "/usr/..//./{}"])
def test_trees_of_the_host_are_never_served(glibc: World, tree: str, spelling: str) -> None:
    hidden = glibc.in_bundle(f"/{tree}/lambundle-hidden")
    hidden.parent.mkdir(exist_ok=True)
    hidden.write_text("of the bundle")
    assert cat(glibc, f"{spelling.format(tree)}/lambundle-hidden") == NOT_THERE


@pytest.mark.parametrize("directory", ["/opt", "/var", "/mnt", "/home", "/run", "/tmp", "/var/"])
def test_directories_where_others_mount_are_the_hosts(glibc: World, directory: str) -> None:
    only = glibc.in_bundle(directory) / "lambundle-only"
    only.mkdir(parents=True, exist_ok=True)
    found = glibc.run("odd", "list", directory).out.split("\n")
    assert "lambundle-only" not in found
    assert ".." in found


def test_other_directories_are_the_bundles(glibc: World) -> None:
    found = glibc.run("odd", "list", "/usr/bin").out.split()
    assert sorted(found) == sorted([".", "..", *os.listdir(glibc.in_bundle("/usr/bin"))])


def test_paths_inside_the_bundle_are_taken_as_they_are(world: World) -> None:
    inside = world.in_bundle(world.data / "only/bundle/file")
    assert cat(world, inside) == "bundle"
    twice = world.in_bundle(world.bundle / "root/twice")
    twice.parent.mkdir(parents=True, exist_ok=True)
    twice.write_text("served twice")
    assert cat(world, world.bundle / "root/twice") == NOT_THERE
    # A neighbour whose name begins alike is not inside.
    neighbour = Path(f"{world.bundle}-2/file")
    world.in_bundle(neighbour).parent.mkdir(parents=True, exist_ok=True)
    world.in_bundle(neighbour).write_text("served")
    assert cat(world, neighbour) == "served"


def test_files_packed_from_tmp_are_served(tmp_path: Path) -> None:
    odd = compile_c(["gcc"], tmp_path / "odd", PROGRAMS / "odd.c", flags=["-ldl"])
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        packed = Path(directory, "packed")
        packed.write_text("packed")
        pack([str(odd)], tmp_path / "tree", add=[packed])
        packed.rename(Path(directory, "other"))
        launcher = tmp_path / "tree/bin/odd"
        assert run([launcher, "cat", packed]).out == "packed"
        assert run([launcher, "cat", f"{directory}/other"]).out == "packed"
        assert Path(directory).name in run([launcher, "list", "/tmp"]).out.split("\n")


@pytest.mark.parametrize("length", [4000, 4095, 4096, 5000, 40_000])
def test_path_of_any_length_gives_libcs_answer(world: World, length: int) -> None:
    path = ("/a" * length)[:length]
    native = run([world.native / "odd", "cat", path]).out
    assert world.run("odd", "cat", path).out == native
    assert native in (f"errno {errno.ENOENT}\n", f"errno {errno.ENAMETOOLONG}\n")


def test_path_too_long_for_the_bundle_is_still_the_hosts(world: World) -> None:
    top = world.top / "long"
    path = top
    while len(str(path)) < 3800:
        path /= "d" * 200
    path /= "e" * (4085 - len(str(path)))
    path.mkdir(parents=True)
    try:
        (path / "file").write_text("far down")
        assert cat(world, path / "file") == "far down"
    finally:
        shutil.rmtree(top)


@pytest.mark.parametrize("name", ["glibc", "musl", "old-loader", "glibc-2.31"])  # libasan itself reads such a path
@pytest.mark.parametrize("address", ["0", "8", "0xfff", "-1", "-4096"])
def test_no_path_gives_libcs_answer(worlds: Worlds, name: str, address: str) -> None:
    world = worlds(name)
    native, inside = run([world.native / "odd", "null", address]), world.run("odd", "null", address)
    assert inside.out.splitlines() == native.out.splitlines()
    assert f"open(none, O_RDONLY) {errno.EFAULT}" in inside.out


@pytest.mark.parametrize("name", ["glibc", "musl", "old-loader"])  # the libcs that there are outside the bundle too
@pytest.mark.parametrize("address", ["0", "8", "0xfff", "-1", "-4096"])
def test_no_argument_can_be_read_by_any_function(worlds: Worlds, name: str, address: str) -> None:
    world = worlds(name)
    names = sorted({probe.symbol for probe in PROBES} | ELSEWHERE.keys() - {"fork"})
    for spawns in ("posix_spawn", "posix_spawnp"):  # what they leave in errno is nobody's business
        names.remove(spawns)
    native = run([world.native / "bad", address, *names]).out.splitlines()
    called = {line.split(" ")[0] for line in native}
    inside = [line for line in world.run("bad", address, *names).out.splitlines() if line.split(" ")[0] in called]
    # Where libc itself ends with a signal, anything is as good.
    same = [pair for pair in zip(native, inside, strict=True) if " signal " not in pair[0]]
    assert len(same) > 100
    assert [ours for _, ours in same] == [libcs for libcs, _ in same]


def test_relative_paths_are_the_kernels_and_then_looked_up(world: World) -> None:
    assert world.run("odd", "cat", "only/host/file", cwd=world.data).out == "host\n"
    assert world.run("odd", "cat", "only/bundle/file", cwd=world.data).out == "bundle\n"
    assert world.run("odd", "cat", "files/both", cwd=world.data).out == "host\n"
    assert world.run("odd", "cat", "files/both", cwd=world.in_bundle(world.data)).out == "bundle\n"
    assert world.run("odd", "cat", "only/nobody/file", cwd=world.data).out == f"{NOT_THERE}\n"


def test_bare_host_has_what_the_bundle_has_not(glibc: World) -> None:
    try:
        sandbox = Sandbox(bare_root())
        sandbox.check()
    except UnavailableError as reason:
        unavailable(reason)
    mounts = {"/opt": glibc.unpacked}
    done = sandbox.run(["/opt/bin/odd", "cat", "/etc/passwd"], mounts=mounts)
    assert (done.status, "sbx_user1051" in done.stdout) == (0, True), done
    done = sandbox.run(["/opt/bin/odd", "cat", f"{glibc.data}/only/bundle/file"], mounts=mounts)
    assert (done.status, done.stdout) == (0, "bundle\n"), done
    done = sandbox.run(["/opt/bin/run", "system", "exec /usr/bin/printenv"], mounts=mounts)
    assert "LOCPATH" not in done.stdout
    assert "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin" in done.stdout
