"""A bundle at rest: what is in it, its manifest, its zip format, reading, unpacking and writing it.

Nothing here knows why a file was chosen, or runs anything.
"""
