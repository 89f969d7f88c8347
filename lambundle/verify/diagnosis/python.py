"""Python modules that could not be imported, and variables that a Python program asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.verify.checks.missing import MissingPath
from lambundle.verify.diagnosis.evidence import of_check
from lambundle.verify.diagnosis.packed import bringing, is_ours, not_as_packed, pack_again, repacked
from lambundle.verify.model import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.verify.diagnosis.evidence import Evidence

IN_RUNTIME = frozenset({"boto3", "botocore"})
"""Modules of Lambda's own Python beside the standard library (developer guide, "Lambda functions with Python")."""

_ABSENT = re.compile(r"No module named ['\"]?([A-Za-z_][\w.]*)")
_OWN = re.compile(r"Unable to import module ['\"]([\w./]+)['\"]")
_NAME = re.compile(r"cannot import name ['\"](\w+)['\"] from (?:partially initialized module )?['\"]([\w.]+)['\"]")
_BUILD = re.compile(r"(.+?)\.(?:cpython-|cp)(\d)(\d+)[a-z]*-([\w-]+)\.(?:so|pyd)")
_PLACE = re.compile(r"/(?:python[\d.]*|lib-dynload|dist-packages|site-packages)/?$")
_DISTRIBUTION = re.compile(r"([^/]+?)-[^/-]+\.dist-info(?:/.*)?")


@dataclass(frozen=True, slots=True)
class Build:
    """A compiled module: for which Python (``3.12``) and which machine or system."""

    python: str
    machine: str


def module_missing(evidence: Evidence) -> Diagnosis | None:
    """A Python module that was not found: made for another Python or machine, lost, or never there."""
    match = _ABSENT.search(evidence.words)
    members = () if evidence.subject is None else [member.path for member in evidence.subject.members]
    if match is None:
        named = _NAME.search(evidence.words)
        return None if named is None else _other_build(f"{named[2]}.{named[1]}", members, evidence.machine.architecture)
    name = match[1].rstrip(".")
    found = (
        _other_build(name, members, evidence.machine.architecture)
        or not_as_packed(evidence, *_files(name))
        or _on_this_machine(evidence, name)
    )
    if found is not None:
        return found
    own = _OWN.search(evidence.words)
    if own is not None and own[1].replace("/", ".") == name:
        return _own_module(evidence, own[1].replace(".", "/"))
    return _not_there(evidence, name, members)


def builds_of(name: str, members: Iterable[str]) -> Iterator[Build]:
    """Give the builds of the module ``name`` among the paths of a zip."""
    end = f"/{name.replace('.', '/')}"
    for path in members:
        match = _BUILD.fullmatch(path)
        if match is not None and f"/{match[1]}".endswith(end):
            yield Build(f"{match[2]}.{match[3]}", match[4].removesuffix("-linux-gnu"))


def distribution_of(module: str, members: Iterable[str]) -> str:
    """The name by which pip installs ``module``: of what was installed beside it, else its own."""
    top = module.partition(".")[0]
    found = (match[1] for path in members if (match := _DISTRIBUTION.fullmatch(path)) is not None)
    return next((name for name in found if _normal(name) == _normal(top)), top)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _files(name: str) -> tuple[str, str]:
    path = name.replace(".", "/")
    return f"{path}.py", f"{path}/__init__.py"


def _other_build(name: str, members: Iterable[str], here: str) -> Diagnosis | None:
    builds = list(dict.fromkeys(builds_of(name, members)))
    if not builds:
        return None
    told = " and ".join(f"Python {build.python} on {build.machine}" for build in builds)
    cause = f"the zip has {name} only for {told}, and not for the Python that ran here on {here}"
    right = next((build for build in builds if build.machine == here), None)
    pip = (
        f"pip install --target . --upgrade --only-binary=:all: --platform manylinux2014_{here} "
        f"--python-version {builds[0].python} {distribution_of(name, members)}"
    )
    if right is None:
        return Diagnosis(cause, f"{pip}, then zip again")
    image = f"--image public.ecr.aws/lambda/python:{right.python}"
    return Diagnosis(
        cause, f"for the runtime python{right.python} verify with {image}; for another install its wheel, and zip again"
    )


def _on_this_machine(evidence: Evidence, name: str) -> Diagnosis | None:
    path = name.replace(".", "/")
    ends = (*(f"/{file}" for file in _files(name)), f"/{path}")
    found = next(
        (item for item in evidence.missing if item.path.endswith(ends) or f"/{path}.cpython-" in item.path), None
    )
    found = found or _beside_others(evidence, path)
    if found is None or evidence.mounted is None:
        return None
    owner = f" of package {found.package}" if found.package else ""
    cause = f"the Python module {name} is not in the bundle: {found.path}{owner} was looked for"
    return repacked(evidence, cause, bringing(evidence, found.path, found.package), found.by)


def _beside_others(evidence: Evidence, module: str) -> MissingPath | None:
    """The module in a directory that the Python has looked into: it lists those, and asks for no file."""
    files = evidence.machine.machine.files
    lookups = () if evidence.failed is None or evidence.mounted is None else evidence.failed.trace.lookups
    for top in dict.fromkeys(
        item.path for item in lookups if _PLACE.search(item.path) and files.is_directory(item.path)
    ):
        names = (f"{top}/{module}/__init__.py", f"{top}/{module}.py", *files.glob(f"{top}/{module}.cpython-*.so"))
        path = next((name for name in names if files.is_file(name)), None)
        if path is not None:
            place = path.removesuffix("/__init__.py")
            return MissingPath(place, evidence.machine.owner(path), "", is_directory=place != path)
    return None


def _own_module(evidence: Evidence, path: str) -> Diagnosis:
    """The handler's own module."""
    layout = evidence.check("layout")
    if layout is not None:
        return of_check(layout)
    members = () if evidence.subject is None else evidence.subject.members
    ends = (f"/{path}.py", f"/{path}/__init__.py")
    top = next((item.path[: item.path.rindex(end)] for item in members for end in ends if item.path.endswith(end)), "")
    if top:
        return Diagnosis(
            f"{path}.py lies in {top}/ and not at the top of the zip",
            f"zip what is in {top} and not the directory, or name the handler with {top.replace('/', '.')}. before it",
        )
    return Diagnosis(f"the zip has no {path}.py, which the handler names", "name a module of the zip by --handler")


def _not_there(evidence: Evidence, name: str, members: Iterable[str]) -> Diagnosis:
    top = name.partition(".")[0]
    pip = distribution_of(name, members)
    if top in IN_RUNTIME and evidence.is_function:
        return Diagnosis(
            f"{name} is in Lambda's own Python, and not in the Python that stands in for it here",
            f"install it beside lambundle (pip install {pip}), or verify in Amazon's image by --image",
        )
    cause = f"the Python module {name} is neither in the bundle nor on Lambda"
    if is_ours(evidence) and not evidence.is_function:
        return Diagnosis(cause, f"install {pip} for the Python that is packed, then pack again: {pack_again(evidence)}")
    return Diagnosis(cause, f"pip install --target . {pip} where the zip is made, then zip again")


# ---- variables ----

_KEY = re.compile(r"KeyError: ['\"]([A-Z_][A-Z0-9_]*)['\"]")
_ENVIRON = re.compile(r"<frozen os>|/os\.py\"|\bos\.environ\b")
_UNBOUND = re.compile(
    r"(?:^|\n)\S+: (?:line \d+: |\d+: )?([A-Za-z_]\w*): (?:unbound variable|.*\bnot set$)", re.MULTILINE
)


def variable_required(evidence: Evidence) -> Diagnosis | None:
    """A variable without which a Python program, by os.environ, or a shell script, by set -u, ends."""
    match = _UNBOUND.search(evidence.words)
    if match is None and _ENVIRON.search(evidence.words) is not None:
        match = _KEY.search(evidence.words)
    if match is None:
        return None
    key = match[1]
    return Diagnosis(
        f"the variable {key} is not set, and it is asked for without a default",
        f"set {key} in the function's configuration; with a default in the code it runs here too",
    )
