"""A bundle at rest: entries, manifest, zip format, reading, extracting and writing.

Nothing here selects files or runs anything.
"""
