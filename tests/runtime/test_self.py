"""What a bundled program learns of itself and of its environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.runtime.worlds import HOST_ENVIRONMENT, run

if TYPE_CHECKING:
    from tests.runtime.conftest import Worlds
    from tests.runtime.worlds import World

OURS = ("GCONV_PATH", "LOCPATH", "TZDIR", "LD_PRELOAD", "LD_LIBRARY_PATH", "LAMBUNDLE")


def through_shell(world: World, env: dict[str, str]) -> list[str]:
    """Return the environment of a program of the host that a launcher's shell starts without a bundle."""
    done = run(["/bin/sh", "-c", 'exec "$0" name', world.host_report], env={"HOME": "/tmp", **world.env, **env})
    environment: list[str] = done.report["env"]
    return sorted(environment)


def test_program_finds_itself(world: World) -> None:
    report = world.run("report", "an argument").report
    name, exe = f"{world.programs}/report", str(world.in_bundle(world.programs / "report"))
    assert report["argv"] == [name, "an argument"]
    expected = {
        "exe": exe,
        "exe of pid": exe,
        "exe of thread": exe,
        "readlinkat": exe,
        "cut off": exe[:5],
        "realpath": exe,
        "opened": exe,
        "stat is the same": "yes",
        "execfn": exe,
        "walked execfn": exe,
        "name": "report",
        "comm": "report",
        "invocation": name,
        "short invocation": "report",
    }
    assert {key: report[key] for key in expected} == expected


def test_own_name_is_short_in_ps_and_has_no_dash_of_a_login_shell(world: World) -> None:
    report = world.report("execve", world.data / "report", "-a-name-of-more-than-fifteen")
    assert (report["comm"], report["name"]) == ("a-name-of-more-", "a-name-of-more-")
    assert report["short invocation"] == "-a-name-of-more-than-fifteen"


def test_bundle_under_another_physical_name(glibc: World) -> None:
    link = glibc.top / "link to"
    link.symlink_to(glibc.unpacked)
    report = run([link / "bin/report"]).report
    assert report["exe"] == str(glibc.in_bundle(glibc.programs / "report"))
    assert run([link / "bin/odd", "cat", glibc.data / "only/bundle/file"]).out == "bundle\n"


@pytest.mark.parametrize("name", ["glibc", "sanitized", "musl"])
def test_another_process_of_the_bundle_is_named_by_its_program(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    shell = os.path.realpath(world.in_bundle("/bin/sh"))
    assert world.run("odd", "child").out == f"{shell}\n"


@pytest.mark.parametrize(("name", "target"), [("file", "{}/report"), ("relative", "../report")])
def test_link_says_what_it_said_at_home(world: World, name: str, target: str) -> None:
    expected = target.format(world.data)
    for size in (4000, len(expected), 12, 3, 2, 1):
        said = expected[:size]
        done = world.run("odd", "readlink", world.data / "absolute" / name, str(size))
        assert done.out == 3 * f"{len(said)} {said}\n" + "1\n"
    # To the kernel, and so to programs of the host, it leads to the bundle's file.
    inside = world.in_bundle(world.data / "absolute" / name)
    assert os.path.realpath(inside) == str(world.in_bundle(world.data / "report"))
    assert not os.readlink(inside).startswith("/")
    assert world.run("odd", "readlink", inside, "4000").out.splitlines()[0] == f"{len(expected)} {expected}"


# --- the environment


def test_program_of_the_host_sees_a_clean_environment(world: World) -> None:
    given = {"HOME": "/x", "EMPTY": "", "ODD": "a=b"}
    report = world.report("execve", world.host_report, "name", env=given)
    assert sorted(report["env"]) == through_shell(world, given)
    assert not [variable for variable in report["env"] if variable.startswith(OURS)]
    assert f"PATH={HOST_ENVIRONMENT['PATH']}" in report["env"]


@pytest.mark.parametrize(
    "how", ["execv", "execvp", "posix_spawn", "fexecve", "execveat-directory", "execveat-nofollow"]
)
def test_every_way_to_start_leaves_it_clean(world: World, how: str) -> None:
    report = world.report(how, world.host_report, "name")
    assert sorted(report["env"]) == through_shell(world, {})


@pytest.mark.parametrize("how", ["system", "popen-r"])
def test_shell_of_the_bundle_leaves_it_clean(world: World, how: str) -> None:
    report = world.report(how, f"{world.host_report} name")
    assert not [variable for variable in report["env"] if variable.startswith(OURS)]


def test_static_program_of_the_bundle_sees_a_clean_environment(world: World) -> None:
    report = world.report("execve", world.data / "static", "name")
    assert sorted(report["env"]) == through_shell(world, {})


def test_program_of_the_bundle_is_led_to_its_locale(world: World) -> None:
    report = world.run("report").report
    added = set(report["env"]) - set(through_shell(world, {}))
    lines = (world.bundle / "runtime/config").read_text().splitlines()
    told = {line.removeprefix("environment ") for line in lines if line.startswith("environment ")}
    assert "LOCPATH=@/usr/lib/locale" in told
    assert added == {line.replace("=@", f"={world.root}") for line in told}
    if world.name != "musl":  # its main is given the array that the kernel made
        assert report["env"] == report["main env"]


def test_what_the_user_set_is_kept_and_passed_on(world: World) -> None:
    given = {"LOCPATH": "/mine", "GCONV_PATH": "/mine too", "TZDIR": "/zones", "LD_LIBRARY_PATH": "/nowhere"}
    expected = {f"{name}={value}" for name, value in given.items()}
    assert expected <= set(world.run("report", env=given).report["env"])
    report = world.report("execve", world.host_report, "name", env=given)
    assert sorted(report["env"]) == through_shell(world, given)


@pytest.mark.parametrize("name", ["glibc", "old-loader", "glibc-2.31"])
def test_library_that_the_user_preloads_is_kept_and_passed_on(worlds: Worlds, name: str) -> None:
    world = worlds(name)
    given = {"LD_PRELOAD": str(world.top / "built/bundle.so")}
    assert f"LD_PRELOAD={given['LD_PRELOAD']}" in world.run("report", env=given).report["env"]
    for program in (world.data / "report", world.host_report):
        report = world.report("execve", program, "name", env=given)
        assert [item for item in report["env"] if item.startswith("LD_PRELOAD")] == [
            f"LD_PRELOAD={given['LD_PRELOAD']}"
        ]
        assert report["argv"] == ["name"]


def test_empty_environment(world: World) -> None:
    keep = {"ASAN_OPTIONS": world.env["ASAN_OPTIONS"]} if "ASAN_OPTIONS" in world.env else {}
    done = run([world.launcher("run"), "execve", world.host_report, "name"], env=keep)
    baseline = run(["/bin/sh", "-c", 'exec "$0" name', world.host_report], env={"HOME": "/tmp", **keep})
    assert sorted(done.report["env"]) == sorted(baseline.report["env"])
    inside = run([world.launcher("run"), "execve", world.data / "report", "name"], env=keep).report
    assert inside["who"] == "in bundle"
    assert inside["walked execfn"] == inside["execfn"]


@pytest.mark.parametrize("path", ["", "/nowhere", "/usr/bin"])
def test_search_path_is_passed_on_as_it_is(glibc: World, path: str) -> None:
    report = glibc.report("execve", glibc.host_report, "name", env={"PATH": path})
    assert f"PATH={path}" in report["env"]
