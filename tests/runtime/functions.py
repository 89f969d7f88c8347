"""Every function that the runtime stands before, and how the program ``probe`` shows which file it took."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    """What lies at the paths that a function is called with."""

    FILE = "files"
    DIRECTORY = "directories"
    EMPTY = "empties"
    LINK = "links"
    PLUGIN = "plugins"
    PROGRAM = "programs"


@dataclass(frozen=True, slots=True)
class Probe:
    """A call. ``symbol`` is the exported function, ``name`` the probe's own where it differs.

    The four answers are what is expected for a path that only the bundle has, only the host, both, none.
    ``changes``: it needs files of its own.
    """

    symbol: str
    kind: Kind
    name: str
    libcs: tuple[str, ...]
    answers: tuple[str, str, str, str]
    changes: bool = False
    xattr: bool = False

    @property
    def directory(self) -> str:
        """Name of the directory, below the data directory, that it is called with."""
        return self.name if self.changes or self.xattr else self.kind.value


ALL = ("glibc", "glibc-2.31", "musl")
GNU = ("glibc", "glibc-2.31")
NEW_GNU = ("glibc",)
READS = ("bundle", "host", "bundle", "ENOENT")
FINDS = ("yes", "yes", "yes", "ENOENT")
CREATES = ("EEXIST", "EEXIST", "EEXIST", "host")
REPLACES = ("bundle", "host", "bundle", "host")
LINKS = ("to-bundle", "to-host", "to-bundle", "ENOENT")
STARTS_SHELL = ("bundle", "host", "bundle", "127")
BINDS = ("bundle", "host", "bundle", "host")


def _rows(
    names: str,
    kind: Kind,
    libcs: tuple[str, ...] = ALL,
    answers: tuple[str, str, str, str] = READS,
    *,
    changes: bool = False,
    xattr: bool = False,
) -> list[Probe]:
    rows = []
    for name in names.split():
        symbol = name.removesuffix("_to")
        if name.startswith("syscall_"):
            symbol = "syscall"
        rows.append(Probe(symbol, kind, name, libcs, answers, changes, xattr))
    return rows


PROBES = (
    *_rows("open openat fopen freopen setmntent", Kind.FILE),
    *_rows("open64 openat64 fopen64 freopen64 __open_2 __open64_2 __openat_2 __openat64_2", Kind.FILE, GNU),
    *_rows("creat", Kind.FILE, answers=REPLACES, changes=True),
    *_rows("creat64", Kind.FILE, GNU, REPLACES, changes=True),
    *_rows("truncate", Kind.FILE, changes=True),
    *_rows("truncate64", Kind.FILE, GNU, changes=True),
    *_rows("stat lstat fstatat", Kind.FILE),
    *_rows("stat64 lstat64 fstatat64 statx", Kind.FILE, GNU),
    *_rows("__xstat __lxstat __xstat64 __lxstat64 __fxstatat __fxstatat64", Kind.FILE, GNU),
    *_rows("statfs statvfs", Kind.FILE, answers=FINDS),
    *_rows("statfs64 statvfs64 pathconf", Kind.FILE, GNU, FINDS),
    *_rows("access eaccess euidaccess faccessat", Kind.FILE),
    *_rows("opendir chdir scandir ftw nftw glob inotify_add_watch", Kind.DIRECTORY),
    *_rows("scandir64 scandirat scandirat64 ftw64 nftw64 fts_open glob64", Kind.DIRECTORY, GNU),
    *_rows("fts64_open", Kind.DIRECTORY, NEW_GNU),
    *_rows("chmod fchmodat chown lchown fchownat", Kind.FILE, changes=True),
    *_rows("lchmod", Kind.FILE, ("glibc", "musl"), changes=True),  # before 2.32 glibc's only fails
    *_rows("utime utimes lutimes futimesat utimensat", Kind.FILE, changes=True),
    *_rows("unlink unlinkat remove rename renameat link linkat", Kind.FILE, changes=True),
    *_rows("renameat2", Kind.FILE, GNU, changes=True),
    *_rows("rmdir", Kind.EMPTY, changes=True),
    *_rows("mkdir mkdirat", Kind.EMPTY, answers=CREATES, changes=True),
    *_rows("mkfifo mkfifoat mknod mknodat symlink symlinkat", Kind.FILE, answers=CREATES, changes=True),
    *_rows("__xmknod __xmknodat", Kind.FILE, GNU, CREATES, changes=True),
    *_rows("link_to linkat_to", Kind.FILE, answers=CREATES, changes=True),
    *_rows("rename_to renameat_to", Kind.FILE, answers=REPLACES, changes=True),
    *_rows("renameat2_to", Kind.FILE, GNU, REPLACES, changes=True),
    *_rows("getxattr lgetxattr listxattr llistxattr", Kind.FILE, xattr=True),
    *_rows("setxattr lsetxattr removexattr lremovexattr", Kind.FILE, changes=True, xattr=True),
    *_rows("ftok", Kind.FILE),
    *_rows("readlink readlinkat realpath", Kind.LINK, answers=LINKS),
    *_rows("canonicalize_file_name __realpath_chk __readlink_chk __readlinkat_chk", Kind.LINK, GNU, LINKS),
    *_rows("dlopen", Kind.PLUGIN),
    *_rows("dlmopen", Kind.PLUGIN, GNU),
    *_rows("bindtextdomain", Kind.DIRECTORY, answers=BINDS),
    *_rows("execve execv execvp execvpe execl execlp execle fexecve", Kind.PROGRAM),
    *_rows("execveat", Kind.PROGRAM, NEW_GNU),
    *_rows("posix_spawn posix_spawnp", Kind.PROGRAM),
    *_rows("system popen fclose", Kind.PROGRAM, answers=STARTS_SHELL),
    *_rows("posix_spawn_file_actions_addopen", Kind.FILE),
    *_rows("posix_spawn_file_actions_addchdir_np", Kind.DIRECTORY),
    *_rows("syscall_open syscall_stat syscall_lstat syscall_access", Kind.FILE),
    *_rows("syscall_openat syscall_openat2 syscall_faccessat syscall_faccessat2", Kind.FILE),
    *_rows("syscall_newfstatat syscall_statx", Kind.FILE),
    *_rows("syscall_statfs", Kind.FILE, answers=FINDS),
    *_rows("syscall_chdir", Kind.DIRECTORY),
    *_rows("syscall_readlink syscall_readlinkat", Kind.LINK, answers=LINKS),
    *_rows("syscall_execve syscall_execveat", Kind.PROGRAM),
)

ELSEWHERE = {
    "_exit": "test_trace.py: the objects of a process that ends so are recorded",
    "_Exit": "test_trace.py",
    "fork": "test_trace.py: a child records its own end",
    "getenv": "test_trace.py: a variable that was asked for is recorded",
    "secure_getenv": "test_trace.py",
    "pathconf": "in musl it does not look at the path",
    **dict.fromkeys(
        ("getservbyname", "getservbyport", "getservbyname_r", "getservbyport_r", "getaddrinfo"), "test_services.py"
    ),
    **dict.fromkeys(
        ("getprotobyname", "getprotobynumber", "getprotobyname_r", "getprotobynumber_r"),
        "test_services.py; musl has a table of its own",
    ),
    **dict.fromkeys(("getcwd", "get_current_dir_name"), "test_view.py: the working directory"),
    **dict.fromkeys(("getwd", "__getcwd_chk", "__getwd_chk"), "test_view.py: the same; not in musl"),
    **dict.fromkeys(("fts_read", "fts_children", "fts64_read", "fts64_children"), "test_view.py: fts; not in musl"),
    "wordexp": "test_view.py: words",
    "catopen": "test_view.py: catalogues",
    "pclose": "the probe of popen ends with it and looks at the status",
}
"""Exported functions that no probe is named after, and where they are tested."""

OWN_DIRECTORY = {probe.name: probe.kind for probe in PROBES if probe.changes or probe.xattr}
KINDS = {"xattr": tuple(probe.name for probe in PROBES if probe.xattr)}


def probes_of(libc: str) -> list[str]:
    """Names of the probes that a program for this libc can be built with."""
    return [probe.name for probe in PROBES if libc in probe.libcs]
