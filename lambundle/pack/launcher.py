"""Launchers: the shell scripts that start bundled programs. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.runtime import soname

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BUNDLE = "lambundle_bundle"
DIRECTORY = "lambundle_directory"
FILE = "lambundle_file"
NAME = "lambundle_name"
"""Names of the launcher's shell variables, unlikely to be in a user's environment."""

_HOME = '[ -n "${HOME+set}" ] || [ "${LAMBUNDLE_HOME-}" = none ] || export HOME="${LAMBUNDLE_HOME:-/tmp}"\n'
"""Gives HOME where the user has none: Lambda sets none, and the home of its user does not exist.

It stands here and not in the runtime's configuration, so that static programs and the host's get it too.
"""

_PRELOADS = """\
case ${{LD_PRELOAD-}} in
*/*)
	set -f
	IFS=' :' lambundle_list= lambundle_changed=
	for lambundle_item in $LD_PRELOAD; do
		set +f
		unset IFS
		lambundle_found=${bundle}/root${{lambundle_item%%'$LIB'*}}
		case $lambundle_item in
		/*'$LIB'/*)
			lambundle_after=${{lambundle_item#*'$LIB'}}
			for lambundle_lib in "$lambundle_found"lib/*-linux-gnu "$lambundle_found"lib64 "$lambundle_found"lib; do
				[ ! -f "$lambundle_lib$lambundle_after" ] || break
			done
			lambundle_found=$lambundle_lib$lambundle_after
			;;
		esac
		case $lambundle_item in
		/*)
			if [ -f "$lambundle_found" ]; then
				lambundle_item=${bundle}/root$lambundle_item lambundle_changed=yes
				case ${bundle} in *" "*) lambundle_item=${{lambundle_item##*/}} ;; esac
			fi
			;;
		esac
		lambundle_list=$lambundle_list${{lambundle_list:+:}}$lambundle_item
	done
	set +f
	unset IFS
	[ -z "$lambundle_changed" ] || LD_PRELOAD=$lambundle_list
	;;
esac
"""
"""Gives LD_PRELOAD the bundle's paths: see lambundle/runtime/src/preload.c."""


@dataclass(frozen=True, slots=True)
class Loader:
    """The loader of a dynamic program.

    ``interpreter`` is PT_INTERP, ``libc`` is ``glibc`` or ``musl``. ``old`` is a glibc before 2.33, whose ld.so has no
    ``--argv0`` (before 2.30 no ``--preload``) and gets variables instead, which the runtime removes. ``directories``
    is the search order, absolute paths of the packing machine.
    """

    interpreter: str
    libc: str
    old: bool
    directories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A script: its interpreter's path on the packing machine, and the arguments in its shebang."""

    interpreter: str
    arguments: tuple[str, ...]


def launcher(
    bundle: str,
    name: str,
    path: str,
    real: str,
    loader: Loader | None,
    script: Script | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return the launcher of the program ``real`` of ``bundle``, in POSIX sh.

    Only builtins are used, except to follow a link to the launcher. argv[0] is ``path``, the program's path on the
    packing machine, since programs search beside themselves; under another name than ``name`` it is that name,
    since some programs have several. HOME is /tmp, or LAMBUNDLE_HOME, where it is not set. ``loader`` is None for a
    static program. For a ``script``, ``real`` is the interpreter. ``environment`` has variables for a program that does
    not get those of the runtime: they are set where the user has not, ``@`` in front of a value is the bundle's root.
    """
    head = (
        f"#!/bin/sh\n# Starts {_comment(name)} of the bundle {bundle}, wherever it was unpacked. Made by lambundle.\n"
    )
    return head + _find_bundle(bundle) + _HOME + _exports(environment or {}) + _start(name, path, real, loader, script)


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


def _exports(environment: Mapping[str, str]) -> str:
    lines = []
    for name, value in environment.items():
        root = f'"${BUNDLE}"/root' if value.startswith("@") else ""
        lines.append(f'[ -n "${{{name}+set}}" ] || export {name}={root}{shlex.quote(value.removeprefix("@"))}\n')
    return "".join(lines)


def _library_path(directories: Sequence[str]) -> str:
    """Return the argument of ``--library-path``: directories below the bundle's root, then the runtime's."""
    items = (f'"${BUNDLE}"{shlex.quote(f"/root{directory}")}:' for directory in directories)
    return f'{"".join(items)}"${BUNDLE}"/runtime'


def _start(name: str, path: str, real: str, loader: Loader | None, script: Script | None) -> str:
    program = f'"${BUNDLE}"{shlex.quote(f"/root{real}")}'
    if script is not None:
        program = " ".join([program, *(shlex.quote(word) for word in (*script.arguments, path))])
        path, name = script.interpreter, ""  # a script's name is in its arguments
    program += ' "$@"'
    if loader is None:
        return f"exec {program}\n"
    library_path = _library_path(loader.directories)
    executable = f'"${BUNDLE}"{shlex.quote(f"/root{loader.interpreter}")}'
    inhibit = " --inhibit-cache" if loader.libc == "glibc" else ""
    lines = [
        *_PRELOADS.format(bundle=BUNDLE).splitlines(),
        f"case ${BUNDLE} in *[:\\;]*)",
        f'\techo "$0: the loader cannot take a path with a colon or a semicolon: ${BUNDLE}" >&2',
        "\texit 126 ;;",
        "esac",
        f"{NAME}={shlex.quote(path)}",
    ]
    if name:
        lines.append(f'[ "${{0##*/}}" = {shlex.quote(name)} ] || {NAME}=$0')
    # musl's --preload takes the place of LD_PRELOAD.
    others = '"${LD_PRELOAD:+$LD_PRELOAD:}"' if loader.libc == "musl" else ""
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
            f'\t--preload {others}{soname(loader.libc)} --argv0 "${NAME}" {program}',
        ]
    return "\n".join(lines) + "\n"
