"""What each function that a random program can call is given."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass


class Takes(enum.Enum):
    """A kind of argument."""

    PATH = "a path of any kind"
    LISTED = "a directory whose names are printed"
    DIRECTORY = "a descriptor before the path"
    OTHER = "a second path"
    SLOT = "a place for its descriptor"
    PROGRAM = "a program to start"
    BINARY = "a program that is no script"
    LIBRARY = "a library to load"
    COMMAND = "a shell's command"
    PATTERN = "a pattern for glob"
    WORDS = "words for wordexp"
    KERNELS = "a path that is the kernel's where it is relative"
    PROTOCOL = "a protocol's name"
    TEMPLATE = "a name for a temporary file"


@dataclass(frozen=True, slots=True)
class Function:
    """How a function is called: what it takes, and its other arguments, one of which is chosen."""

    takes: frozenset[Takes]
    number: tuple[int, ...] = ()
    second: tuple[int | str, ...] = ()
    text: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ("main",)


ANYWHERE = (
    *("main",) * 8,
    "thread",
    "thread",
    "small-thread",
    "handler",
    "handler",
    "own-stack",
    "fork",
    "vfork",
    "vfork",
)
"""Of a function that needs little stack."""

ROOMY = (*("main",) * 6, "thread", "handler", "fork")
STARTING = (*ROOMY, "small-thread", "own-stack")
"""Of a function that starts a program: it needs no more stack than at home."""

_P = Takes.PATH
_D = Takes.DIRECTORY
_O = Takes.OTHER
_L = Takes.LISTED

NOFOLLOW, EMPTY, EACCESS, REMOVEDIR, FOLLOW = 0x100, 0x1000, 0x200, 0x200, 0x400
_OPEN = (
    *(0, 0, 0, 0),
    os.O_DIRECTORY,
    os.O_DIRECTORY,
    os.O_NOFOLLOW,
    os.O_PATH,
    os.O_PATH | os.O_NOFOLLOW,
    os.O_WRONLY,
    os.O_RDWR,
    os.O_WRONLY | os.O_CREAT,
    os.O_RDWR | os.O_CREAT | os.O_EXCL,
    os.O_WRONLY | os.O_TRUNC,
    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    os.O_CREAT,
)
_READ = tuple(flags for flags in _OPEN if not flags & os.O_CREAT)
_MODES = ("0644", "0755", "0600", "0444", "0777")
_STREAMS = ("r", "r", "rb", "re", "r+", "w", "a", "a+", "wx", "z", "rm")
_STATUS = (0, 0, NOFOLLOW, NOFOLLOW, EMPTY, EMPTY | NOFOLLOW, 0x800, 4)
_ACCESS = (0, 1, 2, 4, 5, 6, 7, 8)
_ATTRIBUTES = ("user.made", "security.selinux", "trusted.x", "@empty", "none", "user." + "n" * 260)
_WALK = (0, 1, 1, 2, 4, 8, 9, 5)
_TREE = (0x10, 0x10, 0x14, 0x2, 0x6, 0x11, 0x30, 0x18, 0x50, 0)
_GLOB = (0, 0, 2, 4, 0x10, 0x80, 0x1000, 0x400, 0x2000)
_ROOM = (0, 0, 0, 1, 3, 10, 4000)
_STARTS = (0, 1)
_SERVICES = ("echo", "made", "alias-of-made", "other", "missing", "4711", "@empty")
_PROTOCOLS = ("tcp", "TCP", "made", "MADE", "ip", "missing")


def _rows(
    names: str,
    *takes: Takes,
    number: tuple[int, ...] = (),
    second: tuple[int | str, ...] = (),
    text: tuple[str, ...] = (),
    contexts: tuple[str, ...] = ANYWHERE,
) -> dict[str, Function]:
    function = Function(frozenset(takes), number, second, text, contexts)
    return dict.fromkeys(names.split(), function)


FUNCTIONS = {
    **_rows("open open64 syscall_open", _P, Takes.SLOT, number=_OPEN, second=_MODES),
    **_rows("openat openat64 syscall_openat", _P, _D, Takes.SLOT, number=_OPEN, second=_MODES),
    **_rows("syscall_openat2", _P, _D, number=_READ),
    **_rows("__open_2 __open64_2", _P, Takes.SLOT, number=_READ),
    **_rows("__openat_2 __openat64_2", _P, _D, number=_READ),
    **_rows("creat creat64 write", _P, second=_MODES, text=("written",)),
    **_rows("fopen fopen64 freopen freopen64 setmntent", _P, text=_STREAMS),
    **_rows("opendir", _P, _L),
    **_rows("truncate truncate64", _P, number=(0, 3, 100, -1)),
    **_rows("stat lstat stat64 lstat64 __xstat __lxstat __xstat64 __lxstat64 syscall_stat syscall_lstat", _P),
    **_rows("fstatat fstatat64 __fxstatat __fxstatat64 statx syscall_newfstatat syscall_statx", _P, _D, number=_STATUS),
    **_rows("statfs statfs64 statvfs statvfs64 syscall_statfs", _P),
    **_rows("pathconf", _P, number=(3, 4, 5, 99)),
    **_rows("same", _P, _O),
    **_rows("access eaccess euidaccess syscall_access", _P, number=_ACCESS),
    **_rows("faccessat", _P, _D, number=(0, 0, EACCESS, NOFOLLOW, 4), second=_ACCESS),
    **_rows("syscall_faccessat syscall_faccessat2", _P, _D, number=(0, 0, EACCESS, NOFOLLOW, EMPTY), second=_ACCESS),
    **_rows("chdir syscall_chdir", _P, contexts=("main",)),
    **_rows("fchdir", _D, contexts=("main",)),
    **_rows("getcwd", number=(0, 0, 1, 5)),
    **_rows("get_current_dir_name getwd __getcwd_chk __getwd_chk"),
    **_rows("syscall_getcwd getcwd_null", number=(0, 0, 1, 5, 4000)),
    **_rows("chmod lchmod", _P, second=_MODES),
    **_rows("fchmodat", _P, _D, number=(0, NOFOLLOW, 4), second=_MODES),
    **_rows("chown lchown utime utimes lutimes unlink remove rmdir", _P),
    **_rows("fchownat", _P, _D, number=(0, NOFOLLOW, EMPTY)),
    **_rows("futimesat", _P, _D),
    **_rows("utimensat", _P, _D, number=(0, NOFOLLOW, 4)),
    **_rows("unlinkat", _P, _D, number=(0, REMOVEDIR, 1)),
    **_rows("mkdir mkfifo mknod __xmknod", _P, second=_MODES),
    **_rows("mkdirat mkfifoat mknodat __xmknodat", _P, _D, second=_MODES),
    **_rows("rename link", _P, _O),
    **_rows("renameat", _P, _D, _O),
    **_rows("renameat2", _P, _D, _O, number=(0, 1, 2, 3)),
    **_rows("linkat", _P, _D, _O, number=(0, FOLLOW, EMPTY)),
    **_rows("symlink", _P),
    **_rows("symlinkat", _P, _D),
    **_rows("mkstemp", Takes.TEMPLATE),
    **_rows("getxattr lgetxattr setxattr lsetxattr removexattr lremovexattr", _P, text=_ATTRIBUTES),
    **_rows("listxattr llistxattr ftok", _P),
    **_rows("inotify_add_watch", _P, number=(0, 0x01000000, 0x02000000)),
    **_rows("scandir scandir64", _P, _L, number=(0, 1)),
    **_rows("scandirat scandirat64", _P, _D, _L),
    **_rows("ftw ftw64", _P, _L, Takes.KERNELS, contexts=ROOMY),
    **_rows("nftw nftw64", _P, _L, Takes.KERNELS, number=_WALK, contexts=ROOMY),
    **_rows(
        "fts_open fts64_open fts_read fts64_read fts_children fts64_children",
        _P,
        _O,
        _L,
        Takes.KERNELS,
        number=_TREE,
        contexts=ROOMY,
    ),
    **_rows("glob glob64", Takes.PATTERN, number=_GLOB, contexts=ROOMY),
    **_rows("wordexp", Takes.WORDS, number=(0, 0, 4, 0x20), contexts=ROOMY),
    **_rows("catopen", _P, Takes.KERNELS, contexts=ROOMY),
    **_rows("readlink syscall_readlink __readlink_chk", _P, number=_ROOM),
    **_rows("readlinkat syscall_readlinkat __readlinkat_chk", _P, _D, number=_ROOM),
    **_rows("realpath realpath_null __realpath_chk canonicalize_file_name", _P, contexts=ROOMY),
    **_rows(
        "execve execv execvp execvpe execl execlp execle syscall_execve",
        Takes.PROGRAM,
        number=_STARTS,
        contexts=STARTING,
    ),
    **_rows("fexecve", Takes.BINARY, number=_STARTS, contexts=STARTING),
    **_rows(
        "execveat syscall_execveat",
        Takes.BINARY,
        _D,
        number=_STARTS,
        second=(0, 0, NOFOLLOW, EMPTY),
        contexts=STARTING,
    ),
    **_rows("_exit _Exit", number=_STARTS, second=(0, 3, 256), contexts=ROOMY),
    **_rows("posix_spawn posix_spawnp", Takes.PROGRAM, contexts=STARTING),
    **_rows("posix_spawn_file_actions_addopen", _P, Takes.KERNELS, contexts=STARTING),
    **_rows("posix_spawn_file_actions_addchdir_np", _P, _L, Takes.KERNELS, contexts=ROOMY),
    **_rows("system popen pclose fclose", Takes.COMMAND, contexts=STARTING),
    **_rows("fork", _P, second=(0, 3)),
    **_rows("dlopen", Takes.LIBRARY, number=(0, 4, 8), contexts=ROOMY),
    **_rows("dlmopen", Takes.LIBRARY, contexts=ROOMY),
    **_rows("bindtextdomain", _P),
    **_rows("getenv secure_getenv", text=("PATH", "HOME", "LANG", "missing", "@empty", "LD_PRELOAD", "PWD")),
    **_rows("environ"),
    **_rows("getservbyname getservbyname_r", Takes.PROTOCOL, text=_SERVICES, contexts=ROOMY),
    **_rows("getservbyport getservbyport_r", Takes.PROTOCOL, number=(7, 4711, 4712, 1), contexts=ROOMY),
    **_rows("getaddrinfo", number=(0, 1, 2), text=_SERVICES[:-1], contexts=ROOMY),
    **_rows("getprotobyname getprotobyname_r", text=_PROTOCOLS, contexts=ROOMY),
    **_rows("getprotobynumber getprotobynumber_r", number=(0, 6, 250, 99), contexts=ROOMY),
}
