"""Kustomizations as a graph of files: what an entry reaches, and what is missing there."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rebase import yamlfile
from rebase.errors import TreeError

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class Files(Protocol):
    """A tree of files, by POSIX path without a leading slash."""

    def read(self, path: str) -> bytes | None:
        """The content of a regular file, or None where there is none."""
        ...

    def is_directory(self, path: str) -> bool: ...


class DirectoryFiles:
    """A directory on disk as `Files`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes | None:
        file = self._root / path
        return file.read_bytes() if file.is_file() else None

    def is_directory(self, path: str) -> bool:
        return (self._root / path).is_dir()


@dataclass(frozen=True)
class Missing:
    """A path that a kustomization names and that is not there."""

    kustomization: str
    field: str
    path: str

    def __str__(self) -> str:
        return f"{self.kustomization}: {self.field} names {self.path}, which is not there"


@dataclass
class Reached:
    """What an entry reaches.

    Attributes:
        files: every file, the kustomizations included.
        kustomizations: parsed, by path.
    """

    files: set[str] = field(default_factory=set)
    kustomizations: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.missing


def find(files: Files, directory: str) -> str | None:
    """The path of a directory's kustomization file, or None."""
    for name in NAMES:
        path = posixpath.join(directory, name)
        if files.read(path) is not None:
            return path
    return None


def beside(path: str, target: str) -> str:
    """Where a path that a kustomization names leads."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def walk(files: Files, entry: str, reached: Reached | None = None) -> Reached:
    """Follow everything that the kustomization in `entry` names, to its end.

    Raises:
        TreeError: a kustomization is not one, or reaches out to the network.
    """
    reached = Reached() if reached is None else reached
    path = find(files, entry)
    if path is None:
        reached.missing.append(Missing(entry, "the directory", NAMES[0]))
        return reached
    if path in reached.kustomizations:
        return reached
    content = yamlfile.load(files.read(path) or b"", path)
    if not isinstance(content, dict):
        raise TreeError(f"{path}: not a kustomization: a mapping is expected")
    reached.kustomizations[path] = content
    reached.files.add(path)
    for name, target in references(content, path):
        if "://" in target or target.startswith("github.com/") or "?ref=" in target:
            raise TreeError(
                f"{path}: {name} names {target}, which is not in the image",
                hint="a rebase takes everything from the images; nothing is fetched",
            )
        where = beside(path, target)
        if where.startswith(("/", "../")):  # kustomize does not leave the tree, nor do we
            reached.missing.append(Missing(path, name, target))
        elif files.is_directory(where):
            walk(files, where, reached)
        elif files.read(where) is not None:
            reached.files.add(where)
        else:
            reached.missing.append(Missing(path, name, target))
    return reached


def references(content: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """The (field, path) pairs that a kustomization names; inline YAML is not a path.

    Source: the kustomization API, sigs.k8s.io/kustomize/api/types.Kustomization.
    """
    plain = ("resources", "bases", "components", "crds", "configurations")
    maybe_inline = ("generators", "transformers", "validators", "patchesStrategicMerge")
    with_path = ("patches", "patchesJson6902", "replacements")
    for name in plain + maybe_inline:
        for item in _items(content, name, where):
            if not isinstance(item, str):
                raise TreeError(f"{where}: {name} holds {item!r}; a path is expected")
            text = item.strip()
            if name in plain or not ("\n" in text or text.startswith("{")):
                yield name, text
    for name in with_path:
        for item in _items(content, name, where):
            if isinstance(item, dict) and item.get("path"):
                yield f"{name}.path", str(item["path"])
    for name in ("configMapGenerator", "secretGenerator"):
        for generator in _items(content, name, where):
            if isinstance(generator, dict):
                yield from _generator_files(name, generator)
    openapi = content.get("openapi")
    if isinstance(openapi, dict) and openapi.get("path"):
        yield "openapi.path", str(openapi["path"])
    if content.get("helmCharts"):
        raise TreeError(f"{where}: helmCharts are not supported")


def env_files(content: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """The (generated ConfigMap's name, env file) pairs of a kustomization."""
    for generator in _items(content, "configMapGenerator", where):
        if isinstance(generator, dict):
            for name, path in _generator_files("", generator):
                if name.endswith((".envs", ".env")):
                    yield str(generator.get("name", "")), path


def _generator_files(name: str, generator: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path in generator.get("envs") or ():
        yield f"{name}.envs", str(path)
    if generator.get("env"):
        yield f"{name}.env", str(generator["env"])
    for item in generator.get("files") or ():
        yield f"{name}.files", str(item).partition("=")[2] or str(item)


def _items(content: Mapping[str, Any], name: str, where: str) -> list[Any]:
    items = content.get(name) or []
    if not isinstance(items, list):
        raise TreeError(f"{where}: {name} must be a list")
    return items
