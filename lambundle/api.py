"""The verbs of lambundle, for programs that would call them; the commands call the same.

Each may be called any number of times in one process: what is remembered of a machine is remembered by its
``Machine``, and what is remembered of a bundle by the object that was opened.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lambundle.bundle.reader import Bundle
    from lambundle.bundle.write import Written
    from lambundle.elf.closure import Closure
    from lambundle.machine import Machine
    from lambundle.pack.request import Plan, Recorded
    from lambundle.recording import Recording
    from lambundle.size.drops import Drop
    from lambundle.size.facts import SizeFacts
    from lambundle.size.findings import Finding
    from lambundle.verify.command import Findings, Surroundings, VerifyRequest
    from lambundle.verify.fix.fix import Fixed

    AnyPath: TypeAlias = str | os.PathLike[str]


def open_machine(root: AnyPath | None = None) -> Machine:
    """Return the machine to pack from: this one, or the Linux that lies below the directory ``root``.

    A machine is remembered as it was when it was first asked: after a change, open it again. Raises UsageError where
    this process reads names of files otherwise than as UTF-8, as which they stand in a zip.
    """
    from lambundle.errors import UsageError
    from lambundle.machine import at, here

    if sys.getfilesystemencoding() != "utf-8":
        raise UsageError(
            f"Python reads names of files as {sys.getfilesystemencoding()}, and in a zip they are UTF-8",
            hint="start it with PYTHONUTF8=1, or python -X utf8",
        )
    return here() if root is None else at(str(root))


def record_commands(commands: Sequence[str]) -> Recording:
    """Run shell commands on this machine and return the files that they used. Raises RecordingError."""
    from lambundle.recording import record

    return record(commands)


def make_plan(
    programs: Iterable[str],
    *,
    machine: Machine | None = None,
    name: str | None = None,
    add: Iterable[str] = (),
    package: Iterable[str] = (),
    exclude: Iterable[str] = (),
    library_path: Iterable[str] = (),
    recipes: Iterable[AnyPath] = (),
    recorded: Recorded | None = None,
) -> Plan:
    """Decide what goes into a bundle of some programs; nothing of them is executed, nothing is written.

    The arguments are those of ``lambundle pack``. Raises a LambundleError that says what is missing.
    """
    from lambundle.pack.plan import make_plan as plan_bundle
    from lambundle.pack.request import Request

    return plan_bundle(
        Request(
            programs=tuple(programs),
            machine=machine or open_machine(),
            name=name,
            add=tuple(add),
            packages=tuple(package),
            exclude=tuple(exclude),
            library_path=tuple(library_path),
            recipes=tuple(map(Path, recipes)),
            recorded=recorded,
        )
    )


def write_bundle(
    plan: Plan,
    out: AnyPath,
    *,
    as_directory: bool = False,
    level: int = 6,
    epoch: int | None = None,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write a plan as the zip ``out``, or as a directory; complete afterwards, or as it was.

    ``level`` is libdeflate's, 1 (fast) to 12 (small). ``epoch`` is the time of every entry in seconds since 1970
    (1980-01-01 by default), ``progress`` is told how many more bytes were dealt with. A bundle is replaced, another
    file only with ``force``, and never a file that is packed. Raises UsageError, OutputError, UnreadableFileError or
    FileChangedError.
    """
    from lambundle.bundle.write import write_tree, write_zip
    from lambundle.bundle.write.outputs import check_output, check_tree_output

    if as_directory:
        check_tree_output(Path(out))
        return write_tree(plan.manifest, Path(out), epoch=epoch, progress=progress)
    sources = (entry.source for entry in plan.manifest.entries if entry.source is not None)
    check_output(Path(out), sources=sources, force=force)
    return write_zip(plan.manifest, Path(out), level=level, epoch=epoch, progress=progress)


def open_bundle(bundle: AnyPath) -> Bundle:
    """Open a bundle, a zip or a directory, for reading; close it, or use it in a ``with``. Raises BadBundleError."""
    from lambundle.bundle.reader import open_bundle as open_it

    return open_it(Path(bundle))


def verify_bundle(
    request: VerifyRequest, *, machine: Machine | None = None, progress: Callable[[str], None] = lambda _: None
) -> Findings:
    """Check a bundle at rest and run it as Lambda would.

    ``machine`` is asked where the bundle was packed on a machine like it, this one by default; ``progress`` is told
    each step. Raises UsageError for a request without meaning, SandboxError where the sandbox broke, FileChangedError
    where the bundle or a layer was replaced meanwhile.
    """
    from lambundle.verify.command import verify
    from lambundle.verify.unchanged import unchanged

    with unchanged((request.bundle, *request.layers)), _surroundings(machine, progress) as around:
        return verify(request, around)


def repair_bundle(
    request: VerifyRequest,
    out: AnyPath | None = None,
    *,
    machine: Machine | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Fixed:
    """Verify a bundle, add what it lacks and this machine's packages have, and again, until it passes.

    The new bundle is ``out``, NAME.fixed.zip by default, and is written only if it passes. A bundle is replaced,
    another file only with ``force``. Errors as of ``verify_bundle``, and those of writing.
    """
    from lambundle.bundle.write.outputs import check_output
    from lambundle.verify.fix.fix import fix, fixed_name

    path = fixed_name(request.bundle) if out is None else Path(out)
    check_output(path, inputs=(request.bundle, *request.layers, *request.events), force=force)
    with _surroundings(machine, progress) as around:
        return fix(request, around, path)


@contextlib.contextmanager
def _surroundings(machine: Machine | None, progress: Callable[[str], None]) -> Iterator[Surroundings]:
    from lambundle.recipes.recipe import all_recipes
    from lambundle.verify.command import Surroundings
    from lambundle.verify.packing_machine import PackingMachine
    from lambundle.verify.run.work import work_directory

    machine = machine or open_machine()
    with work_directory() as work:
        yield Surroundings(work, PackingMachine(machine), all_recipes(), progress)


@dataclass(frozen=True, slots=True)
class Measured:
    """A bundle's size: ``facts`` on every file and quota, ``drops`` that it could do without, ``findings`` to note."""

    facts: SizeFacts
    drops: tuple[Drop, ...]
    findings: tuple[Finding, ...]


def measure_bundle(bundle: AnyPath, *, others: Iterable[AnyPath] = (), deep: bool = False) -> Measured:
    """Say what every byte of a bundle is for; ``others`` are layers that go to Lambda with it.

    ``deep`` looks into files for symbols that strip would take out. Raises BadBundleError.
    """
    from lambundle.size.contents import open_contents
    from lambundle.size.drops import drops
    from lambundle.size.facts import SizeFacts
    from lambundle.size.findings import findings
    from lambundle.size.symbols import symbols

    with contextlib.ExitStack() as stack:
        contents = stack.enter_context(open_contents(Path(bundle)))
        facts = SizeFacts(contents, [stack.enter_context(open_contents(Path(other))) for other in others])
        offers = () if facts.graph is None else tuple(drops(facts.graph))
        found = tuple(findings(contents, facts.others))
        if deep:
            stripped = symbols(contents)
            found += (stripped,) if stripped.files else ()
    return Measured(facts, offers, found)


def find_libraries(
    programs: Iterable[str], *, machine: Machine | None = None, library_path: Iterable[str] = ()
) -> Closure:
    """Find the libraries that programs load, as the loader would; nothing is executed.

    ``library_path`` is searched first, then the machine's LD_LIBRARY_PATH.

    What is missing stands in the answer. Raises ProgramNotFoundError, NotElfError, BadElfError or
    UnreadableFileError for a program that cannot be read.
    """
    from lambundle.elf.files import ElfFiles
    from lambundle.elf.walk import walk
    from lambundle.gather.library_path import searched_first
    from lambundle.gather.programs import resolve_file

    machine = machine or open_machine()
    paths = [resolve_file(machine, program) for program in programs]
    return walk(ElfFiles(machine.files), paths, library_path=searched_first(machine, library_path))
