"""Rendering the trees with kustomize, every image value marked (see params.py)."""

import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebase import kustomization, yamlfile
from rebase.errors import ToolError, TreeError
from rebase.image_tables import KSERVE, MODEL_CONTROLLER
from rebase.kustomization import DirectoryFiles, Files, Reached
from rebase.model import NAMESPACE, Roots
from rebase.params import UNSET, Param, marked_value, parse_env, render_env
from rebase.tools.kustomize import Kustomize

PARAMS = "params.env"  # the one file of an entry that the operator overwrites
WRAPPER = ".rhoai-rebase"  # a directory of ours beside the trees
ORIGIN = "config.kubernetes.io/origin"


@dataclass(frozen=True)
class Source:
    """The trees before they are rendered.

    Attributes:
        params: every line of every params file that the entries reach.
        unset: (env file, key) that a kustomization reads and no file has: the operator
            sets these at run time (2.19: nim-state).
        generated: names of the ConfigMaps that KServe's params become.
        reached: files that the entries reach.
        fields: of kustomize, that the kustomizations use.
    """

    roots: Roots
    params: tuple[Param, ...]
    unset: tuple[tuple[str, str], ...]
    generated: frozenset[str]
    reached: frozenset[str]
    fields: tuple[str, ...]


def read_source(files: Files, roots: Roots) -> Source:
    """Read what the entries need before a render.

    Raises:
        TreeError: files are missing, or a params file has broken lines; all at once.
    """
    params: list[Param] = []
    unset: list[tuple[str, str]] = []
    everything = Reached()
    generated: frozenset[str] = frozenset()
    problems: list[str] = []
    for component, entries in ((KSERVE, roots.kserve), (MODEL_CONTROLLER, (roots.runtimes,))):
        reached = Reached()
        for entry in entries:
            kustomization.walk(files, entry, reached)
        problems += map(str, reached.missing)
        generators = _generators(reached)
        if component == KSERVE:
            generated = frozenset(name for name, _ in generators)
        values: dict[str, dict[str, str]] = {}
        for _, file in generators:
            try:
                values[file] = parse_env(files.read(file) or b"", file)
            except TreeError as error:
                problems += [f"{file}: {detail}" for detail in error.details] or [error.message]
        overwritten = {posixpath.join(entry, PARAMS) for entry in entries}
        params += [
            Param(component, file, key, value, file in overwritten)
            for file in sorted(values)
            for key, value in values[file].items()
        ]
        unset += _unset(files, reached, generators, values)
        everything.files |= reached.files
        everything.kustomizations |= reached.kustomizations
    if problems:
        raise TreeError("the manifests are broken", details=problems)
    return Source(
        roots,
        tuple(params),
        tuple(sorted(set(unset))),
        generated,
        frozenset(everything.files),
        _fields(everything),
    )


def _fields(reached: Reached) -> tuple[str, ...]:
    used = {key for content in reached.kustomizations.values() for key in content}
    return tuple(sorted(used - {"apiVersion", "kind"}))


def _generators(reached: Reached) -> list[tuple[str, str]]:
    """(ConfigMap, env file) of every generator that was reached."""
    return sorted(
        (name, kustomization.beside(path, file))
        for path, content in reached.kustomizations.items()
        for name, file in kustomization.env_files(content, path)
    )


def _unset(
    files: Files,
    reached: Reached,
    generators: list[tuple[str, str]],
    values: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[str, str]]:
    """Keys that replacements and vars read from a generated ConfigMap that has them not."""
    env_of = dict(reversed(generators))
    known = {(name, key) for name, file in generators for key in values.get(file, {})} | set(
        _other_keys(reached)
    )
    for path, content in reached.kustomizations.items():
        for name, key in _keys_read(files, path, content):
            if name in env_of and (name, key) not in known:
                yield env_of[name], key


def _other_keys(reached: Reached) -> Iterator[tuple[str, str]]:
    """(ConfigMap, key) of literals and files in generators."""
    for content in reached.kustomizations.values():
        for generator in content.get("configMapGenerator") or ():
            for literal in generator.get("literals") or ():
                yield str(generator.get("name")), str(literal).partition("=")[0]
            for file in generator.get("files") or ():
                yield str(generator.get("name")), posixpath.basename(str(file).partition("=")[0])


def _keys_read(files: Files, path: str, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(ConfigMap, key) pairs that a kustomization's replacements and vars read."""
    replacements: list[Any] = []
    for item in content.get("replacements") or ():
        if isinstance(item, dict) and item.get("path"):
            file = kustomization.beside(path, str(item["path"]))
            loaded = yamlfile.load(files.read(file) or b"", file)
            replacements += loaded if isinstance(loaded, list) else [loaded]
        else:
            replacements.append(item)
    for item in replacements:
        source = item.get("source") if isinstance(item, dict) else None
        if isinstance(source, dict):
            yield from _key(source.get("kind"), source.get("name"), _field_path(source))
    for item in content.get("vars") or ():
        target = item.get("objref") if isinstance(item, dict) else None
        if isinstance(target, dict):
            field = item.get("fieldref")
            path_ = _field_path(field) if isinstance(field, dict) else ""
            yield from _key(target.get("kind"), target.get("name"), path_)


def _key(kind: object, name: object, field_path: str) -> Iterator[tuple[str, str]]:
    if kind == "ConfigMap" and name and field_path.startswith("data."):
        yield str(name), field_path.removeprefix("data.").replace("\\.", ".").strip("[]")


def _field_path(holder: Mapping[str, Any]) -> str:
    """`fieldPath`, which kustomize also takes as `fieldpath`."""
    return next((str(v) for k, v in holder.items() if str(k).lower() == "fieldpath"), "")


@dataclass(frozen=True)
class Rendered:
    """kustomize's output for KServe's entries, and for the model controller's with origins.

    Attributes:
        wrapper: the directory that the origins in `runtimes` are relative to.
    """

    kserve: tuple[str, ...]
    runtimes: str
    wrapper: str


def render(
    manifests: Path, source: Source, effective: Mapping[Param, str], kustomize: Kustomize
) -> Rendered:
    """Render the entries with marked images.

    Args:
        manifests: the image's files, which stay as they are.
        effective: what each param will be, digests aside.

    Raises:
        TreeError: kustomize cannot render an entry, in its words.
    """
    roots = source.roots
    with _working_copy(manifests) as copy:
        _write_params(copy, source, effective)
        _set_namespace(copy, roots.kserve[0])
        wrapper = posixpath.join(posixpath.dirname(posixpath.dirname(roots.runtimes)), WRAPPER)
        (copy / wrapper).mkdir()
        target = posixpath.relpath(roots.runtimes, wrapper)
        (copy / wrapper / "kustomization.yaml").write_text(
            f"resources: [{target}]\nbuildMetadata: [originAnnotations]\n"
        )
        jobs = [(entry, copy / entry) for entry in roots.kserve]
        jobs.append((roots.runtimes, copy / wrapper))
        with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
            texts = list(pool.map(lambda job: _build(kustomize, job[0], job[1], copy), jobs))
        return Rendered(tuple(texts[:-1]), texts[-1], wrapper)


def _build(kustomize: Kustomize, entry: str, directory: Path, copy: Path) -> str:
    try:
        return kustomize.build(directory)
    except ToolError as error:
        said = [line for line in error.details if not line.startswith("# Warning")]
        raise TreeError(
            f"/{entry}: kustomize {kustomize.version} cannot render it",
            details=[re.sub(rf"{re.escape(str(copy))}/?", "/", line) for line in said],
        ) from None


@contextmanager
def _working_copy(manifests: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rhoai-rebase-") as temporary:
        copy = Path(temporary).resolve() / "image"
        shutil.copytree(manifests, copy)
        yield copy


def _write_params(copy: Path, source: Source, effective: Mapping[Param, str]) -> None:
    by_file: dict[str, dict[str, str]] = {}
    for param in source.params:
        by_file.setdefault(param.file, {})[param.key] = marked_value(param, effective[param])
    for file, key in source.unset:
        by_file.setdefault(file, {})[key] = UNSET + key
    for file, values in by_file.items():
        (copy / file).write_bytes(render_env(values))


def _set_namespace(copy: Path, entry: str) -> None:
    """Render for our namespace, as the operator does for the one it is told.

    kustomize follows it through most references; the adaptation does the rest.
    """
    path = kustomization.find(DirectoryFiles(copy), entry)
    assert path is not None
    content = yamlfile.load((copy / path).read_bytes(), path)
    (copy / path).write_text(yamlfile.dump({**content, "namespace": NAMESPACE}))


def refuse_unset(texts: Iterable[tuple[str, str]]) -> None:
    """Fail when something that ships needs what only the operator sets.

    Args:
        texts: (where, text) of what ships.

    Raises:
        TreeError: naming every key and place.
    """
    found = [
        f"{where}: {key}"
        for where, text in texts
        for key in sorted(set(re.findall(re.escape(UNSET) + r"([\w.-]+)", text)))
    ]
    if found:
        raise TreeError(
            "objects that ship read params which no params file has (the operator sets them)",
            details=found,
        )
