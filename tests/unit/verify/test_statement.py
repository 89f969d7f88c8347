"""Which line of an output says what went wrong, as real programs print when they fail by themselves."""

from __future__ import annotations

import textwrap

import pytest

from lambundle.verify.diagnosis.evidence import excerpt
from lambundle.verify.run.statement import is_error, statement, telling

OUTPUTS = {
    "R": ("Error: my own error\nExecution halted", "Error: my own error"),
    "R, of a function": (
        "Error in f() : \n  my own error\nCalls: f\nExecution halted",
        "Error in f() : my own error",
    ),
    "rclone": (
        (
            '10:00:00 NOTICE: Config file "/.rclone.conf" not found - using defaults\n'
            '10:00:00 CRITICAL: Failed to create file system for "nosuch:": didn\'t find section in config file'
        ),
        '10:00:00 CRITICAL: Failed to create file system for "nosuch:": didn\'t find section in config file',
    ),
    "aws": (
        (
            "\nusage: aws [options] <command> <subcommand> [parameters]\nTo see help, you can run:\n\n  aws help\n\n"
            "aws: error: argument subcommand: Invalid choice, valid choices are:"
        ),
        "aws: error: argument subcommand: Invalid choice, valid choices are:",
    ),
    "a shell that went on": ("cat: /nope: No such file or directory\nthe table is empty", "the table is empty"),
    "gcc": (
        (
            "a.c: In function 'main':\na.c:1:19: error: 'x' undeclared (first use in this function)\n"
            "    1 | int main(){return x;}\n      |                   ^"
        ),
        "a.c:1:19: error: 'x' undeclared (first use in this function)",
    ),
    "ld": (
        (
            "/usr/bin/ld: /tmp/cc.o: in function `main':\na.c:(.text+0xa): undefined reference to `f'\n"
            "collect2: error: ld returned 1 exit status"
        ),
        "a.c:(.text+0xa): undefined reference to `f'",
    ),
    "make": (
        "cc -c x.c\ncc: error: x.c: No such file or directory\nmake: *** [Makefile:2: x.o] Error 1",
        "cc: error: x.c: No such file or directory",
    ),
    "node": (
        (
            "node:internal/modules/cjs/loader:998\n  throw err;\n  ^\n\nError: Cannot find module 'x'\nRequire stack:\n"
            "- /var/task/[eval]\n    at Module._resolveFilename (node:internal:995:15)\n    at node:internal/main:1 {\n"
            "  code: 'MODULE_NOT_FOUND',\n  requireStack: [ '/var/task/[eval]' ]\n}\n\nNode.js v18.19.0"
        ),
        "Error: Cannot find module 'x'",
    ),
    "Go": (
        "panic: mine\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:4 +0x25\nexit status 2",
        "panic: mine",
    ),
    "Java": (
        'Exception in thread "main" java.lang.Error: mine\n\tat A.main(A.java:1)\n\t... 3 more',
        'Exception in thread "main" java.lang.Error: mine',
    ),
    "Ruby": (
        "x.rb:1:in `f': mine (RuntimeError)\n\tfrom x.rb:2:in `<main>'",
        "x.rb:1:in `f': mine (RuntimeError)",
    ),
    "Ghostscript": (
        (
            "Error: /undefinedfilename in (x.ps)\nOperand stack:\n\nExecution stack:\n   %interp_exit   .runexec2\n"
            "Dictionary stack:\n   --dict:742/1123(ro)(G)--\nCurrent allocation mode is local\n"
            "Last OS error: No such file or directory\nGPL Ghostscript 10.00.0: Unrecoverable error, exit code 1"
        ),
        "Error: /undefinedfilename in (x.ps)",
    ),
    "LaTeX": (
        (
            "! LaTeX Error: File `x.cls' not found.\n\nType X to quit,\nor enter new name. "
            "(Default extension: cls)\n\nEnter file name: \n! Emergency stop.\n<read *> \n         \nl.2 \\begin\n"
            "     {document}^^M\n!  ==> Fatal error occurred, no output PDF file produced!\nTranscript written."
        ),
        "! LaTeX Error: File `x.cls' not found.",
    ),
    "git": (
        (
            "fatal: not a git repository (or any parent up to mount point /)\n"
            "Stopping at filesystem boundary (GIT_DISCOVERY_ACROSS_FILESYSTEM not set)."
        ),
        "fatal: not a git repository (or any parent up to mount point /)",
    ),
    "Perl": (
        "Can't locate X.pm in @INC (contains: /etc) at - line 1.\nBEGIN failed--compilation aborted at - line 1.",
        "Can't locate X.pm in @INC (contains: /etc) at - line 1.",
    ),
    "Python": (
        (
            'Traceback (most recent call last):\n  File "x.py", line 2, in f\n    raise KeyError("error")\n'
            "             ^^^^^^^^\nMyFault: it is"
        ),
        "MyFault: it is",
    ),
    "Python that caught it": (
        'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    f()\nKeyError: 1\nfatal: no way',
        "fatal: no way",
    ),
    "a tool with advice": ("tool: bad option\nTry 'tool --help' for more information.", "tool: bad option"),
    "a tool with its usage": ("tool: unknown option x\nusage: tool FILE", "tool: unknown option x"),
    "jq": ("jq: error: syntax error, unexpected end\njq: 1 compile error", "jq: error: syntax error, unexpected end"),
    "sqlite3": (
        "Error: in prepare, table t already exists\n  create table t(x);\n               ^--- error here",
        "Error: in prepare, table t already exists",
    ),
    "sqlite3, near the end of a long line": (
        "Error: in prepare, no such table: nosuch\n  1, 2, 3 from nosuch;\n  error here ---^",
        "Error: in prepare, no such table: nosuch",
    ),
    "only warnings": ("tool: warning: old file", "tool: warning: old file"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_line_that_says_it(name: str) -> None:
    output, line = OUTPUTS[name]
    assert telling(excerpt(output)) == line


def test_a_traceback_is_a_statement_as_a_whole_and_what_came_before_is_none_of_it() -> None:
    output = textwrap.dedent(
        """\
        cat: /nope: No such file or directory
        Traceback (most recent call last):
          File "<frozen os>", line 680, in __getitem__
        KeyError: 'TABLE'
        """
    )
    said = statement(excerpt(output))
    assert said[0].startswith("Traceback")
    assert said[-1] == "KeyError: 'TABLE'"


def test_warnings_and_what_follows_errors_are_no_errors() -> None:
    assert not is_error(["tool: warning: cannot find x", "GPL Ghostscript 10: Unrecoverable error, exit code 1"])
    assert is_error(["cannot find x"])
