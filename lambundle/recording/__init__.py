"""Recording: runs a command of the user's here and says which files it used.

Two methods. ``strace`` sees every program, static ones too, and what libc opens by itself; it needs to be
installed and ptrace to be allowed. Where it is not, lambundle's own runtime is preloaded and writes its trace
(``runtime/src/trace.c``); it sees what passes libc's functions, and the recording says what that leaves out.

Nothing recorded is taken blindly: ``choice`` keeps what may be private, temporary or the host's own out.
"""

from __future__ import annotations

from lambundle.recording.method import Method
from lambundle.recording.recorder import Recording, record

__all__ = ["Method", "Recording", "record"]
