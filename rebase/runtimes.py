"""Serving runtimes: each Template's ServingRuntime as a file that people copy and edit.

`ovms-kserve-template.yaml` becomes `ovms-kserve.yaml`, with the literal `image: ovms-image`
that the user guide's sed replaces and that our kustomization's `images:` fills in.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rebase import yamlfile
from rebase.errors import TreeError
from rebase.kustomization import Files
from rebase.model import LeftOut
from rebase.objects import KubeObject, containers, dict_at
from rebase.params import MARKER, Param
from rebase.render import ORIGIN
from rebase.shapes import misshapen

KIND = "ServingRuntime"
PLACEHOLDER = re.compile(r"\$\(([\w.-]+)\)")
ARCHITECTURE_WORDS = {
    "amd64": "x86_64",
    "x86": "x86_64",
    "x86_64": "x86_64",
    "arm64": "aarch64",
    "aarch64": "aarch64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}
DISPLAY_NAME = "openshift.io/display-name"


@dataclass
class Runtime:
    """A ServingRuntime on its way from a Template to a file.

    Attributes:
        origin: the Template's file in the image.
        data: the object, with marked images until `place_holders`.
        images: placeholder → what fills it: a param, or the text where nothing does.
        architectures: the ones that its name or display name speaks of; empty for all.
    """

    origin: str
    data: dict[str, Any]
    architectures: frozenset[str]
    images: dict[str, Param | str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(dict_at(self.data, "metadata").get("name"))

    @property
    def group(self) -> str:
        return str(self.data.get("apiVersion")).partition("/")[0]

    def __str__(self) -> str:
        return f"{KIND} {self.name}"

    def to_yaml(self) -> str:
        return yamlfile.dump(self.data)

    def containers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(place, container) of the pod and of the workers' pod."""
        spec = dict_at(self.data, "spec")
        for place, pod in (("spec", spec), ("spec.workerSpec", dict_at(spec, "workerSpec"))):
            for container in containers(pod):
                yield f"{place}.{container.get('name')}", container

    def place_holders(self, file: Files, marked: Mapping[str, Param]) -> None:
        """Put the placeholders back in place of the images that kustomize filled in.

        The placeholder is the Template's own word for it; the params key that fills it may
        be another one, and is what the replacements say.
        """
        own = _placeholders_in(file.read(self.origin) or b"", self.origin)
        for place, container in self.containers():
            image = str(container.get("image") or "")
            found = MARKER.search(image)
            unfilled = PLACEHOLDER.fullmatch(image)
            if found and found[0] in marked:
                param = marked[found[0]]
                word = own.get(place, param.key)
                if self.images.setdefault(word, param) != param:
                    word = param.key
                self.images[word] = param
            elif unfilled:
                word = unfilled[1]
                self.images[word] = image
            else:
                continue
            container["image"] = word

    def file_name(self) -> str:
        return (
            posixpath.basename(self.origin)
            .removesuffix(".yaml")
            .removesuffix(".yml")
            .removesuffix("-template")
            + ".yaml"
        )


def read_runtimes(objects: Iterable[KubeObject], wrapper: str) -> list[Runtime]:
    """The ServingRuntimes of the Templates in a render with origins.

    Args:
        wrapper: the directory that was rendered, which the origins are relative to.

    Raises:
        TreeError: Templates that do not hold exactly one object; all of them at once.
    """
    runtimes: list[Runtime] = []
    bad: list[str] = []
    for template in objects:
        if template.kind != "Template":
            continue
        origin = yamlfile.load(str(template.annotations.get(ORIGIN, "")), "origin") or {}
        path = posixpath.normpath(posixpath.join(wrapper, str(origin.get("path", ""))))
        held = template.data.get("objects") or []
        if len(held) != 1 or not isinstance(held[0], dict):
            bad.append(f"/{path}: Template {template.name} holds {len(held)} objects, not one")
        elif held[0].get("kind") == KIND:
            bad += [f"/{path}: {KIND}: {problem}" for problem in misshapen(held[0])]
            display = template.annotations.get(DISPLAY_NAME, "")
            runtimes.append(Runtime(path, held[0], _architectures(held[0], display)))
    if bad:
        raise TreeError("Templates must hold exactly one well-formed object", details=bad)
    return runtimes


def refuse_empty_templates(files: Files, reached: Iterable[str]) -> None:
    """Name Templates without an object; kustomize would say no more than that index 0 is missing.

    Raises:
        TreeError: there are such; all of them at once.
    """
    bad = [
        f"/{path}: Template {dict_at(document, 'metadata').get('name')} holds 0 objects, not one"
        for path in sorted(reached)
        if b"kind: Template" in (text := files.read(path) or b"")
        for document in yamlfile.load_all(text, path)
        if isinstance(document, dict)
        and document.get("kind") == "Template"
        and not document.get("objects")
    ]
    if bad:
        raise TreeError("Templates must hold exactly one well-formed object", details=bad)


def choose(
    runtimes: Iterable[Runtime],
    architectures: Iterable[str],
    reference_of: Callable[[Param], str],
) -> tuple[list[Runtime], list[LeftOut]]:
    """Which runtimes ship, and which do not and why.

    Args:
        architectures: the ones that are built for, as rpm names them.
        reference_of: the image that a param will be.
    """
    shipped: list[Runtime] = []
    left_out: list[LeftOut] = []
    wanted = set(architectures)
    for runtime in runtimes:
        spec = dict_at(runtime.data, "spec")
        reason = ""
        if spec.get("multiModel"):
            reason = "multiModel: ModelMesh is not on MicroShift"
        elif spec.get("workerSpec"):
            reason = "multi-node: MicroShift is a single node"
        elif runtime.architectures and not runtime.architectures & wanted:
            others = ", ".join(sorted(runtime.architectures))
            reason = f"architecture: for {others} only"
        if reason:
            left_out.append(LeftOut(str(runtime), reason))
        else:
            shipped.append(runtime)
    return _without_twins(shipped, left_out, reference_of), left_out


def _without_twins(
    runtimes: list[Runtime], left_out: list[LeftOut], reference_of: Callable[[Param], str]
) -> list[Runtime]:
    """3.5's -fast-1 and -fast-2: the same file again, for an image that may be newer."""
    first: dict[tuple[str, tuple[str, ...]], Runtime] = {}
    for runtime in sorted(runtimes, key=lambda runtime: (len(runtime.name), runtime.name)):
        images = tuple(
            reference_of(image) if isinstance(image, Param) else image
            for image in runtime.images.values()
        )
        stable = first.setdefault((runtime.origin, images), runtime)
        if stable is not runtime:
            left_out.append(LeftOut(str(runtime), f"twin: the same image as {stable.name}"))
    kept = {id(runtime) for runtime in first.values()}
    return [runtime for runtime in runtimes if id(runtime) in kept]


def name_files(runtimes: list[Runtime]) -> dict[str, Runtime]:
    """A file name for each runtime; twins from one Template file are told apart by name."""
    files: dict[str, Runtime] = {}
    for runtime in sorted(runtimes, key=lambda runtime: (len(runtime.name), runtime.name)):
        name = runtime.file_name()
        if name in files:
            name = runtime.name.removesuffix("-runtime") + ".yaml"
        if name in files:
            raise TreeError(f"{runtime} and {files[name]} would both be the file {name}")
        files[name] = runtime
    return dict(sorted(files.items()))


def settle_placeholders(runtimes: Iterable[Runtime]) -> dict[str, Param | str]:
    """One meaning for each placeholder in the whole directory, which `images:` needs.

    Where two runtimes mean different images by a word, the params key is the word.
    """
    meaning: dict[str, Param | str] = {}
    for runtime in runtimes:
        for word, image in list(runtime.images.items()):
            if meaning.setdefault(word, image) == image:
                continue
            if not isinstance(image, Param) or meaning.setdefault(image.key, image) != image:
                raise TreeError(f"{runtime}: the placeholder {word} stands for two images")
            for _, container in runtime.containers():
                if container.get("image") == word:
                    container["image"] = image.key
            runtime.images[image.key] = runtime.images.pop(word)
    return dict(sorted(meaning.items()))


def _architectures(runtime: dict[str, Any], display: str) -> frozenset[str]:
    metadata = dict_at(runtime, "metadata")
    annotations = dict_at(metadata, "annotations")
    text = f"{metadata.get('name')} {annotations.get(DISPLAY_NAME, '')} {display}".lower()
    words = re.findall(r"x86_64|[a-z0-9]+", text)
    return frozenset(ARCHITECTURE_WORDS[word] for word in words if word in ARCHITECTURE_WORDS)


def _placeholders_in(text: bytes, where: str) -> dict[str, str]:
    """place → placeholder of the Template as it is in the image, `$(` and `)` taken off."""
    found: dict[str, str] = {}
    for document in yamlfile.load_all(text, where):
        for held in (document.get("objects") if isinstance(document, dict) else None) or ():
            if isinstance(held, dict):
                for place, container in Runtime(where, held, frozenset()).containers():
                    placeholder = PLACEHOLDER.fullmatch(str(container.get("image") or ""))
                    if placeholder:
                        found[place] = placeholder[1]
    return found
