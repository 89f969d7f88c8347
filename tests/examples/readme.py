"""An example's README as a program: its ``sh`` blocks, one after the other, in one shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"
NAMES = ("cpp-judge", "ffmpeg-thumbnail", "git-clone", "jq-node")
SECTIONS = ("Make", "Verify", "See the size", "Deploy", "Call")
"""Sections that have commands: the first where the checkout is, the others where that led."""
FENCE = re.compile(r"^## (?P<section>[^\n]+)$|^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SCRIPTS = Path(sys.executable).parent
SECONDS = 900


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the section it stands in, its language, its text."""

    section: str
    language: str
    text: str


def blocks(name: str) -> list[Block]:
    """All fenced blocks of an example's README, in their order."""
    found, section = [], ""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        if match["section"]:
            section = match["section"]
        else:
            found.append(Block(section, match["language"], match["text"]))
    return found


def commands(name: str, *sections: str) -> str:
    """The commands of some sections, as one script."""
    return "".join(block.text for block in blocks(name) if block.section in sections and block.language == "sh")


def checkout(directory: Path) -> Path:
    """Lay the examples out as a fresh clone has them; returns its top."""
    top = directory / "lambundle"
    shutil.copytree(EXAMPLES, top / "examples", ignore=shutil.ignore_patterns("out", "__pycache__"))
    me = ("-c", "user.name=me", "-c", "user.email=me@localhost")
    for arguments in (("init", "--quiet"), ("add", "--all"), (*me, "commit", "--quiet", "--message", "The examples")):
        subprocess.run(["git", *arguments], cwd=top, check=True)
    return top


def run(script: str, directory: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Give ``script`` to a shell that ends at the first that fails; stdout and stderr are one."""
    settings = {
        "PATH": f"{SCRIPTS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(directory),
        **{name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ},
    }
    return subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=directory,
        env={**settings, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
