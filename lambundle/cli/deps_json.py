"""A closure as data, for ``lambundle deps --json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambundle.elf.closure import Closure

JSON_VERSION = 1
"""Raised when a reader of the old form would misread the new one."""


def to_json(closure: Closure) -> dict[str, Any]:
    """Encode a closure; every path is absolute and has all links followed.

    A file with several names is there once. What was not found is under ``missing`` and in nobody's
    ``needed``.
    """
    files: dict[str, dict[str, Any]] = {}
    for file in closure.files.values():
        entry = files.setdefault(
            file.real,
            {
                "path": file.real,
                "soname": file.elf.soname,
                "interpreter": file.elf.interpreter,
                "needed": [],
            },
        )
        for need in file.needed:
            answer = {
                "soname": need.soname,
                "path": closure.files[need.path].real,
                "found_by": need.found_by,
            }
            if answer not in entry["needed"]:
                entry["needed"].append(answer)
    return {
        "version": JSON_VERSION,
        "programs": list(dict.fromkeys(closure.files[program].real for program in closure.programs)),
        "files": list(files.values()),
        "missing": [
            {
                "soname": missing.soname,
                "needed_by": closure.files[missing.needed_by].real,
                "looked_in": [place.path for place in missing.looked_in if place.path is not None],
            }
            for missing in closure.missing
        ],
    }
