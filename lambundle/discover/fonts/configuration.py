"""fontconfig's configuration, as far as it says where fonts are and which family stands for which (fonts-conf(5)).

Rules about anything but families and the language are left out: a pattern here is a family that is asked for in
English, as a program asks where nobody set a language.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from xml.etree import ElementTree as ET

from lambundle.discover.fonts.faces import folded

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from lambundle.machine import Files

MAIN = "/etc/fonts/fonts.conf"
LANGUAGE = "en"

_MAX_FILE = 1 << 20
_MAX_FILES = 512
_NUMBERED = re.compile(r"[0-9].*\.conf$")
_MODES = {"prefer": "prepend", "accept": "append", "default": "append_last"}
_MAX_FAMILIES = 1024
"""Families that one may lead to; with all rules of a large machine it is about 60."""


_Pattern: TypeAlias = "list[tuple[str, bool]]"
"""Families in the order in which they are offered, each with whether it is bound strongly."""


@dataclass(frozen=True, slots=True)
class _Test:
    """A condition on the family or the language of a pattern."""

    name: str
    quantifier: str
    compare: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    """A change of a pattern's families."""

    mode: str
    binding: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    tests: tuple[_Test, ...]
    edits: tuple[_Edit, ...]


@dataclass(slots=True)
class FontConfiguration:
    """``directories`` have fonts; ``home`` ones are those that are relative to a user's home."""

    directories: list[str] = field(default_factory=list)
    home: list[str] = field(default_factory=list)
    _rules: list[_Rule] = field(default_factory=list)

    def first(self, family: str, installed: Container[str]) -> str | None:
        """Return the first installed family (folded) that fontconfig offers for ``family``.

        A family that is bound strongly counts before all others.
        """
        pattern = [(folded(family), True)]
        for rule in self._rules:
            if len(pattern) < _MAX_FAMILIES:
                _apply(rule, pattern)
        weak_last = sorted(pattern, key=lambda item: not item[1])
        return next((name for name, _ in weak_last if name in installed), None)


def read_configuration(files: Files) -> FontConfiguration:
    """Read the machine's configuration with all that it includes; damaged files are left out."""
    found = FontConfiguration()
    waiting, seen = [MAIN], set[str]()
    while waiting and len(seen) < _MAX_FILES:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if files.is_directory(path):
            names = sorted(name for name in files.names(path) if _NUMBERED.match(name))
            waiting += [f"{path}/{name}" for name in reversed(names)]
            continue
        included: list[str] = []
        for element in _elements(files, path):
            text = (element.text or "").strip()
            if element.tag == "dir":
                _add_directory(found, text, element.get("prefix", ""), posixpath.dirname(path))
            elif element.tag == "include" and not text.startswith("~") and element.get("prefix") in {None, "default"}:
                included.append(posixpath.join(posixpath.dirname(path), text))
            elif element.tag == "alias":
                found._rules += _alias(element)  # noqa: SLF001  (it is made here)
            elif element.tag == "match":
                found._rules += _match(element)  # noqa: SLF001
        # Rules behind an include would come after those of the included files; in the usual fonts.conf none are.
        waiting += reversed(included)
    return found


def _elements(files: Files, path: str) -> list[ET.Element]:
    data = files.content(path, _MAX_FILE)
    if not data or b"<!ENTITY" in data:
        return []
    try:
        return list(ET.fromstring(data))  # noqa: S314  (short, and without entities)
    except ET.ParseError:
        return []


def _add_directory(found: FontConfiguration, text: str, prefix: str, beside: str) -> None:
    if prefix == "xdg":
        found.home.append(f".local/share/{text}")
    elif text.startswith("~/"):
        found.home.append(text[2:])
    elif prefix == "relative":
        found.directories.append(posixpath.normpath(posixpath.join(beside, text)))
    elif text.startswith("/"):
        found.directories.append(posixpath.normpath(text))


def _alias(element: ET.Element) -> Iterator[_Rule]:
    families = tuple(folded(item.text or "") for item in element.findall("family"))
    tests = _tests(element)
    if not families or tests is None:
        return
    test = _Test("family", "any", "eq", families)
    binding = element.get("binding", "weak")
    for tag, mode in _MODES.items():
        values = tuple(folded(item.text or "") for part in element.findall(tag) for item in part.findall("family"))
        if values:
            yield _Rule((*tests, test), (_Edit(mode, binding, values),))


def _match(element: ET.Element) -> Iterator[_Rule]:
    tests = _tests(element)
    if element.get("target", "pattern") != "pattern" or tests is None:
        return
    edits = tuple(
        _Edit(edit.get("mode", "assign"), edit.get("binding", "weak"), _strings(edit))
        for edit in element.findall("edit")
        if edit.get("name") == "family" and _strings(edit)
    )
    if edits:
        yield _Rule(tests, edits)


def _tests(element: ET.Element) -> tuple[_Test, ...] | None:
    """Return the conditions of a rule; None if one is on something else than family and language."""
    found = []
    for test in element.findall("test"):
        name, values = test.get("name", ""), _strings(test)
        if name not in {"family", "lang"} or not values:
            return None
        found.append(_Test(name, test.get("qual", "any"), test.get("compare", "eq"), values))
    return tuple(found)


def _strings(element: ET.Element) -> tuple[str, ...]:
    return tuple(folded(item.text or "") for item in element.findall("string"))


def _apply(rule: _Rule, pattern: _Pattern) -> None:
    """Change the families of a pattern if the tests of a rule hold."""
    matched: int | None = None
    for test in rule.tests:
        values = [LANGUAGE] if test.name == "lang" else [name for name, _ in pattern]
        hits = _hits(test, values)
        if not hits:
            return
        if test.name == "family":
            matched = hits[0]
    for edit in rule.edits:
        matched = _change(edit, pattern, matched)


def _hits(test: _Test, values: list[str]) -> list[int]:
    """Return where a test holds; nowhere if it does not hold as a whole."""
    wanted = test.compare not in {"not_eq", "not_contains"}
    hits = [place for place, value in enumerate(values) if (value in test.values) is wanted]
    if test.quantifier == "all":
        return hits if len(hits) == len(values) else []
    if test.quantifier == "first":
        return hits if hits[:1] == [0] else []
    return hits


def _change(edit: _Edit, pattern: _Pattern, matched: int | None) -> int | None:
    """Change a pattern at the family that was matched; return where that is now."""
    is_strong = edit.binding == "strong" or (edit.binding == "same" and matched is not None and pattern[matched][1])
    added = [(name, is_strong) for name in edit.values]
    if edit.mode in {"prepend", "prepend_first"}:
        place = 0 if matched is None or edit.mode == "prepend_first" else matched
        pattern[place:place] = added
        return None if matched is None else matched + len(added)
    if edit.mode in {"append", "append_last"}:
        place = len(pattern) if matched is None or edit.mode == "append_last" else matched + 1
        pattern[place:place] = added
    elif edit.mode == "assign" and matched is not None:
        pattern[matched : matched + 1] = added
    elif edit.mode in {"assign", "assign_replace"}:
        pattern[:] = added
        return None
    return matched
