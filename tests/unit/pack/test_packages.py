"""``--package NAME`` on a made-up Debian."""

from __future__ import annotations

import pytest

from lambundle.bundle.model import Reason
from lambundle.errors import PackageNotFoundError
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Recorded, Request
from tests.unit.machines import machine


def added(*packages: str, recorded: Recorded | None = None) -> dict[str, tuple[Reason, ...]]:
    """Pack jq with some packages; return what the bundle mirrors beyond that, with its reasons."""
    plain = make_plan(Request(programs=("jq",), machine=machine("debian"))).manifest
    request = Request(programs=("jq",), machine=machine("debian"), packages=packages, recorded=recorded)
    paths = {entry.path for entry in plain.entries}
    entries = make_plan(request).manifest.entries
    return {entry.path.removeprefix("lambundle/jq/root"): entry.reasons for entry in entries if entry.path not in paths}


def test_a_package_comes_whole_with_what_it_needs() -> None:
    found = added("curl")
    assert found["/usr/bin/curl"][0] == Reason("named", None, "curl")
    assert "/usr/lib/x86_64-linux-gnu/libcurl.so.4" in found
    assert "/usr/lib/x86_64-linux-gnu/libnghttp2.so.14" in found


def test_of_a_librarys_package_the_library_comes() -> None:
    assert added("libnghttp2-14")["/usr/lib/x86_64-linux-gnu/libnghttp2.so.14.24.1"] == (
        Reason("named", None, "libnghttp2-14"),
    )


def test_a_package_comes_beside_a_recording() -> None:
    assert "/usr/bin/curl" in added("curl", recorded=Recorded((), only=True))


def test_an_unknown_package_is_an_error_with_near_names() -> None:
    with pytest.raises(PackageNotFoundError, match="no package libnghttp2 is installed") as caught:
        added("libnghttp2")
    assert "libnghttp2-14" in (caught.value.hint or "")


def test_without_a_package_database_there_are_no_packages() -> None:
    debian = machine("debian")
    content = {f"/bin/{name}": debian.files.content(f"/bin/{name}", 1 << 20) or b"" for name in ("jq", "sh")}
    files = MemoryFiles(content)
    with pytest.raises(PackageNotFoundError, match="no package database"):
        make_plan(Request(programs=("/bin/jq",), machine=Machine(files, {"PATH": "/bin"}), packages=("curl",)))
