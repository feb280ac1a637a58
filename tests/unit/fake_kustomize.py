"""A stand-in for kustomize: resources, params in `$(key)`, images by name, origins; no more."""

import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ORIGIN = "config.kubernetes.io/origin"


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def documents(directory: Path, params: dict[str, str]) -> Iterator[tuple[Path, Any]]:
    """(file, object) of everything below a kustomization, with its params filled in."""
    content = read(directory / "kustomization.yaml")
    for generator in content.get("configMapGenerator", []):
        for name in generator["envs"]:
            lines = (directory / name).read_text().splitlines()
            params.update(line.split("=", 1) for line in lines)
    for name in content["resources"]:
        path = directory / name
        if path.is_dir():
            found = documents(path, params)
        else:
            text = re.sub(
                r"\$\((\S+)\)", lambda match: params.get(match[1], match[0]), path.read_text()
            )
            found = ((path, document) for document in yaml.safe_load_all(text) if document)
        for file, document in found:
            for image in content.get("images", []):
                fill_in(document, image["name"], f"{image['newName']}@{image['digest']}")
            if "namespace" in content and document["kind"] not in ("Namespace", "ClusterRole"):
                document["metadata"]["namespace"] = content["namespace"]
            yield file, document


def fill_in(value: Any, name: str, image: str) -> None:
    if isinstance(value, dict):
        if value.get("image") == name:
            value["image"] = image
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            fill_in(inner, name, image)


def main() -> None:
    if sys.argv[1] == "version":
        sys.stdout.write("v5.8.1\n")
        return
    directory = Path(sys.argv[2])
    origins = "buildMetadata" in read(directory / "kustomization.yaml")
    texts = []
    for file, document in documents(directory, {}):
        if origins:
            path = posixpath.relpath(file, directory)
            document["metadata"].setdefault("annotations", {})[ORIGIN] = f"path: {path}\n"
        texts.append(yaml.safe_dump(document, sort_keys=False))
    sys.stdout.write("---\n".join(texts))


if __name__ == "__main__":
    main()
