"""What is compared: a function for each group of rows.

Each takes a directory to work in and how often to measure, and raises UnavailableError where the machine has
not got the program that the whole group is about. A rival that is not there is one row less.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tests.bareroot import UnavailableError
from tests.bench import table
from tests.bench.measure import CommandError, fastest, in_turn, peak, run
from tests.bench.rivals import exodus, exodus_tree, installed, lambundle
from tests.bench.table import Row, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Group = Callable[[Path, int], "Rows"]

Rows = list[Row | Skipped]
Command = list[str | Path]

PEAK = 300_000_000
"""Bytes of memory that packing may take: less than the smallest build machines have."""

ENTRIES = 5000
"""How many entries a large bundle has."""

STARTS = 10
"""How often a program that takes milliseconds is started in each round."""

WHOLE, ONCE = "libtree -pvvv", "libtree -pvv"

WALK = """
import sys, time
from lambundle.elf.walk import walk
begun = time.perf_counter()
walk(sys.argv[1:])
print(time.perf_counter() - begun)
"""
"""Prints the seconds of the walk alone, without Python's start and our imports."""

SOURCE = Path(__file__).with_name("program.cpp")
PRINTS = "square9.000000\ndouble6.000000\n23416728348467685 6\n"


def packing(work: Path, rounds: int) -> Rows:
    """Packing ffmpeg into one archive."""
    program = installed("ffmpeg")
    ours: Command = [lambundle(), "pack", "-q", program]
    zip_command = installed("zip")
    tree, bundle = work / "tree", work / "ours.zip"
    run([*ours, "--tree", tree])

    def zipped(level: int) -> tuple[Command, Path]:
        # zip would update an archive that is there, which is other work.
        archive = work / f"zip{level}.zip"
        script = 'cd "$1" && rm -f "$2" && exec "$3" "$4" "$2" .'
        return ["sh", "-c", script, "sh", tree, archive, zip_command, f"-qyr{level}"], archive

    six, _ = zipped(6)
    nine, best = zipped(9)
    our_runs, zip_runs = in_turn(rounds, [*ours, "-o", bundle], six, warm_up=False)
    run(nine)
    ours_fastest = min(each.seconds for each in our_runs)
    rows: Rows = [
        table.times("time, zip -qyr6 of the same tree", ours_fastest, min(each.seconds for each in zip_runs), 0.25),
        table.sizes("size, zip -qyr9 of the same tree", bundle.stat().st_size, best.stat().st_size, 1.0),
    ]
    archive = work / "exodus.tgz"
    try:
        theirs = run([exodus(), "-q", "-t", program, "-o", archive])
    except UnavailableError as missing:
        rows.append(Skipped("exodus", str(missing)))
    else:
        rows += [
            table.times("time, exodus to a .tgz", ours_fastest, theirs.seconds),
            table.sizes("size, exodus's .tgz", bundle.stat().st_size, archive.stat().st_size),
        ]
    rows.append(table.less_than("peak memory", peak([*ours, "-o", bundle]), PEAK))
    return rows


def walking(_work: Path, rounds: int) -> Rows:
    """Finding ffmpeg's libraries and saying where."""
    program = installed("ffmpeg")
    commands: dict[str, Command] = {"ldd": [installed("ldd", "libc-bin"), program]}
    rows: Rows = []
    try:
        libtree = installed("libtree")
    except UnavailableError as missing:
        rows.append(Skipped("libtree", str(missing)))
    else:
        # As our tree does, -vv shows each library once; -vvv repeats it below every file that needs it.
        commands = {**{name: [libtree, name.split()[1], program] for name in (WHOLE, ONCE)}, **commands}
    ours, *rivals = fastest(rounds * 4, [lambundle(), "deps", program], *commands.values())
    for name, seconds in zip(commands, rivals, strict=True):
        rows.append(table.times(f"deps, {name}", ours, seconds, None if name == "ldd" else 1 / 3))
    walks, _ = in_turn(rounds * 4, [sys.executable, "-c", WALK, program], commands["ldd"])
    alone = min(float(each.stdout) for each in walks)
    return [
        *rows,
        *(
            table.times(f"the walk alone, {name}", alone, seconds)
            for name, seconds in zip(commands, rivals, strict=True)
        ),
    ]


def starting(_work: Path, rounds: int) -> Rows:
    """Our own start."""
    ours = lambundle()
    options = ("--help", "--version")
    commands: list[Command] = [[ours, option] for option in options]
    *answers, bare = fastest(rounds * STARTS, *commands, [sys.executable, "-c", "pass"])
    return [
        table.more_time(f"{option}, python -c pass", seconds, bare, 0.15)
        for option, seconds in zip(options, answers, strict=True)
    ]


def entering(work: Path, rounds: int) -> Rows:
    """From a launcher to the program's own work and back."""
    rows: Rows = []
    for name in ("jq", "gcc"):
        try:
            native = installed(name)
        except UnavailableError as missing:
            rows.append(Skipped(f"{name} --version", str(missing)))
            continue
        tree = work / f"tree-{name}"
        run([lambundle(), "pack", "-q", native, "--tree", tree])
        commands: list[Command] = [[tree / "bin" / name, "--version"], [native, "--version"]]
        without = None
        try:
            commands.append([exodus_tree(name, work), "--version"])
        except UnavailableError as missing:
            without = Skipped(f"{name} --version, exodus", str(missing))
        ours, theirs, *others = fastest(rounds * STARTS, *commands)
        rows.append(table.times(f"{name} --version, native", ours, theirs))
        rows += [table.times(f"{name} --version, exodus", ours, seconds) for seconds in others]
        rows += [without] if without else []
    return rows


def compiling(work: Path, rounds: int) -> Rows:
    """Compiling and linking a C++ file."""
    native = installed("g++")
    tree = work / "tree"
    run([lambundle(), "pack", "-q", native, "--tree", tree])
    bundled = tree / "bin" / "g++"
    arguments: Command = ["-std=c++20", "-O1", SOURCE, "-o"]
    commands: list[Command] = [[bundled, *arguments, work / "ours"], [native, *arguments, work / "theirs"]]
    ours, theirs = fastest(rounds * 4, *commands)
    for program in ("ours", "theirs"):
        if (said := run([work / program]).stdout) != PRINTS:
            raise UnavailableError(f"what was compiled printed {said!r}")
    return [table.times("g++ -std=c++20 -O1, native", ours, theirs, 1.05)]


def discovering(work: Path, rounds: int) -> Rows:
    """Packing git, against packing the same files when each is named."""
    program, true = installed("git"), work / "true"
    # A program that no package owns and that needs only libc: there is nothing to discover for it.
    shutil.copy(installed("true", "coreutils"), true)
    tree, named = work / "tree", work / "named"
    run([lambundle(), "pack", "-q", program, "--tree", tree])
    added = [word for path in _root_files(tree) for word in ("--add", path)]
    ours: Command = [lambundle(), "pack", "-q", program]
    rival: Command = [lambundle(), "pack", "-q", true, *added]
    run([*rival, "--tree", named])
    if lacking := set(_root_files(tree)).symmetric_difference(_root_files(named)) - {str(true)}:
        raise CommandError(f"the files are not the same: {' '.join(sorted(lacking)[:5])}")
    rows: Rows = []
    for what, at_most, end in (("time", 3.0, ["-o", work / "git.zip"]), ("the plan alone", None, ["--dry-run"])):
        mine, theirs = fastest(rounds, [*ours, *end], [*rival, *end])
        rows.append(table.times(f"{what}, --add of each file", mine, theirs, at_most))
    return rows


def sizing(work: Path, rounds: int) -> Rows:
    """Saying of a large bundle what it holds and why."""
    program, unzip = installed("ffmpeg"), installed("unzip")
    more, bundle = work / "more", work / "ffmpeg.zip"
    more.mkdir()
    run([lambundle(), "pack", "-q", program, "-o", bundle])
    missing = ENTRIES - len(run([unzip, "-Z1", bundle]).stdout.splitlines())
    for number in range(missing):
        (more / str(number)).touch()
    run([lambundle(), "pack", "-q", program, "--add", more, "-o", bundle])
    ours, listing, bare = fastest(
        rounds * 4, [lambundle(), "size", bundle], [unzip, "-v", bundle], [sys.executable, "-c", "pass"]
    )
    return [
        table.more_time("size, python -c pass", ours, bare, 0.5),
        table.times("size, unzip -v", ours, listing),
    ]


def _root_files(tree: Path) -> list[str]:
    """Return the absolute paths of the regular files that a bundle serves; links come with what they lead to."""
    [root] = tree.glob("lambundle/*/root")
    return sorted(f"/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file() and not path.is_symlink())


GROUPS: Mapping[str, tuple[str, Group]] = MappingProxyType(
    {
        "pack": ("packing ffmpeg, against", packing),
        "discover": ("packing git, which has to be discovered, against", discovering),
        "deps": ("finding ffmpeg's libraries, against", walking),
        "size": (f"sizing ffmpeg's bundle with files up to {ENTRIES:,} entries, against", sizing),
        "start": ("starting lambundle, against", starting),
        "enter": ("entering a bundled program, against", entering),
        "compile": ("compiling and linking a C++ file with the bundled compiler, against", compiling),
    }
)
"""Title and function of each group, in the table's order."""
