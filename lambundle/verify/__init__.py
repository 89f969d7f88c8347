"""Checks a bundle statically and in a sandbox; says what is wrong and what cures it.

The command calls the checks at rest (``static``), runs (``run``, ``function``) in a ``sandbox``, the checks of the runs
(``checks``) and the ``diagnosis``; ``fix`` repeats that with what was missing. Nothing here prints.
"""
