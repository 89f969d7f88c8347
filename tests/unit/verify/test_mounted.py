"""Which paths of the sandbox are the bundle's, and where they lie here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.verify.run.mounted import Mounted
from tests.unit.verify.made import ROOT, TOOL, manifest, mounted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "users", "bundled"),
    [
        (f"{ROOT}/usr/bin/tool", True, True),
        ("/opt/lambundle/tool/runtime/x.so", True, True),
        ("/opt/lambundle/other/root/x", True, False),
        ("/opt/bin/tool", True, False),
        ("/var/task/x", True, False),
        ("/tmp/x", True, False),
        ("/tmp", True, False),
        ("/tmpfoo", False, False),
        ("/usr/lib64/libc.so.6", False, False),
        (f"{ROOT}/../../../../usr/lib/x", False, False),
    ],
)
def test_what_is_the_users_and_what_is_the_bundles(path: str, users: bool, bundled: bool) -> None:
    assert mounted().is_users(path) == users
    assert mounted().is_bundled(path) == bundled


def test_a_path_in_the_bundle_is_called_as_on_the_packing_machine() -> None:
    assert mounted().original(f"{ROOT}/usr/bin/tool") == "/usr/bin/tool"
    assert mounted().original("/usr/bin/tool") == "/usr/bin/tool"
    assert mounted().original("/opt/bin/tool") == "/opt/bin/tool"


def test_no_path_leads_out_of_the_trees(tmp_path: Path) -> None:
    place = mounted(tmp_path / "tree")
    assert place.here("/opt/bin/tool") == tmp_path / "tree/bin/tool"
    assert place.here("/usr/bin/tool") is None
    assert place.here("/opt/../../etc/passwd") is None
    assert place.here("/opt/x/../../etc/passwd") is None
    data = tmp_path / "tree/lambundle/tool/root/etc/data"
    data.parent.mkdir(parents=True)
    data.touch()
    assert place.served("/etc/data") == data
    assert place.served("/etc/other") is None
    assert place.served("/../../../../../../etc/passwd") is None


def test_a_layers_bundle_is_one_too(tmp_path: Path) -> None:
    place = Mounted("/var/task", {"/var/task": tmp_path, "/opt": tmp_path}, {"/opt/lambundle/tool": manifest()})
    assert place.is_bundled(f"{ROOT}/usr/bin/tool")
    assert [item.name for item in place.manifests] == ["tool"]
    assert place.launcher(TOOL) == "/var/task/bin/tool"
