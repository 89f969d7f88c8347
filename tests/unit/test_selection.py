"""Discovery's rules, each on a small made-up machine."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.discover.selection import Selection
from lambundle.discover.selection.catalogue import MAX_SHARING
from lambundle.packages import Dependency, DependencyKind, Package

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


@dataclass
class Machine:
    """Installed packages: names with their files, what they depend on and recommend, and their source."""

    listed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    likes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    root: Path = Path("/")

    def install(self, name: str, *files: str, needs: str = "", likes: str = "", source: str | None = None) -> Machine:
        """Add a package."""
        self.listed[name] = files
        self.needs[name], self.likes[name] = tuple(needs.split()), tuple(likes.split())
        self.sources[name] = source or name
        return self

    def owner(self, path: str) -> str | None:
        """As a database does."""
        return next((name for name, files in self.listed.items() if path in files), None)

    def owners(self, paths: Collection[str]) -> dict[str, str]:
        """As a database does."""
        return {path: owner for path in paths if (owner := self.owner(path))}

    def directory_owners(self, directory: str) -> frozenset[str]:
        """As a database does."""
        return frozenset(name for name in self.listed if directory in self.directories(name))

    def files(self, package: str) -> tuple[str, ...]:
        """As a database does."""
        return self.listed.get(package, ())

    def directories(self, package: str) -> tuple[str, ...]:
        """Every directory above a file."""
        found: dict[str, None] = {}
        for file in self.files(package):
            while (file := posixpath.dirname(file)) != "/":
                found.setdefault(file)
        return tuple(found)

    def depends(self, package: str) -> tuple[Dependency, ...]:
        """As a database does."""
        kinds = ((DependencyKind.DEPENDS, self.needs), (DependencyKind.RECOMMENDS, self.likes))
        return tuple(
            Dependency(kind, (name,), (name,) if name in self.listed else ())
            for kind, table in kinds
            for name in table.get(package, ())
        )

    def package(self, name: str) -> Package | None:
        """As a database does."""
        return Package(name, "1", "amd64", self.sources[name]) if name in self.listed else None

    def packages(self) -> Iterator[str]:
        """As a database does."""
        return iter(self.listed)


def wanted(machine: Machine, program: str, monkeypatch: pytest.MonkeyPatch, **names: str) -> set[str]:
    """Select for one program; ``names`` are the names that a program starts others by, by its own name.

    The made-up machine's directories are those of this one, so they are taken for empty.
    """
    selection = Selection(machine)
    for module in ("contents", "commands"):
        monkeypatch.setattr(f"lambundle.discover.selection.{module}.listed", lambda _: ([], []))
    monkeypatch.setattr(
        selection.texts, "started", lambda path: frozenset(names.get(posixpath.basename(path), "").split())
    )
    selection.choice.add_program(program, program)
    return {item.path for item in selection.contents.wanted()} - {program}


def test_data_and_helpers_of_the_programs_own_package_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine().install("p", "/usr/bin/p", "/usr/lib/p/helper", "/usr/share/p/data", "/etc/p.conf")
    assert wanted(machine, "/usr/bin/p", monkeypatch) == {"/usr/lib/p/helper", "/usr/share/p/data", "/etc/p.conf"}


@pytest.mark.parametrize(
    "path",
    [
        "/usr/share/doc/p/README",
        "/usr/share/man/man1/p.1.gz",
        "/usr/share/locale/de/LC_MESSAGES/p.mo",
        "/usr/share/icons/p.png",
        "/etc/init.d/p",
        "/lib/systemd/system/p.service",
        "/usr/include/p.h",
        "/usr/lib/x86_64-linux-gnu/libp.a",
        "/usr/lib/x86_64-linux-gnu/libp.so.1",
        "/usr/lib/python3.11/test/test_x.py",
        "/usr/share/p/examples/a",
    ],
)
def test_what_only_a_reader_a_desktop_or_the_administration_uses_is_not(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wanted(Machine().install("p", "/usr/bin/p", path), "/usr/bin/p", monkeypatch) == set()


@pytest.mark.parametrize(
    "path", ["/usr/share/locale/en/LC_MESSAGES/p.mo", "/usr/lib/python3/dist-packages/p/test/x.py"]
)
def test_what_only_looks_like_it_stays(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted(Machine().install("p", "/usr/bin/p", path), "/usr/bin/p", monkeypatch) == {path}


def test_of_many_commands_only_those_are_wanted_that_the_program_names(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [f"/usr/bin/c{number}" for number in range(10)]
    machine = Machine().install("p", "/usr/bin/p", *commands)
    assert wanted(machine, "/usr/bin/p", monkeypatch, p="c3 other", c3="c5") == {"/usr/bin/c3", "/usr/bin/c5"}


def test_a_dependency_counts_but_of_a_library_only_its_private_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("p", "/usr/bin/p", needs="p-data libq1")
        .install("p-data", "/usr/share/p/data")
        .install(
            "libq1", "/usr/lib/libq.so.1", "/usr/lib/q/plugin.so", "/usr/bin/q-tool", needs="q-data r-data", source="q"
        )
        .install("q-data", "/usr/share/q/data", source="q")
        .install("r-data", "/usr/share/r/data")
    )
    found = wanted(machine, "/usr/bin/p", monkeypatch)
    assert found == {"/usr/share/p/data", "/usr/lib/q/plugin.so", "/usr/share/q/data"}


def test_packages_for_hardware_a_desktop_or_the_administration_are_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine().install("p", "/usr/bin/p", needs="adduser mesa-va-drivers pulseaudio")
    for name in ("adduser", "mesa-va-drivers", "pulseaudio"):
        machine.install(name, f"/usr/share/{name}/data")
    assert wanted(machine, "/usr/bin/p", monkeypatch) == set()


def test_a_minimal_package_points_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("snake-minimal", "/usr/bin/snake")
        .install("snake", "/usr/lib/snake/modules", needs="snake-minimal")
        .install("other", "/usr/lib/other/x", needs="snake-minimal")
    )
    assert wanted(machine, "/usr/bin/snake", monkeypatch) == {"/usr/lib/snake/modules"}


def test_a_recommended_package_counts_if_the_program_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("p", "/usr/bin/p", likes="meta nice")
        .install("meta", needs="p-agent")
        .install("p-agent", "/usr/bin/p-agent", "/usr/lib/p-agent/x")
        .install("nice", "/usr/bin/nice-tool", "/usr/share/nice/x")
    )
    assert wanted(machine, "/usr/bin/p", monkeypatch, p="p-agent") == {"/usr/bin/p-agent", "/usr/lib/p-agent/x"}


def test_word_lists_in_the_programs_directory_count_if_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("speller", "/usr/bin/speller", "/usr/lib/speller/filter.so", likes="speller-en")
        .install("speller-en", "/usr/lib/speller/en.dict")
        .install("speller-de", "/usr/lib/speller/de.dict")
    )
    found = wanted(machine, "/usr/bin/speller", monkeypatch)
    assert found == {"/usr/lib/speller/filter.so", "/usr/lib/speller/en.dict"}


def test_parts_of_a_suite_live_in_its_directory_but_another_program_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("suite", "/usr/bin/suite", "/usr/lib/suite/base.so", source="suite")
        .install("suite-writer", "/usr/lib/suite/writer.so", needs="suite", source="suite")
        .install("suite-dev", "/usr/lib/suite/dev.so", needs="suite", source="suite")
        .install("elsewhere", "/usr/lib/suite/third.so", needs="suite", source="elsewhere")
    )
    found = wanted(machine, "/usr/bin/suite", monkeypatch)
    assert found == {"/usr/lib/suite/base.so", "/usr/lib/suite/writer.so"}


def test_an_interpreter_that_a_compiled_program_asks_for_is_its_core(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("p", "/usr/bin/p", needs="perl")
        .install("perl", "/usr/share/perl/whole.pm", needs="perl-base")
        .install("perl-base", "/usr/bin/perl", "/usr/lib/perl-base/core.pm")
    )
    assert wanted(machine, "/usr/bin/p", monkeypatch) == {"/usr/bin/perl", "/usr/lib/perl-base/core.pm"}


def test_a_compiler_gets_headers_and_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("tc", "/usr/bin/tc", likes="libc6-dev")
        .install(
            "libc6-dev", "/usr/include/stdio.h", "/usr/lib/x86_64-linux-gnu/crt1.o", "/usr/lib/x86_64-linux-gnu/libc.a"
        )
    )
    assert wanted(machine, "/usr/bin/tc", monkeypatch) == set(machine.files("libc6-dev"))


def test_a_library_brings_what_it_names_of_its_own_package(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine().install("libm1", "/usr/lib/libm.so.1", "/usr/share/magic/db", "/usr/share/other/x")
    selection = Selection(machine)
    monkeypatch.setattr(selection.texts, "paths", lambda _: frozenset({"/usr/share/magic"}))
    assert {item.path for item in selection.libraries.wanted(["/usr/lib/libm.so.1"])} == {"/usr/share/magic/db"}


def test_files_that_no_package_lists_count_if_everybody_may_read_them(tmp_path: Path) -> None:
    home = tmp_path / "lib" / "p"
    (home / "made").mkdir(parents=True)
    for name, mode in (("known", 0o644), ("cache", 0o644), ("secret", 0o600), ("made/deep", 0o644)):
        (home / name).write_text(name)
        (home / name).chmod(mode)
    machine = Machine().install("p", "/usr/bin/p", f"{home}/known")
    selection = Selection(machine)
    selection.choice.add_program("/usr/bin/p", "/usr/bin/p")
    found = {item.path for item in selection.contents.wanted() if item.path.startswith(str(home))}
    assert found == {f"{home}/known", f"{home}/cache", f"{home}/made/deep"}


def test_plugins_of_another_source_count_if_they_live_here_and_are_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("host", "/usr/bin/host", "/usr/lib/host/base.so")
        .install("host-codec", "/usr/lib/host/codec.so", needs="host", source="codec")
        .install("host-theme", "/usr/lib/host/theme.png", needs="host", source="theme")
        .install("alien", "/usr/lib/host/alien.so", needs="host", source="alien")
    )
    assert wanted(machine, "/usr/bin/host", monkeypatch) == {"/usr/lib/host/base.so", "/usr/lib/host/codec.so"}


def test_what_is_recommended_counts_anywhere_below_the_programs_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("p", "/usr/bin/p", "/usr/share/p/own", needs="q", likes="words sounds")
        .install("q", "/usr/share/q/own")
        .install("words", "/usr/share/p/words/en/list")
        .install("sounds", "/usr/share/q/sounds/en/one")
    )
    found = wanted(machine, "/usr/bin/p", monkeypatch)
    assert found == {"/usr/share/p/own", "/usr/share/q/own", "/usr/share/p/words/en/list"}


def test_a_directory_of_settings_is_private_one_level_higher(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("p", "/usr/bin/p", "/etc/p/own", likes="settings")
        .install("settings", "/etc/p/more")
        .install("other", "/etc/p/other")
    )
    assert wanted(machine, "/usr/bin/p", monkeypatch) == {"/etc/p/own", "/etc/p/more"}


@pytest.mark.parametrize(("size", "are_wanted"), [(1000, True), (1_000_000, False)])
def test_all_commands_of_a_package_that_is_asked_for_count_if_they_are_small(
    size: int, are_wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambundle.discover.selection.companions.os.path.isfile", lambda _: True)
    monkeypatch.setattr("lambundle.discover.selection.companions.os.path.getsize", lambda _: size)
    commands = [f"/usr/bin/t{number}" for number in range(40)]
    machine = Machine().install("p", "/usr/bin/p", needs="tools").install("tools", *commands)
    assert wanted(machine, "/usr/bin/p", monkeypatch) == (set(commands) if are_wanted else set())


def test_the_command_that_a_front_end_names_is_in_a_package_that_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("front-core", "other"):
        (tmp_path / "bin" / name).touch(mode=0o755)
    core, other = f"{tmp_path}/bin/front-core", f"{tmp_path}/bin/other"
    monkeypatch.setattr("lambundle.discover.selection.choice.is_command", lambda path: "/bin/" in path)
    machine = (
        Machine()
        .install("front", "/usr/bin/front")
        .install("front-core", core, "/usr/lib/front-core/data", needs="front")
        .install("other", other, "/usr/lib/other/data", needs="front")
    )
    found = wanted(machine, "/usr/bin/front", monkeypatch, front="front-core")
    assert "/usr/lib/front-core/data" in found
    assert "/usr/lib/other/data" not in found


@pytest.mark.parametrize(("plugins", "are_wanted"), [(4, False), (5, True)])
def test_a_part_that_can_show_something_counts_if_it_does_more(
    plugins: int, are_wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [f"/usr/lib/p/plugin{number}.so" for number in range(plugins)]
    machine = (
        Machine()
        .install("p", "/usr/bin/p", "/usr/lib/p/base.so")
        .install("p-more", *files, needs="p libgtk-3-0", source="p")
        .install("libgtk-3-0", "/usr/lib/libgtk-3.so.0")
    )
    assert (set(files) <= wanted(machine, "/usr/bin/p", monkeypatch)) is are_wanted


def test_a_source_text_opens_a_library_that_its_package_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "usr/share/p/main.py"
    source.parent.mkdir(parents=True)
    source.write_text("ctypes.CDLL('libopened.so.1')\n")
    machine = (
        Machine()
        .install("p", "/usr/bin/p", str(source), needs="libopened1 libunused1")
        .install("libopened1", "/usr/lib/libopened.so.1")
        .install("libunused1", "/usr/lib/libunused.so.1")
    )
    found = wanted(machine, "/usr/bin/p", monkeypatch)
    assert "/usr/lib/libopened.so.1" in found
    assert "/usr/lib/libunused.so.1" not in found


@pytest.mark.parametrize(("size", "small_ones_too"), [(8 << 20, False), (1000, True)])
def test_what_a_library_in_python_asks_for_counts_if_it_is_imported_or_small(
    size: int, small_ones_too: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "usr/lib/python3/dist-packages"

    def module(name: str, text: str = "") -> str:
        path = place / name / "__init__.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return str(path)

    main = tmp_path / "usr/share/p/main.py"
    main.parent.mkdir(parents=True)
    main.write_text("from lib import used\n")
    lib = [
        module("lib"),
        module("lib/used", "import wanted; open('/usr/share/table/t')"),
        module("lib/no", "import not_wanted"),
    ]
    linked, link = tmp_path / "usr/share/linked", place / "lib/data"
    linked.mkdir()
    link.symlink_to(linked)
    wanted_module, unwanted_module, far = module("wanted"), module("not_wanted", "import far"), module("far")
    machine = (
        Machine()
        .install("p", "/usr/bin/p", str(main), needs="lib")
        .install("lib", *lib, str(link), needs="wanted not-wanted table tables linked together")
        .install("linked", f"{linked}/data")
        .install("together", "/usr/share/together/data", source="lib")
        .install("wanted", wanted_module)
        .install("not-wanted", unwanted_module, needs="far")
        .install("far", far)
        .install("table", "/usr/share/table/t")
        .install("tables", "/usr/share/tables/t")
    )
    monkeypatch.setattr("lambundle.discover.selection.catalogue.Catalogue.weight", lambda *_: size)
    found = wanted(machine, "/usr/bin/p", monkeypatch)
    data = {"/usr/share/table/t", f"{linked}/data", "/usr/share/together/data"}
    assert {str(main), *lib, wanted_module, *data} <= found
    assert found & {unwanted_module, far, "/usr/share/tables/t"} == (
        {unwanted_module, far, "/usr/share/tables/t"} if small_ones_too else set()
    )


def test_a_library_brings_what_it_names_of_packages_that_its_own_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("libhost1", "/usr/lib/libhost.so.1", needs="script other")
        .install("script", "/usr/share/script/main.js", "/usr/share/script/more.js")
        .install("other", "/usr/share/other/main.js")
        .install("stranger", "/usr/share/stranger/main.js")
    )
    selection = Selection(machine)
    named = frozenset({"/usr/share/script/main.js", "/usr/share/stranger/main.js"})
    monkeypatch.setattr(selection.texts, "paths", lambda _: named)
    found = {item.path for item in selection.libraries.wanted(["/usr/lib/libhost.so.1"])}
    assert found == {"/usr/share/script/main.js"}


def test_a_plugin_that_drives_what_lambda_has_not_stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("libm1", "/usr/lib/libm.so.1", "/usr/lib/m/file.so", "/usr/lib/m/gpu.so")
        .install("mesa-libgallium", "/usr/lib/libgallium.so")
    )
    selection = Selection(machine)
    monkeypatch.setattr(selection.texts, "paths", lambda _: frozenset({"/usr/lib/m"}))
    links = {"/usr/lib/m/gpu.so": {"libc.so.6", "libgallium.so"}, "/usr/lib/m/file.so": {"libc.so.6"}}
    monkeypatch.setattr("lambundle.discover.selection.libraries.needed", links.get)
    assert {item.path for item in selection.libraries.wanted(["/usr/lib/libm.so.1"])} == {"/usr/lib/m/file.so"}


def test_what_a_program_asks_for_of_developers_is_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("tool", "/usr/bin/tool", needs="libtool-dev helper")
        .install("libtool-dev", "/usr/lib/tool/include/t.h", "/usr/lib/tool/start.o", needs="far-dev")
        .install("far-dev", "/usr/include/far.h")
        .install("helper", "/usr/lib/helper/h.h", "/usr/lib/helper/data", needs="helper-dev")
        .install("helper-dev", "/usr/lib/helper/dev.h")
    )
    found = wanted(machine, "/usr/bin/tool", monkeypatch)
    assert found == {"/usr/lib/tool/include/t.h", "/usr/lib/tool/start.o", "/usr/lib/helper/data"}


def test_definitions_among_the_recommended_headers_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Machine()
        .install("compiler", "/usr/bin/compiler", likes="libp-dev libq-dev", source="p")
        .install("libp-dev", "/usr/include/p/any.proto", "/usr/include/p/any.h", "/usr/lib/libp.a", source="p")
        .install("libq-dev", "/usr/include/q/any.proto")
    )
    assert wanted(machine, "/usr/bin/compiler", monkeypatch) == {"/usr/include/p/any.proto"}


@pytest.mark.parametrize(("text", "found"), [(b"/usr/share/X11/xkb\0", True), (b"nothing of the kind", False)])
def test_what_lambda_has_no_use_for_counts_if_the_program_cannot_do_without(
    text: bytes, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tmp_path / "server"
    server.write_bytes(b"\x7fELF" + text)
    machine = (
        Machine()
        .install("server", str(server), needs="server-common", source="x")
        .install("server-common", "/usr/lib/server/own", needs="xkb-data", source="x")
        .install("xkb-data", "/usr/share/X11/xkb/rules/base")
    )
    assert ("/usr/share/X11/xkb/rules/base" in wanted(machine, str(server), monkeypatch)) is found


@pytest.mark.parametrize(
    "path",
    [
        "/usr/lib/python3/dist-packages/p/cmake/__init__.py",
        "/usr/lib/python3/dist-packages/p/examples/__init__.py",
        "/usr/lib/python3/dist-packages/p/pkgconfig/x.py",
    ],
)
def test_modules_may_be_called_like_what_is_for_developers(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted(Machine().install("p", "/usr/bin/p", path), "/usr/bin/p", monkeypatch) == {path}


def test_the_directory_that_a_configuration_names_was_made_in_a_packages_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "var/lib/p"
    for name in ("made", "users"):
        (home / name).mkdir(parents=True)
        (home / name / "large").write_bytes(bytes(2 << 20))
        (home / name / "large").chmod(0o644)
    (home / "secret").mkdir()
    (home / "secret/key").touch(mode=0o600)
    (home / "chosen").symlink_to("made")
    outside = tmp_path / "srv/www"
    outside.mkdir(parents=True)
    (outside / "site").touch()
    machine = (
        Machine().install("p", "/usr/bin/p", "/etc/p.conf", f"{home}/listed/x").install("made", f"{home}/made/source")
    )
    named = frozenset(map(str, (home / "chosen", home / "listed", home / "secret", outside)))
    selection = Selection(machine)
    monkeypatch.setattr(selection.texts, "paths", lambda path: named if path == "/etc/p.conf" else frozenset())
    selection.choice.add_program("/usr/bin/p", "/usr/bin/p")
    found = {item.path for item in selection.contents.wanted() if item.path.startswith(str(tmp_path))}
    assert found == {f"{home}/listed/x", f"{home}/chosen", f"{home}/made/large", f"{home}/secret"}


def asked_for(machine: Machine, script: Path, monkeypatch: pytest.MonkeyPatch, **modules: str) -> set[str]:
    """Select for a script of no package that asks for ``modules``, by the names of their packages."""
    selection = Selection(machine)
    for module in ("contents", "commands"):
        monkeypatch.setattr(f"lambundle.discover.selection.{module}.listed", lambda _: ([], []))
    selection.choice.add_program(str(script), str(script))
    selection.choice.add_modules(str(script), {name: [path] for name, path in modules.items()}, [])
    return {item.path for item in selection.contents.wanted()}


def test_a_package_whose_module_a_script_asks_for_comes_with_what_it_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "perl5/M.pm"
    source.parent.mkdir()
    source.write_text("exec 'm-helper';")
    (tmp_path / "run.pl").write_text("use M;")
    machine = (
        Machine()
        .install("m", str(source), "/usr/share/m/data", "/usr/bin/m-tool", "/usr/bin/m-helper", needs="n", likes="o")
        .install("n", "/usr/share/perl5/N.pm")
        .install("o", "/usr/share/perl5/O.pm")
    )
    found = asked_for(machine, tmp_path / "run.pl", monkeypatch, m=str(source))
    assert found == {str(source), "/usr/share/m/data", "/usr/bin/m-helper", "/usr/share/perl5/N.pm"}


@pytest.mark.parametrize(
    ("text", "found"), [("'suite'", {"own", "data", "bin"}), ("'{}/data'", {"data"}), ("x", set())]
)
def test_of_a_program_that_offers_modules_besides_only_those_come(
    text: str, found: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: tmp_path / name / "suite" for name in ("own", "data", "bin")}
    module, script = tmp_path / "modules/m.py", tmp_path / "run"
    for file in (*files.values(), module):
        file.parent.mkdir(parents=True)
    files["bin"].write_bytes(b"\x7fELF")
    module.write_text(text.format(tmp_path))
    script.write_text("import m")
    monkeypatch.setattr("lambundle.discover.selection.offered.is_command", lambda path: path == str(files["bin"]))
    machine = Machine().install("suite", str(module), *map(str, files.values()))
    for number in range(MAX_SHARING + 1):
        machine.install(f"other{number}", str(tmp_path / f"other{number}"))
    taken = asked_for(machine, script, monkeypatch, suite=str(module))
    assert taken == {str(module), *(str(files[name]) for name in found)}


@pytest.mark.parametrize("others_need_it", [False, True])
def test_what_was_made_for_the_program_is_found_in_directories_that_packages_share(
    others_need_it: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "var/lib/formats"
    (shared / "engine").mkdir(parents=True)
    for name, size in (("engine/p.fmt", 2 << 20), ("engine/other.fmt", 2 << 20), ("p.cache", 2 << 20), ("index", 10)):
        (shared / name).write_bytes(bytes(size))
        (shared / name).chmod(0o644)
    monkeypatch.setattr("lambundle.discover.selection.contents.MADE", (f"{tmp_path}/var/lib/",))
    machine = (
        Machine()
        .install("p", "/usr/bin/p", f"{shared}/list")
        .install("stranger", f"{shared}/engine/readme", needs="p" if others_need_it else "")
    )
    selection = Selection(machine)
    selection.choice.add_program("/usr/bin/p", "/usr/bin/p")
    found = {item.path for item in selection.contents.wanted()} - {"/usr/bin/p", f"{shared}/list"}
    expected = {f"{shared}/engine/p.fmt", f"{shared}/p.cache"}
    assert found == (expected | {f"{shared}/index"} if others_need_it else expected)
