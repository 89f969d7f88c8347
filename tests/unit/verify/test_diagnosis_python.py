"""Python modules that are not found: built for another Python or machine, lost, or never there."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from lambundle.verify.checks.missing import MissingPath
from lambundle.verify.diagnosis.python import Build, builds_of, distribution_of, module_missing
from lambundle.verify.model import Check, Diagnosis, Status
from tests.unit.verify.made import entry, manifest, member, subject
from tests.unit.verify.test_diagnosis import evidence, failed, found
from tests.unit.verify.test_diagnosis_function import answered

HERE = os.uname().machine
OTHER = "aarch64" if HERE == "x86_64" else "x86_64"
IMPORT = "Runtime.ImportModuleError"


def unable(name: str, *paths: str, layout: Check | None = None) -> Diagnosis:
    """What is said of a handler whose zip holds ``paths`` and that could not import ``name``."""
    bundle = subject(*(member(path) for path in ("app.py", *paths)), manifests=())
    checks = () if layout is None else (layout,)
    return found(
        answered(IMPORT, f"Unable to import module 'app': No module named '{name}'", "", *checks, bundle=bundle)
    )


@pytest.mark.parametrize(
    ("path", "builds"),
    [
        ("pkg/_ext.cpython-312-aarch64-linux-gnu.so", [Build("3.12", "aarch64")]),
        ("python/pkg/_ext.cpython-39-x86_64-linux-gnu.so", [Build("3.9", "x86_64")]),
        ("pkg/_ext.cpython-312-darwin.so", [Build("3.12", "darwin")]),
        ("pkg/_ext.cp312-win_amd64.pyd", [Build("3.12", "win_amd64")]),
        ("pkg/_ext.abi3.so", []),
        ("pkg/other_ext.cpython-312-aarch64-linux-gnu.so", []),
        ("_ext.cpython-312-aarch64-linux-gnu.so", []),
    ],
)
def test_the_name_of_a_build_says_what_it_is_for(path: str, builds: list[Build]) -> None:
    assert list(builds_of("pkg._ext", [path])) == builds


def test_pip_knows_some_modules_by_another_name() -> None:
    assert distribution_of("markupsafe._x", ["MarkupSafe-2.1.dist-info/METADATA", "x-1.dist-info/"]) == "MarkupSafe"
    assert distribution_of("a_b", ["a.b-1.dist-info/RECORD"]) == "a.b"
    assert distribution_of("yaml", ["PyYAML-6.dist-info/"]) == "yaml"


def test_a_wheel_for_another_machine() -> None:
    answer = unable("pkg._ext", f"pkg/_ext.cpython-312-{OTHER}-linux-gnu.so")
    assert answer.cause.startswith(f"the zip has pkg._ext only for Python 3.12 on {OTHER}, and not for")
    assert f"--platform manylinux2014_{HERE} --python-version 3.12 pkg" in answer.cure


def test_a_wheel_for_another_python() -> None:
    answer = unable("pkg._ext", f"pkg/_ext.cpython-312-{HERE}-linux-gnu.so")
    assert f"only for Python 3.12 on {HERE}" in answer.cause
    assert "--image public.ecr.aws/lambda/python:3.12" in answer.cure


def test_a_name_that_only_another_build_has() -> None:
    said = "ImportError: cannot import name '_imaging' from 'PIL' (/var/task/PIL/__init__.py)"
    bundle = subject(member(f"PIL/_imaging.cpython-310-{OTHER}-linux-gnu.so"), manifests=())
    assert "PIL._imaging only for Python 3.10" in found(evidence(said, subject=bundle)).cause
    assert module_missing(evidence(said, subject=subject(manifests=()))) is None


def test_a_module_that_nobody_has() -> None:
    answer = unable("nosuch.part")
    assert answer.cause == "the Python module nosuch.part is neither in the bundle nor on Lambda"
    assert answer.cure == "pip install --target . nosuch where the zip is made, then zip again"


def test_a_module_that_lambda_has() -> None:
    assert unable("boto3").cause == "boto3 is in Lambda's own Python, and not in the Python that stands in for it here"


def test_the_handlers_own_module() -> None:
    bundle = subject(member("src/fn/app.py"), manifests=())
    message = "Unable to import module 'app': No module named 'app'"
    answer = found(answered(IMPORT, message, bundle=bundle))
    assert answer.cause == "app.py lies in src/fn/ and not at the top of the zip"
    assert "src.fn." in answer.cure
    none = found(answered(IMPORT, message, bundle=subject(manifests=())))
    assert none.cause == "the zip has no app.py, which the handler names"
    layout = Check("layout", Status.FAIL, "everything lies below src/", "cd src")
    assert found(answered(IMPORT, message, "", layout, bundle=bundle)) == Diagnosis(layout.detail, "cd src")


def test_a_module_that_was_packed_and_lost_is_integritys() -> None:
    path = "lambundle/tool/root/usr/lib/python3.11/json/__init__.py"
    bundle = subject(manifests=(manifest(entries=[entry(path)]),))
    item = evidence("No module named 'json'", failed("integrity", f"{path} is missing", "upload"), subject=bundle)
    assert found(item) == Diagnosis(f"{path} is missing", "upload")


def test_a_module_of_this_machine_is_to_be_added() -> None:
    path = "/usr/lib/python3/dist-packages/yaml"
    item = MissingPath(path, "python3-yaml", "/usr/bin/tool", is_directory=True)
    said = "ModuleNotFoundError: No module named 'yaml'"
    answer = found(evidence(said, failed("missing"), missing=[item]))
    assert answer.cause == f"the Python module yaml is not in the bundle: {path} of package python3-yaml was looked for"
    assert answer.cure == "lambundle pack /usr/bin/tool --package python3-yaml"
    other = replace(item, path="/usr/lib/python3/dist-packages/other")
    assert "install yaml for the Python" in found(evidence(said, failed("missing"), missing=[other])).cure
