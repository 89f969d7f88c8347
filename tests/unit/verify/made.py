"""Subjects, runs and a machine made up for tests of verify."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.bundle.listing import Member
from lambundle.bundle.model import Entry, Kind, Manifest, PackedOn, Program, Reason
from lambundle.machine import Machine, here
from lambundle.verify.packing_machine import PackingMachine
from lambundle.verify.run.jobs import Job, Origin
from lambundle.verify.run.mounted import Mounted
from lambundle.verify.run.result import JobResult
from lambundle.verify.run.trace import Trace, TraceCollector
from lambundle.verify.sandbox.interface import Outcome
from lambundle.verify.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PACKED_ON = PackedOn("Made Linux 1", "glibc 2.36", "x86_64")
ROOT = "/opt/lambundle/tool/root"
TOOL = Program("bin/tool", "/usr/bin/tool", "/usr/bin/tool")


def member(path: str, mode: int = 0o644, kind: Kind = Kind.FILE, size: int = 10) -> Member:
    """Return an entry of a zip."""
    return Member(path, kind, mode, size, size, "x" if kind is Kind.LINK else None)


def manifest(
    *programs: Program, entries: Iterable[Entry] = (), environment: Mapping[str, str] | None = None
) -> Manifest:
    """Return the manifest of a bundle ``tool``."""
    return Manifest("tool", programs or (TOOL,), PACKED_ON, tuple(entries), environment or {})


def entry(path: str, mode: int = 0o755) -> Entry:
    """Return an entry of a manifest."""
    return Entry(path, Kind.FILE, mode, 10, reasons=(Reason("add"),), sha256="0" * 64)


def subject(*members: Member, manifests: tuple[Manifest, ...] | None = None) -> Subject:
    """Return a bundle ``tool``, or whatever has ``manifests``."""
    return Subject(
        Path("tool.zip"), is_zip=True, zipped=100, members=members, runnable=True,
        manifests=(manifest(),) if manifests is None else manifests,
    )  # fmt: skip


def mounted(tree: Path = Path("/nowhere"), *, is_ours: bool = True) -> Mounted:
    """Return the bundle ``tool`` at /opt, unpacked in ``tree``."""
    return Mounted("/opt", {"/opt": tree}, {"/opt/lambundle/tool": manifest()} if is_ours else {}, 100)


def trace(*lines: str) -> Trace:
    """Read records written with blanks for tabs; the first word is the process."""
    parser = TraceCollector()
    parser.feed("".join(line.replace(" ", "\t") + "\n" for line in lines).encode())
    return parser.trace()


STARTED = f"1 start {ROOT}/usr/bin/tool"


def outcome(
    status: int = 0,
    stderr: str = "",
    stdout: str = "",
    ended_by: str = "",
    memory: int | None = None,
    tmp: int | None = None,
) -> Outcome:
    """Return how a run ended."""
    return Outcome(status, stdout.encode(), stderr.encode(), 0.5, ended_by, memory, tmp)


def result(
    status: int = 0,
    stderr: str = "",
    *,
    records: Trace | None = None,
    origin: Origin = Origin.COMMAND,
    program: Program | None = TOOL,
    ended_by: str = "",
    memory: int | None = None,
    tmp: int | None = None,
) -> JobResult:
    """Return a command that was run, three times if it succeeded."""
    first = outcome(status, stderr, ended_by=ended_by, memory=memory, tmp=tmp)
    job = Job(("/opt/bin/tool", "x"), origin, "did it", program=program, name="tool", recipe="tool")
    again = outcome(memory=memory, tmp=tmp) if status == 0 and not ended_by else None
    return JobResult(job, first, again, again, trace(STARTED) if records is None else records)


@dataclass
class MadeMachine(PackingMachine):
    """A packing machine: ``owners`` maps what it has to packages ("" for none)."""

    owners: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    distribution: str = PACKED_ON.distribution
    architecture: str = PACKED_ON.machine
    machine: Machine = field(default_factory=here)

    def is_like(self, packed_on: PackedOn) -> bool:
        """Compare the distribution."""
        return packed_on.distribution == self.distribution

    def files(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return those that it has."""
        return tuple(sorted(path for path in paths if path in self.owners))

    def directories(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return those that are folders."""
        return tuple(sorted(path for path in paths if path in self.folders))

    def owner(self, path: str) -> str | None:
        """Return the package."""
        return self.owners.get(path) or self.folders.get(path) or None

    def library(self, soname: str, program: str) -> str | None:
        """Return where a library is, for any program."""
        return self.libraries.get(soname) if program else None

    def command(self, name: str) -> str | None:
        """Return it unless it is the one that no machine has."""
        return None if name == "nosuch" else name

    def has(self, path: str) -> bool:
        """Whether it is a file or folder of it."""
        return path in self.owners or path in self.folders

    def holding(self, soname: str) -> tuple[str, ...]:
        """Return the files of that name."""
        return tuple(path for path in self.owners if path.endswith(f"/{soname}"))

    @property
    def environment(self) -> Mapping[str, str]:
        """Return its variables."""
        return self.variables
