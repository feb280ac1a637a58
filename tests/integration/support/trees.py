"""Output trees: what is in them, and what kustomize makes of them."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from integration.support.surroundings import kustomize

Object = dict[str, Any]  # a Kubernetes object
Place = tuple[str | int, ...]  # keys and indexes that lead to a value in an object


@dataclass(frozen=True)
class Tree:
    """A root after a rebase."""

    root: Path

    @property
    def directories(self) -> list[str]:
        """The directories that a device applies, by name; what it deletes is apart."""
        found = self.root.glob("assets/*/kustomization.yaml")
        return sorted({file.parent.name for file in found} - {"delete"})

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {
            directory: render(self.root / "assets" / directory) for directory in self.directories
        }

    def render(self, directory: str, version: str = "5.8.1") -> str:
        """What kustomize makes of one of them."""
        if version == "5.8.1":
            return self._texts[directory]
        return render(self.root / "assets" / directory, version)

    @cached_property
    def rendered(self) -> dict[str, list[Object]]:
        """Directory → objects, in order."""
        return {directory: parse(self.render(directory)) for directory in self.directories}

    @property
    def objects(self) -> list[Object]:
        """The objects of all directories."""
        return [obj for objects in self.rendered.values() for obj in objects]

    def of_kind(self, *kinds: str) -> list[Object]:
        return [obj for obj in self.objects if obj["kind"] in kinds]

    def one(self, kind: str, name: str) -> Object:
        (found,) = (obj for obj in self.of_kind(kind) if obj["metadata"]["name"] == name)
        return found

    @cached_property
    def record(self) -> dict[str, Any]:
        """release/rebase.json."""
        return dict(json.loads((self.root / "release/rebase.json").read_text()))

    def release_infos(self, architecture: str = "x86_64") -> dict[str, Any]:
        """File name → release info."""
        found = self.root.glob(f"release/release-ai-model-serving*-{architecture}.json")
        return {file.name: json.loads(file.read_text()) for file in sorted(found)}


def render(directory: Path, version: str = "5.8.1") -> str:
    """What kustomize makes of a directory."""
    done = subprocess.run(
        [str(kustomize(version)), "build", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def parse(text: str) -> list[Object]:
    """The objects of a YAML stream."""
    return [obj for obj in yaml.load_all(text, yaml.CSafeLoader) if obj is not None]


def values(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value in an object that is neither a mapping nor a list, with its place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from values(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from values(inner, (*place, index))
    else:
        yield place, value


def settings(obj: Object) -> Iterator[tuple[Place, Any]]:
    """Every value that a cluster acts on, also in JSON and YAML that a ConfigMap holds as text.

    Left out is what only people read: the schemas of CRDs, and KServe's `_example`.
    """
    if obj["kind"] == "CustomResourceDefinition":
        spec = {key: value for key, value in obj["spec"].items() if key != "versions"}
        obj = {**obj, "spec": spec}
    for place, value in values(obj):
        if obj["kind"] == "ConfigMap" and place[0] == "data":
            if place[-1] == "_example":
                continue
            inner = _inner(value)
            if inner is not None:
                yield from values(inner, place)
                continue
        yield place, value


def _inner(text: Any) -> Any:
    try:
        inner = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, AttributeError):
        return None
    return inner if isinstance(inner, dict | list) else None


def title(obj: Object) -> str:
    return f"{obj['kind']} {obj['metadata']['name']}"


def group(obj: Object) -> str:
    """The API group; "" for the core's."""
    return str(obj["apiVersion"]).rpartition("/")[0]


def snapshot(root: Path, *below: str) -> dict[str, str]:
    """Path → digest of every file, and the empty directories, below a root or some of it."""
    found: dict[str, str] = {}
    for start in [root / one for one in below] or [root]:
        for path in sorted(start.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file():
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            elif not any(path.iterdir()):
                found[name + "/"] = "empty"
    return found


def written(root: Path) -> dict[str, str]:
    """Everything but what a rebase may leave behind on purpose: _output/staging."""
    return {
        path: digest for path, digest in snapshot(root).items() if not path.startswith("_output/")
    }
