"""Discovery's rules, each on a small made-up machine."""

from __future__ import annotations

import pytest

from lambundle.discover.selection import Selection
from lambundle.discover.selection.catalogue import MAX_SHARING
from lambundle.discover.selection.offered import offered_commands
from tests.unit.discover.installed import Installed


def wanted(machine: Installed, program: str, *names: str) -> set[str]:
    """Select for one program; ``names`` are those by which it starts others."""
    if names:
        machine.starts(program, " ".join(names))
    selection = Selection(machine, machine.disk())
    selection.packages.add_program(program, program)
    return {item.path for item in selection.files.candidates()} - {program}


def named_by(machine: Installed, library: str) -> set[str]:
    """Select for a loaded library."""
    return {item.path for item in Selection(machine, machine.disk()).libraries.candidates([library])}


def test_data_and_helpers_of_the_programs_own_package_are_wanted() -> None:
    machine = Installed().install("p", "/usr/bin/p", "/usr/lib/p/helper", "/usr/share/p/data", "/etc/p.conf")
    assert wanted(machine, "/usr/bin/p") == {"/usr/lib/p/helper", "/usr/share/p/data", "/etc/p.conf"}


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
        "/usr/lib/p/ui/printdialog.ui",
        "/usr/lib/p/ui/optionspage.ui",
    ],
)
def test_what_only_a_reader_a_desktop_or_the_administration_uses_is_not(path: str) -> None:
    assert wanted(Installed().install("p", "/usr/bin/p", path), "/usr/bin/p") == set()


@pytest.mark.parametrize(
    "path",
    [
        "/usr/share/locale/en/LC_MESSAGES/p.mo",
        "/usr/lib/python3/dist-packages/p/test/x.py",
        "/usr/lib/p/ui/tabbuttons.ui",  # a part of a view, which an office opens to convert a spreadsheet
    ],
)
def test_what_only_looks_like_it_stays(path: str) -> None:
    assert wanted(Installed().install("p", "/usr/bin/p", path), "/usr/bin/p") == {path}


def test_of_many_commands_only_those_are_wanted_that_the_program_names() -> None:
    commands = [f"/usr/bin/c{number}" for number in range(10)]
    machine = Installed().install("p", "/usr/bin/p", *commands).starts("/usr/bin/c3", "c5")
    assert wanted(machine, "/usr/bin/p", "c3", "other") == {"/usr/bin/c3", "/usr/bin/c5"}


def test_a_dependency_counts_but_of_a_library_only_its_private_directories() -> None:
    machine = (
        Installed()
        .install("p", "/usr/bin/p", needs="p-data libq1")
        .install("p-data", "/usr/share/p/data")
        .install(
            "libq1", "/usr/lib/libq.so.1", "/usr/lib/q/plugin.so", "/usr/bin/q-tool", needs="q-data r-data", source="q"
        )
        .install("q-data", "/usr/share/q/data", source="q")
        .install("r-data", "/usr/share/r/data")
    )
    found = wanted(machine, "/usr/bin/p")
    assert found == {"/usr/share/p/data", "/usr/lib/q/plugin.so", "/usr/share/q/data"}


def test_packages_for_hardware_a_desktop_or_the_administration_are_not_followed() -> None:
    machine = Installed().install("p", "/usr/bin/p", needs="adduser mesa-va-drivers pulseaudio")
    for name in ("adduser", "mesa-va-drivers", "pulseaudio"):
        machine.install(name, f"/usr/share/{name}/data")
    assert wanted(machine, "/usr/bin/p") == set()


def test_a_minimal_package_points_to_the_whole() -> None:
    machine = (
        Installed()
        .install("snake-minimal", "/usr/bin/snake")
        .install("snake", "/usr/lib/snake/modules", needs="snake-minimal")
        .install("other", "/usr/lib/other/x", needs="snake-minimal")
    )
    assert wanted(machine, "/usr/bin/snake") == {"/usr/lib/snake/modules"}


def test_a_recommended_package_counts_if_the_program_names_its_command() -> None:
    machine = (
        Installed()
        .install("p", "/usr/bin/p", likes="meta nice")
        .install("meta", needs="p-agent")
        .install("p-agent", "/usr/bin/p-agent", "/usr/lib/p-agent/x")
        .install("nice", "/usr/bin/nice-tool", "/usr/share/nice/x")
    )
    assert wanted(machine, "/usr/bin/p", "p-agent") == {"/usr/bin/p-agent", "/usr/lib/p-agent/x"}


def test_word_lists_in_the_programs_directory_count_if_recommended() -> None:
    machine = (
        Installed()
        .install("speller", "/usr/bin/speller", "/usr/lib/speller/filter.so", likes="speller-en")
        .install("speller-en", "/usr/lib/speller/en.dict")
        .install("speller-de", "/usr/lib/speller/de.dict")
    )
    found = wanted(machine, "/usr/bin/speller")
    assert found == {"/usr/lib/speller/filter.so", "/usr/lib/speller/en.dict"}


def test_parts_of_a_suite_live_in_its_directory_but_another_program_does_not() -> None:
    machine = (
        Installed()
        .install("suite", "/usr/bin/suite", "/usr/lib/suite/base.so", source="suite")
        .install("suite-writer", "/usr/lib/suite/writer.so", needs="suite", source="suite")
        .install("suite-dev", "/usr/lib/suite/dev.so", needs="suite", source="suite")
        .install("elsewhere", "/usr/lib/suite/third.so", needs="suite", source="elsewhere")
    )
    found = wanted(machine, "/usr/bin/suite")
    assert found == {"/usr/lib/suite/base.so", "/usr/lib/suite/writer.so"}


def test_an_interpreter_that_a_compiled_program_depends_on_is_its_core() -> None:
    machine = (
        Installed()
        .install("p", "/usr/bin/p", needs="perl")
        .install("perl", "/usr/share/perl/whole.pm", needs="perl-base")
        .install("perl-base", "/usr/bin/perl", "/usr/lib/perl-base/core.pm")
    )
    assert wanted(machine, "/usr/bin/p", "perl") == {"/usr/bin/perl", "/usr/lib/perl-base/core.pm"}
    assert wanted(machine, "/usr/bin/p", "sh") == set()


def test_a_compiler_gets_headers_and_archives() -> None:
    machine = (
        Installed()
        .install("tc", "/usr/bin/tc", likes="libc6-dev")
        .install(
            "libc6-dev", "/usr/include/stdio.h", "/usr/lib/x86_64-linux-gnu/crt1.o", "/usr/lib/x86_64-linux-gnu/libc.a"
        )
    )
    assert wanted(machine, "/usr/bin/tc") == set(machine.files("libc6-dev"))


def arch() -> Installed:
    """A distribution without packages for developers: the C library's has its headers."""
    return (
        Installed()
        .install("glibc", "/usr/lib/libc.so.6", "/usr/include/stdio.h", "/usr/lib/crt1.o", "/usr/share/i18n/x")
        .install("linux-api-headers", "/usr/include/linux/limits.h")
        .install("jq", "/usr/bin/jq", needs="glibc")
        .install("gcc", "/usr/bin/gcc", "/usr/lib/gcc/x86_64-pc-linux-gnu/14/include/stddef.h", needs="glibc")
        .install("rust", "/usr/bin/rustc", needs="gcc glibc")
        .install("perl", "/usr/bin/perl", "/usr/share/perl5/core_perl/strict.pm", needs="glibc")
        .install("git", "/usr/bin/git", "/usr/lib/git-core/git-add--interactive", needs="perl glibc")
    )


def test_no_program_is_a_compiler_because_its_c_library_comes_with_headers() -> None:
    assert wanted(arch(), "/usr/bin/jq", "sh") == set()


@pytest.mark.parametrize("program", ["gcc", "rustc"])
def test_where_the_c_library_has_its_headers_a_compiler_is_known_by_its_own(program: str) -> None:
    found = wanted(arch(), f"/usr/bin/{program}", "ld")
    assert {"/usr/include/stdio.h", "/usr/lib/crt1.o", "/usr/include/linux/limits.h"} <= found
    assert "/usr/share/i18n/x" not in found


@pytest.mark.parametrize(("line", "is_wanted"), [("#!/usr/bin/perl", True), ("#!/bin/sh", False)])
def test_an_interpreter_of_one_package_stays_where_the_program_has_scripts_of_it(line: str, is_wanted: bool) -> None:
    machine = arch().says("/usr/lib/git-core/git-add--interactive", f"{line}\n")
    machine.says("/usr/bin/git", b"\x7fELF\0execvp\0/usr/lib/git-core\0")
    assert ("/usr/bin/perl" in wanted(machine, "/usr/bin/git")) is is_wanted


def test_a_library_brings_what_it_names_of_its_own_package() -> None:
    machine = Installed().install("libm1", "/usr/lib/libm.so.1", "/usr/share/magic/db", "/usr/share/other/x")
    machine.says("/usr/lib/libm.so.1", "\0/usr/share/magic\0")
    assert named_by(machine, "/usr/lib/libm.so.1") == {"/usr/share/magic/db"}


def test_files_that_no_package_lists_count_if_everybody_may_read_them() -> None:
    home = "/usr/share/p"
    machine = Installed().install("p", "/usr/bin/p", f"{home}/known")
    machine.content.update(dict.fromkeys((f"{home}/cache", f"{home}/secret", f"{home}/made/deep"), b""))
    machine.modes[f"{home}/secret"] = 0o600
    assert wanted(machine, "/usr/bin/p") == {f"{home}/known", f"{home}/cache", f"{home}/made/deep"}


def test_plugins_of_another_source_count_if_they_live_here_and_are_named_so() -> None:
    machine = (
        Installed()
        .install("host", "/usr/bin/host", "/usr/lib/host/base.so")
        .install("host-codec", "/usr/lib/host/codec.so", needs="host", source="codec")
        .install("host-theme", "/usr/lib/host/theme.png", needs="host", source="theme")
        .install("alien", "/usr/lib/host/alien.so", needs="host", source="alien")
    )
    assert wanted(machine, "/usr/bin/host") == {"/usr/lib/host/base.so", "/usr/lib/host/codec.so"}


def test_what_is_recommended_counts_anywhere_below_the_programs_directory() -> None:
    machine = (
        Installed()
        .install("p", "/usr/bin/p", "/usr/share/p/own", needs="q", likes="words sounds")
        .install("q", "/usr/share/q/own")
        .install("words", "/usr/share/p/words/en/list")
        .install("sounds", "/usr/share/q/sounds/en/one")
    )
    found = wanted(machine, "/usr/bin/p")
    assert found == {"/usr/share/p/own", "/usr/share/q/own", "/usr/share/p/words/en/list"}


def test_a_directory_of_settings_is_private_one_level_higher() -> None:
    machine = (
        Installed()
        .install("p", "/usr/bin/p", "/etc/p/own", likes="settings")
        .install("settings", "/etc/p/more")
        .install("other", "/etc/p/other")
    )
    assert wanted(machine, "/usr/bin/p") == {"/etc/p/own", "/etc/p/more"}


@pytest.mark.parametrize(("size", "are_wanted"), [(1000, True), (1_000_000, False)])
def test_all_commands_of_a_package_that_is_asked_for_count_if_they_are_small(size: int, are_wanted: bool) -> None:
    commands = [f"/usr/bin/t{number}" for number in range(40)]
    machine = Installed().install("p", "/usr/bin/p", needs="tools").install("tools", *commands)
    machine.sizes = dict.fromkeys(commands, size)
    assert wanted(machine, "/usr/bin/p") == (set(commands) if are_wanted else set())


def test_the_command_that_a_front_end_names_is_in_a_package_that_needs_it() -> None:
    machine = (
        Installed()
        .install("front", "/usr/bin/front")
        .install("front-core", "/usr/bin/front-core", "/usr/lib/front-core/data", needs="front")
        .install("other", "/usr/bin/other", "/usr/lib/other/data", needs="front")
        .says("/usr/bin/front", "#!/bin/sh\nexec front-core\n")
    )
    found = wanted(machine, "/usr/bin/front")
    assert "/usr/lib/front-core/data" in found
    assert "/usr/lib/other/data" not in found


@pytest.mark.parametrize(("plugins", "are_wanted"), [(4, False), (5, True)])
@pytest.mark.parametrize("toolkit", ["libgtk-3-0", "gtk3"])
def test_a_part_that_can_show_something_counts_if_it_does_more(plugins: int, are_wanted: bool, toolkit: str) -> None:
    files = [f"/usr/lib/p/plugin{number}.so" for number in range(plugins)]
    machine = (
        Installed()
        .install("p", "/usr/bin/p", "/usr/lib/p/base.so")
        .install("p-more", *files, needs=f"p {toolkit}", source="p")
        .install(toolkit, "/usr/lib/libgtk-3.so.0")
    )
    assert (set(files) <= wanted(machine, "/usr/bin/p")) is are_wanted


def test_a_source_text_opens_a_library_that_its_package_depends_on() -> None:
    machine = (
        Installed()
        .install("p", "/usr/bin/p", "/usr/share/p/main.py", needs="libopened1 libunused1")
        .install("libopened1", "/usr/lib/libopened.so.1")
        .install("libunused1", "/usr/lib/libunused.so.1")
        .says("/usr/share/p/main.py", "ctypes.CDLL('libopened.so.1')\n")
    )
    found = wanted(machine, "/usr/bin/p")
    assert "/usr/lib/libopened.so.1" in found
    assert "/usr/lib/libunused.so.1" not in found


@pytest.mark.parametrize(("size", "small_ones_too"), [(8 << 20, False), (1000, True)])
def test_what_a_library_in_python_depends_on_counts_if_it_is_imported_or_small(size: int, small_ones_too: bool) -> None:
    place = "/usr/lib/python3/dist-packages"
    main, linked, link = "/usr/share/p/main.py", "/usr/share/linked/data", f"{place}/lib/data"
    lib = [f"{place}/lib/__init__.py", f"{place}/lib/used/__init__.py", f"{place}/lib/no/__init__.py"]
    used, unused, far = (f"{place}/{name}/__init__.py" for name in ("wanted", "not_wanted", "far"))
    machine = (
        Installed()
        .install("p", "/usr/bin/p", main, needs="lib")
        .install("lib", *lib, link, needs="wanted not-wanted table tables linked together")
        .install("linked", linked)
        .install("together", "/usr/share/together/data", source="lib")
        .install("wanted", used)
        .install("not-wanted", unused, needs="far")
        .install("far", far)
        .install("table", "/usr/share/table/t")
        .install("tables", "/usr/share/tables/t")
        .says(main, "from lib import used\n")
        .says(lib[1], "import wanted; open('/usr/share/table/t')")
        .says(lib[2], "import not_wanted")
        .says(unused, "import far")
    )
    machine.links[link] = "/usr/share/linked"
    machine.sizes = dict.fromkeys((*lib, used, unused, far, linked, "/usr/share/table/t", "/usr/share/tables/t"), size)
    found = wanted(machine, "/usr/bin/p")
    assert {main, *lib, used, "/usr/share/table/t", linked, "/usr/share/together/data"} <= found
    others = {unused, far, "/usr/share/tables/t"}
    assert found & others == (others if small_ones_too else set())


def test_a_library_brings_what_it_names_of_packages_that_its_own_depends_on() -> None:
    machine = (
        Installed()
        .install("libhost1", "/usr/lib/libhost.so.1", needs="script other")
        .install("script", "/usr/share/script/main.js", "/usr/share/script/more.js")
        .install("other", "/usr/share/other/main.js")
        .install("stranger", "/usr/share/stranger/main.js")
        .says("/usr/lib/libhost.so.1", "\0/usr/share/script/main.js\0/usr/share/stranger/main.js\0")
    )
    assert named_by(machine, "/usr/lib/libhost.so.1") == {"/usr/share/script/main.js"}


def test_a_plugin_that_drives_what_lambda_has_not_stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = (
        Installed()
        .install("libm1", "/usr/lib/libm.so.1", "/usr/lib/m/file.so", "/usr/lib/m/gpu.so")
        .install("mesa-libgallium", "/usr/lib/libgallium.so")
        .says("/usr/lib/libm.so.1", "\0/usr/lib/m\0")
    )
    selection = Selection(machine, machine.disk())
    links = {"/usr/lib/m/gpu.so": {"libc.so.6", "libgallium.so"}, "/usr/lib/m/file.so": {"libc.so.6"}}
    monkeypatch.setattr(selection.evidence, "needed", links.get)
    assert {item.path for item in selection.libraries.candidates(["/usr/lib/libm.so.1"])} == {"/usr/lib/m/file.so"}


def test_what_a_program_asks_for_of_developers_is_its_data() -> None:
    machine = (
        Installed()
        .install("tool", "/usr/bin/tool", needs="libtool-dev helper")
        .install("libtool-dev", "/usr/lib/tool/include/t.h", "/usr/lib/tool/start.o", needs="far-dev")
        .install("far-dev", "/usr/include/far.h")
        .install("helper", "/usr/lib/helper/h.h", "/usr/lib/helper/data", needs="helper-dev")
        .install("helper-dev", "/usr/lib/helper/dev.h")
    )
    found = wanted(machine, "/usr/bin/tool")
    assert found == {"/usr/lib/tool/include/t.h", "/usr/lib/tool/start.o", "/usr/lib/helper/data"}


def test_definitions_among_the_recommended_headers_of_the_source() -> None:
    machine = (
        Installed()
        .install("compiler", "/usr/bin/compiler", likes="libp-dev libq-dev", source="p")
        .install("libp-dev", "/usr/include/p/any.proto", "/usr/include/p/any.h", "/usr/lib/libp.a", source="p")
        .install("libq-dev", "/usr/include/q/any.proto")
    )
    assert wanted(machine, "/usr/bin/compiler") == {"/usr/include/p/any.proto"}


@pytest.mark.parametrize(("text", "found"), [(b"/usr/share/X11/xkb\0", True), (b"nothing of the kind", False)])
def test_what_lambda_has_no_use_for_counts_if_the_program_cannot_do_without(text: bytes, found: bool) -> None:
    machine = (
        Installed()
        .install("server", "/usr/bin/server", needs="server-common", source="x")
        .install("server-common", "/usr/lib/server/own", needs="xkb-data", source="x")
        .install("xkb-data", "/usr/share/X11/xkb/rules/base")
        .says("/usr/bin/server", b"\x7fELF" + text)
    )
    assert ("/usr/share/X11/xkb/rules/base" in wanted(machine, "/usr/bin/server")) is found


@pytest.mark.parametrize(
    "path",
    [
        "/usr/lib/python3/dist-packages/p/cmake/__init__.py",
        "/usr/lib/python3/dist-packages/p/examples/__init__.py",
        "/usr/lib/python3/dist-packages/p/pkgconfig/x.py",
    ],
)
def test_modules_may_be_called_like_what_is_for_developers(path: str) -> None:
    assert wanted(Installed().install("p", "/usr/bin/p", path), "/usr/bin/p") == {path}


def test_the_directory_that_a_configuration_names_was_made_in_a_packages_own() -> None:
    home = "/var/lib/p"
    machine = (
        Installed()
        .install("p", "/usr/bin/p", "/etc/p.conf", f"{home}/listed/x")
        .install("made", f"{home}/made/source")
        .says("/etc/p.conf", "".join(f"{path}\n" for path in (f"{home}/chosen", f"{home}/listed", "/srv/www")))
    )
    machine.content.update({f"{home}/made/large": b"", f"{home}/users/large": b"", "/srv/www/site": b""})
    machine.sizes = {f"{home}/made/large": 2 << 20, f"{home}/users/large": 2 << 20}
    machine.content[f"{home}/made/key"] = b""
    machine.modes[f"{home}/made/key"] = 0o600
    machine.links[f"{home}/chosen"] = "made"
    found = wanted(machine, "/usr/bin/p")
    assert found == {"/etc/p.conf", f"{home}/listed/x", f"{home}/chosen", f"{home}/made/large", f"{home}/made/source"}


def asked_for(machine: Installed, script: str, **modules: str) -> set[str]:
    """Select for a script of no package that asks for ``modules``, by the names of their packages."""
    selection = Selection(machine, machine.disk())
    selection.packages.add_program(script, script)
    selection.packages.add_modules(script, {name: [path] for name, path in modules.items()}, [])
    return {item.path for item in selection.files.candidates()}


def test_a_package_whose_module_a_script_asks_for_comes_with_what_it_depends_on() -> None:
    source = "/usr/share/perl5/M.pm"
    machine = (
        Installed()
        .install("m", source, "/usr/share/m/data", "/usr/bin/m-tool", "/usr/bin/m-helper", needs="n", likes="o")
        .install("n", "/usr/share/perl5/N.pm")
        .install("o", "/usr/share/perl5/O.pm")
        .says(source, "exec 'm-helper';")
        .says("/srv/run.pl", "use M;")
    )
    found = asked_for(machine, "/srv/run.pl", m=source)
    assert found == {source, "/usr/share/m/data", "/usr/bin/m-helper", "/usr/share/perl5/N.pm"}


@pytest.mark.parametrize(
    ("text", "found"), [("'suite'", {"own", "data", "bin"}), ("'/usr/share/data'", {"data"}), ("x", set())]
)
def test_of_a_program_that_offers_modules_besides_only_those_come(text: str, found: set[str]) -> None:
    files = {"own": "/usr/share/own/suite", "data": "/usr/share/data/suite", "bin": "/usr/bin/suite"}
    module = "/usr/lib/suite/modules/m.py"
    machine = Installed().install("suite", module, *files.values())
    machine.starts("/usr/bin/suite").says(module, text).says("/srv/run", "import m")
    for number in range(MAX_SHARING + 1):
        machine.install(f"other{number}", f"/usr/share/other{number}")
    taken = asked_for(machine, "/srv/run", suite=module)
    assert taken == {module, *(files[name] for name in found)}


@pytest.mark.parametrize("others_need_it", [False, True])
def test_what_was_made_for_the_program_is_found_in_directories_that_packages_share(others_need_it: bool) -> None:
    shared = "/var/lib/formats"
    machine = (
        Installed()
        .install("p", "/usr/bin/p", f"{shared}/list")
        .install("stranger", f"{shared}/engine/readme", needs="p" if others_need_it else "")
    )
    large = [f"{shared}/{name}" for name in ("engine/p.fmt", "engine/other.fmt", "p.cache")]
    machine.content.update(dict.fromkeys((*large, f"{shared}/index"), b""))
    machine.sizes = dict.fromkeys(large, 2 << 20)
    found = wanted(machine, "/usr/bin/p") - {f"{shared}/list"}
    expected = {f"{shared}/engine/p.fmt", f"{shared}/p.cache"}
    assert found == (expected | {f"{shared}/index"} if others_need_it else expected)


@pytest.mark.parametrize("names", ["pdfp %O %S", "other"])
def test_what_was_made_for_a_command_that_a_script_names_comes_with_it(names: str) -> None:
    machine = (
        Installed()
        .install("driver", "/usr/bin/driver", needs="engine")
        .install("engine", "/usr/bin/pdfp", needs="common")
        .install("common", "/var/lib/formats/list")
        .says("/usr/bin/driver", f"#!/usr/bin/perl\n$command = '{names}';\n")
    )
    made = "/var/lib/formats/engine/pdfp.fmt"
    machine.content[made] = b""
    machine.sizes[made] = 2 << 20
    assert (made in wanted(machine, "/usr/bin/driver")) == (names != "other")


SOURCES, COMPILED = "/usr/share/p/dic/words", "/var/lib/p/dic/words-utf8"


def analyser() -> Installed:
    """Return a machine with a program whose dictionary was compiled from a package's tables."""
    machine = (
        Installed()
        .install("p", "/usr/bin/p", "/etc/p.conf", needs="p-words")
        .install("p-words", f"{SOURCES}/nouns.csv", f"{SOURCES}/matrix.def", "/var/lib/p/dic/readme")
        .says("/etc/p.conf", f"dictionary = {COMPILED}\n")
    )
    machine.content[f"{COMPILED}/words.bin"] = b"\0"
    machine.sizes = {f"{SOURCES}/nouns.csv": 9_000_000, f"{COMPILED}/words.bin": 5_000_000}
    return machine


def test_tables_from_which_a_configured_dictionary_was_compiled_are_left_out_and_told() -> None:
    machine = analyser()
    selection = Selection(machine, machine.disk())
    selection.packages.add_program("/usr/bin/p", "/usr/bin/p")
    found = {item.path for item in selection.files.candidates()}
    assert not {path for path in found if path.startswith("/usr/share")}
    assert f"{COMPILED}/words.bin" in found
    told = "p-words: 2 files (9.0 MB) are left out: sources of what the installation compiled, which no program reads"
    assert list(selection.files.left_out.notes()) == [f"{told}; --add {SOURCES} brings them"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/p.conf", f"dictionary = {COMPILED}\ntables = {SOURCES}\n"),
        ("/usr/bin/p", f"reads {SOURCES}"),
        ("/etc/p.conf", "nothing was compiled"),
        (f"{SOURCES}/matrix.def", b"binary\0"),
    ],
)
def test_tables_stay_that_somebody_names_or_nothing_was_compiled_from(path: str, text: str | bytes) -> None:
    assert f"{SOURCES}/nouns.csv" in wanted(analyser().says(path, text), "/usr/bin/p")


@pytest.mark.parametrize(("text", "told"), [('command="&quot;pages&quot; -q"', True), ("nothing", False)])
def test_a_command_that_a_configuration_names_is_told_if_its_package_is_only_recommended(text: str, told: bool) -> None:
    machine = (
        Installed()
        .install("p", "/usr/bin/p", "/etc/p/delegates.xml", likes="pages")
        .install("pages", "/usr/bin/pages", "/usr/share/pages/fonts")
        .starts("/usr/bin/p")
        .starts("/usr/bin/pages")
        .says("/etc/p/delegates.xml", text)
    )
    machine.sizes["/usr/share/pages/fonts"] = 47_000_000
    selection = Selection(machine, machine.disk())
    selection.packages.add_program("/usr/bin/p", "/usr/bin/p")
    assert "/usr/bin/pages" not in {item.path for item in selection.files.candidates()}
    note = "commands that a configuration names are left out: /usr/bin/pages (pages, 47 MB); --add PATH brings one"
    assert offered_commands(selection.packages) == (note if told else None)
