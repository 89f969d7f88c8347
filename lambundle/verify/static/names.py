"""names: every entry has a name that means the same to every unpacker, and the zip uses nothing that is uncertain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.bundle import names
from lambundle.bundle.model import Kind
from lambundle.verify.static.outcome import count, failed, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.verify.model import Check
    from lambundle.verify.static.facts import StaticFacts

NAME = "names"
HINT = "zip the tree again with plain relative names, stored or deflated (zip -ry), or let lambundle pack it"
PLAIN = (
    "nothing promises that Lambda takes that: zip the tree again, plainly, from files into a new file and through no "
    "pipe (zip -qry ../new.zip .), or let lambundle pack it"
)


def check(facts: StaticFacts) -> Check:
    """Check the names of all entries, one by one and against one another."""
    unsupported = list(facts.unsupported)
    findings = [text for text in facts.listing.faults_of(NAME) if text not in unsupported]
    findings += _below_files(facts)
    if not findings and facts.misfit is not None and not isinstance(facts.misfit, names.BadLinkError):
        findings.append(str(facts.misfit))
    if findings or unsupported:
        return failed(NAME, [*findings, *unsupported], HINT if findings else PLAIN)
    return passed(NAME, f"{count(len(facts.members), 'entry', 'entries')} with safe names")


def _below_files(facts: StaticFacts) -> Iterator[str]:
    for member in facts.members:
        for above in facts.tree.above(member.path):
            if above.kind is not Kind.DIRECTORY:
                yield f"{member.path!r} lies below {above.path!r}, which is a {above.kind}"
