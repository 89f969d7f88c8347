"""Where the dynamic loader looks for a library, in its order: pure, given what it is told about the machine.

glibc's rules are those of ld.so(8) and ``_dl_map_object`` in ``elf/dl-load.c``; musl's those of
``load_library`` in ``ldso/dynlink.c``. Claims in ``tests/loader`` hold each against the real loaders.

Decided, where the loaders leave room:

* The current directory is never searched. An empty or relative element of a path means "wherever the program
  is started from", which on the host is not where it was on this machine. Of LD_LIBRARY_PATH such elements are made
  absolute by the caller, who knows where the user is.
* The baseline build of a library is wanted: ``glibc-hwcaps/x86-64-v2`` is searched, v3 and v4 are not,
  for a bundle is to run on the oldest machine of its kind. The hwcaps directories that glibc
  dropped in 2.37 (``tls``, ``haswell``) are not searched either.
* Where there is no valid ``ld.so.cache``, ld.so does not know of ld.so.conf. Its directories are then tried
  last: it costs nothing where ld.so would find the library, and finds it where only ldconfig was not run.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.elf.environment import Libc, SearchEnvironment
from lambundle.elf.files import Refusal
from lambundle.elf.headers import ET_DYN, ET_EXEC, ElfFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.elf.files import LoaderFiles

_MAX_NAME = 255  # NAME_MAX

_TOKEN = re.compile(r"\$(?:\{(ORIGIN|PLATFORM|LIB)\}|(ORIGIN|PLATFORM|LIB)(?![A-Za-z0-9_]))")
_MUSL_OWN = re.compile(r"lib(?:c|pthread|rt|m|dl|util|xnet)\.")


class Rule(enum.StrEnum):
    """The rule by which a library is found."""

    RPATH = "rpath"
    LIBRARY_PATH = "LD_LIBRARY_PATH"
    RUNPATH = "runpath"
    CONF = "ld.so.conf"
    DEFAULT = "default"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Requester:
    """A loaded file that asks for others.

    ``path`` is the path under which it was found, ``origin`` what ``$ORIGIN`` stands for in it, ``loader``
    the file that first asked for it, None for the program.
    """

    path: str
    elf: ElfFile
    origin: str
    loader: Requester | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One place that was looked at in vain.

    ``written`` is how the place is named where it comes from (``$ORIGIN/lib``), ``path`` the file that was
    tried, None where the rule gave none, ``reason`` why it is not the library.
    """

    rule: Rule
    written: str
    path: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A library, the path under which it was found, and by which rule."""

    path: str
    elf: ElfFile
    rule: Rule


@dataclass(frozen=True, slots=True)
class NotFound:
    """Every place looked at, in order."""

    looked_in: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """A directory to look in, or (``file``) one path to try, or only a ``note`` why there is neither."""

    rule: Rule
    written: str
    directory: str | None = None
    file: str | None = None
    note: str = ""


def is_loader_itself(name: str, environment: SearchEnvironment) -> bool:
    """Whether musl's loader serves the name itself: it is its own libc, libm, libpthread, …."""
    if environment.libc is not Libc.MUSL:
        return False
    return bool(_MUSL_OWN.match(name)) or name == environment.interpreter


def expand(text: str, origin: str, environment: SearchEnvironment) -> str | None:
    """Replace ``$ORIGIN``, ``$LIB`` and ``$PLATFORM``, with or without braces; None if one is unknown.

    ld.so drops an element with a token it has no value for (``_dl_dst_substitute``); other dollars stay.
    """
    if "$" not in text:
        return text
    values = {"ORIGIN": origin, "LIB": environment.lib, "PLATFORM": environment.platform}
    tokens = [braced or bare for braced, bare in _TOKEN.findall(text)]
    if any(values[token] is None for token in tokens):
        return None
    return _TOKEN.sub(lambda match: values[match[1] or match[2]] or "", text)


def search(name: str, by: Requester | None, environment: SearchEnvironment, files: LoaderFiles) -> Found | NotFound:
    """Find the library that ``by`` needs as ``name`` and that is not loaded yet."""
    looked_in: list[Place] = []
    for step in _steps(name, by, environment):
        if step.directory is not None:
            candidates = _candidates(step.directory, name, environment, files)
        elif step.file is not None:
            candidates = [step.file]
        else:
            looked_in.append(Place(step.rule, step.written, None, step.note))
            continue
        for path in candidates:
            answer = files.elf(path)
            refusal = answer if isinstance(answer, Refusal) else _refuse(answer, environment)
            if refusal is None and isinstance(answer, ElfFile):
                return Found(path, answer, step.rule)
            if refusal is None:  # pragma: no cover  (an answer is one or the other)
                continue
            reason = refusal.reason
            if step.directory is not None and not files.is_directory(step.directory):
                reason = "no such directory"
            if refusal.fatal:
                looked_in.append(Place(step.rule, step.written, path, f"{reason}: the loader looks no further"))
                return NotFound(tuple(looked_in))
            looked_in.append(Place(step.rule, step.written, path, reason))
    return NotFound(tuple([_explain(place, name, environment, files) for place in looked_in]))


def _explain(place: Place, name: str, environment: SearchEnvironment, files: LoaderFiles) -> Place:
    """Say so where only ldconfig(8) was not run since the library came."""
    if place.rule is not Rule.CONF or place.path is not None or environment.cache is None:
        return place
    for directory in environment.conf_directories:
        if files.is_file(f"{directory}/{name}"):
            reason = f"{place.reason}, though {directory}/{name} is there: run ldconfig"
            return Place(place.rule, place.written, None, reason)
    return place


def _candidates(directory: str, name: str, environment: SearchEnvironment, files: LoaderFiles) -> list[str]:
    prefix = directory.rstrip("/")
    paths = [
        f"{prefix}/glibc-hwcaps/{hwcaps}/{name}"
        for hwcaps in environment.hwcaps
        if files.is_directory(f"{prefix}/glibc-hwcaps/{hwcaps}")
    ]
    paths.append(f"{prefix}/{name}")
    return paths


def _refuse(elf: ElfFile, environment: SearchEnvironment) -> Refusal | None:
    """Judge a file as ``open_verify`` does: another class or machine is passed over, other faults are final.

    musl takes the first file it can open, whatever it is.
    """
    final = environment.libc is Libc.MUSL
    if elf.bits != environment.bits:
        return Refusal(f"it is a {elf.bits}-bit file", fatal=final)
    if elf.little != environment.little:
        # Debian's glibc passes over it, as over any other machine's; the original stops.
        return Refusal("it has the other byte order", fatal=final)
    if elf.machine != environment.machine:
        return Refusal("it is for another machine", fatal=final)
    if elf.type not in (ET_DYN, ET_EXEC):
        return Refusal("it is not a shared library", fatal=True)
    return None


def _steps(name: str, by: Requester | None, environment: SearchEnvironment) -> Iterator[_Step]:
    if "/" in name:
        yield _path_step(name, environment)
    elif environment.libc is Libc.MUSL:
        yield from _musl_steps(name, by, environment)
    else:
        yield from _glibc_steps(name, by, environment)


def _path_step(name: str, environment: SearchEnvironment) -> _Step:
    if not name.startswith("/"):
        return _Step(Rule.PATH, name, note="not tried, it is relative to the current directory")
    if environment.isolated:
        return _Step(Rule.PATH, name, note="it is outside the bundle")
    return _Step(Rule.PATH, name, file=name)


def _glibc_steps(name: str, by: Requester | None, environment: SearchEnvironment) -> Iterator[_Step]:
    yield from _rpath_steps(by, environment)
    yield from _library_path_steps(by, environment)
    if by is None or by.elf.runpath is None:
        yield _Step(Rule.RUNPATH, "", note="not set")
    elif by.elf.runpath:
        for element in by.elf.runpath.split(":"):
            yield _element(Rule.RUNPATH, element, by.origin, environment)
    nodeflib = by is not None and by.elf.nodeflib
    if environment.cache is not None:
        yield _cache_step(name, environment, nodeflib=nodeflib)
    elif not environment.isolated:
        yield _Step(Rule.CONF, environment.cache_path, note=f"{environment.cache_path} is absent or not valid")
    if nodeflib:
        yield _Step(Rule.DEFAULT, "", note="not used, linked with -z nodefaultlib")
        return
    for directory in environment.default_directories:
        yield _Step(Rule.DEFAULT, directory, directory)
    if environment.cache is None:
        for directory in environment.conf_directories:
            yield _Step(Rule.CONF, directory, directory)


def _library_path_steps(by: Requester | None, environment: SearchEnvironment) -> Iterator[_Step]:
    """LD_LIBRARY_PATH, where ``$ORIGIN`` is the program's (``_dl_init_paths``)."""
    if not environment.library_path:
        yield _Step(Rule.LIBRARY_PATH, "", note="not set")
        return
    main = by
    while main is not None and main.loader is not None:
        main = main.loader
    for element in environment.library_path:
        yield _element(Rule.LIBRARY_PATH, element, main.origin if main else "", environment, ours=True)


def _rpath_steps(by: Requester | None, environment: SearchEnvironment) -> Iterator[_Step]:
    """DT_RPATH of the requester, of what loaded it, and so on up to the program.

    Not if the requester has DT_RUNPATH. One higher up that has both has no DT_RPATH
    (``elf_get_dynamic_info``).
    """
    if by is not None and by.elf.runpath is not None:
        yield _Step(Rule.RPATH, "", note="not used, runpath is set")
        return
    any_set = False
    link = by
    while link is not None:
        if link.elf.rpath and link.elf.runpath is None:
            any_set = True
            for element in link.elf.rpath.split(":"):
                yield _element(Rule.RPATH, element, link.origin, environment)
        link = link.loader
    if not any_set:
        yield _Step(Rule.RPATH, "", note="not set")


def _element(rule: Rule, element: str, origin: str, environment: SearchEnvironment, *, ours: bool = False) -> _Step:
    """One element of a search path; ``ours`` if it is from the library path, which is the bundle's own."""
    directory = expand(element, origin, environment)
    if directory is None:
        return _Step(rule, element, note="not used, a part of it has no value on this machine")
    if not directory.startswith("/"):
        return _Step(rule, element, note="not searched, it is relative to the current directory")
    if environment.isolated and not ours and "ORIGIN" not in element:
        return _Step(rule, element, note="not used, it is outside the bundle")
    return _Step(rule, element, directory)


def _cache_step(name: str, environment: SearchEnvironment, *, nodeflib: bool) -> _Step:
    """Look into ld.so.cache, which lists the best build of each library first.

    With ``-z nodefaultlib`` an entry below a default directory does not count, any other does.
    """
    entries = (environment.cache or {}).get(name, ())
    usable = [entry for entry in entries if entry.hwcaps is None or entry.hwcaps in environment.hwcaps]
    if not usable:
        return _Step(Rule.CONF, environment.cache_path, note=f"{environment.cache_path} does not list it")
    best = next((entry for entry in usable if entry.hwcaps is not None), usable[0])
    if nodeflib and best.path.startswith(tuple(f"{name}/" for name in environment.default_directories)):
        return _Step(Rule.CONF, environment.cache_path, note="not used, linked with -z nodefaultlib")
    return _Step(Rule.CONF, environment.cache_path, file=best.path)


def _musl_steps(name: str, by: Requester | None, environment: SearchEnvironment) -> Iterator[_Step]:
    """LD_LIBRARY_PATH, then the paths of the requester and of all that led to it, then the machine's.

    musl makes no difference between DT_RPATH and DT_RUNPATH: both are inherited, the latter wins.
    """
    if len(name) > _MAX_NAME:
        yield _Step(Rule.PATH, name, note="the name is too long")
        return
    if not environment.library_path:
        yield _Step(Rule.LIBRARY_PATH, "", note="not set")
    for element in environment.library_path:
        if element:
            yield _absolute(_Step(Rule.LIBRARY_PATH, element, element))
    any_set = False
    link = by
    while link is not None:
        rule = Rule.RPATH if link.elf.runpath is None else Rule.RUNPATH
        text = link.elf.rpath if link.elf.runpath is None else link.elf.runpath
        if text:
            any_set = True
            yield from _musl_elements(rule, text, link.origin, environment)
        link = link.loader
    if not any_set:
        yield _Step(Rule.RPATH, "", note="not set")
    for directory in environment.default_directories:
        yield _absolute(_Step(Rule.DEFAULT, directory, directory))


def _musl_elements(rule: Rule, text: str, origin: str, environment: SearchEnvironment) -> Iterator[_Step]:
    """``fixup_rpath``: only ``$ORIGIN`` is known, and any other dollar makes the whole path void."""
    rest = text.replace("${ORIGIN}", "").replace("$ORIGIN", "")
    if "$" in rest:
        yield _Step(rule, text, note="not used, it holds a token that musl does not know")
        return
    for element in re.split("[:\n]+", text):
        if element:
            if environment.isolated and "ORIGIN" not in element:
                yield _Step(rule, element, note="not used, it is outside the bundle")
                continue
            directory = element.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
            yield _absolute(_Step(rule, element, directory))


def _absolute(step: _Step) -> _Step:
    if step.directory is not None and not step.directory.startswith("/"):
        return _Step(
            step.rule,
            step.written,
            note="not searched, it is relative to the current directory",
        )
    return step
