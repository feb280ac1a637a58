"""What today's bash tool leaves for a version: made from the data, as domain.md has it.

The operator's kserve tree as it is; the Templates' objects with `$(key)` as `key`, and `images`
made from the lines of the params; a release info of every line. No record.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from integration.support.surroundings import DATA, NAMESPACE, need_data

INFO = "release/release-ai-model-serving-x86_64.json"


def leave(version: str, root: Path) -> dict[str, str]:
    """Write the tree; gives the images of its release info."""
    need_data(version)
    manifests = DATA / version / "operator/opt/manifests"
    kserve, controller = manifests / "kserve", manifests / "modelcontroller"
    shutil.copytree(kserve, root / "assets/kserve")
    _write(
        root / "assets/kserve/kustomization.yaml",
        {"namespace": NAMESPACE, "resources": ["overlays/odh"]},
    )
    fills = [
        (key, value)
        for file in sorted((controller / "base").glob("*.env"))
        for key, value in _pairs(file)
        if "-image" in key
    ]
    listed = yaml.safe_load((controller / "runtimes/kustomization.yaml").read_text())
    names = []
    for name in listed["resources"]:
        text = (controller / "runtimes" / name).read_text()
        for key, _ in fills:
            text = text.replace(f"$({key})", key)
        names.append(name.replace("-template", ""))
        _write(root / "assets/runtimes" / names[-1], yaml.safe_load(text)["objects"][0])
    images = [
        {
            "name": key,
            "newName": value.partition("@")[0],
            "digest": value.partition("@")[2] or value,  # as its bash expansions do
        }
        for key, value in fills
    ]
    _write(
        root / "assets/runtimes/kustomization.yaml",
        {"namespace": NAMESPACE, "resources": names, "images": images},
    )
    bundle = DATA / version / "bundle/manifests"
    (csv,) = bundle.glob("*.clusterserviceversion.yaml")
    info = {
        "release": {"base": yaml.load(csv.read_text(), yaml.CSafeLoader)["spec"]["version"]},
        "images": {**dict(_pairs(kserve / "overlays/odh/params.env")), **dict(fills)},
    }
    (root / INFO).parent.mkdir()
    (root / INFO).write_text(json.dumps(info, indent=2))
    return dict(info["images"])


def _pairs(file: Path) -> list[tuple[str, str]]:
    lines = (line.strip().partition("=") for line in file.read_text().splitlines())
    return [(key, value) for key, equals, value in lines if equals]


def _write(file: Path, data: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(data, sort_keys=False))
