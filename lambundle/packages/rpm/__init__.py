"""rpm's package database, read from its files without rpm.

- ``rpmdb.sqlite`` (rpm 4.16 and later: Fedora, RHEL 9, Amazon Linux 2023): a table ``Packages`` of header
  blobs, read with Python's own sqlite3, from memory.
- ``Packages.db``, the ndb format (SUSE): slots of sixteen bytes that point to the same blobs.
- ``Packages``, Berkeley DB (RHEL 8, Amazon Linux 2): Python has no reader for it, so ``rpmdb --exportdb`` writes the
  blobs. This is the only command that is started, and never one of another machine's.

rpm's Python binding belongs to one system's Python; a virtual environment does not have it.
"""

from lambundle.packages.rpm.database import RpmDatabase

__all__ = ["RpmDatabase"]
