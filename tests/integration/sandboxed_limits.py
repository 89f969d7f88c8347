"""Tries a sandbox's limits, as whoever starts it; prints what was found as JSON. Needs nothing but the package."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from lambundle import target
from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.interface import MIB, Command, Limits, Outcome

PLACES = "/ /opt /var/task /etc /usr/bin /dev /proc /tmp"
SLEEP = f"{1_000_000 + os.getpid()}"

work = Path(sys.argv[1])
(work / "bundle").mkdir()
target.RLIMITS["nproc"] = 40
sandbox = BubblewrapSandbox(work)


def run(script: str, **limits: float) -> Outcome:
    command = Command(
        ["sh", "-c", script],
        {"PATH": "/usr/bin"},
        {"/opt": work / "bundle"},
        limits=Limits(int(limits.get("memory", 1024 * MIB)), 4 * MIB, limits.get("seconds", 60)),
    )
    return sandbox.start(command).wait()


found: dict[str, object] = {"missing": sandbox.unavailable()}
if found["missing"] is None:
    found["user"] = " ".join(run("id -u; id -g; id -un").stdout.decode().split())
    found["new"] = run(f"for p in {PLACES}; do touch $p/new 2>/dev/null && echo $p; done").stdout.decode().split()
    found["full"] = run("head -c 5000000 /dev/zero > /tmp/full").stderr.decode().strip().rpartition(": ")[2]
    run("rm /tmp/full; echo -n kept > /tmp/kept")
    found["kept"] = run("wc -c < /tmp/kept").stdout.decode().strip()
    heavy = run("x=$(head -c 100000000 /dev/zero | tr '\\0' x)", memory=60 * MIB)
    found["memory"] = [heavy.ended_by == "memory", heavy.status == 137]
    late = run(f"sleep {SLEEP} & (sleep {SLEEP} &) ; sleep {SLEEP}", seconds=0.5)
    found["time"] = [late.ended_by == "timeout", late.status == 124]
    many = run("for i in $(seq 60); do sleep 30 & done", seconds=1)
    found["processes"] = b"fork" in many.stderr
sandbox.close()
found["left"] = [
    path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if SLEEP.encode() in path.read_bytes()
]
sys.stdout.write(json.dumps(found))
