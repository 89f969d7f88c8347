"""Input that nobody means well with: the runtime's own work must stay within its bounds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.runtime.worlds import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.conftest import Worlds
    from tests.runtime.worlds import World


@pytest.fixture(params=["sanitized", "glibc", "old-loader"])
def world(worlds: Worlds, request: pytest.FixtureRequest) -> World:
    """Return the worlds in which a program of the bundle is started by different ways."""
    return worlds(request.param)


@pytest.mark.parametrize(
    "value",
    [
        ":" * 5000,
        ";:" * 1000,
        "/usr/lib:" * 3000,
        "/" + "x" * 100_000,
        "/x" * 2040,
        "relative:/usr/lib/../../..:/..:/:/tmp:/proc:",
        "$ORIGIN:/usr/lib/$LIB:${ORIGIN}",
    ],
    ids=["colons", "separators", "many", "long", "near the limit", "dots", "tokens"],
)
def test_library_path_of_any_shape(world: World, value: str) -> None:
    report = world.report("execve", world.data / "report", "name", env={"LD_LIBRARY_PATH": value})
    assert report["who"] == "in bundle"
    assert f"LD_LIBRARY_PATH={value}" in report["env"]


def test_library_path_of_the_bundles_directories_comes_first(world: World) -> None:
    hidden = world.data / "plug/in"
    loading = ["run", "execve", world.programs / "odd", "odd", "load", "libhidden.so", "whoami"]
    assert world.run(*map(str, loading)).out.startswith("not loaded")
    for path in (hidden, world.in_bundle(hidden)):
        assert world.run(*map(str, loading), env={"LD_LIBRARY_PATH": f"/nowhere:{path}:/lib64"}).out == "hidden\n"


@pytest.mark.parametrize("size", [1, 100, 2000])
def test_environment_and_arguments_of_any_size(world: World, size: int) -> None:
    env = {f"VARIABLE_{number}": "x" * (number % 50) for number in range(size)}
    arguments = ["x" * (number % 300) for number in range(size)]
    report = world.report("execve", world.data / "report", *arguments, env=env)
    assert report["argv"] == arguments
    assert {f"{name}={value}" for name, value in env.items()} <= set(report["env"])


@pytest.mark.parametrize("length", [1, 4000, 100_000])
def test_names_of_any_length(world: World, length: int) -> None:
    name = "n" * length
    assert world.report("execve", world.data / "report", name)["argv"] == [name]
    assert world.run("run", "execve", f"/{name}", "x", status=None).status in (102, 136)
    assert world.run("run", "execvp", name, "x", status=None).status in (102, 136)
    native = run([world.native / "run", "execvp", "true", "true"], env={"PATH": f"/{name}:/bin"}, status=None)
    done = world.run("run", "execvp", "true", "true", env={"PATH": f"/{name}:/bin"}, status=None)
    assert (done.status, done.out) == (native.status, native.out)


def shebangs(interpreter: str) -> list[bytes]:
    """Return first lines around every limit."""
    made = [f"#!{interpreter}{' ' * pad}{'a' * (240 + pad)}\n".encode() for pad in range(20)]
    made += [b"#!" + b"/" * length + end for length in range(250, 260) for end in (b"", b"\n", b" x\n")]
    made += [
        b"#!",
        b"#!\n",
        b"#! \t \n",
        b"#!\0\n",
        b"#!/bin/sh\0x\n",
        b"#!/bin/sh -\n",
        b"#!/usr/bin/env",
        b"#! /bin/sh",
    ]
    made += [
        b"#!/usr/bin/env -S " + word * count + b"\n" for word in (b"x ", b"sh ", b"-", b"'") for count in (1, 9, 120)
    ]
    made += [b"#!/usr/bin/env  \n", b"#!/usr/bin/env A=1\n", b"#!/usr/bin/env /bin/sh\n", b"#!/usr/bin/env no-such\n"]
    return made


def mutations(program: bytes) -> list[bytes]:
    """Return a program cut short and with its headers changed."""
    rng = random.Random(20241121)
    made = [program[:length] for length in [*range(1, 70, 6), *(rng.randrange(70, 1200) for _ in range(30))]]
    for _ in range(60):
        changed = bytearray(program)
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(16, 64 + 56 * 6)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        made.append(bytes(changed[:4096]))
    for offset, value in ((32, 2**64 - 1), (32, 2**63), (32, 2**62 - 1), (40, 2**64 - 1)):
        changed = bytearray(program)
        changed[offset : offset + 8] = value.to_bytes(8, "little")
        made.append(bytes(changed[:4096]))
    return made


def test_files_that_only_look_like_programs(world: World, tmp_path: Path) -> None:
    directory = world.data / "hostile"
    inside = world.in_bundle(directory)
    inside.mkdir(exist_ok=True)
    program = world.in_bundle(world.data / "programs/bundle").read_bytes()
    contents = [*shebangs(f"{world.data}/report"), *mutations(program)]
    for number, content in enumerate(contents):
        (inside / f"{number:03}").write_bytes(content)
        (inside / f"{number:03}").chmod(0o755)
    # What they do, if the kernel takes them, is their own affair: nothing that matters is in reach of the shebangs.
    done = world.run("odd", "start-all", directory, cwd=tmp_path)
    assert done.out.splitlines()[-1] == f"{len(contents)} files, many were tried"
    assert "Sanitizer" not in done.err
    assert "runtime error" not in done.err
