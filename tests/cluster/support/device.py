"""A user's own directories in the root of a device."""

import json
from pathlib import Path

from cluster.support.api_client import Object


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
