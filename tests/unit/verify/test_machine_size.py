"""The size of the machine and the files in /etc that a function finds."""

from __future__ import annotations

import pytest

from lambundle.verify.sandbox.etc import FILES
from lambundle.verify.sandbox.interface import MIB
from lambundle.verify.sandbox.machine_size import kernel_files, processors


@pytest.mark.parametrize(
    ("memory", "count"), [(128, 2), (1769, 2), (3008, 2), (3009, 3), (5308, 4), (7077, 5), (10_240, 6)]
)
def test_processors_follow_the_memory(memory: int, count: int) -> None:
    assert processors(memory * MIB) == count


def test_the_kernels_files_tell_memory_and_processors() -> None:
    files = kernel_files(512 * MIB, 2)
    lines = dict(line.split(":") for line in files["/proc/meminfo"].splitlines())
    sizes = {name: int(value.removesuffix("kB")) for name, value in lines.items()}
    assert sizes["MemTotal"] == 512 * 1024
    assert 0 < sizes["MemFree"] < sizes["MemAvailable"] < sizes["MemTotal"]
    assert files["/sys/devices/system/cpu/online"] == "0-1\n"
    assert kernel_files(MIB, 1)["/sys/devices/system/cpu/present"] == "0\n"


def test_services_have_a_line_for_each_protocol() -> None:
    lines = FILES["services"].splitlines()
    assert "https\t443/tcp" in lines
    assert "http\t80/udp\twww www-http" in lines
    assert "redis\t6379/tcp" in lines
    assert "redis\t6379/udp" not in lines
    assert "ipv6-icmp\t58\tIPV6-ICMP" in FILES["protocols"].splitlines()
