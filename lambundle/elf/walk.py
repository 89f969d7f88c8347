"""The walk over DT_NEEDED, breadth first, as in the loader.

Each program is a process of its own: loaded files, and so the meaning of a name, belong to one program. Missing
libraries are results, not exceptions.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.elf.bare_names import bare_name
from lambundle.elf.closure import Closure, Excluded, LoadedFile, Missing, Needed
from lambundle.elf.directories import searched_directories
from lambundle.elf.environment import Libc, SearchEnvironment, environment_for
from lambundle.elf.files import Refusal
from lambundle.elf.headers import ElfFile
from lambundle.elf.loader import FailedLookup, Found, Requester, Rule, expand, is_musl_itself, search
from lambundle.errors import BadElfError, NotElfError, UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lambundle.elf.files import LoaderFiles
    from lambundle.elf.headers import Filtee


def walk(
    files: LoaderFiles,
    starts: Iterable[str],
    *,
    library_path: Sequence[str] = (),
    exclude: Callable[[str], bool] | None = None,
    exclude_file: Callable[[str], bool] | None = None,
    plugins: Iterable[tuple[str, str | None]] = (),
    isolated: bool = False,
) -> Closure:
    """Return the closure of some starts.

    ``starts`` are absolute paths of programs, or of libraries without a program. ``library_path`` is searched as
    LD_LIBRARY_PATH. ``exclude`` returns whether to leave out a soname, ``exclude_file`` a path under which a library is
    found; the needs of an excluded library are ignored. ``plugins`` are libraries that a program, one of the starts,
    opens with dlopen(3), with the names loaded in it. ``isolated`` walks as on a host where nothing is installed, as
    ``ld.so --inhibit-cache --library-path``. Raises NotElfError, BadElfError or UnreadableFileError for a start.
    """
    walker = Walker(files, library_path=library_path, exclude=exclude, exclude_file=exclude_file, isolated=isolated)
    for start in starts:
        walker.add(start)
    for plugin, program in plugins:
        walker.add_plugin(plugin, program)
    return walker.closure()


@dataclass(slots=True, eq=False)
class _Loaded:
    """A file loaded in one program."""

    requester: Requester
    rule: Rule
    needed: list[Needed] = field(default_factory=list)
    done: bool = False


class _Scope:
    """One process: the loaded files and their names.

    ``order`` is that of symbol lookup, in which ld.so also walks: a filtee is before its filter, any other file behind
    those that were there before (``_dl_map_object_deps``).
    """

    def __init__(self, start: str, environment: SearchEnvironment, files: LoaderFiles) -> None:
        self.start = start
        self.environment = environment
        self.loaded: dict[str, _Loaded] = {}
        self.order: list[_Loaded] = []
        self.failed: set[str] = set()
        self._files = files
        self._names: dict[str, _Loaded] = {}
        self._identities: dict[tuple[int, int], _Loaded] = {}
        self._position = 0

    def known(self, name: str) -> _Loaded | None:
        """Return the file loaded under a name, or None."""
        return self._names.get(name)

    def known_file(self, path: str) -> _Loaded | None:
        """Return the loaded file of the same device and inode, or None."""
        identity = self._files.identity(path)
        return None if identity is None else self._identities.get(identity)

    def name(self, name: str, loaded: _Loaded) -> None:
        """Give a loaded file a name; the first file keeps it."""
        self._names.setdefault(name, loaded)

    def load(self, path: str, elf: ElfFile, rule: Rule, *, origin: str, loader: Requester | None) -> _Loaded:
        """Load a file behind all others."""
        loaded = _Loaded(Requester(path, elf, origin, loader), rule)
        self.loaded[path] = loaded
        self.order.append(loaded)
        identity = self._files.identity(path)
        if identity is not None:
            self._identities.setdefault(identity, loaded)
        return loaded

    def next(self) -> _Loaded | None:
        """Return the first file whose dependencies are not loaded yet, and take it as done."""
        while self._position < len(self.order):
            item = self.order[self._position]
            if not item.done:
                item.done = True
                return item
            self._position += 1
        return None

    def put_before(self, filtee: _Loaded, item: _Loaded) -> None:
        """Move a filtee before its filter, which is the last file that ``next`` returned, unless it is before it."""
        here = self.order.index(item)
        if filtee in self.order[here + 1 :]:
            self.order.remove(filtee)
            self.order.insert(here, filtee)


class Walker:
    """A walk to which starts are added one by one.

    With ``bare_names`` an absolute path in DT_NEEDED counts as its last component, as in the files of a bundle.
    """

    def __init__(
        self,
        files: LoaderFiles,
        *,
        library_path: Sequence[str] = (),
        exclude: Callable[[str], bool] | None = None,
        exclude_file: Callable[[str], bool] | None = None,
        isolated: bool = False,
        bare_names: bool = False,
    ) -> None:
        self._bare_names = bare_names
        self._library_path = tuple(library_path)
        self._exclude = exclude or (lambda _: False)
        self._exclude_file = exclude_file or (lambda _: False)
        self._isolated = isolated
        self._files = files
        self._environments: dict[tuple[object, ...], SearchEnvironment] = {}
        self._scopes: dict[str, _Scope] = {}
        self._missing: dict[tuple[str, str], Missing] = {}
        self._excluded: dict[Excluded, None] = {}

    def add(self, start: str) -> str:
        """Walk a program, or a library without a program; return its absolute path. Raises as ``walk``."""
        path = self._absolute(start)
        if path in self._scopes:
            return path
        elf = self._start(path)
        scope = self._scopes[path] = _Scope(path, self._environment(elf), self._files)
        # $ORIGIN of a program is from /proc/self/exe, a real path; that of a library from the path it was opened by.
        origin = _directory(self._files.real(path) if elf.interpreter else path)
        main = scope.load(path, elf, Rule.PATH, origin=origin, loader=None)
        if elf.soname is not None and scope.environment.libc is Libc.GLIBC:
            scope.name(elf.soname, main)
        if elf.interpreter is not None:
            self._load_interpreter(scope, main)
        self._run(scope)
        return path

    def add_plugin(self, plugin: str, program: str | None = None) -> str:
        """Walk a library that ``program`` opens with dlopen(3); return its absolute path. Raises as ``walk``."""
        if program is None:
            return self.add(plugin)
        scope = self._scopes[self.add(program)]
        path = self._absolute(plugin)
        if scope.known(path) is None and scope.known_file(path) is None:
            loader = scope.loaded[scope.start].requester
            loaded = scope.load(path, self._start(path), Rule.PATH, origin=_directory(path), loader=loader)
            self._name(scope, loaded, path)
            self._run(scope)
        return path

    def dlopen(self, name: str, by: str, program: str | None = None) -> str | None:
        """Load a library that ``by`` opens by name in ``program`` (default ``by``); return its path.

        None if it is excluded or not found; it is not reported as missing, since such libraries are often optional.
        """
        if self._exclude(name):
            return None
        scope = self._scopes[self.add(by if program is None else program)]
        path = self._absolute(by)
        caller = scope.loaded.get(path) or scope.known_file(path) or scope.loaded[scope.start]
        answer = self._answer(name, caller, scope)
        if not isinstance(answer, _Loaded):
            return None
        self._run(scope)
        return answer.requester.path

    def audits(self, program: str) -> list[tuple[str, str]]:
        """Return the libraries in DT_AUDIT and DT_DEPAUDIT of a start that are found, each with its name.

        They are in namespaces of their own. A bare name is searched as the loader's own: of the program's paths only
        by DT_RPATH (``load_audit_module`` in rtld.c).
        """
        scope = self._scopes[program]
        main = scope.loaded[program].requester
        found = []
        for name in main.elf.audits if main.elf.interpreter and scope.environment.libc is Libc.GLIBC else ():
            by = main if main.elf.runpath is None else None
            answer = search(name, by, scope.environment, self._files, written=name)
            if isinstance(answer, Found) and not self._exclude(name) and not self._exclude_file(answer.path):
                found.append((name, answer.path))
        return found

    def closure(self) -> Closure:
        """Return the closure of all starts so far."""
        scopes: dict[str, tuple[LoadedFile, ...]] = {}
        files: dict[str, LoadedFile] = {}
        for start, scope in self._scopes.items():
            scopes[start] = tuple(
                [
                    LoadedFile(
                        item.requester.path,
                        self._files.real(item.requester.path),
                        item.requester.elf,
                        tuple(item.needed),
                    )
                    for item in scope.order
                ]
            )
            for file in scopes[start]:
                known = files.get(file.path)
                if known is None:
                    files[file.path] = file
                elif known.needed != file.needed:
                    needed = _union(known.needed, file.needed)
                    files[file.path] = LoadedFile(file.path, file.real, file.elf, needed)
        return Closure(
            programs=tuple(self._scopes),
            files=files,
            missing=tuple(self._missing.values()),
            excluded=tuple(self._excluded),
            scopes=scopes,
        )

    def directories(self) -> dict[str, tuple[str, ...]]:
        """Return, for each start so far, the directories that are searched for its files, in the loader's order."""
        return {
            start: searched_directories(scope.environment, [item.requester for item in scope.order])
            for start, scope in self._scopes.items()
        }

    def _start(self, path: str) -> ElfFile:
        answer = self._files.elf(path)
        if isinstance(answer, ElfFile):
            return answer
        if not answer.fatal:
            raise UnreadableFileError(f"{path} cannot be read: {answer.reason}")
        if "not an ELF file" in answer.reason or "directory" in answer.reason:
            raise NotElfError(f"{path} is not an ELF file")
        raise BadElfError(f"{path} is a damaged ELF file: {answer.reason}")

    def _absolute(self, path: str) -> str:
        """Return ``path`` without ``..``; links are followed only if it has one."""
        if ".." not in path.split("/"):
            return posixpath.normpath(path)
        directory, _, name = path.rpartition("/")
        return f"{self._files.real(directory).rstrip('/')}/{name}"

    def _environment(self, elf: ElfFile) -> SearchEnvironment:
        is_musl = any(name == "libc.so" or name.startswith("libc.musl-") for name in elf.needed)
        key = (elf.interpreter, is_musl, elf.machine, elf.bits, elf.little)
        environment = self._environments.get(key)
        if environment is None:
            environment = self._environments[key] = environment_for(
                elf, self._files, library_path=self._library_path, isolated=self._isolated
            )
        return environment

    def _load_interpreter(self, scope: _Scope, main: _Loaded) -> None:
        """Load PT_INTERP under its path; the kernel maps it."""
        path = scope.environment.interpreter
        answer = self._files.elf(path) if path.startswith("/") else Refusal("it is a relative path")
        if isinstance(answer, Refusal):
            place = FailedLookup(Rule.PATH, path, path, answer.reason)
            self._report(Missing(path, main.requester.path, scope.start, (place,)))
            return
        loaded = scope.load(path, answer, Rule.PATH, origin=_directory(path), loader=None)
        self._name(scope, loaded, path)

    def _run(self, scope: _Scope) -> None:
        while (item := scope.next()) is not None:
            for name, filtee in _dependencies(item.requester.elf, scope.environment.libc):
                if self._exclude(name):
                    self._excluded[Excluded(name, item.requester.path)] = None
                    continue
                before = len(scope.loaded)
                answer = self._answer(name, item, scope)
                if isinstance(answer, _Loaded):
                    is_old = len(scope.loaded) == before
                    item.needed.append(Needed(name, answer.requester.path, answer.rule.value, is_old))
                    if filtee is not None:
                        scope.put_before(answer, item)
                elif isinstance(answer, Excluded):
                    self._excluded[answer] = None
                elif name not in scope.failed and not (filtee is not None and filtee.optional):
                    # As in ``ld.so --list``, a missing name is reported once in a program.
                    scope.failed.add(name)
                    self._report(Missing(name, item.requester.path, scope.start, answer))

    def _report(self, missing: Missing) -> None:
        self._missing.setdefault((missing.soname, missing.needed_by), missing)

    def _answer(self, soname: str, by: _Loaded, scope: _Scope) -> _Loaded | Excluded | tuple[FailedLookup, ...]:
        """Return the loaded library of a name, its failed lookups, or the file that is excluded."""
        environment = scope.environment
        name: str | None = soname
        if environment.libc is Libc.GLIBC:
            name = expand(soname, by.requester.origin, environment)
        if self._bare_names and name and soname.startswith("/") and scope.known(name) is None:
            name = bare_name(name)
        if not name:
            return (FailedLookup(Rule.PATH, soname, None, "a part of it has no value on this machine"),)
        if is_musl_itself(name, environment):
            interpreter = scope.known(environment.interpreter) or self._load_musl(scope)
            if interpreter is not None:
                return interpreter
        known = scope.known(name)
        if known is not None:
            return known
        found = search(name, by.requester, environment, self._files, written=soname)
        if not isinstance(found, Found):
            return found.looked_in
        loaded = scope.known_file(found.path)
        if loaded is None:
            if self._exclude_file(found.path):
                return Excluded(soname, by.requester.path, found.path)
            path, origin = found.path, _directory(found.path)
            loaded = scope.load(path, found.elf, found.rule, origin=origin, loader=by.requester)
        self._name(scope, loaded, name)
        return loaded

    def _load_musl(self, scope: _Scope) -> _Loaded | None:
        """Load musl's loader for a library without a program; return None if it cannot be read."""
        path = scope.environment.interpreter
        answer = self._files.elf(path)
        if isinstance(answer, Refusal):
            return None
        loaded = scope.load(path, answer, Rule.PATH, origin=_directory(path), loader=None)
        scope.name(path, loaded)
        return loaded

    def _name(self, scope: _Scope, loaded: _Loaded, name: str) -> None:
        """Give a loaded file its names.

        glibc: the needed name, the path, DT_SONAME (``_dl_map_object``). musl: the needed path, or the last component
        of a path that was searched (``shortname`` in ``load_library``).
        """
        if scope.environment.libc is Libc.MUSL:
            is_path = "/" in name
            scope.name(name if is_path else loaded.requester.path.rpartition("/")[2], loaded)
            return
        scope.name(loaded.requester.path, loaded)
        scope.name(name, loaded)
        if loaded.requester.elf.soname is not None:
            scope.name(loaded.requester.elf.soname, loaded)


def _dependencies(elf: ElfFile, libc: Libc) -> Iterator[tuple[str, Filtee | None]]:
    """Return the names that a file loads, in the order of its dynamic section; musl knows no filters."""
    filtees = list(elf.filtees if libc is Libc.GLIBC else ())
    for position in range(len(elf.needed) + 1):
        while filtees and filtees[0].position == position:
            yield filtees[0].name, filtees.pop(0)
        if position < len(elf.needed):
            yield elf.needed[position], None


def _directory(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _union(first: tuple[Needed, ...], second: tuple[Needed, ...]) -> tuple[Needed, ...]:
    """Merge the resolved DT_NEEDED of a file in two programs."""
    known = {(need.soname, need.path) for need in first}
    return first + tuple(need for need in second if (need.soname, need.path) not in known)
