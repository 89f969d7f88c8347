"""Files that a library needs and no package declares: those that are there, without links to what is not."""

from __future__ import annotations

import pytest

from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from tests.unit.test_elf import make_elf

LOADER = "/lib64/ld-linux-x86-64.so.2"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({}, {"/etc/ssl/certs/all.crt"}),
        ({"/usr/lib/ssl/cert.pem": "/etc/ssl/certs/all.crt"}, {"/etc/ssl/certs/all.crt", "/usr/lib/ssl/cert.pem"}),
        ({"/usr/lib/ssl/cert.pem": "/etc/ssl/certs/absent.crt"}, {"/etc/ssl/certs/all.crt"}),
        ({"/usr/lib/ssl/certs": "/var/absent"}, {"/etc/ssl/certs/all.crt"}),
        ({"/etc/ssl/cert.pem": "cert.pem"}, {"/etc/ssl/certs/all.crt"}),  # a loop
        ({"/usr/lib/ssl/certs": "/etc/ssl/certs"}, {"/etc/ssl/certs/all.crt", "/usr/lib/ssl/certs"}),
    ],
)
def test_a_link_to_what_is_not_installed_is_left_out(links: dict[str, str], expected: set[str]) -> None:
    content: dict[str, bytes | str] = {
        "/bin/sh": make_elf(type_=3, entry=64, interpreter=LOADER.encode(), dynamic=[(21, 0)]),
        "/usr/bin/p": make_elf(type_=3, entry=64, interpreter=LOADER.encode(), dynamic=[(1, b"libssl.so.3")]),
        LOADER: make_elf(type_=3, dynamic=[(21, 0)], strings=b"\0/usr/lib/x86_64-linux-gnu/\0"),
        f"{LIBRARIES}/libssl.so.3": make_elf(type_=3, dynamic=[(21, 0)]),
        "/etc/ssl/certs/all.crt": b"",
        "/usr/lib/ssl/openssl.txt": b"",
    }
    plan = make_plan(Request(("/usr/bin/p",), Machine(MemoryFiles(content, links=links))))
    paths = {entry.path.partition("/root")[2] for entry in plan.manifest.entries if entry.kind.value != "directory"}
    assert {path for path in paths if "/ssl/" in path} == expected
