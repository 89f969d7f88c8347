"""The files gathered for a bundle, each with its reasons.

In this room: from what was typed to a program (``programs``), files below their own paths (``mirror``), both with the
walk over their libraries (``gathering``), Python's bytecode (``bytecode``), and the words in which other rooms say what
they want (``wanted``). Nothing here decides what a program needs.
"""
