"""What verify is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.verify.sandbox.interface import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lambundle.recipes.recipe import Recipe
    from lambundle.verify.diagnosis.evidence import Evidence
    from lambundle.verify.model import Verification
    from lambundle.verify.packing_machine import PackingMachine
    from lambundle.verify.repack.remedy import Remedy
    from lambundle.verify.run.inputs import InputFile
    from lambundle.verify.sandbox.stdin import SharedInput


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A request for ``verify``.

    ``mount`` None is /opt, or /var/task for a function. ``events`` are files, or none for one empty event.
    ``inputs`` are files that the command finds in a directory of its own, ``stdin`` is what it reads, ``output`` a
    directory for what it makes. ``compares`` asks for its result at home too, ``static`` for the checks alone that run
    nothing.
    """

    bundle: Path
    command: tuple[str, ...] = ()
    image: str | None = None
    sandbox: str | None = None
    mount: str | None = None
    limits: Limits = field(default_factory=Limits)
    layers: tuple[Path, ...] = ()
    arch: str | None = None
    handler: str | None = None
    events: tuple[Path, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    stdin: SharedInput | None = None
    output: Path | None = None
    compares: bool = True
    strict: bool = False
    static: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """The result; ``log`` is a function's log with Lambda's own lines.

    ``evidence`` is what a diagnosis reads, ``cured`` the remedy that was seen to help.
    """

    verification: Verification
    log: tuple[str, ...] = ()
    evidence: Evidence | None = None
    cured: Cured | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The surroundings of a verification: a work directory, the packing machine, the recipes."""

    work: Path
    machine: PackingMachine
    book: Sequence[Recipe]
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Cured:
    """A remedy with which the bundle passes, and what was found then."""

    remedy: Remedy
    findings: Findings
