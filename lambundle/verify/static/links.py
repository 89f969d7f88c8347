"""links: every symbolic link is relative, stays inside, and leads to something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.bundle import names
from lambundle.bundle.model import Kind
from lambundle.verify.static.facts import UNSUPPORTED
from lambundle.verify.static.outcome import count, failed, passed, skipped
from lambundle.verify.tree import DeadEnd

if TYPE_CHECKING:
    from lambundle.verify.model import Check
    from lambundle.verify.static.facts import StaticFacts

NAME = "links"
OUTSIDE = "make it a relative link to a file inside, or put the file in its place: nothing outside goes to Lambda"
DANGLING = "put back what it leads to, or remove the link: pack again, or upload the zip that pack wrote"


def check(facts: StaticFacts) -> Check:
    """Follow every link in what will be at the mount point."""
    outside = facts.listing.faults_of(NAME)
    dangling: list[str] = []
    links = [member for member in facts.members if member.kind is Kind.LINK]
    for link in links:
        landing = facts.mounted.follow(link.path)
        if landing.lost is DeadEnd.ABSOLUTE:
            outside.append(f"{link.path} leads to {landing.path}, an absolute path")
        elif landing.lost is DeadEnd.OUTSIDE:
            outside.append(f"{link.path} leads to {link.target}, out of the tree")
        elif landing.lost is DeadEnd.ABSENT and not facts.listing.unsupported:
            dangling.append(f"{link.path} leads to {landing.path}, which does not exist")
        elif landing.lost is DeadEnd.LOOP:
            dangling.append(f"{link.path} leads in a circle")
    if not outside and isinstance(facts.misfit, names.BadLinkError):  # what those who unpack refuse must not pass
        outside.append(str(facts.misfit))
    if outside or dangling:
        return failed(NAME, [*outside, *dangling], OUTSIDE if outside else DANGLING)
    if facts.listing.unsupported:
        return skipped(NAME, UNSUPPORTED)
    if not links:
        return passed(NAME, "it holds no links")
    return passed(NAME, f"{count(len(links), 'link')}, all relative, inside and leading to something")
