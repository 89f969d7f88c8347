"""The bundles that lambundle packed in a zip: their manifests and search orders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle.manifest import decode_manifest
from lambundle.bundle.reader import MANIFEST_LIMIT, is_manifest
from lambundle.errors import BadBundleError
from lambundle.pack.config import read_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambundle.bundle.listing import Member
    from lambundle.bundle.model import Manifest
    from lambundle.verify.static.contents import Content

_CONFIG = re.compile(r"lambundle/[^/]+/runtime/config")

BUNDLES = "lambundle/"
"""Where every bundle of lambundle has its directory."""


@dataclass(frozen=True, slots=True)
class PackedBundle:
    """A bundle that lambundle packed: its manifest, its directory, and its loader's search order.

    ``directories`` are those of the packing machine, for every program; ``private`` those of single programs.
    """

    manifest: Manifest
    path: str
    directories: tuple[str, ...]
    private: Mapping[str, tuple[str, ...]]

    @property
    def root(self) -> str:
        """Where the packing machine's tree begins."""
        return f"{self.path}/root"


def kept(members: Iterable[Member]) -> frozenset[str]:
    """Paths of the files whose bytes are needed, not only what they say: manifests and the runtime's configuration.

    No more of them than a bundle may have; the rest of the manifests are none.
    """
    found = []
    left = MANIFEST_LIMIT
    for member in members:
        if is_manifest(member.path) or _CONFIG.fullmatch(member.path):
            left -= member.size
            if left < 0:
                break
            found.append(member.path)
    return frozenset(found)


def bundles_of(
    members: Iterable[Member], contents: Mapping[str, Content]
) -> tuple[tuple[PackedBundle, ...], tuple[tuple[str, str], ...]]:
    """Find the bundles of lambundle, and the manifests that are none with the reasons why."""
    bundles: list[PackedBundle] = []
    bad: list[tuple[str, str]] = []
    for member in members:
        path = member.path
        if not is_manifest(path):
            continue
        content = contents.get(path)
        if content is None or content.data is None:
            too_many = f"manifests have at most {MANIFEST_LIMIT:,} bytes together"
            bad.append((path, f"it is a {member.kind}" if content is None else content.damage or too_many))
            continue
        try:
            bundles.append(_bundle(path, decode_manifest(content.data), contents))
        except BadBundleError as error:
            bad.append((path, error.context[0] if error.context else error.message))
    return tuple(bundles), tuple(bad)


def _bundle(path: str, manifest: Manifest, contents: Mapping[str, Content]) -> PackedBundle:
    if manifest.path != path:
        raise BadBundleError("misplaced", context=(f"it is the manifest of {manifest.name!r}",))
    bundle = path.rpartition("/")[0]
    content = contents.get(f"{bundle}/runtime/config")
    config = read_config((content.data if content is not None else None) or b"")
    return PackedBundle(manifest, bundle, config.directories or (), config.private)
