"""The texts that start a bundled program: the launcher and the runtime's configuration. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.runtime import soname

if TYPE_CHECKING:
    from collections.abc import Sequence

BUNDLE = "lambundle_bundle"
DIRECTORY = "lambundle_directory"
FILE = "lambundle_file"
NAME = "lambundle_name"
"""Names of the launcher's shell variables: unlikely enough that none is exported from the user's environment."""

_WORD = r"""(?:[\w@%+=,./-]|'[^']*'|"'")+"""  # as shlex.quote writes it
_LIBRARY_PATH = re.compile(rf"""(?<= --library-path )(?:"\${BUNDLE}"{_WORD}:)*"\${BUNDLE}"/runtime""")


@dataclass(frozen=True, slots=True)
class Loader:
    """How a bundle's dynamic programs are started.

    ``interpreter`` is PT_INTERP, ``libc`` ``glibc`` or ``musl``. ``old`` is a glibc before 2.33, whose ld.so
    has no ``--argv0`` (before 2.30 no ``--preload`` either) and is told by variables, which the runtime
    removes. ``directories`` are absolute, as on the packing machine, in the order they are searched.
    """

    interpreter: str
    libc: str
    old: bool
    directories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """How a script is started: its interpreter's path on the packing machine, and the arguments before its own."""

    interpreter: str
    arguments: tuple[str, ...]


def launcher(bundle: str, name: str, path: str, real: str, loader: Loader | None, script: Script | None = None) -> str:
    """Shell script that starts the program ``real`` of ``bundle`` under the name ``path``.

    POSIX sh, builtins only unless it is started through a symbolic link. argv[0] is the program's path on the
    packing machine, which is what a program that looks beside itself expects; started under another
    name, it is that name, since some programs are several. ``loader`` is None for a static program.
    Of a ``script``, ``real`` is the interpreter.
    """
    head = (
        f"#!/bin/sh\n# Starts {_comment(name)} of the bundle {bundle}, wherever it was unpacked. Made by lambundle.\n"
    )
    return head + _find_bundle(bundle) + _start(name, path, real, loader, script)


def searched(launcher: str) -> tuple[str, ...]:
    """The directories that a launcher's loader searches; none for a static program's, or where it was changed."""
    found = _LIBRARY_PATH.search(launcher)
    if found is None:
        return ()
    items = "".join(shlex.split(found[0])).split(":")
    return tuple(item.removeprefix(f"${BUNDLE}/root") for item in items[:-1])


def searching(launcher: str, directories: Sequence[str]) -> str:
    """The same launcher with other directories that its loader searches."""
    return _LIBRARY_PATH.sub(lambda _: _library_path(directories), launcher, count=1)


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _find_bundle(bundle: str) -> str:
    below = shlex.quote(f"/lambundle/{bundle}")
    return f"""\
{FILE}=$0
while :; do
	case ${FILE} in */*) {DIRECTORY}=${{{FILE}%/*}} ;; *) {DIRECTORY}=. ;; esac
	case ${DIRECTORY} in /* | "") ;; *) {DIRECTORY}=${{PWD%/}}/${DIRECTORY} ;; esac
	[ -h "${FILE}" ] || break
	{FILE}=$(readlink "${FILE}") || exit 127
	case ${FILE} in /*) ;; *) {FILE}=${DIRECTORY}/${FILE} ;; esac
done
{BUNDLE}=${{{DIRECTORY}%/bin}}{below}
[ -f "${BUNDLE}/manifest.json" ] || {BUNDLE}=${DIRECTORY}/..{below}
if ! [ -f "${BUNDLE}/manifest.json" ]; then
	echo "$0: its bundle is not at ${BUNDLE}: unpack the whole zip, with its links" >&2
	exit 127
fi
"""


def _library_path(directories: Sequence[str]) -> str:
    """The argument of ``--library-path``: directories of the bundle's root, then its runtime's."""
    items = (f'"${BUNDLE}"{shlex.quote(f"/root{directory}")}:' for directory in directories)
    return f'{"".join(items)}"${BUNDLE}"/runtime'


def _start(name: str, path: str, real: str, loader: Loader | None, script: Script | None) -> str:
    program = f'"${BUNDLE}"{shlex.quote(f"/root{real}")}'
    if script is not None:
        program = " ".join([program, *(shlex.quote(word) for word in (*script.arguments, path))])
        path, name = script.interpreter, ""  # a script's own name is in its arguments
    program += ' "$@"'
    if loader is None:
        return f"exec {program}\n"
    library_path = _library_path(loader.directories)
    executable = f'"${BUNDLE}"{shlex.quote(f"/root{loader.interpreter}")}'
    inhibit = " --inhibit-cache" if loader.libc == "glibc" else ""
    lines = [
        f"case ${BUNDLE} in *[:\\;]*)",
        f'\techo "$0: the loader cannot take a path with a colon or a semicolon: ${BUNDLE}" >&2',
        "\texit 126 ;;",
        "esac",
        f"{NAME}={shlex.quote(path)}",
    ]
    if name:
        lines.append(f'[ "${{0##*/}}" = {shlex.quote(name)} ] || {NAME}=$0')
    if loader.old and loader.libc == "glibc":
        lines += [
            f"LD_PRELOAD={soname('glibc')}${{LD_PRELOAD:+:$LD_PRELOAD}}",
            f"LAMBUNDLE_ARGV0=${NAME}",
            "export LD_PRELOAD LAMBUNDLE_ARGV0",
            f"exec {executable}{inhibit} --library-path {library_path} {program}",
        ]
    else:
        lines += [
            f"exec {executable}{inhibit} --library-path {library_path} \\",
            f'\t--preload {soname(loader.libc)} --argv0 "${NAME}" {program}',
        ]
    return "\n".join(lines) + "\n"
