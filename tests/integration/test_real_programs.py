"""Packed programs do their real jobs on a host where nothing is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable
from tests.integration.corpus import Job, check_size, run, selected_jobs
from tests.integration.twins import compare

if TYPE_CHECKING:
    from tests.bareroot import Sandbox
    from tests.integration.conftest import Packs

pytestmark = pytest.mark.integration

JOBS = selected_jobs()


def grouped(job: Job, *values: str) -> object:
    """Keep one program's tests on one worker: another would only wait for the pack."""
    return pytest.param(job, *values, id="@".join([job.name, *values]), marks=pytest.mark.xdist_group(job.name))


@pytest.mark.parametrize(("job", "mount"), [grouped(job, mount) for job in JOBS for mount in job.mounts])
def test_job_is_done_where_nothing_is_installed(job: Job, mount: str, sandbox: Sandbox, packs: Packs) -> None:
    run(job, sandbox, packs(job).tree, mount)


@pytest.mark.parametrize("job", [grouped(job) for job in JOBS])
def test_the_result_is_the_same_as_at_home(job: Job, sandbox: Sandbox, packs: Packs) -> None:
    assert compare(job, sandbox, packs(job).tree, job.mounts[0]) == ()


@pytest.mark.parametrize("job", [grouped(job) for job in JOBS if job.unzipped_mb or job.by_hand_mb])
def test_bundle_is_no_larger_than_its_job_allows(job: Job, packs: Packs) -> None:
    packed = packs(job)
    try:
        check_size(job, packed)
    except UnavailableError as reason:  # strace, where what a person would ship is another matter than on Debian 12
        unavailable(reason)
