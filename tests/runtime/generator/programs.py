"""Random programs: sequences of calls, decided by a seed alone."""

from __future__ import annotations

import posixpath
from random import Random
from typing import TYPE_CHECKING

from tests.runtime.generator.functions import FUNCTIONS, Takes
from tests.runtime.generator.paths import DIRECTORIES, POINTERS, Paths
from tests.runtime.generator.tree import HOME

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM_CALLS = (8, 24)
SLOTS = 8


class Writer:
    """Writes one program."""

    def __init__(self, random: Random, number: int, functions: Sequence[str]) -> None:
        self._random = random
        self._scratch = f"/tmp/{number}"
        self._paths = Paths(random, self._scratch)
        self._functions = functions
        self._number = number
        self._directory = "/"
        self._slots: dict[int, str] = {}

    def write(self) -> str:
        """Return the whole program."""
        lines = [f"program {self._number}", self._line("main", "mkdir", path=self._scratch, second="0755")]
        # The names of the scratch directory mean something in most programs.
        lines += self._random.sample(self._furniture(), self._random.randrange(7))
        lines += [self._call(name) for name in self._functions]
        return "\n".join(lines) + "\n"

    def _furniture(self) -> list[str]:
        at = self._scratch
        return [
            self._line("main", "write", path=f"{at}/f", second="0644", text="f of scratch"),
            self._line("main", "write", path=f"{at}/g", second="0755", text="#!/bin/sh\necho g".replace("\n", ";")),
            self._line("main", "mkdir", path=f"{at}/d", second="0755"),
            self._line("main", "symlink", path=f"{at}/l", text="f"),
            self._line("main", "symlink", path=f"{at}/m", text=f"{at}/l"),
            self._line("main", "symlink", path=f"{at}/dangling", text="nowhere"),
            self._line("main", "symlink", path=f"{at}/loop", text="loop"),
            self._line("main", "symlink", path=f"{at}/in", text=f"{HOME}/abs"),
            self._line("main", "symlink", path=f"{at}/dirin", text=f"{HOME}/dir"),
        ]

    def _line(self, context: str, function: str, **fields: str) -> str:
        order = ("slot", "directory", "path", "other_directory", "other_path", "number", "second", "text")
        return "\t".join([context, function, *(fields.get(field, "") for field in order)])

    # --- one call

    def _call(self, name: str) -> str:
        function, random = FUNCTIONS[name], self._random
        fields: dict[str, str] = {}
        base = self._directory
        if Takes.DIRECTORY in function.takes:
            fields["directory"], base = self._descriptor()
        path = self._paths.of(function, base)
        if path is not None:
            fields["path"] = path
        if Takes.OTHER in function.takes:
            fields["other_directory"], base = self._descriptor()
            if name in ("rename", "link", "same", "fts_open", "fts64_open", "fts_read", "fts64_read", "fts_children"):
                fields["other_directory"], base = "", self._directory
            fields["other_path"] = self._paths.any(function, base)
        for field in ("number", "second", "text"):
            choices = getattr(function, field)
            if choices:
                fields[field] = str(random.choice(choices))
        if name in ("symlink", "symlinkat"):
            fields["text"] = self._paths.target()
        if Takes.SLOT in function.takes and random.random() < 0.4:
            fields["slot"] = str(random.randrange(SLOTS))
        context = random.choice(function.contexts)
        if any(field in POINTERS for field in (fields.get("path"), fields.get("other_path"))):
            context = "fork"  # libc itself may end there
        self._remember(name, context, fields, base)
        return self._line(context, name, **fields)

    def _remember(self, name: str, context: str, fields: dict[str, str], base: str) -> None:
        """Keep in mind what later calls may be relative to."""
        if context in ("fork", "vfork"):
            return
        leads_to = DIRECTORIES.get(posixpath.normpath(posixpath.join(base, fields.get("path", ""))))
        if name in ("chdir", "syscall_chdir") and leads_to:
            self._directory = leads_to
        if fields.get("slot") and leads_to:
            self._slots[int(fields["slot"])] = leads_to

    # --- arguments

    def _descriptor(self) -> tuple[str, str]:
        random = self._random
        if self._slots and random.random() < 0.6:
            slot = random.choice(sorted(self._slots))
            return f"#{slot}", self._slots[slot]
        if random.random() < 0.8:
            return "cwd", self._directory
        return random.choice(("-1", "999", "0", f"#{random.randrange(SLOTS)}")), "/"


def write_program(seed: int, number: int, names: Sequence[str]) -> str:
    """Return program ``number`` of a seed; each function of ``names`` is called as often as any other."""
    chooser = Random(f"{seed} {number}")
    count = chooser.randrange(*PROGRAM_CALLS)
    return Writer(chooser, number, [chooser.choice(names) for _ in range(count)]).write()
