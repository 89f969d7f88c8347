"""The packing machine: its files below a root, its environment, its architecture.

The only room that may touch them. Everything above asks a ``Machine``, so that the packing machine can be this one,
a directory that holds another Linux, or one that exists in memory only.
"""
