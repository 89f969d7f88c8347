"""The fonts of a bundle: fontconfig's default families, what a person installed by name, and what they leave out.

1. The families that fontconfig offers for the generic names and for the names that nearly every document uses: regular
   and bold, and as far as the quota has room for them their italics. All other widths and weights count as any font.
2. The fonts that the program's own packages recommend, and those that a person installed: by name, or without a
   package. The smallest package comes first, as long as all have no more than ``MAX_BY_NAME`` bytes and the bundle
   stays below its quota; of a package that is too large the regular faces come first, and among these the families
   that fontconfig offers for sans, serif and monospace.
3. All others are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.discover.fonts.configuration import FontConfiguration, read_configuration
from lambundle.discover.fonts.faces import ENDINGS, OUTLINES, Face, read_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from lambundle.machine import Files, Machine

NAMES = (
    *("sans-serif", "serif", "monospace"),
    *("Helvetica", "Arial", "Times", "Times New Roman", "Courier", "Courier New"),
)
"""Families that programs and documents ask for without a look at what is installed."""

USUAL = {
    "sans-serif": ("dejavusans", "notosans", "liberationsans", "nimbussans"),
    "serif": ("dejavuserif", "notoserif", "liberationserif", "nimbusroman"),
    "monospace": ("dejavusansmono", "notosansmono", "liberationmono", "nimbusmonops"),
}
"""Families for a configuration that prefers none."""

DIRECTORIES = ("/usr/share/fonts", "/usr/local/share/fonts")
"""Where fonts are if no configuration says it."""

MAX_BY_NAME = 48_000_000
"""Bytes of fonts that were installed by name: Korean Nanum has 33 MB, all CJK faces of Noto 91."""
MAX_FONTS = 20_000
"""Files that are looked at."""
_UPRIGHT, _USUAL = 2, 4
"""Ranks below which a face is regular or bold, or one of these in italics."""


@dataclass(frozen=True, slots=True)
class Font:
    """A font file: its size in bytes, its faces, and its package (empty for that of no package)."""

    path: str
    size: int
    faces: tuple[Face, ...]
    package: str

    @property
    def families(self) -> frozenset[str]:
        """The families of all faces."""
        return frozenset().union(*(face.families for face in self.faces))

    @property
    def rank(self) -> int:
        """The rank of the face that is missed most."""
        return min(face.rank for face in self.faces)


@dataclass(frozen=True, slots=True)
class FontChoice:
    """Paths of the fonts to take, what is left out, and the directories of homes that hold some of the former.

    ``short`` are the bytes of fonts that were asked for and have no room.
    """

    taken: tuple[str, ...]
    left_out: tuple[Font, ...]
    homes: tuple[str, ...]
    short: int


def choose_fonts(
    machine: Machine, owner: Callable[[str], str | None] | None, wanted: Collection[str], room: int
) -> FontChoice:
    """Choose fonts of at most ``room`` bytes, but for the upright faces of the default families.

    ``owner`` returns the package of a file; None for a machine without packages, where fonts below /usr/local and
    homes are a person's. ``wanted`` are packages that a person or the program's packages asked for.
    """
    configuration = read_configuration(machine.files)
    homes = [f"{home}/{name}" for home in machine.home_directories for name in dict.fromkeys(configuration.home)]
    directories = [*(configuration.directories or DIRECTORIES), *homes]
    fonts = _without_copies(list(_fonts(machine.files, directories, owner)))
    taken: dict[Font, None] = {}
    for font in dict.fromkeys(_defaults(fonts, configuration)):
        if font.rank < _UPRIGHT or font.size <= room:
            room -= font.size
            taken[font] = None
    has_owners = owner is not None
    others = (font for font in fonts if font not in taken)
    asked = [font for font in others if _is_asked_for(font, homes, wanted, has_owners=has_owners)]
    offered = _offered(asked, configuration)
    wished = list(_within(asked, MAX_BY_NAME, offered))
    fitting = list(_within(asked, min(room, MAX_BY_NAME), offered))
    taken |= dict.fromkeys(fitting)
    return FontChoice(
        tuple(font.path for font in taken),
        tuple(font for font in fonts if font not in taken),
        tuple(home for home in homes if any(font.path.startswith(f"{home}/") for font in taken)),
        max(0, sum(font.size for font in wished) - sum(font.size for font in fitting)),
    )


def names_in_bundle(homes: Iterable[str]) -> str:
    """Return a configuration that names directories of homes: on Lambda nobody has the same home."""
    lines = "".join(f"  <dir>{_escaped(home)}</dir>\n" for home in homes)
    head = '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">\n'
    return f"{head}<fontconfig>\n{lines}</fontconfig>\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fonts(files: Files, directories: Iterable[str], owner: Callable[[str], str | None] | None) -> Iterator[Font]:
    """Return all fonts that everybody may read, each file once."""
    seen: set[str] = set()
    for top in dict.fromkeys(directories):
        for path in files.glob(f"{top}/**/*"):
            real = files.real(path)
            if not path.lower().endswith(ENDINGS) or real in seen or not files.is_public(path):
                continue
            if len(seen) == MAX_FONTS:
                return
            seen.add(real)
            package = (owner(path) or owner(real) or "") if owner is not None else ""
            yield Font(path, files.size(path), read_faces(files, path), package)


def _without_copies(fonts: list[Font]) -> list[Font]:
    """Leave out Type 1 fonts of families that are there as OpenType too: fontconfig prefers these."""
    outlines = {name for font in fonts if font.path.lower().endswith(OUTLINES) for name in font.families}
    return [font for font in fonts if font.path.lower().endswith(OUTLINES) or outlines.isdisjoint(font.families)]


def _defaults(fonts: list[Font], configuration: FontConfiguration) -> Iterator[Font]:
    """Return the usual styles of the families that fontconfig offers for NAMES, the most important first."""
    families: dict[str, list[Font]] = {}
    for font in fonts:
        for name in font.families:
            families.setdefault(name, []).append(font)
    found: dict[str, None] = {}
    for name in NAMES:
        family = configuration.first(name, families)
        usual = (other for other in USUAL.get(name, ()) if other in families)
        found.setdefault(family or next(usual, ""))
    chosen = [name for name in found if name] or [name for font in fonts for name in font.families][:1]
    found_fonts = [font for name in chosen for font in _usual(families[name], name)]
    yield from sorted(found_fonts, key=lambda font: (font.rank, font.path))


def _usual(fonts: list[Font], family: str) -> list[Font]:
    """Return the fonts of a family with its usual styles, all if it has none of these."""
    usual = [font for font in fonts if any(family in face.families and face.rank < _USUAL for face in font.faces)]
    return usual or fonts


def _is_asked_for(font: Font, homes: Iterable[str], wanted: Collection[str], *, has_owners: bool) -> bool:
    if font.package:
        return font.package in wanted
    return has_owners or font.path.startswith(("/usr/local/", *(f"{home}/" for home in homes)))


def _offered(fonts: list[Font], configuration: FontConfiguration) -> list[str]:
    """Return the families among some fonts that fontconfig offers for the generic names, in the order of these."""
    installed = frozenset[str]().union(*(font.families for font in fonts))
    return [family for name in USUAL if (family := configuration.first(name, installed)) is not None]


def _within(fonts: list[Font], room: int, offered: list[str]) -> Iterator[Font]:
    """Return the fonts that fit: whole packages, small ones first, then the faces that are missed most.

    Of faces that are missed alike, those of the ``offered`` families come first, then small ones.
    """

    def place(font: Font) -> int:
        return next((number for number, family in enumerate(offered) if family in font.families), len(offered))

    packages: dict[str, list[Font]] = {}
    for font in fonts:
        packages.setdefault(font.package, []).append(font)
    # Of no package: somebody put each of them there.
    for _, whole in sorted(packages.items(), key=lambda item: (bool(item[0]), sum(font.size for font in item[1]))):
        for font in sorted(whole, key=lambda font: (font.rank, place(font), font.size)):
            if font.size <= room:
                room -= font.size
                yield font
