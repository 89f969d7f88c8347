"""The pages say what is so: what they name exists, what is made is up to date, and the picture holds."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.manifest import encode_manifest
from lambundle.bundle.model import Group, PackOptions, Program, Reason, Smoke
from lambundle.pack.config import Config, read_config
from lambundle.runtime.trace import TraceReader
from tests import docs
from tests.docs import ARCHITECTURE, PACKAGE, PAGES, REPOSITORY
from tests.unit.plans import file, folder, link, manifest
from tests.unit.test_architecture import ALLOWED, BEHIND_THE_DOOR, MODULES

if TYPE_CHECKING:
    from pathlib import Path

NOT_OURS = frozenset({"DT_NEEDED", "LAMBUNDLE_TRACE", "LD_LIBRARY_PATH", "PT_INTERP", "SOURCE_DATE_EPOCH"})
"""Names that are of the system."""


def page_id(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in docs.links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in docs.anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_modules_and_paths_in_backticks_exist(page: Path) -> None:
    # The runtime's page names its own sources, and what is in a bundle.
    tops = [PACKAGE, REPOSITORY, page.parent, PACKAGE / "discover", PACKAGE / "verify/static"]
    for text in docs.code(page):
        if re.fullmatch(r"lambundle(\.\w+)+", text):
            assert resolves(text), text
        elif re.fullmatch(r"(?:[a-z_]+/)+(?:[\w.*]+\.(?:py|toml|c|h|sh|json|md))?", text):
            assert any(any(top.glob(text.rstrip("/"))) for top in tops), text


def test_modules_that_comments_and_docstrings_name_exist() -> None:
    """Docstrings name modules by their path in the package, the repository, or beside their own."""
    lost = []
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.[ch]")]:
        tops = (PACKAGE, REPOSITORY, *path.parents[:2])
        names = re.findall(r"``((?:[\w-]+/)*[\w-]+\.py)``", path.read_text(encoding="utf-8"))
        lost += [
            f"{path.relative_to(PACKAGE)}: {name}" for name in names if not any((top / name).exists() for top in tops)
        ]
    assert lost == []


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "README.md"], ids=page_id)
def test_classes_functions_and_constants_in_backticks_exist(page: Path) -> None:
    known = docs.definitions()
    for text in docs.code(page):
        if re.fullmatch(r"(?:[A-Z][a-z0-9]+){1,4}", text):
            assert text in known["class"], text
        elif re.fullmatch(r"[a-z_]+\(\)", text):
            assert text.removesuffix("()") in known["function"], text
        elif re.fullmatch(r"_?[A-Z]+(?:_[A-Z]+)*", text) and text not in NOT_OURS | {"NAME", "FILE", "DIR", "LINE"}:
            assert text in known["constant"], text


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_name_stands_in_the_module_that_is_said(page: Path) -> None:
    text = " ".join(page.read_text(encoding="utf-8").split())
    for name, path in re.findall(r"`(\w+)(?:\(\))?`,? (?:in|of) `([\w/]+\.(?:py|toml))`", text):
        [file] = [top / path for top in (PACKAGE, REPOSITORY) if (top / path).exists()]
        assert re.search(rf"^(?:class |def |\[*)?{name}\b", file.read_text(encoding="utf-8"), re.MULTILINE), (
            name,
            path,
        )


def test_the_test_of_names_sees_what_is_not_there() -> None:
    assert resolves("lambundle.pack.plan.make_plan")
    assert not resolves("lambundle.pack.plan.make_plane")
    assert not resolves("lambundle.nowhere")


def test_every_room_and_every_package_is_on_the_page() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    packages = [path.parent.relative_to(PACKAGE) for path, _ in MODULES.values() if path.name == "__init__.py"]
    # A package of verify that has packages itself stands for them.
    told = [str(name) for name in packages if len(name.parts) in {1, 2} or name.parts[:1] not in {(), ("verify",)}]
    assert [name for name in told if f"`{name}/" not in text] == []


def test_the_table_of_arrows_is_the_one_that_is_held() -> None:
    assert f"<!-- arrows -->\n{docs.arrows()}<!-- /arrows -->" in ARCHITECTURE.read_text(encoding="utf-8"), (
        "run: python -m tests.docs"
    )


def test_the_rooms_behind_the_door_are_those_that_are_held() -> None:
    told = ARCHITECTURE.read_text(encoding="utf-8").partition("<!-- door -->")[2].partition("<!-- /door -->")[0]
    assert re.findall(r"`(\w+)`", told) == list(BEHIND_THE_DOOR)


def test_the_picture_has_every_room_and_all_arrows_go_down() -> None:
    lines = {room: number for number, room in docs.picture() if room in ALLOWED}
    assert lines.keys() == set(ALLOWED) - {"", "__main__"}
    assert [(room, below) for room in lines for below in ALLOWED[room] if lines[room] >= lines[below]] == []


def test_the_glossary_is_sorted_and_has_each_word_once() -> None:
    table = ARCHITECTURE.read_text(encoding="utf-8").partition("## Glossary")[2]
    words = re.findall(r"^\| ([a-z][\w, ]*) \|", table, re.MULTILINE)[1:]
    assert len(words) > 35
    assert words == sorted(set(words))


# ---- the formats ----


def named(section: str) -> set[str]:
    """The words in backticks of a table."""
    return {
        word for text in re.findall(r"`([^`]+)`", docs.section(ARCHITECTURE, section)) for word in [text.split()[0]]
    }


def test_the_fields_of_the_manifest_are_those_that_are_written() -> None:
    reasons = (Reason("needed", "/usr/bin/x", "libx.so"),)
    made = replace(
        manifest(
            replace(file("x", b"x"), reasons=reasons, package="x", bare_names=("/y",)), link("y", "x"), folder("z")
        ),
        programs=(Program("bin/x", "/bin/x", "/usr/bin/x", static=True, recipe="x", smoke=Smoke("did", "true")),),
        environment={"A": "@/x"},
        groups=(Group("package", "x", reasons),),
        options=PackOptions(("x",), ("x",), ("x",), ("x",), ("x",), ("x",), only_recorded=True),
    )
    fields = set(re.findall(r'"(\w+)":', encode_manifest(made).decode())) - {"A"}
    assert named("manifest") == fields


def test_the_lines_of_the_configuration_are_those_that_are_written() -> None:
    config = Config(("/a",), {"/p": ("/b",)}, {"A": "@/x"}, old_loader=True, serves_tmp=True)
    text = config.text()
    assert read_config(text.encode()) == config
    keys = {line.split()[0] for line in text.splitlines()}
    lines = re.findall(r"^\| `([a-z-]+)", docs.section(ARCHITECTURE, "config"), re.MULTILINE)
    assert sorted(lines) == sorted(keys)


def test_the_records_of_the_trace_are_those_that_are_read() -> None:
    rows = re.findall(r"^\| `([a-z]+)([A-Z ]*)` \| (.*) \|$", docs.section(ARCHITECTURE, "trace"), re.MULTILINE)
    assert len(rows) == 5
    for name, fields, meaning in rows:
        values = {"WHERE": "bundle", "STATE": "set", "FUNCTION": "open", "PATH": "/x", "NAME": "X", "PROGRAM": "/p"}
        line = "\t".join(["7", name, *(values[field] for field in fields.split())])
        [record] = TraceReader().feed(f"{line}\n".encode())
        assert type(record).__name__
        for word in re.findall(r"`(\w+)`", meaning.partition(":")[2]):
            varied = line.replace("\tbundle", f"\t{word}").replace("\tset\t", f"\t{word}\t")
            assert TraceReader().feed(f"{varied}\n".encode()), varied
