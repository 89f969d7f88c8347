"""What libc opens and loads itself: plug-ins, message catalogues, character sets, locales, time zones."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.bareroot import Sandbox, UnavailableError, bare_root
from tests.runtime.conftest import unavailable
from tests.runtime.worlds import LIBRARIES, PROGRAMS, World, compile_c, pack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Worlds


@pytest.mark.parametrize("name", ["glibc", "old-loader", "glibc-2.31"])
def test_bare_name_is_searched_with_the_callers_runpath(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    assert world.run("odd", "load", world.data / "plug/plugin.so", "hidden").out == "hidden\n"
    # The program itself has no such RUNPATH.
    assert world.run("odd", "load", "libhidden.so", "whoami").out.startswith("not loaded")


@pytest.mark.parametrize("name", ["glibc", "old-loader", "glibc-2.31", "musl"])
@pytest.mark.parametrize("how", ["load", "load-deep"])
def test_plugin_that_binds_to_itself_first_reads_what_the_bundle_has(worlds: Worlds, name: str, how: str) -> None:
    world = worlds(name)
    file = world.data / "files/bundle"
    assert world.run("odd", how, world.data / "plug/plugin.so", "line", env={"FILE": str(file)}).out == "bundle\n"


@pytest.mark.parametrize("name", ["glibc", "old-loader", "glibc-2.31", "musl"])
def test_plugin_in_a_namespace_of_its_own_reads_what_the_bundle_has(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    env = {"FILE": str(world.data / "files/bundle"), "LD_LIBRARY_PATH": str(world.data / "plug")}
    assert world.run("odd", "load-apart", world.data / "plug/plugin.so", "line", env=env).out == "bundle\n"
    by_name = world.run("run", "execve", world.programs / "odd", "odd", "load-apart", "plugin.so", "line", env=env)
    assert by_name.out == "bundle\n"
    lost = world.run("odd", "load-apart", "/nowhere/plugin.so", "line", env=env)
    assert lost.out.startswith("not loaded: ")
    assert "/nowhere/plugin.so" in lost.out


@pytest.mark.parametrize("name", ["glibc", "old-loader", "glibc-2.31"])
def test_a_second_copy_of_the_runtime_leaves_the_process_as_it_is(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    done = world.run("odd", "load-apart", world.data / "plug/about.so", "about")
    assert done.out == f"odd {world.in_bundle(world.programs / 'odd')}\n"


@pytest.mark.parametrize("name", ["glibc", "old-loader", "glibc-2.31", "sanitized"])
def test_message_catalogue_is_the_bundles(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    speaking = {"LANG": "en_US.UTF-8", "LANGUAGE": "xx"}
    assert world.run("odd", "translate", world.data / "messages", env=speaking).out == "bonjour\n"
    assert world.run("odd", "translate", world.data / "nowhere", env=speaking).out == "hello\n"


@pytest.fixture(scope="module")
def equipped(outside_tmp: Path) -> World:
    """Return a bundle with character sets and time zones of this machine."""
    world = World("equipped", outside_tmp / "equipped")
    odd = compile_c(["gcc"], world.programs / "odd", PROGRAMS / "odd.c", flags=["-ldl"])
    add = [f"{LIBRARIES}/gconv", "/usr/share/zoneinfo/Europe"]
    pack([str(odd)], world.unpacked, add=add)
    return world


def test_bundle_leads_libc_to_what_it_holds(equipped: World, glibc: World) -> None:
    lines = (equipped.bundle / "runtime/config").read_text().splitlines()
    led = {line for line in lines if line.startswith("environment ")}
    assert led == {
        f"environment GCONV_PATH=@{LIBRARIES}/gconv",
        "environment LOCPATH=@/usr/lib/locale",
        "environment TZDIR=@/usr/share/zoneinfo",
    }
    without = (glibc.bundle / "runtime/config").read_text()
    assert "TZDIR" not in without
    assert ("GCONV_PATH" in without) == glibc.in_bundle(f"{LIBRARIES}/gconv/gconv-modules").exists()


def test_charsets_locale_and_time_zones_where_the_host_has_none(equipped: World, glibc: World) -> None:
    try:
        sandbox = Sandbox(bare_root())
        sandbox.check()
    except UnavailableError as reason:
        unavailable(reason)
    env = {"TZ": "Europe/Berlin", "LANG": "en_US.UTF-8"}
    done = sandbox.run(["/opt/bin/odd", "libc"], mounts={"/opt": equipped.unpacked}, env=env)
    assert done.stdout == "iconv \u3042\nlocale UTF-8\ntime 11:46 CEST\n"
    assert done.stderr == ""
    done = sandbox.run(["/opt/bin/odd", "libc"], mounts={"/opt": glibc.unpacked}, env=env)
    assert done.stdout.endswith("locale UTF-8\ntime 09:46 Europe\n")


ERRNO = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    errno = 0;
    int status = system("exit 3");
    int after = errno;
    FILE *stream = popen("exit 4", "r");
    int closed = pclose(stream);
    return printf("%d %d %d %d\n", status >> 8, after, closed >> 8, errno) < 0;
}
"""
LIKE_GLIBC_2_41 = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    __typeof__(&posix_spawn) real = (__typeof__(&posix_spawn))dlsym(RTLD_NEXT, "posix_spawn");
    int failed = real(pid, path, actions, attributes, argv, envp);
    errno = ENOSYS;
    return failed;
}
"""


def test_errno_stays_as_it_was_where_the_kernel_refuses_clone3(outside_tmp: Path) -> None:
    """glibc 2.41 leaves ENOSYS behind then, and Lua takes what it finds after system() for what went wrong."""
    directory = outside_tmp / "errno"
    directory.mkdir()
    for name, text in (("program", ERRNO), ("spawn", LIKE_GLIBC_2_41)):
        (directory / f"{name}.c").write_text(text)
    library = compile_c(["gcc"], directory / "libspawn.so", directory / "spawn.c", flags=["-shared", "-fPIC"])
    flags = ["-Wl,--no-as-needed", str(library), f"-Wl,-rpath,{directory}"]
    program = compile_c(["gcc"], directory / "program", directory / "program.c", flags=flags)
    pack([str(program)], directory / "out")
    done = subprocess.run([directory / "out/bin/program"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("3 0 4 0\n", "")
