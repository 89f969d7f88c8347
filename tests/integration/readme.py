"""The README's screens: run their commands again, here in a work directory made for them.

``python -m tests.integration.readme`` writes what the commands print now into the README.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"
SCREEN = re.compile(r"(?<=^```console\n)\$ (?P<command>.+)\n(?P<output>(?:.*\n)*?)(?=^```$)", re.MULTILINE)

BOOTSTRAP = r"""#!/bin/bash
ask() {  # METHOD PATH BODY, of the Runtime API; bash can speak to a port
    exec 3<> "/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}"
    printf '%s /2018-06-01/runtime/invocation/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' "$1" "$2" >&3
    printf 'Content-Length: %d\r\n\r\n%s' "${#3}" "$3" >&3
    cat <&3
}
while answer=$(ask GET next ''); do
    id=$(sed -n 's/^lambda-runtime-aws-request-id: *\([^[:cntrl:]]*\).*/\1/Ip' <<< "$answer")
    ask POST "$id/response" '{"hello": "you"}' > /dev/null
done
"""


def prepare(directory: Path) -> None:
    """Make the files that screens speak of: ./render needs a library that is gone, hello.zip is a function in sh."""
    (directory / "lib.c").write_text("int f(void) { return 0; }")
    (directory / "main.c").write_text("int f(void); int main(void) { return f(); }")
    library = directory / "libgone.so.1"
    make = f"gcc -shared -o {library.name} -Wl,-soname,{library.name} lib.c"
    link = f"gcc -o render main.c ./{library.name} '-Wl,-rpath,$ORIGIN/lib'"
    for command in (make, link):
        subprocess.run(["sh", "-c", command], cwd=directory, check=True)
    library.unlink()
    make_function(directory / "hello.zip")
    (directory / "event.json").write_text('{"name": "you"}')


def make_function(path: Path) -> None:
    """Write a function with a bootstrap in sh, which answers every event."""
    with zipfile.ZipFile(path, "w") as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.create_system, bootstrap.external_attr = 3, 0o100755 << 16
        archive.writestr(bootstrap, BOOTSTRAP)


def output(command: str, directory: Path) -> str:
    """What a command prints, errors too, with the work directory named as a reader's could be."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": os.environ.get("HOME", "/"),
    }
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.replace(str(directory), "/home/me")


def screens() -> list[tuple[str, str]]:
    """Commands of the README with what it says they print."""
    return [(match["command"], match["output"]) for match in SCREEN.finditer(README.read_text(encoding="utf-8"))]


def main() -> None:
    """Write the screens anew."""
    with tempfile.TemporaryDirectory() as work:
        prepare(Path(work))
        text = SCREEN.sub(
            lambda match: f"$ {match['command']}\n{output(match['command'], Path(work))}",
            README.read_text(encoding="utf-8"),
        )
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
