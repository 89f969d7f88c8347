"""SAVES held against really dropping, and STOPS against really starting."""

from __future__ import annotations

import glob
import subprocess
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from lambundle.bundle.model import Kind
from lambundle.machine import here
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Plan, Request
from lambundle.size.contents import open_contents
from lambundle.size.drops import Drop, drops
from lambundle.size.facts import SizeFacts
from lambundle.size.graph import ReasonGraph
from tests.bareroot import UnavailableError
from tests.integration.conftest import unavailable
from tests.integration.corpus import Job, load_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bareroot import CompletedRun, Sandbox

pytestmark = pytest.mark.integration

JOBS = {job.name: job for job in load_jobs()}
TRIED = ("convert", "gcc", "git", "jq")
"""Bundles far from the quota: near it, room that is freed lets in what had none, and SAVES cannot know what."""


class Sizes(NamedTuple):
    """Bytes of a plan: of what is copied from this machine, and of the texts that lambundle makes for it."""

    copied: int
    made: int


def plan_of(job: Job, exclude: Sequence[str] = ()) -> Plan:
    try:
        programs = tuple(f"{name}={path}" for name, path in job.entry_points().items())
    except UnavailableError as missing:
        unavailable(missing)
    return make_plan(Request(programs, here(), exclude=tuple(exclude)))


def sizes(plan: Plan, before: Plan | None = None) -> Sizes:
    """Add up a plan; of what is copied only what is in ``before`` too: room that is freed may let in more."""
    root = f"lambundle/{plan.manifest.name}/root/"
    copied = [entry for entry in plan.manifest.entries if entry.path.startswith(root)]
    known = {entry.path for entry in (plan if before is None else before).manifest.entries}
    made = plan.unzipped - sum(entry.size for entry in copied)
    return Sizes(sum(entry.size for entry in copied if entry.path in known), made)


@lru_cache(maxsize=1)
def offers(name: str) -> tuple[tuple[Drop, ...], Plan]:
    plan = plan_of(JOBS[name])
    files = {entry.path: entry.size for entry in plan.manifest.entries if entry.kind is not Kind.DIRECTORY}
    return drops(ReasonGraph([plan.manifest], files)), plan


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in TRIED])
def test_packing_again_without_it_saves_exactly_that(name: str) -> None:
    found, plan = offers(name)
    before = sizes(plan)
    assert found
    for drop in found:
        after = sizes(plan_of(JOBS[name], drop.exclude), plan)
        assert before.copied - after.copied == drop.saves, drop
        # Launchers and configuration name the directories of libraries: one less, and they are shorter.
        assert 0 <= before.made - after.made < 500, drop


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in TRIED])
def test_any_file_saves_what_its_row_says(name: str) -> None:
    """Not only what is offered: some of the largest files, by its absolute path."""
    plan = plan_of(JOBS[name])
    before = sizes(plan)
    graph = ReasonGraph(
        [plan.manifest], {entry.path: entry.size for entry in plan.manifest.entries if entry.kind is not Kind.DIRECTORY}
    )
    asked_for = {program.real for program in plan.manifest.programs}
    files = [
        node
        for node, known in enumerate(graph.nodes)
        if known.is_mirrored and not known.is_link and known.name not in asked_for
    ]
    files.sort(key=lambda node: (-graph.weights[node], graph.nodes[node].name))
    for node in files[:80:16]:
        names = [glob.escape(graph.nodes[each].name) for each in graph.names_of(node)]
        after = sizes(plan_of(JOBS[name], names), plan)
        assert before.copied - after.copied == graph.savings[node], names


def test_the_finished_zip_shrinks_by_what_its_own_size_said(tmp_path: Path) -> None:
    def pack(out: str, *options: str) -> None:
        command = [sys.executable, "-m", "lambundle", "pack", "-q", "jq", "-o", out, *options]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    pack("before.zip")
    with open_contents(tmp_path / "before.zip") as contents:
        facts = SizeFacts(contents)
        assert facts.graph is not None
        drop = drops(facts.graph)[0]
    pack("after.zip", *(word for pattern in drop.exclude for word in ("--exclude", pattern)))
    with open_contents(tmp_path / "after.zip") as contents:
        after = {row.path: row.size for row in SizeFacts(contents).rows}
    manifest = "lambundle/jq/manifest.json"
    before = {row.path: row.size for row in facts.rows}
    assert sum(before.values()) - sum(after.values()) == drop.saves + before[manifest] - after[manifest]


def run_without(drop: Drop, name: str, command: str, tmp_path: Path, sandbox: Sandbox) -> CompletedRun:
    tree = tmp_path / "tree"
    words = [word for pattern in drop.exclude for word in ("--exclude", pattern)]
    subprocess.run(
        [sys.executable, "-m", "lambundle", "pack", "-q", name, "--tree", str(tree), *words],
        check=True,
        capture_output=True,
    )
    return sandbox.run(["/bin/bash", "-c", command], mounts={"/opt": tree}, timeout=60)


def test_a_program_that_a_drop_is_said_to_stop_does_not_start(tmp_path: Path, sandbox: Sandbox) -> None:
    found, _ = offers("jq")
    drop = next(drop for drop in found if "libonig" in drop.name)
    assert drop.stops == ("jq",)
    done = run_without(drop, "jq", "/opt/bin/jq --version", tmp_path, sandbox)
    assert done.status == 127
    assert "libonig" in done.stderr


def test_a_program_that_a_drop_is_not_said_to_stop_does_start(tmp_path: Path, sandbox: Sandbox) -> None:
    found, _ = offers("git")
    harmless = [drop for drop in found if not drop.stops]
    every = Drop("all of them", tuple(pattern for drop in harmless for pattern in drop.exclude), 0)
    assert len(every.exclude) >= 3
    command = "cd /tmp && /opt/bin/git init -q r && cd r && /opt/bin/git status"
    done = run_without(every, "git", command, tmp_path, sandbox)
    assert done.status == 0, done.stderr
