"""The choice of a sandbox: the first that works, and why others do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.verify.model import Check, Status
from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.docker.docker import IMAGE, DockerSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lambundle.verify.sandbox.interface import Sandbox

BUBBLEWRAP, DOCKER = "bubblewrap", "docker"

SANDBOXES: Mapping[str, Callable[[Path, str], Sandbox]] = {
    BUBBLEWRAP: lambda work, _image: BubblewrapSandbox(work),
    DOCKER: lambda work, image: DockerSandbox(image, work),
}
"""Makers, given a directory for the sandbox's own use and the name of an image."""


@dataclass(frozen=True, slots=True)
class ChosenSandbox:
    """The sandbox, or None; ``image`` is the check of the image, if one was asked for; ``obstacles`` say why not."""

    sandbox: Sandbox | None
    image: Check | None = None
    obstacles: tuple[str, ...] = ()


def available(kind: str | None, image: str | None, work: Path) -> ChosenSandbox:
    """Choose a sandbox: bubblewrap, and Docker where it is asked for by name or image, or bubblewrap is not there.

    An image that cannot be had is a check that was skipped, and bubblewrap takes its place, unless it is Docker
    itself that was asked for.
    """
    if image is None and kind != DOCKER:
        sandbox, obstacle = _usable(BUBBLEWRAP, "", work)
        if sandbox is not None or kind == BUBBLEWRAP:
            return ChosenSandbox(sandbox, None, (obstacle,) if obstacle else ())
        docker, other = _usable(DOCKER, IMAGE, work)
        return ChosenSandbox(docker, None, (obstacle, other) if docker is None else ())
    name = image or IMAGE
    sandbox, obstacle = _usable(DOCKER, name, work)
    if sandbox is not None:
        return ChosenSandbox(sandbox, Check("image", Status.PASS, f"ran in {name}"))
    check = Check("image", Status.SKIP, obstacle if name in obstacle else f"{name}: {obstacle}")
    if kind == DOCKER:
        return ChosenSandbox(None, check, (obstacle,))
    instead, other = _usable(BUBBLEWRAP, "", work)
    return ChosenSandbox(instead, check, (obstacle, other) if instead is None else ())


def _usable(kind: str, image: str, work: Path) -> tuple[Sandbox | None, str]:
    sandbox = SANDBOXES[kind](work, image)
    obstacle = sandbox.unavailable()
    if obstacle is None:
        return sandbox, ""
    sandbox.close()
    return None, obstacle
