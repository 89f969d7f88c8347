"""rpm's package database, read from its files without rpm.

- ``rpmdb.sqlite`` (rpm 4.16 and later: Fedora, RHEL 9, Amazon Linux 2023): a table ``Packages`` of header
  blobs, read with Python's own sqlite3, from memory.
- ``Packages.db``, the ndb format (SUSE): slots of sixteen bytes that point to the same blobs.
- ``Packages``, Berkeley DB (RHEL 8, Amazon Linux 2): has no reader in Python, so this machine's own
  ``rpmdb --exportdb`` writes the blobs out. This is the one case in which a command is started, and it is
  never one of the machine that is looked at.

rpm's Python binding is not used: it belongs to one system's Python and would not be there in a virtual
environment.
"""

from lambundle.packages.rpm.database import RpmDatabase

__all__ = ["RpmDatabase"]
