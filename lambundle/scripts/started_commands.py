"""Commands that a script of Python, Perl, Ruby, PHP, Tcl, Lua or JavaScript starts by a name that stands in it.

Read loosely: the commands in a text that is handed to a function which starts programs, in backticks where a language
runs them, and the first of a list of arguments where the file calls such a function. A name that is put together
at run time is not found.
"""

from __future__ import annotations

import re

from lambundle.scripts.shell_words import command_words

_START = (
    r"(?:system|exec[lv]?[pe]{0,2}|popen[234]?|Popen|run|call|check_call|check_output|getoutput|getstatusoutput"
    r"|spawn[lv]?[pe]{0,2}|spawnSync|posix_spawnp?|execFile|execFileSync|execSync|execa|create_subprocess_(?:exec|shell)"
    r"|shell_exec|passthru|proc_open|capture[23]?e?|pipeline|open[23]|which|execute)"
)
_CALLED = re.compile(
    rf"\b{_START}\b[(\[{{ \t\n]{{0,200}}+[rbfu]?(?=[\"'`])"
    r"""(?:"(?:"")?\s{0,200}+((?:[^"\n\\]|\\.){1,400})"|'(?:'')?\s{0,200}+((?:[^'\n\\]|\\.){1,400})'|`((?:[^`\n\\]|\\.){1,400})`)"""
)
_STARTER = re.compile(rf"\bsubprocess\b|\bchild_process\b|\bos\.{_START}\b|\bOpen3\b|\b{_START}[ \t]*\(")
_ARGUMENTS = re.compile(
    r"(?:\b\w{0,40}(?:cmd|command|args|argv|exe)\w{0,40}+[ \t]{0,80}+(?::[^=\n]{0,200}+)?=[ \t]{0,80}+[\[(]\s{0,200}+"
    r"([\"'])([\w.+/-]++)\1|[\[(]\s*+([\"'])([\w.+/-]++)\3\s*+,\s*+[rbf]?(?:[\"']-|[^\s\"']))"
)
_BACKTICKS = re.compile(r"`[ \t]{0,80}+([^`\n]{1,400})`|\bq?x[\[{(/][ \t]{0,80}+([^\]})/\n]{1,400})[\]})/]")
_PIPE = re.compile(r"\bopen\b[^\n;]{0,80}?[\"'](?:-\||\|-)[\"'][ \t]*,[ \t]*[\"']([^\"'\n]{1,400})[\"']")
_OF_SHELL = re.compile(r"[;|&`]|\$\(")
_WORD = re.compile(r"(?:[A-Z_]+=\S*+ )*+(?:exec |nice |env )?([A-Za-z0-9_./+-]+)(?=$|[\s;|&<>])")

RUNS_BACKTICKS = re.compile(r"(?:perl|ruby|php|jruby)[0-9.]*$")
"""Interpreters of languages in which backticks run a command."""


def started_commands(text: str, interpreter: str) -> list[str]:
    """Return the names and paths of commands in a script, each once; ``interpreter`` is the script's."""
    found = [match[match.lastindex or 0] for match in _CALLED.finditer(text)]
    if _STARTER.search(text):
        found += [match[2] or match[4] for match in _ARGUMENTS.finditer(text)]
    if RUNS_BACKTICKS.search(interpreter):
        found += [match[1] or match[2] for match in _BACKTICKS.finditer(text)]
        found += [match[1] for match in _PIPE.finditer(text)]
    words: dict[str, None] = {}
    for item in (item.lstrip("| \t") for item in found):
        word = _WORD.match(item)
        words |= {} if word is None else {word[1]: None}
        words |= dict.fromkeys(command_words(item) if _OF_SHELL.search(item) else ())
    return list(words)
