"""Of a virtual environment only the distributions that a program needs."""

from __future__ import annotations

from lambundle.discover.installation import imported_files
from lambundle.machine import Machine, MemoryFiles

VENV = "/srv/v"
SITE = f"{VENV}/lib/python3.12/site-packages"


def distribution(
    name: str, *requires: str, source: str = "", commands: str = "", entry_points: str = "", size: int = 0
) -> dict[str, str]:
    """The files of a distribution with one module of its name."""
    info = f"{SITE}/{name}-1.dist-info"
    record = [
        f"{name}/__init__.py",
        f"{name}-1.dist-info/METADATA",
        *([f"../../../bin/{commands}"] if commands else []),
    ]
    return {
        f"{SITE}/{name}/__init__.py": source + " " * size,
        f"{info}/METADATA": "\n".join((f"Name: {name}", *(f"Requires-Dist: {item}" for item in requires), "")),
        f"{info}/RECORD": "".join(f"{item},,\n" for item in record),
        f"{info}/entry_points.txt": entry_points,
    }


def needed(script: str, *parts: dict[str, str]) -> set[str]:
    """The names of the distributions that ``bin/tool``, with the text ``script``, brings."""
    content = {f"{VENV}/pyvenv.cfg": "", f"{VENV}/bin/tool": script, f"{VENV}/bin/python3": ""}
    for part in parts:
        content |= part
    machine = Machine(MemoryFiles(content))
    found = imported_files(machine, f"{VENV}/bin/tool", f"{VENV}/bin/python3", lambda _: False)
    return {path.removeprefix(f"{SITE}/").split("/")[0] for path, _ in found if path.endswith("__init__.py")}


STRANGER = distribution("stranger")


def test_what_the_program_s_distribution_requires_comes_and_nothing_else() -> None:
    tool = distribution("tool", "one>=1", commands="tool")
    one = distribution("one", "two", 'three; extra == "more"')
    parts = (tool, one, distribution("two"), distribution("three"), STRANGER)
    assert needed("from tool import main\n", *parts) == {"tool", "one", "two"}


def test_an_extra_that_is_required_brings_its_part() -> None:
    one = distribution("one", 'three; extra == "more"')
    parts = (distribution("tool", "one[more]", commands="tool"), one, distribution("three"), STRANGER)
    assert needed("from tool import main\n", *parts) == {"tool", "one", "three"}


def test_a_program_that_only_its_record_knows_brings_its_distribution() -> None:
    assert needed("import runpy\n", distribution("hidden", commands="tool"), STRANGER) == {"hidden"}


def test_plug_ins_of_the_program_come() -> None:
    plugin = distribution("plugin", "tool", entry_points="[tool.plugins]\nx = plugin\n")
    user = distribution("user", "tool", entry_points="[console_scripts]\nx = user\n")
    assert needed("import tool\n", distribution("tool", commands="tool"), plugin, user) == {"tool", "plugin"}


def test_what_the_program_imports_without_a_requirement_comes() -> None:
    tool = distribution("tool", source="try:\n    import large\nexcept ImportError: pass\n", commands="tool")
    assert needed("import tool\n", tool, distribution("large", size=5 << 20), STRANGER) == {"tool", "large"}


def test_of_what_a_library_imports_without_a_requirement_only_small_things_come() -> None:
    library = distribution("library", source="import small\nimport large\n")
    parts = (library, distribution("small"), distribution("large", size=5 << 20))
    assert needed("import library\n", *parts) == {"library", "small"}


def test_an_editable_distribution_brings_the_directory_that_its_finder_names() -> None:
    finder = "__editable___tool_1_finder.py"
    info = f"{SITE}/tool-1.dist-info"
    content = {
        f"{VENV}/pyvenv.cfg": "",
        f"{VENV}/bin/python3": "",
        f"{VENV}/bin/tool": "from tool import main\n",
        f"{SITE}/{finder}": "MAPPING = {'tool': '/home/me/tool'}\n",
        f"{info}/METADATA": "Name: tool\n",
        f"{info}/RECORD": f"{finder},,\n../../../bin/tool,,\n",
        "/home/me/tool/main.py": "",
        "/home/me/letter": "",
    }
    found = imported_files(Machine(MemoryFiles(content)), f"{VENV}/bin/tool", f"{VENV}/bin/python3", lambda _: False)
    paths = {path for path, _ in found}
    assert "/home/me/tool/main.py" in paths
    assert "/home/me/letter" not in paths
