"""closure: every library, symbol version and symbol that a file needs is inside, and every script's interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.verify.static.bundled import LinkageFindings, check_linkage
from lambundle.verify.static.loose import check_loose
from lambundle.verify.static.outcome import count, failed, passed, skipped
from lambundle.verify.static.scripts import check_scripts
from lambundle.verify.static.steps import EntangledError

if TYPE_CHECKING:
    from lambundle.verify.model import Check
    from lambundle.verify.static.facts import StaticFacts

NAME = "closure"
ENTANGLED = "leave out what is not needed, or pack its programs in several bundles"


def check(facts: StaticFacts) -> Check:
    """Check every ELF file against those that it will be loaded with, and the first lines of scripts."""
    if facts.untold:
        return skipped(NAME, facts.untold)
    findings = LinkageFindings()
    try:
        for linkage in facts.linkages:
            check_linkage(linkage, facts.contents, facts.steps, findings)
        check_loose(facts, findings)
        check_scripts(facts, findings)
    except EntangledError:
        findings.faults["its programs and libraries ask for one another without end: given up"] = ENTANGLED
    if findings.faults:
        faults = list(findings.faults)
        return failed(NAME, faults, findings.faults[faults[0]])
    what = f"{count(findings.programs, 'program')} and {count(findings.libraries, 'library', 'libraries')}"
    if not findings.programs + findings.libraries:
        return passed(NAME, "it holds no ELF program and no library")
    symbols = f", {findings.symbols:,} symbols with them" if findings.symbols else ""
    return passed(NAME, f"{what} have every library and version that they need{symbols}", list(findings.notes))
