"""The judge answers as its README says, in bubblewrap and in Docker, and an environment stays as it was."""

from __future__ import annotations

import filecmp
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lambundle.bundle.extract import extract
from tests.docker import python_image
from tests.examples import readme
from tests.integration.conftest import docker_image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bareroot import Sandbox
    from tests.examples.conftest import Made

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cpp-judge"), pytest.mark.usefixtures("verifiable")]

__all__ = ["docker_image"]

NAME = "cpp-judge"
JUDGED = Path(__file__).parent / "judged"
VERDICTS = {
    "hello": "ok",
    "threads": "ok",
    "stdin": "ok",
    "compile-error": "compile_error",
    "endless-loop": "time_limit",
    "fork-bomb": "time_limit",
    "allocation": "memory_limit",
    "growth": "memory_limit",
    "endless-output": "output_limit",
    "crash": "runtime_error",
}
"""Of every event in the example's directory."""
OUTPUT = {"hello": "hello\n", "threads": "36 14\n", "stdin": "42\n"}
PAGES = 512
"""Pages that the handler may come to hold more: 2 MiB, less than any one invocation would leave."""


def function(example: Made, kind: str) -> list[str]:
    """Arguments of ``lambundle verify`` for the function with its Layer, or for the one with a runtime of its own."""
    if kind == "custom":
        return [f"{example.out}/custom.zip"]
    return [f"{example.out}/function.zip", "--layer", f"{example.out}/layer.zip", "--handler", "handler.handler"]


def verified(arguments: Sequence[str], events: Sequence[Path], memory: int = 512) -> list[dict[str, Any]]:
    """The judge's answers to events, one after the other in one environment."""
    given = [argument for event in events for argument in ("--event", str(event))]
    command = [sys.executable, "-m", "lambundle", "verify", *arguments, *given, "--memory", str(memory), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [run["response"] for run in json.loads(done.stdout)["runs"]]


def event(directory: Path, program: str, **more: object) -> Path:
    """An event with a program of the directory ``judged``."""
    path = directory / f"{program}.json"
    path.write_text(json.dumps({"source": (JUDGED / f"{program}.cpp").read_text(), **more}))
    return path


def check_answers(answers: list[dict[str, Any]]) -> None:
    """Compare with what each event of the example has to be answered."""
    found = dict(zip(VERDICTS, answers, strict=True))
    assert {name: answer["verdict"] for name, answer in found.items()} == VERDICTS
    assert {name: found[name]["run"]["stdout"] for name in OUTPUT} == OUTPUT
    assert "was not declared in this scope" in found["compile-error"]["compile"]["output"]
    assert found["compile-error"]["run"] is None
    assert found["crash"]["run"]["signal"] == "SIGSEGV"
    assert "std::bad_alloc" in found["allocation"]["run"]["stderr"]
    assert len(found["endless-output"]["run"]["stdout"]) == 64 << 10
    assert found["endless-loop"]["run"]["cpu_ms"] > 900
    assert found["growth"]["run"]["memory_mb"] > 128


def events() -> list[Path]:
    return [readme.EXAMPLES / NAME / "events" / f"{name}.json" for name in VERDICTS]


def test_every_event_of_the_example_is_tried() -> None:
    assert {path.stem for path in (readme.EXAMPLES / NAME / "events").iterdir()} == set(VERDICTS)


@pytest.mark.parametrize(("kind", "memory"), [("layer", 512), ("layer", 1769), ("custom", 512)])
def test_every_event_is_answered(kind: str, memory: int, made: Callable[[str], Made]) -> None:
    check_answers(verified(function(made(NAME), kind), events(), memory))


@pytest.mark.parametrize("kind", ["layer", "custom"])
def test_docker_gives_the_same_answers(kind: str, made: Callable[[str], Made], docker_image: str) -> None:
    """The Layer's function is started by the image's own Python and its awslambdaric."""
    image = python_image(docker_image) if kind == "layer" else docker_image
    check_answers(verified([*function(made(NAME), kind), "--image", image], events()))


@pytest.mark.parametrize("kind", ["layer", "custom"])
def test_fifty_invocations_leave_the_environment_as_it_was(
    kind: str, made: Callable[[str], Made], tmp_path: Path
) -> None:
    probe, litter = event(tmp_path, "probe"), event(tmp_path, "litter")
    escape, crash = event(tmp_path, "escape"), readme.EXAMPLES / NAME / "events/crash.json"
    order = [probe, *[litter, escape, crash, probe] * 12, litter, probe]
    answers = verified(function(made(NAME), kind), order)
    assert len(answers) == 51
    assert {answer["verdict"] for path, answer in zip(order, answers, strict=True) if path != crash} == {"ok"}
    first, *_, last = (
        tuple(map(int, answer["run"]["stdout"].split()))
        for path, answer in zip(order, answers, strict=True)
        if path == probe
    )
    assert first[0] == last[0]
    assert last[1] - first[1] < PAGES


READS_FOREVER = '#include "/dev/zero"\n'
READS_ENVIRONMENT = '#include "/proc/self/environ"\n'
WRITES_FOREVER = "template<int N> struct A { A<2 * N> a; A<2 * N + 1> b; };\nA<1> a;\n"


@pytest.mark.parametrize("kind", ["layer", "custom"])
def test_hostile_sources_find_no_secret_and_no_way_out(kind: str, made: Callable[[str], Made], tmp_path: Path) -> None:
    sources = [READS_FOREVER, READS_ENVIRONMENT, WRITES_FOREVER, (JUDGED / "spy.cpp").read_text()]
    given = [tmp_path / str(number) for number in range(len(sources))]
    for path, source in zip(given, sources, strict=True):
        path.write_text(json.dumps({"source": source}))
    *compiled, spied = verified(function(made(NAME), kind), given)
    assert [answer["verdict"] for answer in compiled] == ["compile_error"] * 3
    assert [answer["compile"]["status"] for answer in compiled] == ["memory_limit", "error", "output_limit"]
    assert not any("AWS" in answer["compile"]["output"] for answer in compiled)

    assert spied["verdict"] == "ok", spied
    said = spied["run"]["stdout"]
    assert said.startswith("PATH=/usr/bin:/bin\nLANG=C.UTF-8\n")
    # The emulator of the Runtime API gives the function these, as Lambda gives it the keys of its role.
    assert "not-a-secret" not in said
    assert "not-a-token" not in said
    [parent] = re.findall(r"^parent (\d+)$", said, re.MULTILINE)
    assert f'open: "/proc/{parent}/' not in said
    assert said.endswith("\nsocket -1\nkill -1\nall -1\nsession -1\nself 0\n")


DRIVER = """
import json, sys
from judge import kernel, processes
if "without-filter" in sys.argv:
    kernel.forbid = lambda filter_: False
import handler

class Context:
    def get_remaining_time_in_millis(self):
        return 90_000

answers = [handler.handler(event, Context()) for event in json.load(sys.stdin)]
print(json.dumps([answers, [process.pid for process in processes.descendants()]]))
"""


@pytest.mark.parametrize("how", ["with-filter", "without-filter"])
def test_nobody_escapes_with_or_without_the_filter(
    how: str, made: Callable[[str], Made], sandbox: Sandbox, tmp_path: Path
) -> None:
    tree = tmp_path / "task"
    extract(made(NAME).out / "custom.zip", tree)
    given = [json.loads(event(tmp_path, name, time_limit_s=2).read_text()) for name in ("escape", "escape", "litter")]
    done = sandbox.run(
        ["/var/task/bin/python3", "-c", DRIVER, how], mounts={"/var/task": tree}, stdin=json.dumps(given)
    )
    assert done.status == 0, done.stderr
    answers, left = json.loads(done.stdout.splitlines()[-1])
    assert [answer["verdict"] for answer in answers] == ["ok"] * 3
    assert left == []
    assert ("permits no system call filter" in done.stdout) == (how == "without-filter")


def test_a_wrong_event_is_an_error_that_says_what_is_wrong(made: Callable[[str], Made], tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"source": "int main() {}", "std": "c++98"}))
    arguments = [*function(made(NAME), "layer"), "--event", str(path), "--json"]
    command = [sys.executable, "-m", "lambundle", "verify", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [run] = json.loads(done.stdout)["runs"]
    assert run["response"]["errorMessage"] == "std is one of c++11, c++14, c++17, c++20, c++23"


def test_without_the_precompiled_header_every_build_is_the_same(made: Callable[[str], Made], tmp_path: Path) -> None:
    for name in ("one", "other"):
        subprocess.run(
            [sys.executable, "./build", "--without-pch", tmp_path / name],
            cwd=made(NAME).directory,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    names = ["function.zip", "layer.zip", "custom.zip"]
    assert filecmp.cmpfiles(tmp_path / "one", tmp_path / "other", names, shallow=False) == (names, [], [])


def test_the_figures_are_those_of_the_readme(made: Callable[[str], Made]) -> None:
    [screen] = [block.text for block in readme.blocks(NAME) if block.language == "text"]
    example = made(NAME)
    done = subprocess.run(
        [sys.executable, "./figures", "out"], cwd=example.directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert comparable(done.stdout) == comparable(screen)


def comparable(table: str) -> str:
    """Leave out what differs between two machines; a busy disk does not let go of what was just written."""
    table = table.replace("unknown", "0 MB")
    return re.sub(r" +", " ", re.sub(r"\d[\d,.]*", "N", table))
