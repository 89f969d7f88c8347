"""Fonts: what fontconfig would offer on a made-up machine, what was installed for a program, what is left out."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import Reason
from lambundle.discover.fonts import add_fonts
from lambundle.discover.fonts.choice import MAX_BY_NAME, choose_fonts
from lambundle.discover.fonts.configuration import read_configuration
from lambundle.discover.fonts.faces import BOLD, Face, read_faces
from lambundle.gather.gathering import Gathering
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from tests.unit.test_elf import make_elf

if TYPE_CHECKING:
    from collections.abc import Mapping

TOP = "/usr/share/fonts"
LARGE_ROOM = 1 << 40


def sfnt(family: str, *, typographic: str = "", weight: int = 400, italic: bool = False, width: int = 5) -> bytes:
    """Make a font with the two tables that are read."""
    names = [(1, family), *([(16, typographic)] if typographic else [])]
    texts = [text.encode("utf-16-be") for _, text in names]
    records, at = b"", 0
    for (number, _), text in zip(names, texts, strict=True):
        records += struct.pack(">6H", 3, 1, 0x409, number, len(text), at)
        at += len(text)
    name = struct.pack(">3H", 0, len(names), 6 + len(records)) + records + b"".join(texts)
    os2 = struct.pack(">hHHH", 0, 0, weight, width)[:8].ljust(62, b"\0") + struct.pack(">H", int(italic))
    os2 = os2[:4] + struct.pack(">HH", weight, width) + os2[8:]
    start = 12 + 2 * 16
    tables = struct.pack(">4sIII", b"OS/2", 0, start, len(os2))
    tables += struct.pack(">4sIII", b"name", 0, start + len(os2), len(name))
    return struct.pack(">4s4H", b"\0\1\0\0", 2, 0, 0, 0) + tables + os2 + name


def conf(*elements: str) -> str:
    return f"<?xml version='1.0'?><fontconfig>{''.join(elements)}</fontconfig>"


def alias(family: str, *preferred: str, binding: str = "weak") -> str:
    inner = "".join(f"<family>{name}</family>" for name in preferred)
    return f'<alias binding="{binding}"><family>{family}</family><prefer>{inner}</prefer></alias>'


MAIN = conf(
    "<dir>/usr/share/fonts</dir>", '<dir prefix="xdg">fonts</dir>', '<include ignore_missing="yes">conf.d</include>'
)
PREFERENCES = conf(
    alias("sans-serif", "Absent", "Plain Sans", "Other Sans"), alias("serif", "Plain Serif"), alias("monospace", "Mono")
)


def machine(fonts: Mapping[str, bytes], sizes: Mapping[str, int] | None = None, local: str = "") -> Machine:
    """Make a machine with fonts below TOP (or at absolute paths) and a local setting."""
    content: dict[str, bytes | str] = {"/etc/fonts/fonts.conf": MAIN, "/etc/fonts/conf.d/60-latin.conf": PREFERENCES}
    content["/etc/fonts/conf.d/51-local.conf"] = local
    content |= {path if path.startswith("/") else f"{TOP}/{path}": data for path, data in fonts.items()}
    return Machine(MemoryFiles(content, sizes=sizes), {"HOME": "/home/u"})


def taken(made: Machine, *by_name: str, room: int = LARGE_ROOM) -> list[str]:
    """Choose on a machine where the directory of a font is its package."""
    choice = choose_fonts(made, _directory_below, by_name, room)
    return sorted(path.removeprefix(f"{TOP}/") for path in choice.taken)


def _directory_below(path: str) -> str | None:
    return path.removeprefix(f"{TOP}/").partition("/")[0] if path.startswith(f"{TOP}/") else None


DEFAULTS = {
    "a/PlainSans.ttf": sfnt("Plain Sans"),
    "a/PlainSans-Bold.ttf": sfnt("Plain Sans", weight=700),
    "a/PlainSerif-BoldItalic.ttf": sfnt("Plain Serif", weight=700, italic=True),
    "a/Mono.ttf": sfnt("Mono"),
    "b/OtherSans.ttf": sfnt("Other Sans"),
}
ALL_OF_A = ["a/Mono.ttf", "a/PlainSans-Bold.ttf", "a/PlainSans.ttf", "a/PlainSerif-BoldItalic.ttf"]


def test_the_default_families_are_taken_and_others_are_not() -> None:
    assert taken(machine(DEFAULTS)) == ALL_OF_A


def test_fonts_that_were_installed_by_name_are_taken() -> None:
    assert taken(machine(DEFAULTS), "b") == [*ALL_OF_A, "b/OtherSans.ttf"]


def test_a_font_of_no_package_was_put_there_by_somebody() -> None:
    path = "/home/u/.local/share/fonts/Own.otf"
    choice = choose_fonts(machine({**DEFAULTS, path: sfnt("Own")}), _directory_below, (), LARGE_ROOM)
    assert path in choice.taken
    assert choice.homes == ("/home/u/.local/share/fonts",)


def test_what_not_everybody_may_read_is_left_alone() -> None:
    files = MemoryFiles({f"{TOP}/a/Secret.ttf": sfnt("Plain Sans")}, modes={f"{TOP}/a/Secret.ttf": 0o600})
    assert choose_fonts(Machine(files), None, (), LARGE_ROOM).taken == ()


def test_a_metric_alias_comes_before_a_generic_family() -> None:
    fonts = {**DEFAULTS, "c/Nimbus.otf": sfnt("Nimbus Sans")}
    metrics = conf(alias("Helvetica", "Nimbus Sans", binding="same"))
    assert taken(machine(fonts, local=metrics)) == [*ALL_OF_A, "c/Nimbus.otf"]


def test_a_local_preference_comes_first() -> None:
    match = (
        '<match target="pattern"><test name="family" qual="any"><string>sans-serif</string></test>'
        '<edit name="family" mode="prepend" binding="strong"><string>Other Sans</string></edit></match>'
    )
    assert "b/OtherSans.ttf" in taken(machine(DEFAULTS, local=conf(match)))


def test_a_rule_for_another_language_does_not_count() -> None:
    match = (
        '<match><test name="lang"><string>ko</string></test><test name="family"><string>sans-serif</string></test>'
        '<edit name="family" mode="prepend" binding="strong"><string>Other Sans</string></edit></match>'
    )
    assert "b/OtherSans.ttf" not in taken(machine(DEFAULTS, local=conf(match)))


def test_of_a_default_family_the_usual_styles_are_taken() -> None:
    styles = {
        "a/Plain-Regular.ttf": sfnt("Plain Sans"),
        "a/Plain-Light.ttf": sfnt("Plain Sans Light", typographic="Plain Sans", weight=300),
        "a/Plain-CondensedBold.ttf": sfnt("Plain Sans Condensed", typographic="Plain Sans", weight=700, width=3),
    }
    assert taken(machine(styles)) == ["a/Plain-Regular.ttf"]
    assert taken(machine(styles), "a") == sorted(styles)
    del styles["a/Plain-Regular.ttf"]
    assert taken(machine(styles)) == sorted(styles)


def test_fonts_by_name_stop_at_a_size_and_regular_ones_come_first() -> None:
    large = {"c/Cjk-Bold.ttc": sfnt("Cjk", weight=700), "c/Cjk-Regular.ttc": sfnt("Cjk"), "b/Small.ttf": sfnt("Small")}
    sizes = {f"{TOP}/c/Cjk-Bold.ttc": MAX_BY_NAME // 2, f"{TOP}/c/Cjk-Regular.ttc": MAX_BY_NAME // 2 + 1}
    found = taken(machine({**DEFAULTS, **large}, sizes), "b", "c")
    assert found == [*ALL_OF_A, "b/OtherSans.ttf", "b/Small.ttf", "c/Cjk-Regular.ttc"]


def test_of_fonts_by_name_those_come_first_that_fontconfig_offers_for_the_usual_names() -> None:
    fonts = {f"k/{name}.ttf": sfnt(name) for name in ("Alpha", "Gothic", "Myeongjo", "Zeta")}
    sizes = {f"{TOP}/{path}": 5 if "Gothic" in path or "Myeongjo" in path else 2 for path in fonts}
    offered = conf(alias("sans-serif", "Gothic"), alias("serif", "Myeongjo")).replace("prefer>", "default>")
    made = machine({**DEFAULTS, **fonts}, sizes, local=offered)
    default = sum(made.files.size(f"{TOP}/{path}") for path in ALL_OF_A)
    choices = [choose_fonts(made, _directory_below, ("k",), default + room) for room in (14, 12, 9, 4)]
    by_name = [[path.rpartition("/")[2][:-4] for path in choice.taken if "/k/" in path] for choice in choices]
    assert by_name == [
        ["Gothic", "Myeongjo", "Alpha", "Zeta"],
        ["Gothic", "Myeongjo", "Alpha"],
        ["Gothic", "Alpha", "Zeta"],
        ["Alpha", "Zeta"],
    ]
    assert [choice.short for choice in choices] == [0, 2, 5, 10]


def test_without_room_in_the_quota_the_upright_defaults_are_taken() -> None:
    italic = "a/PlainSerif-BoldItalic.ttf"
    assert taken(machine(DEFAULTS), "b", room=1) == [path for path in ALL_OF_A if path != italic]


def test_type_1_copies_of_a_family_are_not_taken() -> None:
    copy = b"%!PS-AdobeFont-1.0\n/FamilyName (Plain Sans) def\n/Weight (Bold) readonly def\n/ItalicAngle -12 def\n"
    assert taken(machine({**DEFAULTS, "t1/Plain.t1": copy})) == ALL_OF_A
    files = machine({"t1/Plain.t1": copy}).files
    assert read_faces(files, f"{TOP}/t1/Plain.t1") == (Face(frozenset({"plainsans"}), BOLD, is_italic=True),)


def test_every_face_of_a_collection_counts() -> None:
    first, second = sfnt("One"), sfnt("Two", weight=700)
    moved = 20 + len(first)
    fixed = bytearray(second)
    for place in range(2):  # offsets of tables are from the start of the file
        (offset,) = struct.unpack_from(">I", fixed, 12 + 16 * place + 8)
        struct.pack_into(">I", fixed, 12 + 16 * place + 8, offset + moved)
    one = bytearray(first)
    for place in range(2):
        (offset,) = struct.unpack_from(">I", one, 12 + 16 * place + 8)
        struct.pack_into(">I", one, 12 + 16 * place + 8, offset + 20)
    data = struct.pack(">4sIIII", b"ttcf", 0x10000, 2, 20, moved) + bytes(one) + bytes(fixed)
    faces = read_faces(MemoryFiles({"/x.ttc": data}), "/x.ttc")
    assert [(sorted(face.families), face.weight) for face in faces] == [(["one"], 400), (["two"], 700)]


@pytest.mark.parametrize("data", [b"", b"ttcf", sfnt("Plain")[:40], b"ttcf" + b"\xff" * 60, b"\0\1\0\0" + b"\xff" * 99])
def test_a_damaged_font_goes_by_its_file_name(data: bytes) -> None:
    faces = read_faces(MemoryFiles({"/DejaVuSans-Bold.ttf": data}), "/DejaVuSans-Bold.ttf")
    assert faces == (Face(frozenset({"dejavusans"}), BOLD),)


@pytest.mark.parametrize(
    "text", ["", "<fontconfig>", "<!DOCTYPE f [<!ENTITY a 'b'>]><fontconfig><dir>&a;</dir></fontconfig>"]
)
def test_a_damaged_configuration_is_left_out(text: str) -> None:
    files = MemoryFiles({"/etc/fonts/fonts.conf": text})
    assert read_configuration(files).directories == []


def test_a_configuration_that_includes_itself_ends() -> None:
    files = MemoryFiles({"/etc/fonts/fonts.conf": conf("<include>fonts.conf</include>", "<dir>/f</dir>")})
    assert read_configuration(files).directories == ["/f"]


def test_a_note_says_what_is_left_out_and_how_to_bring_it() -> None:
    made = machine({**DEFAULTS, "/usr/local/share/fonts/x/Local.ttf": sfnt("Local")})
    gathering = Gathering(made, "x86_64", (), ())
    add_fonts(gathering, _directory_below, (), Reason("facility", None, "text"), LARGE_ROOM)
    assert f"{TOP}/a/PlainSans.ttf" in gathering.mirror.files()
    (note,) = gathering.notes
    assert "1 of b (0.0 MB, --package b)" in note


def test_a_note_has_a_part_for_each_of_the_largest_packages_and_one_for_the_others() -> None:
    others = {f"{name}/Font{name}.ttf": sfnt("Font" + name * (20 + number)) for number, name in enumerate("pqrst")}
    gathering = Gathering(machine({**DEFAULTS, **others}), "x86_64", (), ())
    add_fonts(gathering, _directory_below, (), Reason("facility", None, "text"), LARGE_ROOM)
    parts = gathering.notes[0].partition(": ")[2].split("), ")
    assert parts[0] == "1 of t (0.0 MB, --package t"
    assert parts[3] == "3 others (0.0 MB, --package b --package p --package q)"


def test_what_is_left_out_is_not_in_the_bundle() -> None:
    gathering = Gathering(machine(DEFAULTS), "x86_64", (), ())
    add_fonts(gathering, _directory_below, (), Reason("facility", None, "text"), LARGE_ROOM)
    assert f"{TOP}/b/OtherSans.ttf" not in gathering.mirror.files()


def test_a_home_is_named_in_the_bundles_configuration() -> None:
    made = machine({**DEFAULTS, "/home/u/.local/share/fonts/Own.otf": sfnt("Own")})
    gathering = Gathering(made, "x86_64", (), ())
    add_fonts(gathering, _directory_below, (), Reason("facility", None, "text"), LARGE_ROOM)
    files = {entry.path: entry.content for entry in gathering.mirror.entries("")}
    assert b"<dir>/home/u/.local/share/fonts</dir>" in (files["/etc/fonts/conf.d/00-lambundle-homes.conf"] or b"")


STYLESHEET = "/usr/lib/p/share/xslt/a.xsl"


def packed(*, automatic: str, recommends: str = "", sizes: Mapping[str, int] | None = None) -> set[str]:
    """Pack a program that draws text, from a Debian machine with a package of fonts; return fonts and stylesheets.

    ``sizes`` are those of files of the program's package and of the font.
    """
    loader, libraries = "/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu"
    data = [path for path in sizes or () if not path.startswith(TOP)]
    packages = {"p": ["/usr/bin/p", *data], "fonts-own": [f"{TOP}/own/Own.ttf"]}
    paragraph = "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nPriority: optional\n"
    status = paragraph.format("p") + f"Recommends: {recommends}\n\n" + paragraph.format("fonts-own")
    content: dict[str, bytes | str] = {
        "/bin/sh": make_elf(type_=3, entry=64, interpreter=loader.encode(), dynamic=[(21, 0)]),
        "/usr/bin/p": make_elf(type_=3, entry=64, interpreter=loader.encode(), dynamic=[(1, b"libfontconfig.so.1")]),
        loader: make_elf(type_=3, dynamic=[(21, 0)], strings=b"\0/usr/lib/x86_64-linux-gnu/\0"),
        f"{libraries}/libfontconfig.so.1": make_elf(type_=3, dynamic=[(21, 0)]),
        "/etc/fonts/fonts.conf": MAIN,
        "/etc/fonts/conf.d/60-latin.conf": PREFERENCES,
        f"{TOP}/a/PlainSans.ttf": sfnt("Plain Sans"),
        f"{TOP}/own/Own.ttf": sfnt("Own"),
        "/var/lib/dpkg/status": status,
        "/var/lib/apt/extended_states": f"Package: {automatic}\nArchitecture: amd64\nAuto-Installed: 1\n",
        **{f"/var/lib/dpkg/info/{name}.list": "\n".join(paths) + "\n" for name, paths in packages.items()},
        **dict.fromkeys(data, b""),
    }
    plan = make_plan(Request(("/usr/bin/p",), Machine(MemoryFiles(content, sizes=sizes))))
    assert ("share/xslt" in " ".join(plan.notes)) == bool(
        data and not any(entry.path.endswith(STYLESHEET) for entry in plan.manifest.entries)
    )
    return {entry.path.rpartition("/")[2] for entry in plan.manifest.entries if entry.path.endswith((".ttf", ".xsl"))}


def test_a_program_that_draws_text_gets_what_a_person_or_its_package_asked_for() -> None:
    assert packed(automatic="fonts-own") == {"PlainSans.ttf"}
    assert packed(automatic="another") == {"PlainSans.ttf", "Own.ttf"}
    assert packed(automatic="fonts-own", recommends="fonts-own") == {"PlainSans.ttf", "Own.ttf"}


@pytest.mark.parametrize(
    ("core", "stylesheet", "font", "expected"),
    [
        (200, 20, 30, {"a.xsl", "Own.ttf"}),
        (200, 50, 30, {"Own.ttf"}),
        (230, 50, 30, {"Own.ttf"}),  # without the font it is too large as well
        (230, 20, 40, {"a.xsl"}),  # the font does not fit even so
        (250, 20, 40, set()),
    ],
)
def test_a_font_that_was_installed_by_name_comes_before_data_for_a_rare_purpose(
    core: int, stylesheet: int, font: int, expected: set[str]
) -> None:
    bytes_of = {"/usr/lib/p/core": core, STYLESHEET: stylesheet, f"{TOP}/own/Own.ttf": font}
    sizes = {path: size * 1_000_000 for path, size in bytes_of.items()}
    assert packed(automatic="another", sizes=sizes) == {"PlainSans.ttf", *expected}
