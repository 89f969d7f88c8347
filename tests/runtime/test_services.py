"""Services and protocols: libc reads their lists itself, so the runtime reads the bundle's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bareroot import UnavailableError
from tests.runtime.conftest import unavailable
from tests.runtime.worlds import PROGRAMS, World, compile_c, compiler_of, pack

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = f"""\
# comment
lb-long {"x" * 1500}
broken
lb-first 60001/tcp lb-other lb-alias # comment
lb-first\t60001/udp
lb-second 60002/udp"""
PROTOCOLS = "lb-protocol 253 LB-PROTOCOL\n"
OF_SERVICES = """\
name lb-first 60001 tcp lb-other
alias lb-first 60001 tcp lb-other
other protocol none
port lb-first 60001 udp -
0 name_r lb-first 60001 tcp lb-other
0 port_r lb-first 60001 tcp lb-other
1
address 60001
address 60002
address unknown
"""
OF_SERVICES_BY_MUSL = """\
name lb-first 60001 tcp lb-first
alias lb-alias 60001 tcp lb-alias
other protocol none
port lb-first 60001 udp lb-first
0 name_r lb-first 60001 tcp lb-first
0 port_r lb-first 60001 tcp lb-first
1
address 60001
address 60002
address unknown
"""
OF_PROTOCOLS = """\
protocol lb-protocol 253 LB-PROTOCOL
number lb-protocol 253 LB-PROTOCOL
0 protocol_r lb-protocol 253 LB-PROTOCOL
0 number_r lb-protocol 253 LB-PROTOCOL
"""


@pytest.fixture(params=["glibc", "musl"])
def asking(request: pytest.FixtureRequest, outside_tmp: Path) -> World:
    """Return a bundle with a program that asks for services."""
    world = World(request.param, outside_tmp / f"services-{request.param}")
    try:
        compiler = compiler_of(world.name)
    except UnavailableError as reason:
        unavailable(reason)
    program = compile_c(compiler, world.programs / "services", PROGRAMS / "services.c")
    pack([str(program)], world.unpacked)
    return world


def test_services_and_protocols_are_the_bundles(asking: World) -> None:
    expected = OF_SERVICES_BY_MUSL if asking.name == "musl" else OF_SERVICES + OF_PROTOCOLS
    assert asking.run("services").out != expected
    etc = asking.in_bundle("/etc")
    etc.mkdir(exist_ok=True)
    (etc / "services").write_text(SERVICES)
    (etc / "protocols").write_text(PROTOCOLS)
    result = asking.run("services")
    assert (result.out, result.err, result.status) == (expected, "", 0)
