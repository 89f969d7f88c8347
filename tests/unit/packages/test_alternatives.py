"""Records of the alternatives system, as Debian and Fedora write them."""

from __future__ import annotations

import pytest

from lambundle.machine import MemoryFiles
from lambundle.packages.alternatives import Alternative, alternatives

DEBIAN = """auto
/usr/bin/editor
editor.1.gz
/usr/share/man/man1/editor.1.gz

/bin/nano
40
/usr/share/man/man1/nano.1.gz
/usr/bin/vim.basic
30


"""
FEDORA = "manual\n/usr/bin/ld\n\n/usr/bin/ld.bfd\n50\n/usr/bin/ld.gold\n30 binutils\n"


@pytest.mark.parametrize(
    ("path", "record", "found"),
    [
        (
            "/var/lib/dpkg/alternatives/editor",
            DEBIAN,
            Alternative("/usr/bin/editor", ("/bin/nano", "/usr/bin/vim.basic"), is_automatic=True),
        ),
        (
            "/var/lib/alternatives/ld",
            FEDORA,
            Alternative("/usr/bin/ld", ("/usr/bin/ld.bfd", "/usr/bin/ld.gold"), is_automatic=False),
        ),
        ("/var/lib/alternatives/ld", "auto\n/usr/bin/ld\n", Alternative("/usr/bin/ld", (), is_automatic=True)),
    ],
)
def test_a_record_has_the_mode_the_name_and_the_choices(path: str, record: str, found: Alternative) -> None:
    assert list(alternatives(MemoryFiles({path: record}))) == [found]


@pytest.mark.parametrize("record", ["", "auto", "auto\nrelative\n\n/bin/nano\n40\n", "\0\xff\n\n\n"])
def test_a_damaged_record_is_left_out(record: str) -> None:
    assert list(alternatives(MemoryFiles({"/var/lib/dpkg/alternatives/x": record}))) == []


def test_a_machine_without_the_system_has_none() -> None:
    assert list(alternatives(MemoryFiles({"/usr/bin/x": ""}))) == []
