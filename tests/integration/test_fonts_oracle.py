"""The family that stands for another is the one that fontconfig itself offers on this machine."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from lambundle.discover.fonts.choice import NAMES
from lambundle.discover.fonts.configuration import read_configuration
from lambundle.discover.fonts.faces import ENDINGS, folded, read_faces
from lambundle.machine import here
from tests.bareroot import required

MORE = ("Verdana", "Georgia", "Palatino", "cursive", "mono", "sans", "system-ui", "No Such Family")


def test_families_are_fontconfigs_own() -> None:
    if shutil.which("fc-match") is None:
        assert not required(), "fc-match is not installed"
        pytest.skip("fc-match is not installed: apt-get install fontconfig")
    files = here().files
    configuration = read_configuration(files)
    fonts = [path for top in configuration.directories for path in files.glob(f"{top}/**/*") if path.endswith(ENDINGS)]
    installed = {family for path in fonts for face in read_faces(files, path) for family in face.families}
    for name in (*NAMES, *MORE):
        offered = subprocess.run(
            ["fc-match", "-f", "%{family[0]}", f"{name}:lang=en"], capture_output=True, text=True, check=True
        ).stdout
        assert (name, configuration.first(name, installed)) == (name, folded(offered))
