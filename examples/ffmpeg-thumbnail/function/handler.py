"""A picture and a preview of two seconds from the media file in the event. See README.md."""  # noqa: INP001

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path
from typing import Any

WIDTH = 320
PREVIEW_SECONDS = 2
SCALE = f"scale={WIDTH}:-2"
"""-2: the height follows, as an even number, which the encoder wants."""


def handler(event: dict[str, str], context: Any) -> dict[str, str]:  # noqa: ARG001  (Lambda passes it)
    """Answer ``{"media": …}``, base64 like all that follows, with ``{"thumbnail": JPEG, "preview": MP4}``."""
    media = base64.b64decode(event["media"], validate=True)
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        (work / "media").write_bytes(media)
        ffmpeg(work, "-i", "media", "-frames:v", "1", "-vf", f"thumbnail,{SCALE}", "thumbnail.jpg")
        ffmpeg(work, "-i", "media", "-t", str(PREVIEW_SECONDS), "-vf", SCALE, "-pix_fmt", "yuv420p", "preview.mp4")
        return {
            name: encoded(work / file) for name, file in (("thumbnail", "thumbnail.jpg"), ("preview", "preview.mp4"))
        }


def ffmpeg(work: Path, *arguments: str) -> None:
    """Run the Layer's ffmpeg, which is on PATH; RuntimeError with its own words when it fails."""
    # A file may name others: nothing but files is opened, and nobody is asked anything.
    command = ["ffmpeg", "-nostdin", "-v", "error", "-protocol_whitelist", "file", *arguments]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-2000:])


def encoded(file: Path) -> str:
    """Give a file's content as base64."""
    return base64.b64encode(file.read_bytes()).decode()
