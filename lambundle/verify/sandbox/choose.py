"""The sandboxes that there are, by the name that a person asks for them with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from lambundle.verify.sandbox.docker.docker import DockerSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lambundle.verify.sandbox.interface import Sandbox

SANDBOXES: Mapping[str, Callable[[Path, str], Sandbox]] = {
    "bubblewrap": lambda work, _image: BubblewrapSandbox(work),
    "docker": lambda work, image: DockerSandbox(image, work),
}
"""Makers, given a directory for the sandbox's own use and the name of an image."""
