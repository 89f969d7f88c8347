"""The bare host is as bare, and the sandbox as strict, as the other tests believe."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.bareroot import LAMBDA_ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bareroot import Sandbox

pytestmark = pytest.mark.integration


def shell(sandbox: Sandbox, script: str, **how: object) -> str:
    done = sandbox.run(["/bin/sh", "-c", script], **how)  # type: ignore[arg-type]
    assert done.status == 0, done
    return done.stdout.strip()


def test_environment_is_lambdas_and_holds_no_home(sandbox: Sandbox) -> None:
    seen = dict(line.split("=", 1) for line in shell(sandbox, "env").splitlines())
    for name in ("PWD", "SHLVL", "_"):  # the shell's own
        seen.pop(name, None)
    assert seen == LAMBDA_ENVIRONMENT
    assert "HOME" not in seen


def test_user_is_lambdas_and_has_no_capability(sandbox: Sandbox) -> None:
    assert shell(sandbox, "id -u; id -g; id -G; id -un").split() == ["993", "990", "990", "sbx_user1051"]
    status = shell(sandbox, "cat /proc/self/status")
    assert "CapEff:\t0000000000000000" in status
    assert "CapPrm:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert shell(sandbox, "[ ! -e /home ] && ulimit -n && ulimit -s") == "1024\n8192"


def test_glibc_is_older_and_lies_where_amazon_has_it(sandbox: Sandbox) -> None:
    assert "release version 2.31" in shell(sandbox, "/usr/lib64/libc.so.6")
    assert shell(sandbox, "readlink -f /lib64/libc.so.6 /lib") == "/usr/lib64/libc.so.6\n/usr/lib64"
    assert shell(sandbox, "ls -d /lib/*-linux-gnu /usr/lib/*-linux-gnu 2>/dev/null || echo none") == "none"


def test_host_programs_run_without_lambdas_library_path(sandbox: Sandbox) -> None:
    assert shell(sandbox, "env -i /usr/bin/ls -d /usr") == "/usr"


@pytest.mark.parametrize(
    "name",
    ["perl", "python3", "gcc", "ld", "find", "tar", "which", "ldconfig", "ldd", "awk", "gzip", "locale"],
)
def test_nothing_else_is_installed(sandbox: Sandbox, name: str) -> None:
    assert sandbox.run(["/bin/sh", "-c", f"command -v {name}"]).status == 1


def test_only_tmp_can_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("original")
    tmp_path.chmod(0o777)
    for place in ("", "/usr", "/etc", "/dev", "/var/task", "/opt", "/mnt/with space", "/proc"):
        touched = sandbox.run(["/usr/bin/touch", f"{place}/new"], mounts={"/mnt/with space": tmp_path})
        assert touched.status == 1, place
    assert shell(sandbox, "echo x > /tmp/x; cat /tmp/x; stat -c %a /tmp") == "x\n1777"
    assert shell(sandbox, "ls -A /tmp") == ""
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_devices_are_few_and_there_is_no_shared_memory(sandbox: Sandbox) -> None:
    assert shell(sandbox, "ls /dev").split() == ["full", "null", "random", "urandom", "zero"]
    assert shell(sandbox, "head -c 3 /dev/zero | od -An -tx1; echo gone > /dev/null") == "00 00 00"


def test_loopback_answers_and_nothing_else_does(sandbox: Sandbox) -> None:
    refused = sandbox.run(["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/1"])
    assert "Connection refused" in refused.stderr
    unreachable = sandbox.run(["/bin/bash", "-c", "exec 3<>/dev/tcp/192.0.2.1/80"])
    assert "Network is unreachable" in unreachable.stderr


def test_mounts_are_traversable_and_modes_are_honoured(sandbox: Sandbox, tmp_path: Path) -> None:
    tree = tmp_path / "tree"  # below directories that only root can enter
    (tree / "closed").mkdir(parents=True)
    for name, mode in {
        "open": 0o644,
        "secret": 0o600,
        "program": 0o755,
        "data": 0o644,
        "closed/in": 0o644,
    }.items():
        (tree / name).write_text("#!/bin/sh\necho ran\n")
        (tree / name).chmod(mode)
    (tree / "closed").chmod(0o700)
    tree.chmod(0o755)
    for mount in ("/opt", "/var/task", "/mnt/with space", "/some/deep/place"):
        mounts = {mount: tree}
        assert sandbox.run(["/bin/cat", f"{mount}/open"], mounts=mounts).status == 0
        assert sandbox.run(["/bin/cat", f"{mount}/secret"], mounts=mounts).status == 1
        assert sandbox.run(["/bin/cat", f"{mount}/closed/in"], mounts=mounts).status == 1
        assert sandbox.run(["/bin/sh", "-c", f"'{mount}/program'"], mounts=mounts).stdout == "ran\n"
        assert sandbox.run(["/bin/sh", "-c", f"'{mount}/data'"], mounts=mounts).status == 126


def test_namespaces_and_mounts_are_refused(sandbox: Sandbox, busybox: Path, tmp_path: Path) -> None:
    shutil.copy(busybox, tmp_path / "busybox")
    tmp_path.chmod(0o755)
    for command in ("unshare -U true", "mount -t tmpfs none /tmp"):
        done = sandbox.run(["/opt/busybox", *command.split()], mounts={"/opt": tmp_path})
        assert done.status != 0, command
        assert "not permitted" in done.stderr or "denied" in done.stderr, done


def test_status_streams_and_limits_are_passed_on(sandbox: Sandbox) -> None:
    done = sandbox.run(["/bin/sh", "-c", "cat; echo err >&2; pwd; exit 7"], stdin="in\n", cwd="/tmp")
    assert (done.status, done.stdout, done.stderr) == (7, "in\n/tmp\n", "err\n")
    assert shell(sandbox, 'echo "$X $TZ"', env={"X": "more"}) == "more :UTC"
    assert sandbox.run(["/bin/sh", "-c", "kill -SEGV $$"]).status == 139
    assert sandbox.run(["/usr/bin/sleep", "60"], timeout=0.5).status == 124
    greedy = ["/bin/bash", "-c", "x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo ${#x}"]
    assert sandbox.run(greedy, memory=1_000_000_000).stdout == "100000000\n"
    assert sandbox.run(greedy, memory=50_000_000).stdout == ""
