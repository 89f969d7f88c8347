"""The page of ``size --html``: one file that needs nothing else, with a map to zoom into and the same facts as a list.

Everything in it that comes from a bundle is text of somebody unknown: escaped where it is HTML, and in the data for
the script without a character that could end it.
"""

from __future__ import annotations

import html
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambundle.size.dominators import ROOT
from lambundle.size.drops import what_stops
from lambundle.size.quotas import human, mebibytes, ways_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lambundle.size.drops import Drop
    from lambundle.size.facts import SizeFacts
    from lambundle.size.findings import Finding
    from lambundle.size.graph import ReasonGraph
    from lambundle.size.quotas import Standing

WEB = Path(__file__).parent / "web"
_SIGN = b'<meta name="generator" content="lambundle size">'
_HEAD = 512  # bytes in which the sign stands
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_NOTES = {
    "duplicates": "there twice",
    "documentation": "documentation and messages",
    "symbols": "symbols that strip would take out",
    "compressed": "a zip makes it no smaller",
}


def page(facts: SizeFacts, offers: Sequence[Drop], found: Sequence[Finding]) -> bytes:
    """Return the page of a bundle."""
    parts = {
        "title": html.escape(f"{facts.contents.path.name}: {mebibytes(facts.unzipped)}"),
        "bundle": html.escape(facts.contents.path.name),
        "lead": html.escape(_lead(facts)),
        "quotas": "\n".join(map(_quota, facts.standings)),
        "drops": _drops(offers),
        "notes": _notes(facts, found),
        "style": _read("page.css"),
        "script": _read("page.js"),
        "facts": _json(_data(facts)),
    }
    head, *rest = _read("page.html").split("{{")
    text = [head]
    for piece in rest:
        name, _, after = piece.partition("}}")
        text += [parts[name], after]
    # A lone surrogate, as of a file name that is not UTF-8, has no place in a page.
    return "".join(text).encode("utf-8", "replace")


def is_page(path: Path) -> bool:
    """Return whether a file is a page that this wrote."""
    try:
        with path.open("rb") as file:
            return _SIGN in file.read(_HEAD)
    except OSError:
        return False


def _data(facts: SizeFacts) -> dict[str, Any]:
    """What the script needs. Steps of chains are numbered: the same few lead to thousands of files."""
    steps: dict[str, int] = {}
    rows = [
        {
            "name": row.name,
            "size": row.size,
            "compressed": row.compressed,
            "saves": row.saves,
            "why": None if row.why is None else [steps.setdefault(step, len(steps)) for step in row.why],
            "package": row.package,
        }
        for row in facts.rows
    ]
    return {
        "bundle": facts.name,
        "unzipped": facts.unzipped,
        "zipped": facts.contents.zipped,
        "rows": rows,
        "steps": list(steps),
        "reasons": None if facts.graph is None else _reasons(facts.graph, [row.path for row in facts.rows]),
    }


def _reasons(graph: ReasonGraph, paths: Sequence[str]) -> list[tuple[int, str, int | None]]:
    """Return the tree of reasons: above (-1 for the top), name, row, each node after the one above it."""
    rows = {path: number for number, path in enumerate(paths)}
    below: dict[int, list[int]] = {}
    for node, above in enumerate(graph.tree):
        if above is not None and node != ROOT:
            below.setdefault(above, []).append(node)
    found: list[tuple[int, str, int | None]] = []
    waiting = [(-1, node) for node in below.get(ROOT, ())]
    while waiting:
        above, node = waiting.pop()
        known = graph.nodes[node]
        found.append((above, "" if known.path else known.name, None if known.path is None else rows[known.path]))
        waiting += [(len(found) - 1, child) for child in below.get(node, ())]
    return found


def _json(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def _lead(facts: SizeFacts) -> str:
    zipped = "" if facts.contents.zipped is None else f", {mebibytes(facts.contents.zipped)} zipped"
    return f"{mebibytes(facts.unzipped)} unzipped{zipped}, {len(facts.rows):,} files and links"


def _quota(standing: Standing) -> str:
    quota, status = standing.quota, standing.status
    if standing.value is None:
        return f'<li><p class="unknown"><span><strong>{quota.name}</strong>not zipped yet</span></p></li>'
    rest = f"{human(standing.excess)} too much" if standing.excess else f"{human(quota.limit - standing.value)} left"
    width = min(100.0, 100 * standing.value / quota.limit)
    of = f" {html.escape(standing.of)}" if standing.of else ""
    advice = "".join(f'<p class="aside">{html.escape(text)}</p>' for text in ways_out([standing]))
    return (
        f'<li class="{status}"><p><span><strong>{status.upper()}</strong>{quota.name}{of}</span>'
        f"<span>{mebibytes(standing.value)} of {html.escape(quota.text)}, {rest}</span></p>"
        f'<div class="track" aria-hidden="true"><span style="width:{width:.1f}%"></span></div>{advice}</li>'
    )


def _drops(offers: Sequence[Drop]) -> str:
    if not offers:
        return ""
    rows = "\n".join(
        f'<tr><td class="number">{human(drop.saves)}</td>'
        f"<td><code>{html.escape(' '.join(f'--exclude {shlex.quote(each)}' for each in drop.exclude))}</code></td>"
        f"<td>{html.escape(what_stops(drop))}</td></tr>"
        for drop in offers
    )
    return (
        '<section aria-labelledby="drops-title"><h2 id="drops-title">What could be left out</h2>'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="drops-title"><table><thead><tr>'
        '<th scope="col" class="number">Saves</th><th scope="col">Pack again with</th><th scope="col">Stops</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _notes(facts: SizeFacts, found: Sequence[Finding]) -> str:
    if not found:
        return ""
    names = {row.path: row.name for row in facts.rows}
    items = "\n".join(_note(finding, names) for finding in found)
    return (
        '<section aria-labelledby="notes-title"><h2 id="notes-title">Without need</h2>'
        f'<ul class="notes">{items}</ul></section>'
    )


def _note(finding: Finding, names: Mapping[str, str]) -> str:
    number = len(finding.files)
    files = "".join(
        f"<li>{human(size)} <code>{html.escape(names.get(path, path))}</code></li>" for path, size in finding.files
    )
    text = f"{_NOTES[finding.kind]}: {human(finding.size)} in {number:,} file{'' if number == 1 else 's'}"
    return f"<li><details><summary>{text}</summary><ul>{files}</ul></details></li>"


def _read(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")
