"""The entries of a bundle: gathered files, launchers, the runtime and its configuration."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from lambundle import runtime
from lambundle.bundle.model import Entry, Kind, Reason
from lambundle.machine import own_file
from lambundle.pack.config import Config
from lambundle.pack.copies import Original, list_originals
from lambundle.pack.fits import check_fits
from lambundle.pack.launcher import Loader, Script, launcher
from lambundle.pack.past_runtime import is_go
from lambundle.runtime.limits import HEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lambundle.gather.gathering import Gathering
    from lambundle.gather.programs import Requested


def bundle_entries(
    name: str,
    programs: Sequence[Requested],
    gathering: Gathering,
    loaders: Mapping[str, Loader],
    environment: Mapping[str, str],
    of_recipes: Mapping[str, str],
    owner: Callable[[str], str | None],
) -> tuple[Entry, ...]:
    """Return every entry of the bundle ``name`` but its manifest, sorted by path.

    ``loaders`` are those of the dynamic programs by real path, ``environment`` the variables that the runtime sets, and
    ``of_recipes`` those of recipes among them; ``owner`` returns the package that owns a file. Raises RuntimeLimitError
    if the configuration does not fit.
    """
    home = f"lambundle/{name}"
    entries = {entry.path: entry for entry in gathering.mirror.entries(f"{home}/root", owner)}
    for program in programs:
        started, script = _started(gathering, program)
        # Go's programs take the environment from the kernel, before the runtime has added to it.
        exported = of_recipes if is_go(gathering.files, program) else {}
        text = launcher(name, program.launcher, program.path, started, loaders.get(started), script, exported)
        _put(entries, f"bin/{program.launcher}", text.encode(), 0o755, Reason("program", None, program.launcher))
    shared = next((loaders[program.started] for program in programs if program.started in loaders), None)
    if shared is not None:
        _put_runtime(entries, name, gathering, loaders, shared, environment)
    for path in list(entries):
        while path := posixpath.dirname(path):
            entries.setdefault(path, Entry(path, Kind.DIRECTORY, 0o755))
    return tuple(sorted(entries.values(), key=lambda entry: entry.path))


def _started(gathering: Gathering, program: Requested) -> tuple[str, Script | None]:
    """Return the ELF program that a launcher starts, by its real path, and the script for it."""
    script = program.script
    if script is None or program.interpreter is None:
        return program.started, None
    if script.env is not None and script.by_env is not None:
        return gathering.files.real(script.env), Script(script.env, (script.by_env,))
    return program.started, Script(program.interpreter, script.arguments)


def _put_runtime(
    entries: dict[str, Entry],
    name: str,
    gathering: Gathering,
    loaders: Mapping[str, Loader],
    shared: Loader,
    environment: Mapping[str, str],
) -> None:
    home, reason = f"lambundle/{name}", Reason("runtime")
    for libc in sorted({loader.libc for loader in loaders.values()}):
        library = runtime.library(gathering.architecture, libc)
        path = f"{home}/runtime/{runtime.soname(libc)}"
        entries[path] = Entry(
            path, Kind.FILE, 0o755, library.stat().st_size, source=own_file(library), reasons=(reason,)
        )
    private = {path: loader.directories for path, loader in loaders.items() if loader.directories != shared.directories}
    serves_tmp = gathering.mirror.holds_below("/tmp")  # noqa: S108
    config = Config(shared.directories, private, environment, old_loader=shared.old, serves_tmp=serves_tmp)
    check_fits(config, name)
    _put(entries, f"{home}/runtime/config", config.text().encode(), 0o644, reason)
    files = gathering.files
    originals = list_originals(Original(path, files.size(path), files.read(path, HEAD)) for path in sorted(loaders))
    _put(entries, f"{home}/runtime/programs", os.fsencode(originals), 0o644, reason)


def _put(entries: dict[str, Entry], path: str, content: bytes, mode: int, reason: Reason) -> None:
    entries[path] = Entry(path, Kind.FILE, mode, len(content), content=content, reasons=(reason,))
