"""Packs a bundle again, on the machine that packed it."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.bundle.model import Entry, Kind, Reason
from lambundle.bundle.reader import open_bundle
from lambundle.bundle.write import write_tree, write_zip
from lambundle.errors import LambundleError
from lambundle.gather.exclusions import Exclusions
from lambundle.pack.again import argument, pack_command
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Recorded, Request
from lambundle.verify.repack.remedy import Remedy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.bundle.model import Manifest
    from lambundle.pack.request import Plan
    from lambundle.verify.packing_machine import PackingMachine

_BIN = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")


class Repacker:
    """The bundle in ``bundle``, whose manifest is ``manifest``, and the machine that packed it."""

    def __init__(self, manifest: Manifest, machine: PackingMachine, bundle: Path) -> None:
        self.manifest = manifest
        self._machine = machine
        self._bundle = bundle
        self._plans: dict[Remedy, Plan | None] = {}

    def command(self, remedy: Remedy) -> str:
        """The command that packs it with a remedy, as it is typed."""
        options = remedy.applied(self.manifest.options)
        return shlex.join(pack_command(self.manifest, options, remedy.programs))

    def bringing(self, path: str) -> Remedy:
        """The remedy for a file or directory of this machine that is not in the bundle.

        What the user excluded is excluded no more. A command is packed as a program, a package's file with its
        package, unless that leaves it out; any other by itself.
        """
        machine = self._machine.machine
        patterns = self.excluding(path)
        if patterns:
            return Remedy(without=patterns)
        if posixpath.dirname(path) in _BIN and machine.files.is_executable(path):
            return Remedy(programs=(path,))
        owner = self._machine.owner(path)
        if owner is not None and self._brings(Remedy(packages=(owner,)), path):
            return Remedy(packages=(owner,))
        return Remedy(add=(path,))

    def excluding(self, name: str) -> tuple[str, ...]:
        """The patterns of the user's ``--exclude`` that leave out a path, a directory above it, or a soname."""
        files = self._machine.machine.files
        found = Exclusions(self.manifest.options.exclude, files)
        names = [name]
        if name.startswith("/"):
            names += [files.real(name), *_above(name), *_above(files.real(name))]
        return tuple(dict.fromkeys(pattern for each in names for pattern in found.of(each)))

    def write(self, remedy: Remedy, out: Path, *, is_zip: bool = False) -> bool:
        """Write the bundle with a remedy; false where this machine cannot pack it. Raise OutputError and its like."""
        plan = self._plan(remedy)
        if plan is None:
            return False
        planned = {entry.path for entry in plan.manifest.entries}
        more = tuple(entry for entry in self._foreign if entry.path not in planned)
        manifest = replace(plan.manifest, entries=(*plan.manifest.entries, *more))
        (write_zip if is_zip else write_tree)(manifest, out)
        return True

    def news(self, remedy: Remedy) -> tuple[Entry, ...]:
        """The files and links of the bundle with a remedy that the bundle has not."""
        plan = self._plan(remedy)
        held = self._members
        entries = () if plan is None else plan.manifest.entries
        return tuple(entry for entry in entries if entry.kind is not Kind.DIRECTORY and entry.path not in held)

    def _brings(self, remedy: Remedy, path: str) -> bool:
        plan = self._plan(remedy)
        if plan is None:
            return True
        files = self._machine.machine.files
        inside = {entry.path for entry in plan.manifest.entries}
        top = f"lambundle/{self.manifest.name}/root"
        return any(f"{top}{name}" in inside for name in (path, files.real(path), files.real_parent(path)))

    def _plan(self, remedy: Remedy) -> Plan | None:
        if remedy not in self._plans:
            try:
                self._plans[remedy] = make_plan(self._request(remedy))
            except (LambundleError, OSError):  # the program is gone, say, or it would not fit
                self._plans[remedy] = None
        return self._plans[remedy]

    def _request(self, remedy: Remedy) -> Request:
        manifest, options = self.manifest, remedy.applied(self.manifest.options)
        recorded = None
        if options.record or options.only_recorded:  # what was recorded is not run again
            recorded = Recorded(_recorded(manifest), options.only_recorded, options.record)
        return Request(
            programs=(*map(argument, manifest.programs), *remedy.programs),
            machine=self._machine.machine,
            name=manifest.name,
            add=options.add,
            packages=options.package,
            exclude=options.exclude,
            library_path=options.library_path,
            recipes=tuple(map(Path, options.recipe)),
            recorded=recorded,
        )

    @cached_property
    def _members(self) -> frozenset[str]:
        try:
            with open_bundle(self._bundle) as opened:
                return frozenset(member.path for member in opened.members)
        except LambundleError:
            return frozenset()

    @cached_property
    def _foreign(self) -> tuple[Entry, ...]:
        """What lies in the bundle and is not lambundle's: it was put there afterwards, and stays."""
        top = f"lambundle/{self.manifest.name}/"
        known = {entry.path for entry in self.manifest.entries} | {self.manifest.path}
        try:
            with open_bundle(self._bundle) as opened:
                members = [item for item in opened.members if item.path not in known and not item.path.startswith(top)]
                return tuple(
                    Entry(
                        item.path,
                        item.kind,
                        item.mode,
                        item.size,
                        content=opened.read(item.path) if item.kind is Kind.FILE else None,
                        target=item.target,
                        reasons=(Reason("add", None, "in the bundle already"),),
                    )
                    for item in members
                )
        except LambundleError:
            return ()


def _above(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:number]) for number in range(2, len(parts)))


def _recorded(manifest: Manifest) -> tuple[str, ...]:
    top = f"lambundle/{manifest.name}/root"
    return tuple(
        entry.path[len(top) :]
        for entry in manifest.entries
        if entry.path.startswith(f"{top}/")
        and entry.kind is not Kind.DIRECTORY
        and any(reason.kind == "recorded" for reason in entry.reasons)
    )
