"""The filter of system calls, run by a small interpreter of its instructions."""

from __future__ import annotations

import errno
import json
import struct

import pytest

from lambundle.errors import SandboxError
from lambundle.verify.sandbox.seccomp import docker_profile, instructions

ALLOW, REFUSE = 0x7FFF0000, 0x00050000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
READ = {"x86_64": 0, "aarch64": 63}
PTRACE = {"x86_64": 101, "aarch64": 117}
CLONE = {"x86_64": 56, "aarch64": 220}
NEWUSER = 0x10000000
MACHINES = pytest.mark.parametrize("machine", sorted(AUDIT))


def answer(machine: str, number: int, argument: int = 0, audit: int | None = None) -> int:
    """Run the filter as the kernel does on struct seccomp_data."""
    program = list(struct.iter_unpack("=HBBI", instructions(machine)))
    data = {0: number, 4: AUDIT[machine] if audit is None else audit, 16: argument & 0xFFFFFFFF}
    word = place = 0
    while True:
        code, then, otherwise, value = program[place]
        place += 1
        if code == 0x20:
            word = data[value]
        elif code == 0x06:
            return int(value)
        else:
            holds = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}[code]
            place += then if holds else otherwise


@MACHINES
def test_ordinary_calls_are_allowed(machine: str) -> None:
    assert answer(machine, READ[machine]) == ALLOW
    assert answer(machine, CLONE[machine], 0x01200011) == ALLOW  # fork


@MACHINES
def test_tracing_and_user_namespaces_are_not(machine: str) -> None:
    assert answer(machine, PTRACE[machine]) == REFUSE | errno.EPERM
    assert answer(machine, CLONE[machine], NEWUSER | 17) == REFUSE | errno.EPERM
    assert answer(machine, 435, 0) == REFUSE | errno.ENOSYS  # clone3: libc then uses clone


@MACHINES
def test_calls_of_another_machine_are_refused(machine: str) -> None:
    assert answer(machine, READ[machine], audit=0x40000003) == REFUSE | errno.EPERM


def test_the_second_set_of_numbers_is_refused() -> None:
    assert answer("x86_64", 0x40000000 | PTRACE["x86_64"]) == REFUSE | errno.ENOSYS


def test_there_is_no_filter_for_a_machine_that_lambda_lacks() -> None:
    with pytest.raises(SandboxError, match="riscv64"):
        instructions("riscv64")


def test_dockers_profile_refuses_the_same() -> None:
    profile = json.loads(docker_profile())
    assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
    refused = {name: rule for rule in profile["syscalls"] for name in rule["names"]}
    assert refused["ptrace"]["errnoRet"] == refused["mount"]["errnoRet"] == errno.EPERM
    assert refused["clone3"]["errnoRet"] == errno.ENOSYS
    [condition] = refused["clone"]["args"]
    assert (condition["value"], condition["op"]) == (NEWUSER, "SCMP_CMP_MASKED_EQ")


@MACHINES
@pytest.mark.parametrize("family", range(50))
def test_sockets_are_of_the_families_that_a_namespace_keeps_inside(machine: str, family: int) -> None:
    number = {"x86_64": 41, "aarch64": 198}[machine]
    expected = ALLOW if family in {1, 2, 10, 16} else REFUSE | errno.EAFNOSUPPORT
    assert answer(machine, number, family) == expected
    rules = [rule for rule in json.loads(docker_profile())["syscalls"] if rule["names"] == ["socket"]]
    compare = {"SCMP_CMP_EQ": int.__eq__, "SCMP_CMP_GT": int.__gt__}
    refused = any(compare[rule["args"][0]["op"]](family, rule["args"][0]["value"]) for rule in rules)
    assert refused == (expected != ALLOW)
