"""What tests of real programs share: the bare root, and each program packed once."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.docker.docker import DockerSandbox
from tests.bareroot import Sandbox, UnavailableError, bare_root, locked, required
from tests.docker import docker_engine
from tests.integration.corpus import Job, JobError, Packed, pack
from tests.integration.function_host import Host, hosted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.verify.sandbox.interface import Sandbox as VerifySandbox


def unavailable(reason: UnavailableError) -> NoReturn:
    """Skip a test for want of a tool, or fail it where everything has to be there."""
    if required():
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason))


class Packs:
    """Packs each job once in a session, whichever worker asks first."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, job: Job) -> Packed:
        """Return the job's bundle, unpacked; a pack that failed fails for everybody who asks."""
        work = self.directory / job.name
        outcome = self.directory / f"{job.name}.json"
        with locked(self.directory / f"{job.name}.lock"):
            if not outcome.exists():
                shutil.rmtree(work, ignore_errors=True)
                outcome.write_text(json.dumps(self._pack(job, work)))
        found = json.loads(outcome.read_text())
        if "unavailable" in found:
            unavailable(UnavailableError(found["unavailable"]))
        if "error" in found:
            raise JobError(found["error"])
        return Packed(**{**found, "archive": Path(found["archive"]), "tree": Path(found["tree"])})

    @staticmethod
    def _pack(job: Job, work: Path) -> dict[str, object]:
        try:
            packed = asdict(pack(job, work))
        except UnavailableError as missing:
            return {"unavailable": str(missing)}
        except JobError as error:
            return {"error": str(error)}
        return {**packed, "archive": str(packed["archive"]), "tree": str(packed["tree"])}


@pytest.fixture(scope="session")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packs]:
    base = tmp_path_factory.getbasetemp()
    # Each worker's base is a directory of the session's.
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "packs"
    directory.mkdir(exist_ok=True)
    with (directory.parent / "packs.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield Packs(directory)
        # pytest keeps three sessions' files, these would be gigabytes: the last worker cleans up.
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    try:
        sandbox = Sandbox(bare_root())
        sandbox.check()
    except UnavailableError as reason:
        unavailable(reason)
    return sandbox


@pytest.fixture(scope="session")
def busybox() -> Path:
    """Return a program with many uses that needs nothing of its host."""
    found = shutil.which("busybox")
    if found is None:
        unavailable(UnavailableError("busybox is not installed: apt-get install busybox-static"))
    return Path(found)


@pytest.fixture(scope="session")
def docker_image() -> Iterator[str]:
    """Give the stand-in for Amazon's image, in a real engine that DOCKER_HOST leads to."""
    with contextlib.ExitStack() as stack:
        try:
            image = stack.enter_context(docker_engine())
        except UnavailableError as reason:
            unavailable(reason)
        yield image


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Give bubblewrap, for functions."""
    yield from _hosted(BubblewrapSandbox(tmp_path), tmp_path)


@pytest.fixture(params=["bubblewrap", "docker"])
def either_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """Give each sandbox, for functions."""
    if request.param == "docker":
        yield from _hosted(DockerSandbox(request.getfixturevalue("docker_image"), tmp_path), tmp_path)
    else:
        yield from _hosted(BubblewrapSandbox(tmp_path), tmp_path)


def _hosted(sandbox: VerifySandbox, tmp_path: Path) -> Iterator[Host]:
    try:
        yield from hosted(sandbox, tmp_path)
    except UnavailableError as reason:
        unavailable(reason)
