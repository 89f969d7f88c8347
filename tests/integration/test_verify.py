"""``lambundle verify`` with real bundles in the real sandbox."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from lambundle.cli.verify_json import SCHEMA
from lambundle.machine import here
from lambundle.verify.packing_machine import PackingMachine
from lambundle.verify.sandbox.bubblewrap.bubblewrap import BubblewrapSandbox
from tests.bareroot import UnavailableError, bare_root
from tests.integration.conftest import Packs, unavailable
from tests.integration.corpus import Job, load_jobs
from tests.integration.verifying import Broken, run, verify

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.integration

JOBS = {job.name: job for job in load_jobs() if job.tier <= 2}
OTHER_JOBS_OF_THE_SAME = ("ffmpeg-drawtext", "curl-ca")
STATIC = ("busybox-static", "go-static")


def grouped(*names: str) -> list[object]:
    """Keep what needs one pack on one worker."""
    return [pytest.param(JOBS[name], id=name, marks=pytest.mark.xdist_group(name)) for name in names]


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a host with an older glibc, where bubblewrap works."""
    work = tmp_path_factory.mktemp("bubblewrap")
    try:
        root = bare_root()
    except UnavailableError as reason:
        unavailable(reason)
    sandbox = BubblewrapSandbox(work, root)
    obstacle = sandbox.unavailable()
    sandbox.close()
    if obstacle is not None:
        unavailable(UnavailableError(obstacle))
    return root


@pytest.mark.parametrize("job", grouped(*(name for name in JOBS if name not in OTHER_JOBS_OF_THE_SAME)))
def test_a_named_programs_bundle_passes_and_does_its_smoke_job(job: Job, packs: Packs, host: Path) -> None:
    found = verify(packs(job).archive, host=host)
    assert found.data["verdict"] == "pass", found
    assert found.status == 0
    assert found.failed == set()
    smoke = found.check("smoke")
    assert "recipe" in smoke["detail"], "a named program has a smoke job"
    runs = found.data["runs"]
    assert [run["status"] for run in runs] == [0, 0]
    read = runs[0]["read_bytes"]  # unknown where the disk was too busy to take what had been unpacked
    assert read is None or 0 < read <= 2 * packs(job).unzipped + (1 << 20)
    assert runs[0]["max_memory_mb"] > 0
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator(schema).validate(found.data)


@pytest.mark.parametrize("job", grouped(*(name for name in JOBS if name not in OTHER_JOBS_OF_THE_SAME)))
def test_docker_comes_to_the_same_verdict(job: Job, packs: Packs, docker_image: str) -> None:
    found = verify(packs(job).archive, "--image", docker_image, host=None)
    assert found.data["verdict"] == "pass", found
    assert found.check("image") == {
        "name": "image", "status": "pass", "detail": f"ran in {docker_image}", "hint": ""
    }  # fmt: skip
    assert [run["status"] for run in found.data["runs"]] == [0, 0]
    assert found.check("isolation")["status"] == ("skip" if job.name in STATIC else "pass")


@pytest.mark.parametrize("job", grouped("jq"))
def test_a_bundle_serves_as_a_function_too_and_as_a_directory(job: Job, packs: Packs, host: Path) -> None:
    found = verify(packs(job).tree, "--mount", "/var/task", "--", "jq", "-n", "1 + 1", host=host)
    assert found.status == 0, found
    assert found.data["runs"][0]["command"] == ["/var/task/bin/jq", "-n", "1 + 1"]
    assert found.data["runs"][0]["stdout"] == "2\n"


@pytest.mark.parametrize("job", grouped("jq"))
def test_the_screen_is_plain_text_off_a_terminal(job: Job, packs: Packs, host: Path) -> None:
    done = run(packs(job).archive, host=host)
    lines = done.stdout.splitlines()
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert lines[0] == "  PASS  integrity    every entry matches the manifest"
    assert "  PASS  smoke        filtered JSON (recipe jq)" in lines
    assert lines[-1].startswith("PASS  16 passed")
    assert run(packs(job).archive, "-q", "--static", host=host).stdout == "PASS  8 passed, 8 skipped\n"
    assert run(packs(job).archive, "-q", "--static", "--strict", host=host).returncode == 3


@pytest.mark.parametrize("job", grouped("jq"))
def test_a_zip_of_somebody_else_gets_every_check_that_needs_no_manifest(
    job: Job, packs: Packs, host: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.zip"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/hello").write_text("#!/bin/sh\necho hello $1\n")
    (tmp_path / "bin/hello").chmod(0o755)
    subprocess.run(["zip", "-qr", str(foreign), "bin"], cwd=tmp_path, check=True)
    found = verify(foreign, host=host)
    assert found.status == 0, found
    assert found.data["runs"][0]["stdout"] == "hello --version\n"
    assert found.check("isolation")["status"] == "skip"
    assert found.check("missing")["status"] == "skip"
    found = verify(foreign, "--layer", packs(job).archive, "--", "sh", "-c", "hello x; jq -n 3", host=host)
    assert found.data["runs"][0]["stdout"] == "hello x\n3\n"


@pytest.mark.parametrize("job", grouped("bash"))
@pytest.mark.parametrize("arguments", [("/no/such.zip",), ("x.zip", "--static", "--fix"), ("x.zip", "-o", "y.zip")])
def test_wrong_usage_ends_with_2(job: Job, packs: Packs, host: Path, arguments: tuple[str, ...]) -> None:
    bundle, *options = arguments
    path = packs(job).archive if bundle == "x.zip" else Path(bundle)
    done = run(path, *options, host=host)
    assert done.returncode == 2
    assert done.stderr.startswith("error: usage")
    assert "Traceback" not in done.stderr


def test_what_is_no_zip_fails_without_being_run(tmp_path: Path, host: Path) -> None:
    bundle = tmp_path / "x.zip"
    bundle.write_bytes(b"PK\x03\x04 nothing of the kind")
    done = run(bundle, host=host)
    assert done.returncode == 1
    assert "SKIP  smoke" in done.stdout
    assert done.stdout.splitlines()[-2].startswith("cause: ")


# ---- functions ----

BOOTSTRAP = r"""#!/bin/bash
set -eu
api=/2018-06-01/runtime/invocation
call() { exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\/}"; printf "$@" >&3; }
while :; do
  call 'GET %s/next HTTP/1.0\r\nHost: x\r\n\r\n' "$api"
  while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do
    line=${line%$'\r'}
    case ${line,,} in lambda-runtime-aws-request-id:*) id=${line#*: } ;; content-length:*) length=${line#*: } ;; esac
  done
  IFS= read -r -N "$length" event <&3 || true
  answer=$(printf '%s' "$event" | /opt/bin/jq -c '.a + 1')
  call 'POST %s/%s/response HTTP/1.0\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s' "$api" "$id" "${#answer}" "$answer"
  cat <&3 > /dev/null
done
"""


@pytest.mark.parametrize("job", grouped("jq"))
def test_a_function_with_a_bundle_for_a_layer(job: Job, packs: Packs, host: Path, tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text(BOOTSTRAP)
    (tmp_path / "bootstrap").chmod(0o755)
    subprocess.run(["zip", "-q", "function.zip", "bootstrap"], cwd=tmp_path, check=True)
    (tmp_path / "event.json").write_text('{"a": 41}')
    arguments = ("--event", tmp_path / "event.json", "--event", tmp_path / "event.json")
    found = verify(tmp_path / "function.zip", "--layer", packs(job).archive, *arguments, host=host)
    assert found.status == 0, found
    assert [(run["status"], run["response"]) for run in found.data["runs"]] == [("ok", 42)] * 2
    assert found.data["runs"][0]["init_ms"] > 0
    assert found.check("isolation")["status"] == "pass", "the layer's programs are traced"
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(found.data)
    screen = run(tmp_path / "function.zip", *arguments, host=host)
    assert screen.returncode == 1
    assert "REPORT RequestId: " in screen.stdout
    assert "smoke        the function bootstrap died on event " in screen.stdout
    assert screen.stdout.splitlines()[-2] == (
        "cause: /opt/bin/jq is neither in the bundle nor in a layer that was given"
    )


TUTORIAL = r"""#!/bin/sh
# As in the developer guide's "Tutorial: Building a custom runtime", less what it prints.
set -euo pipefail
source $LAMBDA_TASK_ROOT/"$(echo $_HANDLER | cut -d. -f1).sh"
while true; do
  HEADERS="$(mktemp)"
  EVENT_DATA=$(curl -sS -LD "$HEADERS" "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next")
  REQUEST_ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEADERS" | tr -d '[:space:]' | cut -d: -f2)
  RESPONSE=$($(echo "$_HANDLER" | cut -d. -f2) "$EVENT_DATA")
  curl -sS "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/$REQUEST_ID/response" -d "$RESPONSE"
done
"""


@pytest.mark.parametrize("layered", [False, True])
def test_a_bootstrap_in_shell_gets_the_handler_and_has_curl(tmp_path: Path, layered: bool) -> None:
    if shutil.which("curl") is None:
        unavailable(UnavailableError("curl is not installed"))
    function, layer = tmp_path / "function", tmp_path / "layer"
    function.mkdir()
    layer.mkdir()
    (function / "function.sh").write_text('handler() { echo "\\"got $1\\""; }\n')
    bootstrap = (layer if layered else function) / "bootstrap"
    bootstrap.write_text(TUTORIAL)
    bootstrap.chmod(0o755)
    more = ("--layer", layer) if layered else ()
    found = verify(function, "--handler", "function.handler", *more, host=None, env={"LAMBUNDLE_HOST_ROOT": ""})
    assert found.status == 0, found
    assert [run["response"] for run in found.data["runs"]] == ["got {}"]


@pytest.mark.parametrize("soname", ["libm.so.6", "libgcc_s.so.1", "libz.so.1"])
def test_a_program_that_takes_what_lambda_promises_passes(tmp_path: Path, soname: str) -> None:
    if shutil.which("gcc") is None:
        unavailable(UnavailableError("gcc is not installed"))
    library = PackingMachine(here()).library(soname, "/usr/bin/env")
    if library is None:
        unavailable(UnavailableError(f"{soname} is not installed"))
    (tmp_path / "x.c").write_text("int main(void) { return 0; }\n")
    (tmp_path / "own/bin").mkdir(parents=True)
    subprocess.run(["gcc", "x.c", "-o", "own/bin/x", "-Wl,--no-as-needed", library], cwd=tmp_path, check=True)
    found = verify(tmp_path / "own", "--", "x", host=None, env={"LAMBUNDLE_HOST_ROOT": ""})
    assert found.check("smoke")["status"] == "pass", found


# ---- fix ----


@pytest.mark.parametrize("job", grouped("espeak-ng"))
def test_fix_adds_what_the_run_misses_in_several_rounds(job: Job, host: Path, tmp_path: Path) -> None:
    try:
        job.entry_points()
    except UnavailableError as reason:
        unavailable(reason)
    bundle = tmp_path / "speak.zip"
    subprocess.run(
        [sys.executable, "-m", "lambundle", "pack", "-q", "espeak-ng", "--exclude", "phontab", "--exclude", "phondata",
         "-o", str(bundle)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    done = run(bundle, "--fix", host=host)
    assert done.returncode == 0, done.stdout + done.stderr
    fixed = tmp_path / "speak.fixed.zip"
    assert "added 2 files of package espeak-ng-data" in done.stdout
    assert f"wrote {fixed}" in done.stdout
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(fixed) as new:
        added = {os.path.basename(name) for name in set(new.namelist()) - set(old.namelist())}
    assert added == {"phontab", "phondata"}
    assert verify(fixed, host=host).status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speak.fixed.zip", "speak.zip"]


@pytest.mark.parametrize("job", grouped("jq"))
def test_fix_brings_a_library_back(job: Job, packs: Packs, host: Path, tmp_path: Path) -> None:
    broken = Broken(packs(job).tree, tmp_path)
    broken.find("libonig.so.5.*").unlink()
    done = run(broken.reconcile(), "--fix", "-o", tmp_path / "new.zip", host=host)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of package libonig5" in done.stdout
    assert "PASS  smoke" in done.stdout


@pytest.mark.parametrize("job", grouped("jq"))
def test_fix_gives_back_all_that_the_manifest_lists_at_once(job: Job, packs: Packs, host: Path, tmp_path: Path) -> None:
    broken = Broken(packs(job).tree, tmp_path)
    for path in [path for path in broken.home.rglob("lib*.so*") if path.name.startswith(("libonig.", "libm."))]:
        path.unlink()
    done = run(broken.tree, "--fix", "-o", tmp_path / "new.zip", host=host)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "added 1 file of package libonig5" in done.stdout
    assert "added 1 file of package libc6" in done.stdout


@pytest.mark.parametrize("job", grouped("bash"))
def test_fix_of_a_bundle_that_passes_writes_nothing(job: Job, packs: Packs, host: Path, tmp_path: Path) -> None:
    done = run(packs(job).archive, "--fix", "-o", tmp_path / "new.zip", host=host)
    assert done.returncode == 0
    assert done.stdout.startswith("nothing to fix\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("job", grouped("bash"))
def test_fix_writes_nothing_where_nothing_is_missing(job: Job, packs: Packs, host: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.zip"
    done = run(packs(job).archive, "--fix", "-o", out, "--", "bash", "-c", "exit 3", host=host)
    assert done.returncode == 1
    assert "nothing was written" in done.stdout
    assert not out.exists()


# ---- the end ----


def processes_with(token: str) -> list[str]:
    """Processes that have this in their command line."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if token.encode() in words:
                found.append(entry)
    return found


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait until something holds."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def heed() -> None:
    """Let Ctrl-C count, in a new process: what a shell runs in the background, these tests perhaps, ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("job", grouped("bash"))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_whatever_ends_it_nothing_is_left_behind(
    job: Job, packs: Packs, host: Path, tmp_path: Path, number: signal.Signals
) -> None:
    token = f"61.{os.getpid()}{number.value}"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "LAMBUNDLE_HOST_ROOT": str(host)}
    command = [sys.executable, "-m", "lambundle", "verify", str(packs(job).archive), "--", "sleep", token]
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed,  # noqa: PLW1509  (there are no threads here)
    ) as process:
        # `sleep` runs under env in the sandbox, so its command line may be seen at several processes.
        assert until(lambda: processes_with(token) != [str(process.pid)] and len(processes_with(token)) > 1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert until(lambda: processes_with(token) == [])
    assert process.returncode == (-number if number is signal.SIGKILL else 128 + number)
    assert "Traceback" not in errors
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    if number is signal.SIGKILL:
        assert run(packs(job).archive, "-q", "--static", host=host, env={"TMPDIR": str(tmp_path)}).returncode == 0
    assert list(tmp_path.iterdir()) == []


SLEEPER = """
import sys
import time


def handler(event, context):
    print("asleep", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_function_leaves_nothing_behind_either(host: Path, tmp_path: Path, number: signal.Signals) -> None:
    own, temporary = tmp_path / "own", tmp_path / "tmp"
    own.mkdir()
    temporary.mkdir()
    (own / "app.py").write_text(SLEEPER)
    variables = {"TMPDIR": str(temporary), "LAMBUNDLE_HOST_ROOT": str(host)}
    command = [sys.executable, "-m", "lambundle", "verify", str(own), "--handler", "app.handler"]
    with subprocess.Popen(
        command,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed,  # noqa: PLW1509  (there are no threads here)
    ) as process:
        assert until(lambda: bool(list(temporary.glob("*/lambundle-function-*/handover/handover"))))
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == (-number if number is signal.SIGKILL else 130)
    assert all(path.name.startswith("lambundle-verify-") for path in temporary.iterdir())
    assert run(own, "-q", "--static", host=host, env=variables).returncode == 0
    assert list(temporary.iterdir()) == []


def test_nothing_is_left_in_the_directory_for_temporary_files(host: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "tmp").mkdir()
    shutil.copy("/usr/bin/env", tmp_path / "bin/x")
    bundle = tmp_path / "x.zip"
    subprocess.run(["zip", "-qr", str(bundle), "bin"], cwd=tmp_path, check=True)
    run(bundle, "--", "true", host=host, env={"TMPDIR": str(tmp_path / "tmp")})
    assert list((tmp_path / "tmp").iterdir()) == []
