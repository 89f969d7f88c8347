"""``manifest.json``: the entries of a bundle with their reasons, as JSON that grep can search."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn, TypeVar

from lambundle.bundle import names
from lambundle.bundle.model import (
    MANIFEST_VERSION,
    Entry,
    Group,
    Kind,
    Manifest,
    PackedOn,
    PackOptions,
    Program,
    Reason,
    Smoke,
)
from lambundle.errors import BadBundleError

_MODE = re.compile(r"0[0-7]{3}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIZE_MAX = 1 << 48  # above any file system's limit; sums stay exact in JSON readers
PROGRAMS_MAX = 4096
"""Most programs of a bundle: each is looked at, and run."""
MARKS_MAX = 3_000_000
"""Most marks of JSON that begin or part values, of which one of two bytes takes a hundred; 65,534 entries have half."""
_MARKS = b"{[,:"
_T = TypeVar("_T", str, int, bool, list[Any], dict[str, Any])


def encode_manifest(manifest: Manifest) -> bytes:
    """Return ``manifest`` as JSON, deterministically, with one line for each program and entry.

    Empty optional values are left out.
    """
    programs = ",\n".join(_line(_program_json(program)) for program in manifest.programs)
    entries = ",\n".join(_line(_entry_json(entry)) for entry in manifest.entries)
    packed_on = manifest.packed_on
    environment = (
        f'"environment":{_line(dict(sorted(manifest.environment.items())))},\n' if manifest.environment else ""
    )
    asked = {key: value for key in PackOptions.__slots__ if (value := getattr(manifest.options, key))}
    options = f'"options":{_line(asked)},\n' if asked else ""
    lines = ",\n".join(_line(_group_json(group)) for group in manifest.groups)
    groups = f'"groups":[\n{lines}],\n' if lines else ""
    text = (
        f'{{"version":{MANIFEST_VERSION},"name":{_line(manifest.name)},\n'
        f'"programs":[\n{programs}],\n'
        f'"packed_on":{_line({key: getattr(packed_on, key) for key in PackedOn.__slots__})},\n'
        f"{options}"
        f"{environment}"
        f"{groups}"
        f'"entries":[\n{entries}]}}\n'
    )
    return text.encode()


def decode_manifest(data: bytes) -> Manifest:
    """Return the manifest in ``data``. Raises BadBundleError if it is not valid.

    Unknown keys are ignored, so that later versions may add some.
    """
    if sum(data.count(mark) for mark in _MARKS) > MARKS_MAX:
        _fail("it has more values than any manifest")
    try:
        document = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _bad(f"not JSON: {str(error)[:200]}") from error
    if type(document) is not dict:
        _fail("it is not an object")
    version = _get(document, "version", int)
    if version != MANIFEST_VERSION:
        raise BadBundleError(
            f"manifest.json has format version {version}",
            context=(f"this lambundle reads version {MANIFEST_VERSION}",),
            hint="use the lambundle that wrote the bundle, or a later one",
        )
    programs = _get(document, "programs", list)
    if len(programs) > PROGRAMS_MAX:
        _fail(f"it has {len(programs):,} programs, and a bundle {PROGRAMS_MAX:,} at most")
    manifest = Manifest(
        name=_get(document, "name", str),
        programs=tuple(_program(item) for item in programs),
        packed_on=_packed_on(_get(document, "packed_on", dict)),
        entries=tuple(_entry(item) for item in _get(document, "entries", list)),
        environment=_texts(_get(document, "environment", dict, default={})),
        groups=tuple(_group(item) for item in _get(document, "groups", list, default=[])),
        options=_options(_get(document, "options", dict, default={})),
    )
    _check_paths(manifest)
    return manifest


def _program_json(program: Program) -> dict[str, Any]:
    found: dict[str, Any] = {"launcher": program.launcher, "path": program.path, "real": program.real}
    if program.static:
        found["static"] = True
    if program.smoke is not None:
        found |= {"recipe": program.recipe, "smoke": {"does": program.smoke.does, "script": program.smoke.script}}
    return found


def _group_json(group: Group) -> dict[str, Any]:
    return {"kind": group.kind, "name": group.name, "reasons": [_reason_json(reason) for reason in group.reasons]}


def _entry_json(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"path": entry.path, "kind": entry.kind.value, "mode": f"{entry.mode:04o}"}
    if entry.kind is Kind.LINK:
        found["target"] = entry.target
    elif entry.kind is Kind.FILE:
        found |= {"size": entry.size, "sha256": entry.sha256}
        if entry.package is not None:
            found["package"] = entry.package
        if entry.bare_names:
            found["bare_names"] = list(entry.bare_names)
    if entry.reasons:
        found["reasons"] = [_reason_json(reason) for reason in entry.reasons]
    return found


def _reason_json(reason: Reason) -> dict[str, str]:
    found = {"kind": reason.kind}
    if reason.by is not None:
        found["by"] = reason.by
    if reason.detail:
        found["detail"] = reason.detail
    return found


def _line(value: Any) -> str:
    """Encode ``value`` in one line, escaped only if a name is not UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def _program(item: Any) -> Program:
    return Program(
        launcher=_path(item, "launcher"),
        path=_get(item, "path", str),
        real=_get(item, "real", str),
        static=_get(item, "static", bool, default=False),
        recipe=_get(item, "recipe", str, default=""),
        smoke=_smoke(item["smoke"]) if "smoke" in item else None,
    )


def _smoke(item: Any) -> Smoke:
    return Smoke(_get(item, "does", str), _get(item, "script", str))


def _texts(item: dict[str, Any]) -> dict[str, str]:
    if not all(type(value) is str for value in item.values()):
        _fail("a variable of the environment is not text")
    return item


def _packed_on(item: Any) -> PackedOn:
    return PackedOn(
        distribution=_get(item, "distribution", str),
        libc=_get(item, "libc", str),
        machine=_get(item, "machine", str),
    )


def _options(item: Any) -> PackOptions:
    lists = {key: _words(item, key) for key in PackOptions.__slots__ if key != "only_recorded"}
    only = _get(item, "only_recorded", bool, default=False)
    return PackOptions(**lists, only_recorded=only)


def _words(item: Any, key: str) -> tuple[str, ...]:
    found = _get(item, key, list, default=[])
    if not all(type(word) is str for word in found):
        _fail(f"{key!r} of the options is not a list of text")
    return tuple(found)


def _entry(item: Any) -> Entry:
    path = _path(item, "path")
    text, mode = _get(item, "kind", str), _get(item, "mode", str)
    if text not in set(Kind):
        _fail(f"{path!r} is of the unknown kind {text!r}")
    if not _MODE.fullmatch(mode):
        _fail(f"{path!r} has the mode {mode!r}")
    kind = Kind(text)
    reasons = tuple(_reason(reason) for reason in _get(item, "reasons", list, default=[]))
    if kind is Kind.LINK:
        target = _get(item, "target", str)
        return Entry(path, kind, int(mode, 8), _utf8_size(path, target), target=target, reasons=reasons)
    if kind is Kind.DIRECTORY:
        return Entry(path, kind, int(mode, 8), reasons=reasons)
    size, digest = _get(item, "size", int), _get(item, "sha256", str)
    if not 0 <= size <= _SIZE_MAX:
        _fail(f"{path!r} has the size {size}")
    if not _SHA256.fullmatch(digest):
        _fail(f"{path!r} has no valid sha256")
    package = _get(item, "package", str) if "package" in item else None
    bare_names = tuple(_get(item, "bare_names", list, default=[]))
    if not all(type(name) is str for name in bare_names):
        _fail(f"{path!r} has names that are no text")
    return Entry(path, kind, int(mode, 8), size, reasons=reasons, sha256=digest, package=package, bare_names=bare_names)


def _group(item: Any) -> Group:
    reasons = tuple(_reason(reason) for reason in _get(item, "reasons", list))
    return Group(_get(item, "kind", str), _get(item, "name", str), reasons)


def _reason(item: Any) -> Reason:
    by = _get(item, "by", str) if type(item) is dict and "by" in item else None
    return Reason(_get(item, "kind", str), by, _get(item, "detail", str, default=""))


def _path(item: Any, key: str) -> str:
    path = _get(item, key, str)
    try:
        names.check_path(path)
    except names.BadNameError as error:
        raise _bad(str(error)) from error
    return path


def _utf8_size(path: str, target: str) -> int:
    try:
        return len(target.encode())
    except UnicodeEncodeError as error:
        raise _bad(f"the target of {path!r} is not UTF-8") from error


def _check_paths(manifest: Manifest) -> None:
    launchers = [program.launcher for program in manifest.programs]
    if len(set(launchers)) != len(launchers):
        _fail("two of its programs have one launcher")
    try:
        names.check_tree(
            [
                *((entry.path, entry.kind, entry.target) for entry in manifest.entries),
                (manifest.path, Kind.FILE, None),
            ]
        )
    except names.BadNameError as error:
        raise _bad(str(error)) from error


def _get(item: Any, key: str, kind: type[_T], default: _T | None = None) -> _T:
    """Return ``item[key]``, which must be exactly a ``kind``, so that true is no number."""
    if type(item) is not dict:
        _fail(f"{str(item)[:60]!r} is not an object")
    value = item.get(key, default)
    if type(value) is not kind:
        _fail(f"{key!r} of {str(item.get('path', 'the manifest'))[:60]!r} is missing or not a {kind.__name__}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _fail(why: str) -> NoReturn:
    raise _bad(why)


def _bad(why: str) -> BadBundleError:
    return BadBundleError(
        "manifest.json is not a manifest", context=(why,), hint="the bundle is damaged: pack it again"
    )
