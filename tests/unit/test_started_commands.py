"""Commands that scripts start by a name that stands in them."""

from __future__ import annotations

import pytest

from lambundle.scripts.started_commands import started_commands


@pytest.mark.parametrize(
    ("interpreter", "text", "expected"),
    [
        ("python3", 'subprocess.run(["ffmpeg", "-i", path])', ["ffmpeg"]),
        ("python3", "subprocess.check_output('pdftotext -layout a.pdf -', shell=True)", ["pdftotext"]),
        ("python3", "import subprocess\ncmd = ['convert', source, target]\nsubprocess.run(cmd)", ["convert"]),
        ("python3", "import subprocess\ncommand: list[str] = ['git', 'log']\nrun(command)", ["git"]),
        ("python3", "os.execvp('gs', arguments)", ["gs"]),
        ("python3", "if shutil.which('sox'): pass", ["sox"]),
        ("python3", "names = ['convert', 'resize']", []),
        ("python3", "print('`tar` and system')", []),
        ("perl", 'system("tar", "xf", $file);', ["tar"]),
        ("perl", "my $text = `pdftotext $file -`;", ["pdftotext"]),
        ("perl", 'open(my $in, "-|", "gzip -dc $file");', ["gzip"]),
        ("perl", "my $out = qx{identify $file};", ["identify"]),
        ("ruby", "out = `dot -Tpng a.dot`\nOpen3.capture2('gs', '-v')", ["gs", "dot"]),
        ("node", "const { execFile } = require('child_process'); execFile('ffmpeg', ['-i', file])", ["ffmpeg"]),
        ("node", "const text = `tar of ${name}`", []),
        ("node", 'spawn("/usr/bin/gs", options)', ["/usr/bin/gs"]),
        ("php", "$text = shell_exec('pdftotext a.pdf -');", ["pdftotext"]),
        ("tclsh", 'set text [exec "gs" -v]', ["gs"]),
        ("lua", "os.execute('LANG=C sort a')", ["sort"]),
        ("python3", "os.system('cp a /tmp; wc -l < /tmp/a | tee b && rm a')", ["cp", "wc", "tee", "rm"]),
        ("python3", """subprocess.run("awk '{print $1}' " + path, shell=True)""", ["awk"]),
        ("python3", 'subprocess.run("""\ntac a""", shell=True)', ["tac"]),
        ("python3", 'subprocess.run("echo \\"a\\" | rev", shell=True)', ["echo", "rev"]),
        ("perl", "print `cat $a | sort -u`;", ["cat", "sort"]),
        ("node", "execSync(`tar xf ${file}`)", ["tar"]),
        ("node", "cp.exec('cat \"' + file + '\" | gzip')", ["cat"]),
    ],
)
def test_a_command_is_found_by_the_name_in_a_call(interpreter: str, text: str, expected: list[str]) -> None:
    assert started_commands(text, f"/usr/bin/{interpreter}") == expected
