"""Calls that once printed something else bundled than at home, by what is true now."""

from __future__ import annotations

from tests.runtime.generator.tree import HOME

LONG = "n" * 256


def _call(function: str, path: str = "", *, context: str = "main", **fields: str) -> str:
    order = ("slot", "directory", "path", "other_directory", "other_path", "number", "second", "text")
    return "\t".join([context, function, *({"path": path, **fields}.get(field, "") for field in order)])


CLAIMS = {
    "below_a_file_is_not_a_directory": [
        _call("stat", f"{HOME}/file/x"),
        _call("open", f"{HOME}/abs/", context="thread"),
        _call("access", f"{HOME}/dir/a/.."),
        _call("execve", f"{HOME}/bin/say/x", number="1"),
        _call("rename", f"{HOME}/file/x", other_path="/tmp/x"),
        _call("posix_spawn", f"{HOME}/bin/script/"),
    ],
    "a_name_is_too_long_in_a_directory_of_the_bundle": [
        _call("lstat", f"{HOME}/{LONG}"),
        _call("opendir", f"{HOME}/dir/{LONG}"),
        _call("readlink", f"/etc/made/{LONG}", context="vfork"),
        _call("chdir", f"/opt/made/{LONG}"),
        _call("fopen", f"/srv/made/{LONG}", text="r"),
        _call("posix_spawnp", LONG),
        _call("execvp", LONG),
    ],
    "what_is_made_or_removed_there_meets_a_file_system_that_cannot_be_written": [
        _call("open", f"{HOME}/new", number="0101", second="0644"),
        _call("fopen", f"{HOME}/dir/new", text="w"),
        _call("mkdir", "/etc/made/new/", second="0755", context="handler"),
        _call("symlink", f"{HOME}/new", text="file"),
        _call("unlink", f"{HOME}/missing", context="vfork"),
        _call("rename", f"{HOME}/file", other_path=f"{HOME}/new"),
        _call("rmdir", "/opt/made/sub/missing"),
        _call("mknod", "/var/lib/made/new", second="0644", context="small-thread"),
    ],
    "a_missing_directory_is_missing": [
        _call("open", f"{HOME}/missing/new", number="0101", second="0644"),
        _call("mkdir", "/nowhere/new", second="0755"),
        _call("unlink", f"{HOME}/missing/x"),
    ],
    "a_directory_of_the_machine_that_only_the_bundle_has_is_there": [
        _call("stat", "/home"),
        _call("opendir", "/home"),
        _call("ftw", "/home/made/.."),
        _call("chdir", "/home"),
    ],
    "execveat_knows_its_flags": [
        _call("syscall_execveat", f"{HOME}/bin/say", second="0x1000"),
        _call("syscall_execveat", f"{HOME}/bin/say", second="0x100"),
        _call("syscall_execveat", f"{HOME}/bin/linked", second="0x100"),
        _call("syscall_execveat", f"{HOME}/bin/script", second="0x1100", number="1"),
        _call("syscall_execveat", f"{HOME}/dir", second="0x100"),
        _call("syscall_execveat", f"{HOME}/bin/say", second="4"),
    ],
    "a_service_is_one_of_its_protocol": [
        _call("getaddrinfo", number="1", text="made"),
        _call("getaddrinfo", number="0", text="made"),
        _call("getaddrinfo", number="0", text="echo"),
        _call("getaddrinfo", number="2", text="made"),
        _call("getaddrinfo", number="3", text="echo"),
        _call("getaddrinfo", number="1", text="other"),
        _call("getservbyname_r", "sctp", text="echo"),
        _call("getservbyport_r", "udp", number="4711"),
        _call("getservbyname", "@null", text="alias-of-made"),
    ],
    "a_link_that_is_made_to_a_served_path_leads_there": [
        _call("symlink", "/tmp/in", text=f"{HOME}/abs"),
        _call("open", "/tmp/in"),
        _call("readlink", "/tmp/in"),
        _call("readlink", "/tmp/in", number="3"),
        _call("lstat", "/tmp/in"),
        _call("realpath", "/tmp/in"),
        _call("symlinkat", "/tmp/dirin", text=f"{HOME}/dir/"),
        _call("opendir", "/tmp/dirin/sub"),
        _call("glob", "/tmp/dirin/*"),
        _call("chdir", "/tmp/dirin"),
        _call("getcwd"),
        _call("symlink", "/tmp/say", text=f"{HOME}/bin/say"),
        _call("execve", "/tmp/say", number="1"),
        _call("system", "/tmp/say"),
        _call("symlink", "/tmp/out", text="/etc/passwd"),
        _call("readlink", "/tmp/out"),
    ],
    "a_relative_path_reaches_both_sides": [
        _call("chdir", "/"),
        _call("readlink", f"{HOME[1:]}/abs"),
        _call("realpath", f"{HOME[1:]}/dir/up"),
        _call("scandir", "srv/made"),
        _call("realpath", "var/lib/../../var"),
        _call("ftw", "opt/made"),
        _call("freopen", "etc/made/conf", text="r"),
        _call("mkdir", "etc/made/new", second="0755"),
        _call("creat", "usr/local", second="0644"),
        _call("chdir", f"{HOME}/dir"),
        _call("open", "../../../../etc/passwd"),
        _call("creat", "../../../../../../tmp/made", second="0644"),
        _call("rename", "../../../../tmp/made", other_path="/tmp/again"),
        _call("stat", "/tmp/again"),
        _call("lstat", "../../../../srv/made/down"),
    ],
    "fts_children_are_named_as_they_were_asked_for": [
        _call("fts_children", f"{HOME}/dir", number="0x10"),
        _call("fts64_children", f"{HOME}/todir/", number="0x2"),
    ],
    "execvp_starts_a_file_without_a_header_as_the_libc_does": [
        _call("execvp", f"{HOME}/bin/plain"),
        _call("execlp", "plain", context="thread"),
        _call("execve", f"{HOME}/bin/plain"),
    ],
}
