"""Runs a bundle's jobs at home: in the same sandbox, with this machine as the root, and recorded."""

from __future__ import annotations

import os
import posixpath
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle import runtime
from lambundle.bundle.model import Kind
from lambundle.errors import LambundleError
from lambundle.pack.locales import LAMBDA_LOCALE, LOCALES
from lambundle.target import OPT, TMP
from lambundle.verify.home.place import view
from lambundle.verify.run.inputs import DIRECTORY, fill
from lambundle.verify.run.made import Made, collect
from lambundle.verify.run.runner import environment, run_once, run_traced
from lambundle.verify.run.trace import Trace
from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.etc import FILES
from lambundle.verify.sandbox.interface import Command

if TYPE_CHECKING:
    from lambundle.machine import Machine
    from lambundle.verify.run.jobs import Job
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.sandbox.interface import Limits, Outcome

_RUNTIME = "/run/lambundle-runtime.so"
_NSSWITCH = "/etc/nsswitch.conf"
_SHELLS = ("/bin/bash", "/usr/bin/bash")
_USUAL = ("/usr/local/bin", "/usr/bin", "/bin")
_LAUNCHER = """\
#!/bin/sh
[ -n "${{HOME+set}}" ] || export HOME={home}
exec {path} "$@"
"""
"""Starts a program of this machine with the HOME that it has in the bundle (``pack/launcher.py``)."""


@dataclass(frozen=True, slots=True)
class HomeRun:
    """One run of a job at home; ``trace`` is empty where it was not recorded."""

    outcome: Outcome
    made: Made = field(default_factory=Made)
    trace: Trace = field(default_factory=Trace)

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself with status 0."""
        return self.outcome.status == 0 and not self.outcome.ended_by


@dataclass(frozen=True, slots=True)
class Home:
    """This machine, as the jobs of one bundle see it.

    ``pipe`` and ``inputs`` are those of the bundle's runs, ``work`` is a new directory for its own use.
    """

    machine: Machine
    mounted: Mounted
    limits: Limits
    pipe: Path
    inputs: Path | None
    work: Path

    def run(self, job: Job, name: str, *, recorded: bool = True) -> HomeRun:
        """Run a job in an environment of its own; ``name`` is new for each run. Raise SandboxError."""
        work = self.work / name
        work.mkdir(parents=True)
        work.chmod(0o755)
        seen = view(self.mounted.manifests, self.machine)
        sandbox = BubblewrapSandbox(work, Path("/"), seen)
        try:
            if self.inputs is not None and job.cwd == DIRECTORY:
                fill(sandbox, self.inputs, self.limits)
            outcome, trace = self._outcome(sandbox, self._command(job, work), recorded=recorded)
            made = collect(sandbox, job.makes_in, work / "made", self.limits, without=seen.shown)
        finally:
            sandbox.close()
        return HomeRun(outcome, made.without(self.inputs, DIRECTORY), trace)

    def _outcome(self, sandbox: BubblewrapSandbox, command: Command, *, recorded: bool) -> tuple[Outcome, Trace]:
        library = _library(self.mounted) if recorded else None
        if library is None:
            return run_once(sandbox, command), Trace()
        variables = {**command.environment, "LD_PRELOAD": _RUNTIME}
        mounts = {**command.mounts, _RUNTIME: library}
        return run_traced(sandbox, replace(command, environment=variables, mounts=mounts), self.pipe)

    def _command(self, job: Job, work: Path) -> Command:
        launchers = _launchers(self.mounted, self.machine, work / "launchers")
        return Command(
            argv=_argv(job, self.machine),
            environment=home_environment(self.mounted, self.machine, self.limits),
            mounts={**launchers, **_name_service(self.machine, work / "nsswitch.conf")},
            cwd=job.cwd,
            stdin=job.stdin,
            limits=self.limits,
        )


def home_environment(mounted: Mounted, machine: Machine, limits: Limits) -> dict[str, str]:
    """The variables of a job at home: those that it has in the bundle, but for what only names places there.

    PATH is this machine's, after the packed programs. LANG is the locale that the bundle has under that name.
    """
    found = environment(mounted.mount, limits)
    del found["LD_LIBRARY_PATH"]
    places = (f"{mounted.mount}/bin", f"{OPT}/bin", *machine.search, *_USUAL)
    found["PATH"] = ":".join(dict.fromkeys(place for place in places if ":" not in place))
    if _has_locale_of_everybody(mounted):
        found["LANG"] = "C.UTF-8"
    return found


def _has_locale_of_everybody(mounted: Mounted) -> bool:
    """Whether the bundle has C.UTF-8 under the name of Lambda's locale, since that was not made here."""
    path = f"/root{LOCALES}/{LAMBDA_LOCALE}"
    entries = (entry for manifest in mounted.manifests for entry in manifest.entries if entry.path.endswith(path))
    return any(entry.kind is Kind.LINK for entry in entries)


def _argv(job: Job, machine: Machine) -> tuple[str, ...]:
    """The job's command; sh is bash, as in the bundle's sandbox."""
    shell = next((path for path in _SHELLS if machine.files.is_executable(path)), None)
    if shell is None or job.command[0] not in {"sh", "/bin/sh"}:
        return job.command
    return (shell, "--posix", *job.command[1:])


def _launchers(mounted: Mounted, machine: Machine, to: Path) -> dict[str, Path]:
    """Write what starts the packed programs at home, where the bundle's launchers are in its sandbox."""
    found: dict[str, Path] = {}
    to.mkdir()
    to.chmod(0o755)
    for directory, manifest in mounted.bundles.items():
        mount = directory.rpartition("/lambundle/")[0]
        for program in manifest.programs:
            point = f"{mount}/{program.launcher}"
            if machine.files.is_file(point):  # packed from there, say
                continue
            file = to / str(len(found))
            file.write_text(_LAUNCHER.format(home=TMP, path=shlex.quote(program.path)), errors="surrogateescape")
            file.chmod(0o755)
            found[point] = file
    return found


def _name_service(machine: Machine, file: Path) -> dict[str, Path]:
    """Lambda's nsswitch.conf(5) in place of this machine's: its modules are the machine's, not the job's."""
    if not machine.files.is_file(_NSSWITCH):
        return {}
    file.write_text(FILES[posixpath.basename(_NSSWITCH)])
    file.chmod(0o644)
    return {machine.files.real(_NSSWITCH): file}


def _library(mounted: Mounted) -> Path | None:
    """The runtime that records programs of this machine's libc; None where this installation has none."""
    libc = "musl" if any(item.packed_on.libc.startswith("musl") for item in mounted.manifests) else "glibc"
    try:
        return runtime.library(os.uname().machine, libc)
    except LambundleError:
        return None
