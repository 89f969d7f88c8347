"""The screens of pack, deps and verify that are kept in ``tests/golden``, for a pipe and for terminals of two widths.

``python -m tests.unit.cli.golden`` writes them as they are now; those of size are in ``tests.unit.size.golden``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.bundle.write import Written
from lambundle.cli import pack_screen
from lambundle.cli.deps_screen import tree_lines
from lambundle.cli.error_screen import error_lines
from lambundle.cli.terminal import Terminal
from lambundle.cli.verify_screen import screen
from lambundle.elf.closure import Closure, LoadedFile, Missing, Needed
from lambundle.elf.headers import ElfFile
from lambundle.elf.loader import FailedLookup, Rule
from lambundle.elf.looked_in import missing_library
from lambundle.errors import OutputError
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.request import Plan
from lambundle.verify.model import Check, Diagnosis, RunReport, Status, Verification
from tests.unit.size.made import LIB, MIB, player

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambundle.cli.line import Line

GOLDEN = Path(__file__).parents[2] / "golden"
TERMINALS: Mapping[str, Terminal] = {
    "plain": Terminal(80),
    "80": Terminal(80, is_terminal=True, colour=True),
    "120": Terminal(120, is_terminal=True, colour=True),
}
HOSTILE = "lib\x1b[31mRED\x07\x9b0m\u202e\n.so"
"""A soname that would colour what follows, ring, turn it around, and begin a line of its own."""


# ---- pack ----


def plan() -> Plan:
    return Plan(
        manifest=player(),
        machine=Machine(MemoryFiles()),
        notes=(
            "play starts probe, which is of another package; add it with --add /usr/bin/probe",
            (
                "/usr/share/play/themes has 1,204 files that nothing names: it was left out; add it with --add "
                "/usr/share/play/themes"
            ),
        ),
        programs=2,
        libraries=14,
        recipes={"play": 47, "fonts": 1},
        packages={},
    )


def pack(_: Terminal) -> list[Line]:
    made = plan()
    written = Written(int(238.4 * MIB), int(57.1 * MIB), {})
    out = Path("my zips/play.zip")
    return [
        *pack_screen.note_lines(made.notes, all_of_them=False),
        *pack_screen.plan_lines(made),
        *pack_screen.written_lines(out, written),
        *pack_screen.warnings(written),
        pack_screen.next_line(out),
    ]


def pack_listing(_: Terminal) -> list[Line]:
    made = plan()
    return [
        *pack_screen.entry_lines(made),
        *pack_screen.why_lines(made, f"{LIB}/libtext.so.2"),
        *pack_screen.planned_lines(made),
    ]


# ---- deps and errors ----


def elf(path: str, *needed: str) -> ElfFile:
    return ElfFile(path, 64, little=True, machine=62, type=3, osabi=0, entry=1, needed=needed)


def missing(soname: str, needed_by: str) -> Missing:
    places = (
        FailedLookup(Rule("rpath"), "", None, "not used, runpath is set"),
        FailedLookup(Rule("LD_LIBRARY_PATH"), "", None, "not set"),
        FailedLookup(Rule("runpath"), "$ORIGIN/lib", "/opt/render/bin/lib/x", "no such directory"),
        FailedLookup(Rule("ld.so.conf"), "", None, "/etc/ld.so.cache does not list it"),
        *(
            FailedLookup(Rule("default"), where, f"{where}/x", "no such file")
            for where in (LIB, "/lib", "/usr/lib", "/usr/lib64")
        ),
    )
    return Missing(soname, needed_by, "/opt/render/bin/render", places)


def closure() -> Closure:
    top = "/opt/render/bin/render"
    needs: Mapping[str, tuple[Needed, ...]] = {
        top: (
            Needed("libdraw.so.2", f"{LIB}/libdraw.so.2", "ld.so.conf"),
            Needed("libm.so.6", f"{LIB}/libm.so.6", "ld.so.conf"),
            Needed("libc.so.6", f"{LIB}/libc.so.6", "ld.so.conf"),
        ),
        f"{LIB}/libdraw.so.2": (
            Needed(
                "libpixels-with-a-long-name.so", f"{LIB}/draw/plug-ins/libpixels-with-a-long-name.so.4.5", "runpath"
            ),
            Needed("libm.so.6", f"{LIB}/libm.so.6", "ld.so.conf", loaded=True),
            Needed("libc.so.6", f"{LIB}/libc.so.6", "ld.so.conf", loaded=True),
        ),
    }
    paths = [top, *(need.path for need in needs[top]), needs[f"{LIB}/libdraw.so.2"][0].path]
    files = {path: LoadedFile(path, path, elf(path), needs.get(path, ())) for path in paths}
    lost = tuple(missing(name, f"{LIB}/libdraw.so.2") for name in ("libgone.so.1", HOSTILE))
    return Closure((top,), files, lost, scopes={top: tuple(files.values())})


def deps(terminal: Terminal) -> list[Line]:
    return list(tree_lines(closure(), unicode=terminal.unicode))


def errors(terminal: Terminal) -> list[Line]:
    no_space = OutputError("cannot write /srv/layers/play.zip: no space left on device", hint="free 238.4 MiB there")
    return [*error_lines(missing_library(closure().missing), terminal), *error_lines(no_space, terminal)]


# ---- verify ----


def verify(_: Terminal) -> list[Line]:
    checks = (
        Check("integrity", Status.PASS, "every entry matches the manifest"),
        Check("closure", Status.PASS, "2 programs and 14 libraries have every library and version that they need"),
        Check("smoke", Status.FAIL, "play ended with 1", "see what it printed with -v", ("no theme",)),
        Check(
            "missing",
            Status.FAIL,
            "1 file was looked for that this machine has",
            "pack it with --add /usr/share/play/themes",
            tuple(f"/usr/share/play/themes/{number}" for number in range(14)),
        ),
        Check("image", Status.SKIP, "public.ecr.aws/lambda/provided:al2023 is not on this machine"),
    )
    runs = (RunReport("ok", "", "", 1.0, event="event.json", response={"statusCode": 200, "body": HOSTILE}),)
    found = Verification(
        "play.zip",
        checks,
        runs,
        Diagnosis("play looks for its themes in /usr/share/play", "lambundle pack play --add /usr/share/play/themes"),
        notes=("bubblewrap stands in for Lambda's own sandbox",),
    )
    return screen(found, ("START RequestId: 1 Version: $LATEST", "END RequestId: 1"))


SCREENS: Mapping[str, Callable[[Terminal], list[Line]]] = {
    made.__name__.replace("_", "-"): made for made in (pack, pack_listing, deps, errors, verify)
}


def kept() -> dict[str, list[str]]:
    """Every screen by the name of its file, as it is now."""
    return {
        f"{name}-{kind}": terminal.rendered(made(terminal))
        for name, made in SCREENS.items()
        for kind, terminal in TERMINALS.items()
    }


def main() -> None:
    """Write every screen anew."""
    for name, lines in kept().items():
        (GOLDEN / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
