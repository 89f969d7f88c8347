"""``python -m tests.integration.size_picture``: the picture of ``size --html`` that the README shows, made anew."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.chromium import chromium

PICTURE = Path(__file__).parents[2] / "docs" / "size-ffmpeg.png"
WIDTH, SCALE = 1200, 1.5


def main() -> None:
    """Pack ffmpeg, let size write its page, and take a picture from its top to the end of the map."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.size_picture", description=__doc__)
    parser.add_argument("picture", nargs="?", type=Path, default=PICTURE, help="where to (default: %(default)s)")
    out: Path = parser.parse_args().picture.absolute()
    with tempfile.TemporaryDirectory() as work:
        for command in (("pack", "-q", "ffmpeg"), ("size", "-q", "ffmpeg.zip", "--html", "page.html")):
            subprocess.run(
                [sys.executable, "-m", "lambundle", *command], cwd=work, check=True, stdout=subprocess.DEVNULL
            )
        with chromium() as tab:
            tab.open(Path(work, "page.html"), width=WIDTH, height=1000)
            end = tab.run("document.querySelector('#map').getBoundingClientRect().bottom")
            tab.open(Path(work, "page.html"), width=WIDTH, height=round(end) + 20, scale=SCALE)
            out.parent.mkdir(exist_ok=True)
            out.write_bytes(tab.picture())


if __name__ == "__main__":
    main()
