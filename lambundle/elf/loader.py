"""The dynamic loader's search order for a library. Pure.

Source: for glibc ld.so(8) and ``_dl_map_object`` in ``elf/dl-load.c``, for musl ``load_library`` in
``ldso/dynlink.c``. ``tests/loader`` compares each rule with the real loaders.

Where this differs from the loaders:

* The current directory is never searched: an empty or relative element depends on where a program is started. Those of
  LD_LIBRARY_PATH are made absolute by the caller.
* Of ``glibc-hwcaps`` only ``x86-64-v2`` is searched, since a bundle must run on every machine of its architecture. The
  directories that glibc dropped in 2.37 (``tls``, ``haswell``) are not searched.
* Without a valid ``ld.so.cache``, directories of ld.so.conf are searched last: ldconfig may not have been run yet.
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
_MAX_PATH = 4096  # PATH_MAX
_TEXT_OF_A_STEP = 64  # characters that take about as long to expand and to join as a location to be searched

_TOKEN = re.compile(r"\$(?:\{(ORIGIN|PLATFORM|LIB)\}|(ORIGIN|PLATFORM|LIB)(?![A-Za-z0-9_]))")
_MUSL_OWN = re.compile(r"lib(?:c|pthread|rt|m|dl|util|xnet)\.")


class Rule(enum.StrEnum):
    """The rule by which a library is found; the names are those of ld.so(8)."""

    RPATH = "rpath"
    LIBRARY_PATH = "LD_LIBRARY_PATH"
    RUNPATH = "runpath"
    CONF = "ld.so.conf"
    DEFAULT = "default"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Requester:
    """A loaded file whose DT_NEEDED is searched.

    ``path`` is the path under which it was found, ``origin`` the value of ``$ORIGIN``, ``loader`` the file that loaded
    it, None for the program.
    """

    path: str
    elf: ElfFile
    origin: str
    loader: Requester | None = None


@dataclass(frozen=True, slots=True)
class FailedLookup:
    """A location searched without success.

    ``written`` is the location as its source names it (``$ORIGIN/lib``), ``path`` the file that was tried, None if the
    rule gave none, ``reason`` why it is not the library.
    """

    rule: Rule
    written: str
    path: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A library, the path under which it was found, and the rule."""

    path: str
    elf: ElfFile
    rule: Rule


@dataclass(frozen=True, slots=True)
class NotFound:
    """A library that was not found, with all failed lookups in order."""

    looked_in: tuple[FailedLookup, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """A directory to search, a ``file`` to try, or a ``note`` why there is neither."""

    rule: Rule
    written: str
    directory: str | None = None
    file: str | None = None
    note: str = ""


def is_musl_itself(name: str, environment: SearchEnvironment) -> bool:
    """Return whether musl's loader is the library itself: libc, libm, libpthread and others."""
    if environment.libc is not Libc.MUSL:
        return False
    return bool(_MUSL_OWN.match(name)) or name == environment.interpreter


def expand(text: str, origin: str, environment: SearchEnvironment) -> str | None:
    """Expand ``$ORIGIN``, ``$LIB`` and ``$PLATFORM``, with or without braces; None if a value is unknown.

    ld.so drops an element with an unknown value (``_dl_dst_substitute``); other dollars stay.
    """
    if "$" not in text:
        return text
    values = {"ORIGIN": origin, "LIB": environment.lib, "PLATFORM": environment.platform}
    tokens = [braced or bare for braced, bare in _TOKEN.findall(text)]
    if any(values[token] is None for token in tokens):
        return None
    return _TOKEN.sub(lambda match: values[match[1] or match[2]] or "", text)


def search(
    name: str, by: Requester | None, environment: SearchEnvironment, files: LoaderFiles, written: str = ""
) -> Found | NotFound:
    """Find a library that ``by`` needs and that is not loaded yet; ``written`` is its name with tokens."""
    looked_in: list[FailedLookup] = []
    steps = [_path_step(name, written, environment)] if "/" in name else _steps(name, by, environment)
    asker = name if by is None else by.path
    for step in steps:
        files.searched(asker, 1 + len(step.written) // _TEXT_OF_A_STEP)
        if step.directory is not None and not files.is_directory(step.directory):
            path = f"{step.directory.rstrip('/')}/{name}"
            looked_in.append(FailedLookup(step.rule, step.written, path, "no such directory"))
            continue
        if step.directory is not None:
            candidates = _candidates(step.directory, name, environment, files)
        elif step.file is not None:
            candidates = [step.file]
        else:
            looked_in.append(FailedLookup(step.rule, step.written, None, step.note))
            continue
        for path in candidates:
            answer = files.elf(path)
            refusal = answer if isinstance(answer, Refusal) else _refuse(answer, environment)
            if refusal is None and isinstance(answer, ElfFile):
                return Found(path, answer, step.rule)
            if refusal is None:  # pragma: no cover  (an answer is one or the other)
                continue
            if refusal.fatal:
                reason = f"{refusal.reason}: the loader looks no further"
                looked_in.append(FailedLookup(step.rule, step.written, path, reason))
                return NotFound(tuple(looked_in))
            looked_in.append(FailedLookup(step.rule, step.written, path, refusal.reason))
    return NotFound(tuple([_explain(lookup, name, environment, files) for lookup in looked_in]))


def _explain(lookup: FailedLookup, name: str, environment: SearchEnvironment, files: LoaderFiles) -> FailedLookup:
    """Add to a reason that ldconfig(8) was not run since the library was installed."""
    if lookup.rule is not Rule.CONF or lookup.path is not None or environment.cache is None:
        return lookup
    for directory in environment.conf_directories:
        if files.is_file(f"{directory}/{name}"):
            reason = f"{lookup.reason}, though {directory}/{name} is there: run ldconfig"
            return FailedLookup(lookup.rule, lookup.written, None, reason)
    return lookup


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
    """Return why glibc's ``open_verify`` refuses a file, or None: it skips another class or machine, and fails else.

    musl fails for every file that it can open but not load.
    """
    final = environment.libc is Libc.MUSL
    if elf.bits != environment.bits:
        return Refusal(f"it is a {elf.bits}-bit file", fatal=final)
    if elf.little != environment.little:
        # Debian's glibc skips it, as any other machine's; upstream glibc fails.
        return Refusal("it has the other byte order", fatal=final)
    if elf.machine != environment.machine:
        return Refusal("it is for another machine", fatal=final)
    if elf.type not in (ET_DYN, ET_EXEC):
        return Refusal("it is not a shared library", fatal=True)
    return None


def _steps(name: str, by: Requester | None, environment: SearchEnvironment) -> Iterator[_Step]:
    if len(name) > _MAX_NAME:
        yield _Step(Rule.PATH, name, note="the name is too long")
    elif environment.libc is Libc.MUSL:
        yield from _musl_steps(by, environment)
    else:
        yield from _glibc_steps(name, by, environment)


def _path_step(name: str, written: str, environment: SearchEnvironment) -> _Step:
    if not name.startswith("/"):
        return _Step(Rule.PATH, name, note="not tried, it is relative to the current directory")
    if environment.isolated and "ORIGIN" not in written:
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
    """Return the elements of LD_LIBRARY_PATH, in which ``$ORIGIN`` is the program's (``_dl_init_paths``)."""
    if not environment.library_path:
        yield _Step(Rule.LIBRARY_PATH, "", note="not set")
        return
    main = by
    while main is not None and main.loader is not None:
        main = main.loader
    for element in environment.library_path:
        yield _element(Rule.LIBRARY_PATH, element, main.origin if main else "", environment, ours=True)


def _rpath_steps(by: Requester | None, environment: SearchEnvironment) -> Iterator[_Step]:
    """Return DT_RPATH of the requester, of its loader, and so on up to the program.

    None if the requester has DT_RUNPATH. DT_RPATH of a file with both is ignored (``elf_get_dynamic_info``).
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
    """Return the step of one element of a path; ``ours`` if it is from ``--library-path``."""
    directory = expand(element, origin, environment) if len(element) < _MAX_PATH else element
    if directory is not None and len(directory) >= _MAX_PATH:
        return _Step(rule, element, note="not searched, it is too long for a path")
    if directory is None:
        return _Step(rule, element, note="not used, a part of it has no value on this machine")
    if not directory.startswith("/"):
        return _Step(rule, element, note="not searched, it is relative to the current directory")
    if environment.isolated and not ours and "ORIGIN" not in element:
        return _Step(rule, element, note="not used, it is outside the bundle")
    return _Step(rule, element, directory)


def _cache_step(name: str, environment: SearchEnvironment, *, nodeflib: bool) -> _Step:
    """Return the step of ld.so.cache, which lists the best build of each library first.

    With ``-z nodefaultlib`` entries below a default directory are ignored.
    """
    entries = (environment.cache or {}).get(name, ())
    usable = [entry for entry in entries if entry.hwcaps is None or entry.hwcaps in environment.hwcaps]
    if not usable:
        return _Step(Rule.CONF, environment.cache_path, note=f"{environment.cache_path} does not list it")
    best = next((entry for entry in usable if entry.hwcaps is not None), usable[0])
    if nodeflib and best.path.startswith(tuple(f"{name}/" for name in environment.default_directories)):
        return _Step(Rule.CONF, environment.cache_path, note="not used, linked with -z nodefaultlib")
    return _Step(Rule.CONF, environment.cache_path, file=best.path)


def _musl_steps(by: Requester | None, environment: SearchEnvironment) -> Iterator[_Step]:
    """Return LD_LIBRARY_PATH, the paths of the requester and of its loaders, then the machine's.

    In musl DT_RPATH and DT_RUNPATH are both inherited; DT_RUNPATH wins.
    """
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
    """Return the elements of a path as ``fixup_rpath``: a token other than ``$ORIGIN`` voids the whole path."""
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
            if len(directory) >= _MAX_PATH:
                yield _Step(rule, element, note="not searched, it is too long for a path")
                continue
            yield _absolute(_Step(rule, element, directory))


def _absolute(step: _Step) -> _Step:
    if step.directory is not None and not step.directory.startswith("/"):
        return _Step(
            step.rule,
            step.written,
            note="not searched, it is relative to the current directory",
        )
    return step
