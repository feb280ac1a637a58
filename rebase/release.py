"""release/: the release info that devices and image builders read, and the rebase's record."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rebase.errors import TreeError, UsageError
from rebase.model import (
    Identity,
    ImageRead,
    ImageSource,
    LeftOut,
    ObjectName,
    ResolvedImage,
    Upstream,
)

DIRECTORY = "release"
RECORD = f"{DIRECTORY}/rebase.json"
FORMAT = 2


def info_name(architecture: str, part: str = "") -> str:
    """The file name of a release info, which users' scripts spell out.

    Args:
        part: "" for the core, `llm-d-` for llm-d.
    """
    return f"release-ai-model-serving-{part}{architecture}.json"


def is_info(name: str) -> bool:
    """Is it the name of a release info?"""
    return name.startswith("release-ai-model-serving-") and name.endswith(".json")


def release_info(version: str, images: Iterable[ResolvedImage]) -> bytes:
    """The release info: the RHOAI version, and the images that shipped objects use by key."""
    by_key = {key: image.reference for key, image in images_by_key(images).items()}
    return to_json({"release": {"base": version}, "images": by_key})


@dataclass(frozen=True)
class Info:
    """A release info, read back.

    Attributes:
        version: the RHOAI version.
        images: key → what stands there, pinned or not.
    """

    version: str
    images: Mapping[str, str]


def parse_info(data: bytes) -> Info:
    """Raises: ValueError: it is no release info."""
    found = json.loads(data)
    try:
        version, images = found["release"]["base"], dict(found["images"])
    except (KeyError, TypeError, ValueError):
        raise ValueError("a version and images by key are expected") from None
    if not all(isinstance(text, str) for text in (version, *images.values())):
        raise ValueError("the version and the images have to be texts")
    return Info(version, images)


def images_by_key(images: Iterable[ResolvedImage]) -> dict[str, ResolvedImage]:
    """The images by their keys, sorted.

    Raises:
        TreeError: two images have the same key.
    """
    by_key: dict[str, ResolvedImage] = {}
    for image in sorted(images, key=lambda image: image.key):
        other = by_key.setdefault(image.key, image)
        if other.reference != image.reference:
            raise TreeError(
                f"two images have the key {image.key}: {other.reference} and {image.reference}"
            )
    return by_key


def to_json(value: Any) -> bytes:
    """JSON as all our files have it: two spaces, final newline."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def object_name_as_json(name: ObjectName) -> dict[str, str]:
    """An object's name as our files have it."""
    return {
        "apiVersion": name.api_version,
        "kind": name.kind,
        "name": name.name,
        **({"namespace": name.namespace} if name.namespace else {}),
    }


def object_name_of(document: Mapping[str, Any]) -> ObjectName:
    """The name of an object as Kubernetes writes it.

    Raises:
        KeyError, TypeError: it is none.
    """
    return parse_object_name({**document, **document["metadata"]})


def parse_object_name(entry: Mapping[str, Any]) -> ObjectName:
    """Raises: KeyError, TypeError: it is none."""
    return ObjectName(
        str(entry["kind"]),
        str(entry["name"]),
        str(entry.get("namespace", "")),
        str(entry["apiVersion"]),
    )


@dataclass(frozen=True)
class ShippedFile:
    """A generated file with one object.

    Attributes:
        architectures: the ones that it is for; empty for all.
        selector: a workload's, which cannot change on a device.
    """

    holds: ObjectName
    sha256: str
    architectures: tuple[str, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        only = {"architectures": list(self.architectures)} if self.architectures else {}
        selector = {"selector": dict(sorted(self.selector.items()))} if self.selector else {}
        return {**object_name_as_json(self.holds), "sha256": self.sha256, **only, **selector}


@dataclass(frozen=True)
class Record:
    """Everything that a rebase was made of: enough to repeat it bit by bit.

    Attributes:
        sizes: architecture → reference → compressed bytes, when they were asked for.
        labels: reference → the version in the image's own labels; as `sizes`.
        used_by: key of an image → paths of the files that use it.
        files: path → what is in it, for every generated object.
        configured: keys of overrides that rhoai-rebase.toml gave.
    """

    version: str
    csv: str
    tool: str
    kustomize: str
    architectures: tuple[str, ...]
    overrides: Mapping[str, str]
    image_table: str
    entries: tuple[str, ...]
    images_read: tuple[ImageRead, ...]
    images: tuple[ResolvedImage, ...]
    used_by: Mapping[str, tuple[str, ...]]
    sizes: Mapping[str, Mapping[str, int]]
    labels: Mapping[str, str]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    upstream: Upstream
    files: Mapping[str, ShippedFile]
    configured: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        bundle = next(image for image in self.images_read if image.role == "bundle")
        return to_json(
            {
                "format": FORMAT,
                "bundle": {
                    "reference": bundle.reference,
                    "digest": bundle.digest,
                    "csv": self.csv,
                    "version": self.version,
                },
                "tools": {"rhoai-rebase": self.tool, "kustomize": self.kustomize},
                "options": {
                    "architectures": list(self.architectures),
                    "images": dict(sorted(self.overrides.items())),
                    **({"configured": sorted(self.configured)} if self.configured else {}),
                },
                "image_table": self.image_table,
                "entries": list(self.entries),
                "images_read": [
                    {**asdict(image), "layers": [asdict(layer) for layer in image.layers]}
                    for image in self.images_read
                ],
                "images": {
                    key: {
                        "reference": image.reference,
                        "source": image.source.value,
                        "origin": image.origin,
                        "used_by": list(self.used_by[key]),
                        **self._looked_up(image),
                    }
                    for key, image in images_by_key(self.images).items()
                },
                "left_out": [asdict(one) for one in self.left_out],
                "warnings": list(self.warnings),
                "upstream": asdict(self.upstream),
                "files": {path: file.as_json() for path, file in sorted(self.files.items())},
            }
        )

    def _looked_up(self, image: ResolvedImage) -> dict[str, Any]:
        found = {arch: sizes.get(image.reference) for arch, sizes in sorted(self.sizes.items())}
        version = self.labels.get(image.reference)
        return {
            **({"version": version} if version else {}),
            **({"bytes": found} if found else {}),
        }


def is_demo(version: str) -> bool:
    """Is it a version of the demo? packaging/make-sources.sh knows it in the same way."""
    return version.endswith("-demo")


@dataclass(frozen=True)
class Before:
    """The last rebase, as its record has it; empty when there was none.

    Attributes:
        images: key → reference.
        used_by: key of an image → paths of the files that use it.
        sources: key of an image → who said that it is the right one.
        sizes: key of an image → architecture → compressed bytes, where they were asked for.
        labels: key of an image → the version in its own labels, where they were asked for.
        architectures: the ones that it was for.
        overrides: as `--image`, or rhoai-rebase.toml, gave them.
        configured: the keys among them that rhoai-rebase.toml gave.
        bundle: its reference; `digest` its digest.
        entries: where the manifests were found.
        tools: their versions, by name.
        upstream: None in records of before it was kept.
    """

    version: str | None
    images: Mapping[str, str]
    files: Mapping[str, ShippedFile]
    used_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: Mapping[str, ImageSource] = field(default_factory=dict)
    sizes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    architectures: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    bundle: str = ""
    digest: str = ""
    image_table: str = ""
    entries: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    upstream: Upstream | None = None
    configured: tuple[str, ...] = ()

    def on_devices(self, version: str) -> "Before":
        """What devices may have that are upgraded to a version: no device has had the demo."""
        return self if is_demo(self.version or "") == is_demo(version) else NOTHING

    @property
    def selectors(self) -> dict[Identity, Mapping[str, str]]:
        """The selectors of workloads, by the workloads' identities."""
        return {file.holds.identity: file.selector for file in self.files.values() if file.selector}


NOTHING = Before(None, {}, {})


def read_before(root: Path) -> Before:
    """The record in a tree.

    Raises:
        UsageError: there is one that cannot be understood: what it shipped would be forgotten,
            and would stay in clusters for ever.
    """
    try:
        record = json.loads((root / RECORD).read_text())
        if record["format"] != FORMAT:
            raise unreadable(RECORD, f"it has format {record['format']}, not {FORMAT}")
        return Before(
            version=record["bundle"]["version"],
            images={key: image["reference"] for key, image in record["images"].items()},
            files={
                path: ShippedFile(
                    parse_object_name(file),
                    file["sha256"],
                    tuple(file.get("architectures", ())),
                    dict(file.get("selector", {})),
                )
                for path, file in record["files"].items()
            },
            used_by={key: tuple(image["used_by"]) for key, image in record["images"].items()},
            sources={key: ImageSource(image["source"]) for key, image in record["images"].items()},
            sizes={
                key: {arch: size for arch, size in image["bytes"].items() if size is not None}
                for key, image in record["images"].items()
                if "bytes" in image
            },
            labels={
                key: str(image["version"])
                for key, image in record["images"].items()
                if "version" in image
            },
            architectures=tuple(record["options"]["architectures"]),
            overrides=dict(record["options"]["images"]),
            bundle=str(record["bundle"]["reference"]),
            digest=str(record["bundle"]["digest"]),
            image_table=str(record["image_table"]),
            entries=tuple(record["entries"]),
            tools=dict(record["tools"]),
            left_out=tuple(LeftOut(**one) for one in record["left_out"]),
            warnings=tuple(record["warnings"]),
            upstream=_upstream(record["upstream"]) if "upstream" in record else None,
            configured=tuple(record["options"].get("configured", ())),
        )
    except FileNotFoundError:
        return NOTHING
    except KeyError as error:
        raise unreadable(RECORD, f"it lacks {error}") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise unreadable(RECORD, str(error)) from None


def _upstream(entry: Mapping[str, Any]) -> Upstream:
    return Upstream(**{**entry, "kustomize": tuple(entry["kustomize"])})


def unreadable(path: str, why: str) -> UsageError:
    """The error of a file that remembers earlier rebases and cannot be understood."""
    return UsageError(
        f"{path} cannot be read: {why}",
        hint=f"restore it (git checkout -- {path}), or remove it to start a new history",
    )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
