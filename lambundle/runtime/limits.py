"""Limits that ``pack`` and the C runtime share; ``build.py`` passes them to the C compiler.

The limit of a path is ``bundle.names.PATH_BYTES_MAX``; no other fixed buffer of the runtime depends on the bundle.
"""

from __future__ import annotations

CONFIG_MAX = 128 << 10
"""Bytes of ``runtime/config`` with the terminating NUL."""

ASKED_MAX = 64 << 10
"""Most bytes of ``--library-path`` for directories from the user's LD_LIBRARY_PATH."""

ARGUMENT_MAX = 128 << 10
"""Bytes of one argument with its NUL: Linux's MAX_ARG_STRLEN for pages of 4 KiB (execve(2))."""

LIBRARY_PATH_MAX = ARGUMENT_MAX - ASKED_MAX - 4096
"""Most bytes of ``--library-path`` for the bundle's directories; the last of LD_LIBRARY_PATH is below PATH_MAX."""

RECORD_MAX = 4096 + 512
"""Bytes of a record of the trace with its newline; a longer one is truncated."""

HEAD = 1024
"""Bytes at the start of a program that tell a copy of it; enough for the headers of nearly every program."""

MACROS = {"LB_CONFIG_MAX": CONFIG_MAX, "LB_ASKED_MAX": ASKED_MAX, "LB_RECORD_MAX": RECORD_MAX, "LB_HEAD": HEAD}
"""Macros of the C sources."""
