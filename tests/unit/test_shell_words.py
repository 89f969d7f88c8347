"""Which words of a shell script stand where a command can."""

from __future__ import annotations

import pytest

from lambundle.scripts.shell_words import command_words


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("tr a b | sort; uniq && comm || join", ["tr", "sort", "uniq", "comm", "join"]),
        ("if test -e x; then exec /opt/p/run; fi", ["test", "/opt/p/run", "fi"]),
        ("LANG=C A=b sort file", ["sort"]),
        ('dir=$(dirname "$0")', ["dirname"]),
        ('dir="$(cd "$(dirname "$0")" && pwd)"', ["cd", "dirname"]),
        ("x=`uname -m`", ["uname"]),
        ('exec "/usr/lib/p/p.bin" "$@"', ["/usr/lib/p/p.bin"]),
        ("exec $wrapper java -cp x", ["java"]),
        ("stdbuf -oL /opt/p/run x", ["stdbuf", "/opt/p/run"]),
        ("stdbuf -o 0 -e L tool | sort", ["stdbuf", "sort", "tool"]),
        ("exec timeout -k 5 10s tool -x", ["timeout", "tool"]),
        ("eatmydata -- tool", ["eatmydata", "tool"]),
        ("echo timeouts tool", ["echo"]),
        ("exec '/usr/lib/p/p.bin'", ["/usr/lib/p/p.bin"]),
        ("awk '/x/ { print $1; exit }'", ["awk"]),
        ('echo "see man; or info"', ["echo"]),
        ("echo it\\'s; true 'a\nman b'", ["echo", "true"]),
        ("# man p\ntrue # info\necho a#b", ["true", "echo"]),
        ('cat <<END >"$log"\nman it\'s\nEND\nsort', ["cat", "sort"]),
        ("cat <<-'END'\n\tman x\n\tEND\nsort", ["cat", "sort"]),
        (
            'case "$1" in\n  x86_64|amd64) file x ;;\n  (man) sort ;;\n*) uniq;;\nesac',
            ["case", "file", "sort", "uniq", "esac"],
        ),
        ("case $1 in man) sort;; esac", ["case", "sort", "esac"]),
        ("(cd x && make)", ["cd", "make"]),
        ("FIND=find\n${FIND} . -name x", ["find"]),
        ('GETOPT="/usr/bin/getopt"\nargs=$("${GETOPT}" -o x -- "$@")', ["/usr/bin/getopt"]),
        ("AWK='awk'; exec \"$AWK\" -f x", ["exec", "awk"]),
        ("if true; then SED=gsed; else SED=sed; fi\n$SED x", ["true", "fi", "gsed", "sed"]),
        ("FIND=${FIND:-find}\nLANG=C $FIND", ["find"]),
        ('exec "${CC:-gcc}" "$@"', ["exec", "gcc"]),
        ("${CC-/usr/bin/gcc-12} -c x; ${LD:=ld} y", ["/usr/bin/gcc-12", "ld"]),
    ],
)
def test_words_where_a_command_can_stand(script: str, words: list[str]) -> None:
    assert command_words(script) == words


@pytest.mark.parametrize(
    "script",
    [
        "$FIND x",  # nobody says what it is
        "FIND=find\necho $FIND ${FIND}",  # no command
        "FIND=find\necho '; $FIND'",  # text
        "FIND=find\n$FINDER x; ${FIND}s y; $FIND/x",  # another name
        'FIND="find -L"\n$FIND x',  # more than a word
        "FIND=$HOME/find\n$FIND x",
        "# FIND=find\n$FIND x",
    ],
)
def test_a_variable_that_is_no_command_or_no_plain_word_names_none(script: str) -> None:
    assert "find" not in command_words(script)
