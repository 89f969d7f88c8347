"""AWS Lambda as figures: architectures, quotas, mount points, environment, C library.

Source: the developer guide ("Lambda quotas") and, for the exact limits, the service's error messages
("must be smaller than 262144000 bytes": a bundle of exactly that size is refused).
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture of Lambda.

    ``elf`` is its EM_ number, ``service`` Lambda's name for it, ``interpreter`` the path of its loader in the psABI,
    ``spellings`` its names in directories, in lower case.
    """

    elf: int
    service: str
    interpreter: str
    spellings: frozenset[str]


ARCHITECTURES = MappingProxyType(
    {
        "x86_64": Architecture(
            62,
            "x86_64",
            "/lib64/ld-linux-x86-64.so.2",
            frozenset({"x86_64", "x86-64", "amd64", "x64", "x86"}),
        ),
        "aarch64": Architecture(183, "arm64", "/lib/ld-linux-aarch64.so.1", frozenset({"aarch64", "arm64", "arm"})),
    }
)
"""Lambda's architectures, by the names of ``uname -m``."""

MACHINES = MappingProxyType({item.elf: name for name, item in ARCHITECTURES.items()})
"""The names of ``uname -m`` by EM_ numbers."""

INTERPRETERS = frozenset(item.interpreter for item in ARCHITECTURES.values())
"""The loaders of the hosts."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit in bytes that a size must be below, and the way out; with ``is_hard`` only a smaller bundle."""

    name: str
    limit: int
    text: str
    way_out: str
    is_hard: bool

    def admits(self, size: int) -> bool:
        """Return whether a size in bytes is accepted."""
        return size < self.limit


UNZIPPED = Quota(
    "unzipped",
    262_144_000,
    "250 MiB",
    "a function and all its layers together must be smaller, so neither a second layer nor S3 helps; drop files with "
    "--exclude, or use a container image (10 GB)",
    is_hard=True,
)
ZIPPED = Quota(
    "zipped",
    52_428_800,
    "50 MiB direct upload",
    "upload it through S3 (aws s3 cp, then --s3-bucket and --s3-key)",
    is_hard=False,
)

# --- the execution environment

OPT = "/opt"
"""Where layers are unpacked, each over the previous ones."""
TASK = "/var/task"
"""Where the function itself is unpacked."""
MOUNTS = (OPT, TASK)
TMP = "/tmp"  # noqa: S108  (the function's)
BOOTSTRAP = "bootstrap"
"""The program that an OS-only runtime starts: in the function, else in a layer."""

UID = 993
GID = 990
USER = "sbx_user1051"
PASSWD = f"root:x:0:0:root:/root:/bin/sh\n{USER}:x:{UID}:{GID}::/home/{USER}:/sbin/nologin\n"
"""/etc/passwd; the home directory does not exist, and /etc/group is empty."""
HOSTNAME = "169.254.100.6"

RLIMITS = {"nofile": 1024, "nproc": 742, "stack": 8 << 20, "core": 0}
"""Soft and hard resource limits, by setrlimit(2)'s names and in its units (measured on the service)."""

DEVICES = ("null", "zero", "full", "random", "urandom")
"""The devices in /dev; there is no /dev/shm, no terminal, no /dev/fd."""

TMP_BYTES = 512 << 20
"""Default size of /tmp in bytes; up to 10,240 MB can be configured."""

ENVIRONMENT = {
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "TZ": ":UTC",
    "LANG": "en_US.UTF-8",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "_HANDLER": "handler",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2024/01/01/[$LATEST]00000000000000000000000000000000",
    # Every function has the keys of its role; that these open nothing is all that is wrong with them.
    "AWS_ACCESS_KEY_ID": "not-a-key",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_SESSION_TOKEN": "not-a-token",
}
"""Environment variables, recorded on provided.al2023, or listed in the developer guide ("Defined runtime environment
variables"); HOME is not set."""
EXECUTION = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x",
    "_X_AMZN_TRACE_ID": "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0",
}
"""What a program finds besides, because a runtime has started it: an OS-only runtime sets no AWS_EXECUTION_ENV."""

PROCESSORS = ((3008, 2), (5307, 3), (7076, 4), (8845, 5), (10_240, 6))
"""Most megabytes of memory with so many processors, of which a small function has a share: 1,769 MB are worth one
(developer guide, "Configure Lambda function memory"; the steps were measured on the service)."""

# --- invocations

PAYLOAD_LIMIT = 6 * 1024 * 1024 + 100
"""Most bytes of an event or a response: 6,291,556, from the service's error message."""
INIT_SECONDS = 10.0
"""Timeout of the init phase ("Lambda execution environment lifecycle")."""

# --- the host

LAYERS_MAX = 5
"""Most layers that a function may have (developer guide, "Lambda quotas")."""

GLIBC = (2, 34)
"""Version of the C library of Amazon Linux 2023."""

HOST_VERSIONS = MappingProxyType(
    {
        "GLIBC_": GLIBC,
        "GLIBCXX_": (3, 4, 33),
        "CXXABI_": (1, 3, 15),
        "GCC_": (14, 0, 0),
    }
)
"""Newest symbol versions on Amazon Linux 2023, with glibc 2.34 and the libraries of GCC 14."""

HOST_LIBRARIES = frozenset(
    {
        "ld-linux-aarch64.so.1",
        "ld-linux-x86-64.so.2",
        "libBrokenLocale.so.1",
        "libanl.so.1",
        "libc.so.6",
        "libdl.so.2",
        "libgcc_s.so.1",
        "libm.so.6",
        "libmvec.so.1",
        "libpthread.so.0",
        "libresolv.so.2",
        "librt.so.1",
        "libstdc++.so.6",
        "libthread_db.so.1",
        "libutil.so.1",
        "libz.so.1",
    }
)
"""Libraries that are certain to be in the zip runtime: those of glibc and GCC, and zlib, which manylinux allows.

Amazon's public images have a hundred more in /lib64 (the Bref project lists them in ``utils/lib-copy``), but the zip
runtime lacks some of them, and none is documented.
"""

_HOST_PROGRAMS = """
bash sh sed grep egrep fgrep
[ arch b2sum base32 base64 basename basenc cat chcon chgrp chmod chown chroot cksum comm cp csplit cut date dd df dir
dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln logname ls
md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf ptx pwd
readlink realpath rm rmdir runcon seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat
stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink users vdir
wc who whoami yes
curl
"""
HOST_PROGRAMS = tuple(_HOST_PROGRAMS.split())
"""Programs that the zip runtime can be relied on to have.

That curl is there shows the developer guide ("Tutorial: Building a custom runtime"): the bootstrap for provided.al2023
is a shell script that calls it.
"""

UNPROMISED_PROGRAMS = ("getent",)
"""Programs of glibc's package in Amazon Linux 2023: the sandbox has them, but a bundle had better bring its own."""

HOST_DIRECTORIES = frozenset({"/bin", "/usr/bin", "/sbin", "/usr/sbin"})
"""Where they are; all four are one directory there."""


def is_on_host(path: str) -> bool:
    """Whether Lambda itself has the program at an absolute path."""
    directory, name = posixpath.split(posixpath.normpath(path))
    return directory in HOST_DIRECTORIES and name in HOST_PROGRAMS
