"""A host on which nothing is installed, and a sandbox that treats programs as AWS Lambda does.

The root is Debian 11's (glibc 2.31, older than what most programs are built against) with everything
taken away but bash, coreutils, sed, grep and their libraries, which lie in /usr/lib64 as on Amazon Linux.
It is built once and kept in a cache; a bundle that works in it has brought along all that it needs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import struct
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

UID = 993
GID = 990
SUITE = "bullseye"
DEFAULT_MIRROR = "http://deb.debian.org/debian"
ARCHIVE_MIRROR = "http://archive.debian.org/debian"
"""Where a suite goes when the mirrors drop it."""

HOST_PACKAGES = ("bash", "coreutils", "sed", "grep")
"""All that the host offers: what the zip runtime of Amazon Linux can be relied on to have."""

NAME_SERVICES = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")
"""Opened by libc by name, so no closure finds them."""

HOST_FILES = {
    "etc/passwd": ("root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n"),
    "etc/group": "",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/resolv.conf": "",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/ld.so.conf": "/usr/lib64\n",
}

LAMBDA_ENVIRONMENT = {
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": (
        "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
    ),
    "TZ": ":UTC",
    "LANG": "en_US.UTF-8",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "_HANDLER": "handler",
    "AWS_LAMBDA_FUNCTION_NAME": "bare",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
    "AWS_REGION": "eu-central-1",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
}
"""As recorded on provided.al2023. HOME is not in it."""

EMPTY_DIRECTORIES = ("opt", "var/task", "var/lang", "var/runtime")
DEVICES = ("null", "zero", "full", "random", "urandom")
LIMITS = ("--nofile=1024:1024", "--nproc=742:742", "--stack=8388608:8388608", "--core=0:0")
TMP_BYTES = 512 * 1024 * 1024
OWN_DIRECTORIES = frozenset({"dev", "proc", "sys", "tmp", "run", "var", "opt", "mnt", "lost+found"})
"""Top-level names of a root that the sandbox makes itself."""

REPOSITORY = Path(__file__).resolve().parent.parent


class UnavailableError(Exception):
    """The bare root or its sandbox cannot be had here."""


def required() -> bool:
    """Whether a missing tool is a failure; elsewhere the tests that need it are skipped."""
    return os.environ.get("LAMBUNDLE_REQUIRE") == "1" or os.environ.get("CI") == "true"


def cache_directory() -> Path:
    """Where what is expensive and always the same is kept."""
    named = os.environ.get("LAMBUNDLE_CACHE")
    return Path(named) if named else REPOSITORY / ".cache"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out; the lock ends with the process however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- the root


def bare_root() -> Path:
    """Return the bare root, building it first where it is not in the cache."""
    # The recipe is this file: whatever changes here may change the root. Comments too, which costs seconds.
    recipe = hashlib.sha256(Path(__file__).read_bytes() + platform.machine().encode()).hexdigest()[:16]
    cache = cache_directory()
    root = cache / f"bareroot-{recipe}"
    with locked(cache / "bareroot.lock"):
        if not root.is_dir():
            with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as building:
                _build(Path(building)).rename(root)
    return root


def _build(work: Path) -> Path:
    for tool in ("debootstrap", "dpkg-deb", "ldconfig"):
        if _which(tool) is None:
            raise UnavailableError(f"{tool} is not installed")
    if os.geteuid() != 0:
        raise UnavailableError("debootstrap needs root")
    debs = _download(work / "download")
    unpacked = work / "unpacked"
    # Libraries of every package, programs of four: what is not reached from these programs is left behind.
    for deb in sorted(debs.glob("*.deb")):
        name = deb.name.partition("_")[0]
        if name in HOST_PACKAGES or name.startswith("lib"):
            _run(["dpkg-deb", "-x", str(deb), str(unpacked)])

    root = work / "root"
    for directory in ("usr/bin", "usr/lib64", "etc", *EMPTY_DIRECTORIES):
        (root / directory).mkdir(parents=True)
    links = {"bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib64", "lib64": "usr/lib64", "usr/sbin": "bin"}
    for link, leads_to in links.items():
        (root / link).symlink_to(leads_to)
    _install_programs(debs, unpacked, root)
    for name, content in HOST_FILES.items():
        (root / name).write_text(content)
    # Debian's ld.so looks in /lib/x86_64-linux-gnu by default; the cache leads it to Amazon's place.
    _run(["ldconfig", "-X", "-r", str(root)])
    return root


def _install_programs(debs: Path, unpacked: Path, root: Path) -> None:
    directories = [*unpacked.glob("lib/*-linux-gnu"), *unpacked.glob("usr/lib/*-linux-gnu")]
    # The interpreter is an absolute link (lib64/ld-linux-x86-64.so.2 -> /lib/…/ld-2.31.so).
    [interpreter] = [*unpacked.glob("lib64/ld-linux-*"), *unpacked.glob("lib/ld-linux-*")]
    loader = unpacked / interpreter.readlink().relative_to("/")
    libraries = {interpreter.name: loader}
    for name in NAME_SERVICES:
        libraries[name] = next(path / name for path in directories if (path / name).exists())

    for program in _programs_of(debs):
        source, target = unpacked / program, root / "usr/bin" / Path(program).name
        if source.is_symlink():
            target.symlink_to(source.readlink().name)
            continue
        shutil.copyfile(source, target)
        target.chmod(0o755)
        if source.read_bytes()[:4] == b"\x7fELF":
            # ld.so of the same release is asked what it would load.
            where = ":".join(map(str, directories))
            listing = _run([str(loader), "--library-path", where, "--list", str(source)])
            found = [Path(path) for path in re.findall(r"=> (/\S+)", listing)]
            libraries |= {path.name: path for path in found if path.name != interpreter.name}
    (root / "usr/bin/sh").unlink(missing_ok=True)
    (root / "usr/bin/sh").symlink_to("bash")
    for name, library in libraries.items():
        shutil.copyfile(library, root / "usr/lib64" / name)
        (root / "usr/lib64" / name).chmod(0o755)


def _download(target: Path) -> Path:
    """Let debootstrap fetch and check the packages; nothing of them is run."""
    complaints = []
    environment = dict(os.environ)
    proxy = _apt_config("Acquire::http::Proxy")
    if proxy and proxy != "DIRECT":
        environment.setdefault("http_proxy", proxy)
    for mirror in _mirrors():
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", "--download-only", SUITE, str(target), mirror],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        if done.returncode == 0:
            return target / "var/cache/apt/archives"
        last = (done.stderr + done.stdout).strip().splitlines()[-1:]
        complaints.append(f"{mirror}: {' '.join(last)}")
        shutil.rmtree(target, ignore_errors=True)
    raise UnavailableError("debootstrap failed: " + "; ".join(complaints))


def _mirrors() -> list[str]:
    """Return the mirrors that apt uses here for Debian, then the public ones."""
    mirrors = []
    if _which("apt-get") is not None:
        targets = _run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT) $(RELEASE)"])
        for line in targets.splitlines():
            uri, _, rest = line.partition(" ")
            security = "security" in line
            if uri.startswith(("http://", "https://")) and rest.startswith("main ") and not security:
                mirrors.append(uri.rstrip("/"))
    return list(dict.fromkeys([*mirrors, DEFAULT_MIRROR, ARCHIVE_MIRROR]))


def _apt_config(key: str) -> str:
    if _which("apt-config") is None:
        return ""
    found = re.search(r"value='(.*)'", _run(["apt-config", "shell", "value", key]))
    return found[1] if found else ""


def _programs_of(debs: Path) -> list[str]:
    programs = []
    for package in HOST_PACKAGES:
        [deb] = debs.glob(f"{package}_*.deb")
        listing = _run(["dpkg-deb", "--contents", str(deb)])
        for line in listing.splitlines():
            # mode owner size date time ./path [-> target]
            path = line.split(maxsplit=5)[5].partition(" -> ")[0].removeprefix("./")
            if re.fullmatch(r"(usr/)?s?bin/[^/]+", path):
                programs.append(path)
    return programs


def _which(tool: str) -> str | None:
    # ldconfig and chroot lie in sbin, which is not on everybody's PATH.
    return shutil.which(tool, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def _run(command: Sequence[str]) -> str:
    tool = _which(command[0]) or command[0]
    return subprocess.run([tool, *command[1:]], capture_output=True, text=True, check=True).stdout


# --- the sandbox


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """How a run in the sandbox ended; ``status`` is the exit status, 128 + N for signal N."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs commands as Lambda would, in ``root``: read-only, without network, privileges or HOME.

    As root (the usual case in CI) the mounts are made by root and the command is then started as uid 993,
    so that files only root can read are unreadable, as on Lambda. Everybody else gets a user namespace, in
    which their own files stay readable whatever their mode says.
    """

    root: Path
    environment: Mapping[str, str] = field(default_factory=lambda: LAMBDA_ENVIRONMENT)

    def run(
        self,
        command: Sequence[str],
        *,
        mounts: Mapping[str, Path] | None = None,
        cwd: str = "/var/task",
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float = 60,
        memory: int | None = None,
    ) -> CompletedRun:
        """Run ``command`` with ``mounts`` (mount point to tree) read-only; ``env`` is added to Lambda's.

        ``memory`` bounds, in bytes, what each process may allocate. It leaves out address space that is
        only reserved, which virtual machines do by the gigabyte. A run that takes longer than ``timeout``
        seconds ends with status 124, as with timeout(1).
        """
        limits = [*LIMITS, *([f"--data={memory}:{memory}"] if memory else [])]
        with _system_call_filter() as filter_file:
            arguments = [
                *("prlimit", *limits, "--"),
                *("bwrap", "--seccomp", str(filter_file.fileno())),
                *self._namespaces(),
                *self._mounts(mounts or {}),
                *self._environment(env or {}, cwd),
                *("--", *self._as_user(), *command),
            ]
            try:
                done = subprocess.run(
                    arguments,
                    # An empty standard input is an empty pipe, not /dev/null: programs tell the two apart.
                    input=(stdin or "").encode(),
                    capture_output=True,
                    pass_fds=[filter_file.fileno()],
                    timeout=timeout,
                    check=False,
                )
            except subprocess.TimeoutExpired as expired:
                late = f"\n[no end after {timeout:g} s]"
                return CompletedRun(124, _text(expired.stdout), _text(expired.stderr) + late)
        status = done.returncode if done.returncode >= 0 else 128 - done.returncode
        return CompletedRun(status, _text(done.stdout), _text(done.stderr))

    def check(self) -> None:
        """Raise UnavailableError where this machine does not let us make such a sandbox."""
        for tool in ("bwrap", "prlimit"):
            if _which(tool) is None:
                raise UnavailableError(f"{tool} is not installed")
        tried = self.run(["/bin/true"])
        if tried.status != 0:
            raise UnavailableError(f"bubblewrap does not work here: {tried.stderr.strip()}")

    @staticmethod
    def _namespaces() -> list[str]:
        # One by one: --unshare-all would make a user namespace for root, and in it root's files are ours.
        shared = [f"--unshare-{name}" for name in ("ipc", "pid", "net", "uts", "cgroup")]
        ends = ["--die-with-parent", "--new-session", "--hostname", "169.254.100.6"]
        if os.geteuid() == 0:
            keep = ("CAP_SETUID", "CAP_SETGID", "CAP_SYS_CHROOT")  # for chroot(1), which gives them up
            return [*shared, *ends, "--cap-drop", "ALL", *(x for cap in keep for x in ("--cap-add", cap))]
        return [*shared, *ends, "--unshare-user", "--uid", str(UID), "--gid", str(GID)]

    @staticmethod
    def _as_user() -> list[str]:
        if os.geteuid() != 0:
            return []
        # The only program of the bare root that can change its user, and it need not change the root.
        return ["/usr/sbin/chroot", "--skip-chdir", f"--userspec={UID}:{GID}", "--groups=", "/"]

    def _mounts(self, mounts: Mapping[str, Path]) -> list[str]:
        # The root is put together on a tmpfs so that bubblewrap can make any mount point, then frozen.
        arguments: list[str] = []
        for entry in sorted(self.root.iterdir()):
            if entry.name in OWN_DIRECTORIES:
                continue
            if entry.is_symlink():
                arguments += ["--symlink", str(entry.readlink()), f"/{entry.name}"]
            else:
                arguments += ["--ro-bind", str(entry), f"/{entry.name}"]
        for directory in EMPTY_DIRECTORIES:
            arguments += ["--dir", f"/{directory}"]
        # What a whole machine's programs have there; a bare root has nothing.
        for kept in ("var/lib", "var/cache"):
            if (self.root / kept).is_dir():
                arguments += ["--ro-bind", str(self.root / kept), f"/{kept}"]
        arguments += ["--proc", "/proc", "--perms", "0755", "--tmpfs", "/dev"]
        for device in DEVICES:
            arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
        arguments += ["--remount-ro", "/dev"]
        arguments += ["--perms", "1777", "--size", str(TMP_BYTES), "--tmpfs", "/tmp"]
        for point, tree in mounts.items():
            # Directories that bubblewrap makes on the way to a mount point are closed to others.
            for parent in [*Path(point).parents][-2::-1]:
                arguments += ["--dir", str(parent)]
            arguments += ["--ro-bind", str(tree), point]
        return [*arguments, "--remount-ro", "/"]

    def _environment(self, extra: Mapping[str, str], cwd: str) -> list[str]:
        arguments = ["--clearenv", "--chdir", cwd]
        for name, value in {**self.environment, **extra}.items():
            arguments += ["--setenv", name, value]
        return arguments


def _text(output: bytes | None) -> str:
    return (output or b"").decode(errors="replace")


# --- what Lambda's kernel refuses

_CLONE_NEWUSER = 0x10000000
_REFUSED = {
    # architecture's audit number, then refused calls: ptrace, mount, umount2, unshare, setns, pivot_root,
    # process_vm_readv, process_vm_writev; then clone and clone3.
    "x86_64": (0xC000003E, (101, 165, 166, 272, 308, 155, 310, 311), 56, 435),
    "aarch64": (0xC00000B7, (117, 40, 39, 97, 268, 41, 270, 271), 220, 435),
}


@contextmanager
def _system_call_filter() -> Iterator[IO[bytes]]:
    """Write a seccomp filter: no tracing, no mounting, no namespaces.

    A program that sandboxes itself, or an unpacker that hopes for a user namespace, has to fail here too.
    """
    audit, refused, clone, clone3 = _REFUSED[platform.machine()]
    load, equal, bits, give = 0x20, 0x15, 0x45, 0x06
    allow, errno = 0x7FFF0000, 0x00050000
    eperm, enosys = errno | 1, errno | 38
    program = [(load, 0, 0, 4), (equal, 1, 0, audit), (give, 0, 0, eperm), (load, 0, 0, 0)]
    for number in refused:
        program += [(equal, 0, 1, number), (give, 0, 0, eperm)]
    # clone3's flags are behind a pointer that no filter can follow; glibc falls back to clone.
    program += [(equal, 0, 1, clone3), (give, 0, 0, enosys)]
    program += [(equal, 0, 3, clone), (load, 0, 0, 16), (bits, 0, 1, _CLONE_NEWUSER), (give, 0, 0, eperm)]
    program.append((give, 0, 0, allow))
    with tempfile.TemporaryFile() as file:
        file.write(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
        file.seek(0)
        yield file
