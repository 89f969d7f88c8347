"""The directory that verify works in, with Ctrl-C at the moments when it matters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = textwrap.dedent(
    """
    import os, shutil, signal, sys, tempfile
    from lambundle.verify.run import work

    def interrupted(module, name):
        function = getattr(module, name)
        def call(*arguments, **options):
            os.kill(os.getpid(), signal.SIGINT)
            return function(*arguments, **options)
        setattr(module, name, call)

    interrupted(*{"made": (tempfile, "mkdtemp"), "removed": (shutil, "rmtree")}[sys.argv[1]])
    try:
        with work.work_directory() as directory:
            (directory / "file").touch()
            print("inside")
    except KeyboardInterrupt:
        print("interrupted")
    """
)


@pytest.mark.parametrize(("moment", "said"), [("made", "interrupted\n"), ("removed", "inside\ninterrupted\n")])
def test_ctrl_c_while_it_is_made_or_removed_leaves_nothing(tmp_path: Path, moment: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, moment], capture_output=True, text=True, check=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout == said
    assert list(tmp_path.iterdir()) == []
