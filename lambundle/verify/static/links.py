"""links: every symbolic link stays inside and leads to something, or to what every host has, as /dev/null."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.bundle import names
from lambundle.bundle.model import Kind
from lambundle.verify.static.facts import UNSUPPORTED
from lambundle.verify.static.outcome import count, failed, passed, skipped
from lambundle.verify.tree import DeadEnd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.bundle.listing import Member
    from lambundle.verify.model import Check
    from lambundle.verify.static.facts import StaticFacts
    from lambundle.verify.tree import Landing

NAME = "links"
OUTSIDE = "make it a relative link to a file inside, or put the file in its place: nothing outside goes to Lambda"
DANGLING = "put back what it leads to, or remove the link: pack again, or upload the zip that pack wrote"


def check(facts: StaticFacts) -> Check:
    """Follow every link in what will be at the mount point."""
    links = [member for member in facts.members if member.kind is Kind.LINK]
    landings = [(link, facts.mounted.follow(link.path)) for link in links]
    outside = [*facts.listing.faults_of(NAME), *_leading_outside(landings)]
    dangling = _dangling(landings, is_known=not facts.listing.unsupported)
    if not outside and isinstance(facts.misfit, names.BadLinkError):  # what those who unpack refuse must not pass
        outside.append(str(facts.misfit))
    if outside or dangling:
        return failed(NAME, [*outside, *dangling], OUTSIDE if outside else DANGLING)
    if facts.listing.unsupported:
        return skipped(NAME, UNSUPPORTED)
    if not links:
        return passed(NAME, "it holds no links")
    to_host = sum(landing.lost is DeadEnd.HOST for _, landing in landings)
    found = f"{count(len(links) - to_host, 'link')}, all relative, inside and leading to something"
    return passed(NAME, f"{found}; {to_host} to places of the host" if to_host else found)


def _leading_outside(landings: Iterable[tuple[Member, Landing]]) -> Iterator[str]:
    for link, landing in landings:
        if landing.lost is DeadEnd.ABSOLUTE:
            yield f"{link.path} leads to {landing.path}, an absolute path"
        elif landing.lost is DeadEnd.OUTSIDE:
            yield f"{link.path} leads to {link.target}, out of the tree"


def _dangling(landings: Iterable[tuple[Member, Landing]], *, is_known: bool) -> list[str]:
    found = []
    for link, landing in landings:
        if landing.lost is DeadEnd.ABSENT and is_known:
            found.append(f"{link.path} leads to {landing.path}, which does not exist")
        elif landing.lost is DeadEnd.LOOP:
            found.append(f"{link.path} leads in a circle")
    return found
