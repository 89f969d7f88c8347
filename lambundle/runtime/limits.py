"""Bounds that ``pack`` and the C runtime share. This is their one home.

The build gives ``MACROS`` to the C compiler (``build.py``), so what is raised here is raised there. What a path may
have is ``bundle.names.PATH_BYTES_MAX``; no other fixed buffer of the runtime depends on what is packed.
"""

from __future__ import annotations

CONFIG_MAX = 128 << 10
"""Bytes of ``runtime/config`` and one more, which the runtime ends it with."""

ASKED_MAX = 64 << 10
"""Bytes of ``--library-path`` that directories from the user's LD_LIBRARY_PATH may take."""

ARGUMENT_MAX = 128 << 10
"""Bytes of one argument with its end: Linux's MAX_ARG_STRLEN, on machines whose pages have 4 KiB."""

LIBRARY_PATH_MAX = ARGUMENT_MAX - ASKED_MAX - 4096
"""Bytes of ``--library-path`` that the bundle's own directories may take: the last one asked for is below PATH_MAX."""

RECORD_MAX = 4096 + 512
"""Bytes of one record of the trace, its end included; a longer one is cut off."""

MACROS = {"LB_CONFIG_MAX": CONFIG_MAX, "LB_ASKED_MAX": ASKED_MAX, "LB_RECORD_MAX": RECORD_MAX}
"""What the C sources are compiled with."""
