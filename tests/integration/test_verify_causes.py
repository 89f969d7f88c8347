"""What ``lambundle verify`` calls the cause, and what it says to do, for failures that people meet.

Zips of a few lines, made here, and one bundle that lambundle packed.
"""

from __future__ import annotations

import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_verify_mutations_running import JOBS, broken, diagnosis, host, on
from tests.integration.verifying import verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.conftest import Packs

__all__ = ["host"]

pytestmark = pytest.mark.integration

HANDLER = ("--handler", "app.handler")
STARTS_TOOL = "import subprocess\n\n\ndef handler(event, context):\n    subprocess.run(['nosuchtool'])\n"


def zipped(work: Path, files: Mapping[str, str], modes: Mapping[str, int] | None = None) -> Path:
    """Write a zip as people do, every file executable unless told otherwise."""
    archive = work / "made.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | (modes or {}).get(name, 0o755)) << 16
            out.writestr(info, text)
    return archive


@pytest.mark.parametrize(
    ("text", "cause", "cure"),
    [
        ("#!/bin/bash\r\nexit 0\r\n", "bootstrap has lines that end in CR LF", "sed -i 's/\\r$//' bootstrap"),
        ("#!/usr/bin/nope\n", "bootstrap has a first line that names /usr/bin/nope", "lambundle pack nope"),
        ("exit 0\n", "bootstrap has no first line with #!", "#!/bin/sh' bootstrap"),
        ("", "bootstrap is empty", "write bootstrap again"),
        ("#!/bin/sh\nexit 7\n", "the function bootstrap died on event {}: Runtime.ExitError", "must not end by itself"),
        ("#!/usr/bin/env nosuchtool\n", "nosuchtool is neither in the bundle nor on Lambda", "--layer nosuchtool.zip"),
        ("#!/bin/sh\nset -u\necho $TABLE\n", "the variable TABLE is not set", "set TABLE in the function's"),
    ],
)
def test_a_bootstrap_that_does_not_start(text: str, cause: str, cure: str, host: Path, tmp_path: Path) -> None:
    found = diagnosis(zipped(tmp_path, {"bootstrap": text}), host=host)
    assert found[0].startswith(cause)
    assert cure in found[1]


def test_what_a_program_lacks_comes_before_its_timeout(host: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path, {"bin/x": "#!/bin/sh\nnosuchtool\nsleep 9\n"})
    found = diagnosis(archive, "--timeout", "1", "--", "x", host=host)
    assert found[0] == "nosuchtool is neither in the bundle nor on Lambda"


@pytest.mark.parametrize(
    ("source", "cause", "cure"),
    [
        (
            "import nosuchmodule\n",
            "the Python module nosuchmodule is neither in the bundle nor on Lambda",
            "pip install --target . nosuchmodule",
        ),
        (STARTS_TOOL, "nosuchtool is neither in the bundle nor on Lambda", "--layer nosuchtool.zip"),
        ("def handler(event, context):\n    raise ValueError('no good')\n", "ValueError: no good", "its log above"),
        ("import os\n\nkey = os.environ['TABLE']\n", "the variable TABLE is not set", "set TABLE in"),
        ("def other(event, context):\n    pass\n", "Handler 'handler' missing on module 'app'", "--handler"),
    ],
)
def test_a_handler_that_fails(source: str, cause: str, cure: str, host: Path, tmp_path: Path) -> None:
    found = diagnosis(zipped(tmp_path, {"app.py": source}), *HANDLER, host=host)
    assert cause in found[0]
    assert cure in found[1]


def test_a_wheel_for_another_python(host: Path, tmp_path: Path) -> None:
    files = {
        "app.py": "import pkg._ext\n",
        "pkg/__init__.py": "",
        "pkg/_ext.cpython-36m-aarch64-linux-gnu.so": "",
        "Pkg-1.0.dist-info/METADATA": "",
    }
    cause, cure = diagnosis(zipped(tmp_path, files), *HANDLER, host=host)
    assert cause.startswith("the zip has pkg._ext only for Python 3.6 on aarch64, and not for the Python that ran here")
    assert "3.6" in cure


def test_a_handler_that_may_not_be_read(host: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path, {"app.py": "def handler(event, context):\n    pass\n"}, {"app.py": 0o600})
    assert diagnosis(archive, *HANDLER, host=host)[0] == "app.py is not readable in the zip (mode 0600)"


@on("jq")
def test_a_layer_that_was_zipped_again_without_modes(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("jq", packs, tmp_path)
    (bundle.tree / "bin/jq").chmod(0o644)
    files = {"app.py": STARTS_TOOL.replace("nosuchtool", "jq")}
    found = diagnosis(zipped(tmp_path, files), *HANDLER, "--layer", str(bundle.tree), host=host)
    assert found[0] == "jq is not executable in the layer (mode 0644): it was re-zipped by a tool that drops modes"
    assert found[1] == "upload jq.zip itself, as lambundle wrote it"


@on("jq")
def test_a_library_that_may_not_be_read(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("jq", packs, tmp_path)
    bundle.find("libonig.so.5.*").chmod(0o600)
    found = verify(bundle.tree, host=host)
    assert "missing" not in found.failed
    cause, cure = diagnosis(bundle.tree, host=host)
    assert "libonig.so.5." in cause
    assert "is not readable in the zip (mode 0600)" in cause
    assert cure == "upload jq.zip itself, as lambundle wrote it"


@on("jq")
@pytest.mark.parametrize("name", ["runtime/config", "root/usr/bin/jq"])
def test_what_was_lost_comes_before_guesses(name: str, packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("jq", packs, tmp_path)
    (bundle.home / name).unlink()
    cause, cure = diagnosis(bundle.tree, host=host)
    assert cause.startswith(f"lambundle/jq/{name} is missing")
    assert "the zip that pack wrote" in cure


@on("jq")
def test_a_launcher_that_an_editor_changed(packs: Packs, host: Path, tmp_path: Path) -> None:
    bundle = broken("jq", packs, tmp_path)
    launcher = bundle.tree / "bin/jq"
    launcher.write_bytes(launcher.read_bytes().replace(b"\n", b"\r\n"))
    assert diagnosis(bundle.tree, host=host)[0] == "bin/jq has other bytes than were packed"
    cause, cure = diagnosis(bundle.reconcile(), host=host)
    assert cause == "bin/jq has lines that end in CR LF, its first line too"
    assert cure.startswith("sed -i 's/\\r$//' bin/jq")


@on("bash")
@pytest.mark.parametrize(
    ("script", "cause", "cure"),
    [
        ("exit 3", "bash -c 'exit 3' ended with 3, and said nothing; on this machine it fails", "mend the command"),
        ("cat /nosuch || true; echo own words >&2; exit 4", "bash -c 'cat /nosuch || true;", "mend the command"),
        ("cat <(echo 1)", "there is no /dev/fd/", "in the place of <( )"),
        ("nosuchtool", "nosuchtool is neither in the bundle nor on Lambda", "install nosuchtool here; pack it too"),
        ("cat /opt/bin/nosuch", "/opt/bin/nosuch is neither in the bundle nor in a layer", "lambundle pack"),
    ],
)
def test_a_command_that_fails(script: str, cause: str, cure: str, packs: Packs, host: Path) -> None:
    here = {"PYTHONDONTWRITEBYTECODE": "1", "CURL_CA_BUNDLE": "/x"}
    found = verify(packs(JOBS["bash"]).archive, "--", "bash", "-c", script, host=host, env=here)
    assert found.failed == {"smoke"}
    told = diagnosis(packs(JOBS["bash"]).archive, "--", "bash", "-c", script, host=host)
    assert told[0].startswith(cause)
    assert cure in told[1]
