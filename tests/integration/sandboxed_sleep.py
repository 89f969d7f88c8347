"""A verify that is to be killed: starts a sandbox of the given kind, and something in it that takes for ever."""

from __future__ import annotations

import sys
from pathlib import Path

from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.docker.docker import DockerSandbox
from lambundle.verify.sandbox.interface import Command, Sandbox

kind, image, work, bundle, mark = sys.argv[1:]
sandbox: Sandbox
sandbox = DockerSandbox(image, Path(work)) if kind == "docker" else BubblewrapSandbox(Path(work), Path(image))
sys.stdout.write("starting\n")
sys.stdout.flush()
script = "sleep $0 & (sleep $0 &); sleep $0"
sandbox.start(Command(["sh", "-c", script, mark], {"PATH": "/usr/bin"}, {f"/opt/{mark}": Path(bundle)}, cwd="/")).wait()
