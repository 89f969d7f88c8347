"""The directory that verify works in, with Ctrl-C at the moments when it matters."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from typing import IO, TYPE_CHECKING

import pytest

from lambundle.verify.run import work

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


def test_another_verify_that_begins_leaves_ours_alone_at_every_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[Path] = []

    def locked(lock: IO[str], operation: int) -> None:
        if operation == fcntl.LOCK_EX:  # the directory is there, and not locked yet: another begins
            monkeypatch.setattr(fcntl, "flock", flock)
            with work.work_directory() as other:
                seen.append(other)
        flock(lock, operation)

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", locked)
    with work.work_directory() as ours:
        (ours / "file").touch()
        with work.work_directory() as third:
            assert ours.exists()
        assert (ours / "file").exists()
    assert seen
    assert not third.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_verify_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / f"{work.PREFIX}left"
    left.mkdir()
    (left / "lock").touch()
    with work.work_directory():
        assert not left.exists()
