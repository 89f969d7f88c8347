"""The files gathered for a bundle, each with its reasons.

In this room: resolving arguments to programs (``programs``), files below their own paths (``mirror``), these with the
closure of their libraries (``gathering``), Python's bytecode (``bytecode``), and the form in which other rooms propose
files (``candidate``). Nothing here decides what a program needs.
"""
