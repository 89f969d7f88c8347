"""Unpacks a bundle and its layers as Lambda does: the layers into one tree, each over those before it."""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.bundle.extract import extract
from lambundle.bundle.reader import open_bundle
from lambundle.target import OPT
from lambundle.verify.run.mounted import Mounted
from lambundle.verify.run.work import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.bundle.model import Manifest
    from lambundle.verify.subject import Subject


def unpack(subject: Subject, layers: Sequence[Path], mount: str, work: Path) -> Mounted:
    """Unpack a bundle and its layers below ``work``.

    A bundle at /opt is the first of the layers. Raise BadBundleError for what is no bundle at all.
    """
    own = work / "bundle"
    extract(subject.path, own)
    trees = {mount: own}
    bundles = _bundles(mount, subject.manifests)
    unzipped = subject.unzipped
    for number, layer in enumerate(layers):
        with open_bundle(layer) as opened:
            bundles |= _bundles(OPT, opened.manifests)
            unzipped += opened.unzipped
        tree = work / f"layer{number}"
        extract(layer, tree)
        if OPT in trees:
            merge(tree, trees[OPT])
        else:
            trees[OPT] = tree
    return Mounted(mount, trees, bundles, unzipped)


def _bundles(mount: str, manifests: Iterable[Manifest]) -> dict[str, Manifest]:
    return {f"{mount}/{posixpath.dirname(manifest.path)}": manifest for manifest in manifests}


def merge(upper: Path, lower: Path) -> None:
    """Move everything of ``upper`` into ``lower``, where it takes the place of what has its name.

    Both are trees of ours. Directories are merged; no link of ``lower`` is followed.
    """
    mode = stat.S_IMODE(lower.stat().st_mode)
    lower.chmod(0o700)
    upper.chmod(0o700)
    with os.scandir(upper) as entries:
        for entry in list(entries):
            below = lower / entry.name
            if entry.is_dir(follow_symlinks=False) and _is_directory(below):
                merge(upper / entry.name, below)
                continue
            if _is_directory(below):
                remove_tree(below)
            else:
                below.unlink(missing_ok=True)
            Path(entry.path).replace(below)
    lower.chmod(mode)


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
