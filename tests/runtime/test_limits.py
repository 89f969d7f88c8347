"""The runtime's bounds: what is just below them works."""

from __future__ import annotations

import shutil
from pathlib import Path

from lambundle.bundle.names import PATH_BYTES_MAX
from lambundle.pack.fits import LONGEST_MOUNT
from lambundle.runtime import limits
from tests.runtime.worlds import PROGRAMS, World, compile_c, pack

VARIABLES = {
    **{f"VARIABLE_{number}": f"value {number}" for number in range(300)},
    **{f"PATH_{number}": f"@/usr/share/{number}" for number in range(100)},
    "LONG_" + "N" * 500: "long name",
    "LONG": "v" * 5000,
    "EMPTY": "",
    "EQUALS": "a=b",
    "ROOT": "@",
}


def copied(world: World, top: Path, more: str) -> World:
    """Return the world with more lines in its bundle's configuration."""
    copy = World(world.name, top, world.env)
    shutil.copytree(world.unpacked, copy.unpacked, symlinks=True)
    with (copy.bundle / "runtime/config").open("a") as config:
        config.write(more)
    return copy


def lines(variables: dict[str, str]) -> str:
    """Return the lines of the configuration that set variables."""
    return "".join(f"environment {name}={value}\n" for name, value in variables.items())


def test_many_variables_are_all_set_and_taken_back(world: World, tmp_path: Path) -> None:
    copy = copied(world, tmp_path, lines(VARIABLES))
    told = {f"{name}={value.replace('@', str(copy.root), 1)}" for name, value in VARIABLES.items()}
    found = copy.run("report", env={"VARIABLE_7": "mine"}).report["env"]
    assert told - set(found) == {"VARIABLE_7=value 7"}
    assert "VARIABLE_7=mine" in found
    assert len(found) == len(set(found))
    inside = copy.report("execve", world.data / "report", "name")["env"]
    assert told <= set(inside)
    assert len(inside) == len(set(inside))
    outside = copy.report("execve", world.host_report, "name")["env"]
    assert not told & set(outside)
    assert sorted(outside) == sorted(world.report("execve", world.host_report, "name")["env"])


def test_configuration_just_below_the_bound_is_read_to_its_end(world: World, tmp_path: Path) -> None:
    last = lines({"LAST": "end"})
    have = (world.bundle / "runtime/config").stat().st_size
    filling = limits.CONFIG_MAX - 1 - have - len(last)
    more = "unknown line\n" * (filling // 13) + "x" * (filling % 13 - 1) + "\n" * (filling % 13 > 0) + last
    copy = copied(world, tmp_path, more)
    assert (copy.bundle / "runtime/config").stat().st_size == limits.CONFIG_MAX - 1
    assert "LAST=end" in copy.run("report").report["env"]


def test_longest_search_order_and_all_that_is_asked_for_fit_into_a_command_line(world: World, tmp_path: Path) -> None:
    copy = copied(world, tmp_path, "")
    config = copy.bundle / "runtime/config"
    text = config.read_text()
    [line] = [line for line in text.splitlines() if line.startswith("library-path ")]
    # The bundle may lie deeper here than on Lambda: as many bytes with the root before each directory.
    each = len(f"{copy.root}/nowhere/at/all:")
    count = (limits.LIBRARY_PATH_MAX - sum(len(f"{copy.root}{part}:") for part in line[13:].split(":"))) // each - 5
    assert count > 100
    config.write_text(text.replace(line, line + ":/nowhere/at/all" * count))
    report = copy.report("execve", world.data / "report", "name", env={"LD_LIBRARY_PATH": "/usr/lib:" * 3000})
    assert report["who"] == "in bundle"


def test_interpreter_with_a_long_name_is_found(glibc: World, outside_tmp: Path) -> None:
    world = World("far", outside_tmp / "far")
    deep = world.top / ("d" * 200) / ("e" * 200)
    if not world.unpacked.exists():
        deep.mkdir(parents=True)
        loader = deep / "ld.so"
        shutil.copy(next(path for path in glibc.root.glob("lib*/ld-linux-*")), loader)
        for name in ("run", "report"):
            flags = ["-ldl", f"-Wl,--dynamic-linker={loader}"]
            compile_c(["gcc"], world.programs / name, PROGRAMS / f"{name}.c", flags=flags)
        pack([str(world.programs / name) for name in ("run", "report")], world.unpacked)
        shutil.rmtree(deep)
    report = world.report("execve", world.programs / "report", "name")
    assert report["exe"] == str(world.in_bundle(world.programs / "report"))


def without_env(world: World, top: Path, name: str, first_line: str) -> tuple[World, Path]:
    """Return the world without an `env` in its bundle, and a script that only the bundle has."""
    copy = copied(world, top, "")
    for path in ("/usr/bin/env", "/bin/env"):
        copy.in_bundle(path).unlink(missing_ok=True)
    programs = copy.bundle / "runtime/programs"  # else this machine's is known as a copy of it
    lines = programs.read_text().splitlines(keepends=True)
    programs.write_text("".join(line for line in lines if not line.endswith("/env\n")))
    script = world.data / name
    Path(f"{copy.root}{script}").write_text(f"{first_line}\n")
    Path(f"{copy.root}{script}").chmod(0o755)
    return copy, script


def test_every_word_after_env_is_kept(world: World, tmp_path: Path) -> None:
    words = [str(number) for number in range(60)]
    copy, script = without_env(world, tmp_path, "many-words", f"#!/usr/bin/env -S report {' '.join(words)}")
    report = copy.report("execve", script, "name", "last", env={"PATH": str(world.data)})
    assert report["argv"] == ["report", *words, str(script), "last"]
    assert report["exe"] == str(copy.in_bundle(world.data / "report"))


def test_what_the_hosts_env_has_to_do_is_given_to_it_whole(world: World, tmp_path: Path) -> None:
    copy, script = without_env(world, tmp_path, "for-env", f"#!/usr/bin/env -S -u GIVEN {world.host_report} a b")
    report = copy.report("execve", script, "name", "last", env={"GIVEN": "1"})
    assert report["argv"] == [str(world.host_report), "a", "b", str(copy.in_bundle(script)), "last"]
    assert "GIVEN=1" not in report["env"]


def test_a_path_as_long_as_a_bundle_may_hold_is_served(glibc: World) -> None:
    longest = len(f"{LONGEST_MOUNT}/") + PATH_BYTES_MAX
    path, there = glibc.data, glibc.in_bundle(glibc.data)
    while (room := longest - len(f"{there}/")) > 0:
        name = "l" * min(room, 200)
        path, there = path / name, there / name
    there.parent.mkdir(parents=True)
    there.write_text("far\n")
    assert len(str(there)) in (longest, longest - 1)
    assert glibc.run("odd", "cat", path).out == "far\n"
