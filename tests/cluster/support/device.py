"""The root of a device: output trees where packages put them, and a user's own directories."""

import json
import shutil
from pathlib import Path

from integration.support.packages import PLACES
from integration.support.trees import Tree

from cluster.support.api_client import Object


def install(tree: Tree, root: Path) -> Path:
    """Put all directories of a tree where its packages do, in place of an older tree's."""
    for name, place in PLACES.items():
        shutil.rmtree(root / place, ignore_errors=True)
        if (tree.root / "assets" / name).is_dir():
            shutil.copytree(tree.root / "assets" / name, root / place)
    return root


def add(root: Path, directory: str, *objects: Object) -> Path:
    """A directory with a kustomization of these objects.

    Args:
        directory: as in etc/microshift/manifests.d/900-mine.
    """
    place = root / directory
    place.mkdir(parents=True, exist_ok=True)
    names = [f"{number:02}.yaml" for number, _ in enumerate(objects)]
    for name, obj in zip(names, objects, strict=True):
        (place / name).write_text(json.dumps(obj))
    (place / "kustomization.yaml").write_text(json.dumps({"resources": names}))
    return place
