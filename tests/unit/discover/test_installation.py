"""What belongs to programs that no package owns, on trees made by the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambundle.discover.evidence import FileEvidence
from lambundle.discover.installation import imported_files, installed_files
from lambundle.machine import DiskFiles, Machine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def made(top: Path, *files: str, evidence: Mapping[str, str] | None = None) -> None:
    """Files below ``top``: empty ones, but for those in ``evidence``."""
    for name, text in {**dict.fromkeys(files, ""), **(evidence or {})}.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)


def found(program: Path, interpreter: str | None = None, home: str = "") -> set[str]:
    """Files of a program of no package, on a machine without packages."""
    machine = Machine(DiskFiles(), {"HOME": home})
    evidence = FileEvidence(machine.files)
    paths = {path for path, _ in installed_files(machine, str(program), interpreter, lambda _: False, evidence)}
    if interpreter is not None:
        paths |= {path for path, _ in imported_files(machine, str(program), interpreter, lambda _: False)}
    return paths


def below(top: Path, program: Path, interpreter: str | None = None, home: str = "") -> set[str]:
    return {path.removeprefix(f"{top}/") for path in found(program, interpreter, home) if path.startswith(f"{top}/")}


def test_what_was_unpacked_as_a_whole_belongs_to_its_programs(tmp_path: Path) -> None:
    made(
        tmp_path, "jdk/bin/java", "jdk/lib/modules", "jdk/conf/net", "jdk/share/man/man1/java.1", "jdk/src.zip", "else"
    )
    assert below(tmp_path, tmp_path / "jdk/bin/java") == {"jdk/bin/java", "jdk/lib/modules", "jdk/conf/net"}


def test_a_directory_that_is_no_installation_is_left_alone(tmp_path: Path) -> None:
    made(tmp_path, "notes/secret", "notes/tool", "bin/tool", "diary")
    assert below(tmp_path, tmp_path / "notes/tool") == set()
    assert below(tmp_path, tmp_path / "bin/tool") == set()


def test_in_a_home_only_the_usual_directories_count(tmp_path: Path) -> None:
    made(tmp_path, "project/bin/tool", "project/lib/part", "project/letters/one", "project/.env")
    assert below(tmp_path, tmp_path / "project/bin/tool", home=str(tmp_path)) == {
        "project/bin/tool",
        "project/lib/part",
    }


def test_the_home_itself_is_no_installation(tmp_path: Path) -> None:
    made(tmp_path, "bin/tool", "lib/other/x", "lib/tool/data", "share/tool-1.2/more")
    assert below(tmp_path, tmp_path / "bin/tool", home=str(tmp_path)) == {"lib/tool/data", "share/tool-1.2/more"}


def test_what_only_its_owner_may_read_is_never_taken(tmp_path: Path) -> None:
    made(tmp_path, "app/bin/tool", "app/etc/key", "app/etc/open")
    (tmp_path / "app/etc/key").chmod(0o600)
    assert below(tmp_path, tmp_path / "app/bin/tool") == {"app/bin/tool", "app/etc/open"}


def test_a_node_module_comes_with_what_it_depends_on(tmp_path: Path) -> None:
    modules = tmp_path / "node_modules"
    made(
        modules,
        *("cli/bin/cli.js", "cli/.env", "@a/b/index.js", "deep/index.js", "stranger/index.js"),
        evidence={
            "cli/package.json": '{"name": "cli", "dependencies": {"@a/b": "1", "gone": "1"}}',
            "@a/b/package.json": '{"name": "@a/b", "peerDependencies": {"deep": "*"}}',
            "deep/package.json": '{"name": "deep"}',
        },
    )
    assert below(modules, modules / "cli/bin/cli.js", "/usr/bin/node") == {
        *("cli/package.json", "cli/bin/cli.js", "@a/b", "@a/b/package.json", "@a/b/index.js"),
        *("deep", "deep/package.json", "deep/index.js"),
    }


@pytest.mark.parametrize("text", ["[", '["a"]', '{"name": "x", "dependencies": 3}', '{"name": 5}'])
def test_a_damaged_package_json_harms_nothing(tmp_path: Path, text: str) -> None:
    made(tmp_path, "x/cli.js", evidence={"x/package.json": text})
    assert below(tmp_path, tmp_path / "x/cli.js", "/usr/bin/node") <= {"x/package.json", "x/cli.js"}


def a_python(tmp_path: Path) -> str:
    """A Python of no package, with two distributions."""
    site = "py/lib/python3.12/site-packages"
    made(
        tmp_path,
        *("py/bin/python3.12", "py/lib/python3.12/os.py", "py/lib/python3.12/test/x.py", "py/lib/python3.12/json/a.py"),
        *("py/lib/python3.12/config-3.12/libpython.a", f"{site}/one/__init__.py", f"{site}/two.py", f"{site}/three.py"),
        f"{site}/unasked.py",
    )
    for name, record, needs in (("one", "one/__init__.py", "two>=1"), ("two", "two.py", 'x; extra == "dev"')):
        info = tmp_path / site / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\nRequires-Dist: {needs}\n")
        (info / "RECORD").write_text(f"{record},,\n{name}-1.dist-info/METADATA,,\n../../../bin/{name}-tool,,\n")
    made(tmp_path, "py/bin/one-tool")
    return str(tmp_path / "py/bin/python3.12")


def test_a_python_comes_with_its_standard_library_alone(tmp_path: Path) -> None:
    a_python(tmp_path)
    assert below(tmp_path / "py/lib/python3.12", tmp_path / "py/bin/python3.12") == {"os.py", "json/a.py"}


def test_a_python_script_comes_with_what_it_imports(tmp_path: Path) -> None:
    interpreter = a_python(tmp_path)
    made(
        tmp_path,
        *("tool/other.py", "tool/deep/__init__.py", "tool/deep/more.py"),
        evidence={
            "tool/run.py": "import sys, beside\nfrom deep import more\n",
            "tool/beside.py": "import one.sub, three\n",
        },
    )
    home = tmp_path / "tool"
    assert below(home, home / "run.py", interpreter) == {"beside.py", "deep/__init__.py", "deep/more.py"}
    site = tmp_path / "py/lib/python3.12/site-packages"
    assert below(site, home / "run.py", interpreter) == {
        *("one/__init__.py", "one-1.dist-info/METADATA", "two.py", "two-1.dist-info/METADATA", "three.py"),
    }


def test_of_what_a_package_has_a_python_script_only_names_the_package(tmp_path: Path) -> None:
    interpreter = a_python(tmp_path)
    site = tmp_path / "py/lib/python3.12/site-packages"
    made(
        site,
        *("one-1.egg-info/top_level.txt", "packaged/part.py", "packaged/other.py", "unused/__init__.py"),
        evidence={"packaged/__init__.py": "import two"},
    )
    made(tmp_path, evidence={"run.py": "from packaged import part\nimport one\n"})
    of_packages = {str(path) for path in site.rglob("*") if path.match("packaged/*") or path.match("two*")}
    of_packages |= {str(path) for path in (site / "two-1.dist-info").iterdir()}
    paths = {
        path
        for path, _ in imported_files(
            Machine(DiskFiles()), str(tmp_path / "run.py"), interpreter, of_packages.__contains__
        )
    }
    assert {path.removeprefix(f"{site}/") for path in paths & of_packages} == {
        *("packaged/__init__.py", "packaged/part.py"),
        "two-1.dist-info/METADATA",  # which a distribution of no package requires
    }
    assert f"{site}/one/__init__.py" in paths


def test_a_distribution_without_a_list_of_its_files_has_its_modules(tmp_path: Path) -> None:
    interpreter = a_python(tmp_path)
    site = tmp_path / "py/lib/python3.12/site-packages"
    made(
        site,
        *("old/__init__.py", "old/data.txt", "_fast.cpython-312.so"),
        evidence={
            "Old-1.egg-info/PKG-INFO": "Metadata-Version: 1.0\nName: Old\nVersion: 1\n",
            "Old-1.egg-info/top_level.txt": "old\n_fast\n",
            "Old-1.egg-info/requires.txt": "two>=1\n\n[dev]\none\n",
        },
    )
    made(tmp_path, evidence={"run.py": "import old\n"})
    assert below(site, tmp_path / "run.py", interpreter) == {
        *("old/__init__.py", "old/data.txt", "_fast.cpython-312.so", "two.py", "two-1.dist-info/METADATA"),
        *("Old-1.egg-info/PKG-INFO", "Old-1.egg-info/top_level.txt", "Old-1.egg-info/requires.txt"),
    }


def test_a_command_that_pip_brought_comes_with_its_distribution(tmp_path: Path) -> None:
    a_python(tmp_path)
    assert below(tmp_path, tmp_path / "py/bin/one-tool") == {
        "py/lib/python3.12/site-packages/one/__init__.py",
        "py/lib/python3.12/site-packages/one-1.dist-info/METADATA",
    }


def test_what_a_package_owns_is_not_asked(tmp_path: Path) -> None:
    made(tmp_path, "jdk/bin/java", "jdk/lib/modules")
    machine = Machine(DiskFiles())
    evidence = FileEvidence(machine.files)
    assert list(installed_files(machine, str(tmp_path / "jdk/bin/java"), None, lambda _: True, evidence)) == []


def test_a_script_of_a_package_asks_for_nothing(tmp_path: Path) -> None:
    made(tmp_path, "other.lua", evidence={"run.lua": 'require "other"'})
    assert (
        list(imported_files(Machine(DiskFiles()), str(tmp_path / "run.lua"), "/usr/bin/lua5.4", lambda _: True)) == []
    )


def test_headers_and_archives_are_data_where_a_compiler_is(tmp_path: Path) -> None:
    files = ("bin/tool", "lib/libx.a", "include/x.h", "lib/pkgconfig/x.pc", "share/Modules/Probe.h")
    made(tmp_path, *(f"plain/{name}" for name in files), *(f"gcc/{name}" for name in files))
    made(tmp_path, "gcc/lib/gcc/m/12/include/stddef.h", "gcc/m/bin/ld")
    assert below(tmp_path / "plain", tmp_path / "plain/bin/tool") == {"bin/tool", "share/Modules/Probe.h"}
    assert below(tmp_path / "gcc", tmp_path / "gcc/bin/tool") == {
        *files,
        *("lib/gcc/m/12/include/stddef.h", "m/bin/ld"),
    }


def test_a_toolchain_in_a_home_has_its_machines_directories(tmp_path: Path) -> None:
    made(tmp_path, "t/bin/gcc", "t/lib/gcc/m/12/include/stddef.h", "t/m/bin/ld", "t/include/a.h", "t/letters/one")
    assert below(tmp_path / "t", tmp_path / "t/bin/gcc", home=str(tmp_path)) == {
        *("bin/gcc", "lib/gcc/m/12/include/stddef.h", "m/bin/ld", "include/a.h"),
    }


def test_a_program_at_the_top_of_what_was_unpacked_has_the_rest_if_it_has_its_name(tmp_path: Path) -> None:
    made(tmp_path, "zig-linux-x86_64-0.13.0/zig", "zig-linux-x86_64-0.13.0/lib/std.zig")
    top = tmp_path / "zig-linux-x86_64-0.13.0"
    assert below(top, top / "zig") == {"zig", "lib/std.zig"}


def test_an_application_directory_is_taken_whole_wherever_it_is(tmp_path: Path) -> None:
    made(tmp_path, "a.AppDir/AppRun", "a.AppDir/usr/bin/app", "a.AppDir/usr/share/app/data", "else")
    (tmp_path / "a.AppDir/AppRun").chmod(0o755)
    assert below(tmp_path, tmp_path / "a.AppDir/AppRun", home=str(tmp_path)) == {
        *("a.AppDir/AppRun", "a.AppDir/usr/bin/app", "a.AppDir/usr/share/app/data"),
    }
    assert "a.AppDir/usr/share/app/data" in below(tmp_path, tmp_path / "a.AppDir/usr/bin/app")


def test_a_link_out_of_an_installation_brings_the_directory_but_not_the_system(tmp_path: Path) -> None:
    made(tmp_path, "app/bin/tool", "app/lib/part", "elsewhere/share/data")
    (tmp_path / "app/share").symlink_to(tmp_path / "elsewhere/share")
    (tmp_path / "app/round").symlink_to(tmp_path / "app")
    (tmp_path / "app/system").symlink_to("/etc")
    found_files = below(tmp_path / "app", tmp_path / "app/bin/tool")
    assert {"share/data", "lib/part"} <= found_files
    assert not any(path.startswith(("system/", "round/")) for path in found_files)


def test_where_lambundle_was_started_does_not_matter(tmp_path: Path) -> None:
    made(tmp_path, "app/bin/tool", "app/lib/part")
    machine = Machine(DiskFiles(), {}, str(tmp_path / "app"))
    program = str(tmp_path / "app/bin/tool")
    evidence = FileEvidence(machine.files)
    paths = {path for path, _ in installed_files(machine, program, None, lambda _: False, evidence)}
    assert f"{tmp_path}/app/lib/part" in paths


def test_a_python_script_has_what_lies_beside_it_and_is_named_in_it(tmp_path: Path) -> None:
    interpreter = a_python(tmp_path)
    text = 'open(HERE + "/templates/a.html"); load("config.json"); sys.path.append(os.path.join(HERE, "parts"))\n'
    made(
        tmp_path,
        *("app/templates/a.html", "app/config.json", "app/parts/helper.py", "app/other/x", "app/secret.json"),
        evidence={"app/run.py": text},
    )
    (tmp_path / "app/config.json").chmod(0o644)
    assert below(tmp_path / "app", tmp_path / "app/run.py", interpreter) == {
        *("templates/a.html", "config.json", "parts/helper.py"),
    }


def test_in_a_directory_that_many_share_only_files_beside_a_script_count(tmp_path: Path) -> None:
    interpreter = a_python(tmp_path)
    made(tmp_path, "Documents/letter", "config.json", evidence={"run.py": '"Documents", "config.json"\n'})
    assert below(tmp_path, tmp_path / "run.py", interpreter, home=str(tmp_path)) & {
        *("Documents/letter", "config.json"),
    } == {"config.json"}


def test_a_program_beside_a_python_has_its_own_data(tmp_path: Path) -> None:
    a_python(tmp_path)
    made(tmp_path, "py/bin/other", "py/share/other/data")
    assert "share/other/data" in below(tmp_path / "py", tmp_path / "py/bin/other")


def test_a_program_among_modules_has_its_distribution(tmp_path: Path) -> None:
    a_python(tmp_path)
    site = tmp_path / "py/lib/python3.12/site-packages"
    made(site, "tool/data/bin/tool", "tool/data/share/x")
    (site / "tool-1.dist-info").mkdir()
    (site / "tool-1.dist-info/METADATA").write_text("Name: tool\n")
    (site / "tool-1.dist-info/RECORD").write_text("tool/data/bin/tool,,\ntool/data/share/x,,\n")
    assert below(site, site / "tool/data/bin/tool") == {"tool/data/bin/tool", "tool/data/share/x"}


def test_conda_s_records_tell_the_data_of_a_program(tmp_path: Path) -> None:
    made(
        tmp_path,
        *(
            "c/bin/gdalinfo",
            "c/share/gdal/x",
            "c/share/proj/proj.db",
            "c/share/r/y",
            "c/lib/libgdal.so",
            "c/include/g.h",
        ),
        evidence={
            "c/conda-meta/gdal-1.json": '{"name": "gdal", "depends": ["proj >=9", "python"], "files": '
            '["bin/gdalinfo", "share/gdal/x", "lib/libgdal.so", "include/g.h", "../outside"]}',
            "c/conda-meta/proj-9.json": '{"name": "proj", "files": ["share/proj/proj.db"]}',
            "c/conda-meta/r-4.json": '{"name": "r", "files": ["share/r/y"]}',
            "c/conda-meta/history.json": "[",
        },
    )
    assert below(tmp_path / "c", tmp_path / "c/bin/gdalinfo") == {"share/gdal/x", "share/proj/proj.db"}
