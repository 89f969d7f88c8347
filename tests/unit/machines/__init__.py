"""Made-up machines of four families, from lists of real packages: what selection is tested on in milliseconds.

``machine("arch")`` is an Arch machine in memory; ``make_plan(Request(machine=machine("arch"), programs=("git",)))``
packs on it. What is installed stands in ``data``, how it is written there in ``listing``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.machines import alpine, arch, debian, fedora

if TYPE_CHECKING:
    from lambundle.machine import Machine

FAMILIES = {family.name: family for family in (debian.FAMILY, fedora.FAMILY, arch.FAMILY, alpine.FAMILY)}
PROGRAMS = ("gcc", "git", "python3", "jq", "curl", "ffmpeg", "convert", "gs", "node", "tesseract", "dot", "gpg")
"""Programs that every one of them has."""


def machine(family: str) -> Machine:
    """Return a machine of a family, with nothing remembered of it yet."""
    return FAMILIES[family].machine()
