"""The judge's function: an event with a C++ file in, a verdict out. See README.md for both."""  # noqa: INP001

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge import confine, kernel
from judge.confine import MIB, Limits, Outcome
from judge.room import room

HERE = Path(__file__).resolve().parent
TOOLS = next((place for place in (HERE, Path("/opt")) if (place / "bin/g++").exists()), Path("/opt"))
"""Where the bundle of g++ is: in the function's own zip, else in a Layer."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
"""All that the compiler and the program see of the function's environment: nothing."""

COMPILER_ENVIRONMENT = ENVIRONMENT | {name: os.environ[name] for name in ("LAMBUNDLE_TRACE",) if name in os.environ}
"""Where the compiler tells ``lambundle verify`` what it opens."""

STANDARDS = ("c++11", "c++14", "c++17", "c++20", "c++23")
FLAGS = ("-O2", "-pipe", f"-I{TOOLS}/pch")
"""The precompiled header lies in ``pch``; g++ passes it over where it was made for another standard."""

MAX_TIME = 10.0
MAX_BYTES = 1 * MIB
"""Of a source; what is longer is no exercise."""
OWN_MEMORY = 96 * MIB
"""Of the function's memory what is left to the handler and the kernel."""
FUNCTION_MEMORY = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")) * MIB
REST = 2.0
"""Seconds before the function's own time is up by which an answer has to be on its way."""
COMPILE_TIME = 10.0
SLOW = 4
"""Seconds by the clock for each second of CPU: at 512 MB Lambda gives a function 0.29 of a processor."""
FILE = 16 * MIB

kernel.become_keeper()
if not kernel.permits_filters():
    print("judge: this kernel permits no system call filter; README.md says what follows")  # noqa: T201  (the log)


@dataclass(frozen=True, slots=True)
class Request:
    """An event that was understood; ``time`` in seconds, ``memory`` in bytes."""

    source: str
    stdin: str
    std: str
    time: float
    memory: int


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one event; ValueError, which Lambda reports, when it is not one of ours."""
    request = understand(event)
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - REST
    with room() as work:
        compiled = compile_(request, work, until)
        status = status_of(compiled)
        ran = None if status != "ok" else execute(request, work, until)
    return {
        "verdict": "compile_error" if ran is None else verdict_of(ran, request.memory),
        "compile": {
            "status": status,
            "output": text(compiled.stderr or compiled.stdout),
            "ms": milliseconds(compiled.wall),
        },
        "run": None if ran is None else run_of(ran),
    }


def understand(event: dict[str, Any]) -> Request:
    """Check an event and fill in what it leaves out."""
    source, stdin, std = event.get("source"), event.get("stdin", ""), event.get("std", "c++20")
    seconds, megabytes = event.get("time_limit_s", 2), event.get("memory_limit_mb", 256)
    if not isinstance(source, str) or not isinstance(stdin, str):
        raise ValueError("source and stdin are text")  # noqa: TRY004  (to the caller both are wrong values)
    if len(source.encode()) > MAX_BYTES:
        raise ValueError(f"source has more than {MAX_BYTES:,} bytes")
    if std not in STANDARDS:
        raise ValueError(f"std is one of {', '.join(STANDARDS)}")
    if not isinstance(seconds, int | float) or not 0 < seconds <= MAX_TIME:
        raise ValueError(f"time_limit_s is more than 0, and at most {MAX_TIME:g}")
    most = (FUNCTION_MEMORY - OWN_MEMORY) // MIB
    if not isinstance(megabytes, int | float) or not 0 < megabytes <= most:
        raise ValueError(f"memory_limit_mb is more than 0, and at most {most} in a function of this memory")
    return Request(source, stdin, std, float(seconds), int(megabytes * MIB))


def compile_(request: Request, work: str, until: float) -> Outcome:
    """Make ``main`` of the source; the compiler is confined like the program, for it reads what a stranger wrote."""
    Path(work, "main.cpp").write_text(request.source, encoding="utf-8")
    command = [f"{TOOLS}/bin/g++", f"-std={request.std}", *FLAGS, "main.cpp", "-o", "main"]
    limits = limits_within(until, COMPILE_TIME, FUNCTION_MEMORY - OWN_MEMORY, 4 * FILE)
    return confine.run(
        command, cwd=work, environment={**COMPILER_ENVIRONMENT, "TMPDIR": work}, stdin=b"", limits=limits
    )


def execute(request: Request, work: str, until: float) -> Outcome:
    """Run ``main`` on the input."""
    limits = limits_within(until, request.time, request.memory, FILE)
    return confine.run([f"{work}/main"], cwd=work, environment=ENVIRONMENT, stdin=request.stdin.encode(), limits=limits)


def limits_within(until: float, cpu: float, memory: int, file: int) -> Limits:
    """Limits that end before the function's own time does."""
    return Limits(cpu, max(0.0, min(SLOW * cpu + 1, until - time.monotonic())), memory, file)


def status_of(compiled: Outcome) -> str:
    """How the compiler ended, in a word."""
    if compiled.ended_by:
        return f"{compiled.ended_by}_limit"
    return "ok" if compiled.exit == 0 else "error"


def verdict_of(ran: Outcome, memory: int) -> str:
    """The verdict on a program.

    One that ends badly after C++ could not give it memory has met the memory limit, and so has one that dies with
    nine tenths of it in use: an allocation that fails is often not looked at.
    """
    if ran.ended_by:
        return f"{ran.ended_by}_limit"
    if ran.exit == 0:
        return "ok"
    refused = b"std::bad_alloc" in ran.stderr or ran.memory > 0.9 * memory
    return "memory_limit" if refused else "runtime_error"


def run_of(ran: Outcome) -> dict[str, Any]:
    """The program's run as the answer tells it."""
    return {
        "exit": ran.exit,
        "signal": ran.signal,
        "stdout": text(ran.stdout),
        "stderr": text(ran.stderr),
        "wall_ms": milliseconds(ran.wall),
        "cpu_ms": milliseconds(ran.cpu),
        "memory_mb": round(ran.memory / MIB, 1),
    }


def text(output: bytes) -> str:
    """Output as JSON can hold it."""
    return output.decode(errors="replace")


def milliseconds(seconds: float) -> float:
    """Seconds, for the answer."""
    return round(seconds * 1000, 1)
