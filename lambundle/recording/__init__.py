"""Recording: runs the user's command on this machine and returns the files that it used.

There are two methods. ``strace`` sees every program, static ones too, and files that libc opens; it must be installed
and ptrace allowed. Else lambundle's runtime is preloaded and writes its trace (``runtime/src/trace.c``); it sees calls
of libc's functions, and a note tells what it does not see.

``filter`` leaves out files that may be private, temporary or the host's own.
"""

from __future__ import annotations

from lambundle.recording.method import Method
from lambundle.recording.recorder import Recording, record

__all__ = ["Method", "Recording", "record"]
