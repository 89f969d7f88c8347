"""Where the programs of the corpus are installed: on this machine, or in the Linux below a directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lambundle.machine import Machine, at
from tests.bareroot import LAMBDA_ENVIRONMENT, Sandbox

SYSTEM = ("/usr/sbin", "/sbin")
"""Debian's daemons are there, and these are not on everybody's PATH."""


@dataclass(frozen=True)
class Home:
    """The machine whose root is ``root``; programs are packed from it, and run in it to be compared with."""

    root: Path = Path("/")

    @property
    def machine(self) -> Machine:
        """The machine as lambundle asks it."""
        return at(str(self.root))

    @property
    def options(self) -> tuple[str, ...]:
        """Arguments of ``lambundle pack``."""
        return () if self.root == Path("/") else ("--root", str(self.root))

    def which(self, program: str) -> str | None:
        """Return the path of a program there; ``*`` stands for the newest version in a path."""
        machine = self.machine
        if "/" in program:
            found = machine.files.glob(program)
        else:
            found = [f"{directory}/{program}" for directory in reversed((*machine.search, *SYSTEM))]
        programs = [path for path in found if machine.files.is_executable(path)]
        return programs[-1] if programs else None

    def sandbox(self) -> Sandbox:
        """Return a sandbox of this whole machine, as strict as the bare one otherwise."""
        # A bundle brings en_US.UTF-8 along, or what passes for it; the machine need not have it.
        # Its launcher sets HOME.
        return Sandbox(self.root, {**LAMBDA_ENVIRONMENT, "LANG": "C.UTF-8", "HOME": "/tmp"})


HERE = Home()
