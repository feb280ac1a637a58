"""What the layers hand to one another: plain, frozen facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

NAMESPACE = "redhat-ods-applications"  # where MicroShift's own health check looks
PACKAGE = "microshift-ai-model-serving"  # the RPM of the core
LLM_D_PACKAGE = f"{PACKAGE}-llm-d"

# rpm's name of an architecture → the container world's
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

Identity = tuple[str, str, str, str]  # of an object in a cluster: group, kind, namespace, name


@dataclass(frozen=True)
class RegistryOptions:
    """How skopeo reaches registries; None leaves a choice to skopeo's own configuration."""

    architecture: str = "amd64"
    authfile: Path | None = None
    registries_conf: Path | None = None
    policy: Path | None = None
    tls_verify: bool | None = None


@dataclass(frozen=True)
class Descriptor:
    """A blob: its digest, its size in bytes."""

    digest: str
    size: int


@dataclass(frozen=True)
class LayerDecision:
    """A layer of an image: was it read, and why or why not."""

    digest: str
    size: int
    read: bool
    reason: str


@dataclass(frozen=True)
class ImageRead:
    """An image that was opened, for the record.

    Attributes:
        role: `bundle`, or the CSV env (or `operator`) that named the image.
        found: what it was found to hold.
    """

    role: str
    reference: str
    digest: str
    found: str
    layers: tuple[LayerDecision, ...] = ()

    @property
    def bytes_read(self) -> int:
        """Compressed bytes."""
        return sum(layer.size for layer in self.layers if layer.read)


@dataclass(frozen=True)
class Csv:
    """What is needed of a ClusterServiceVersion.

    Attributes:
        name: metadata.name, such as `rhods-operator.2.25.11`.
        version: spec.version.
        operator_image: of the operator's container.
        env: the container's environment variables that have a value.
        file: the file's name in the bundle.
    """

    name: str
    version: str
    operator_image: str
    env: dict[str, str]
    file: str

    @property
    def related_images(self) -> dict[str, str]:
        """The RELATED_IMAGE_* variables."""
        return {key: value for key, value in self.env.items() if key.startswith("RELATED_IMAGE_")}


class ImageSource(StrEnum):
    """Who says that an image is the right one (domain.md §3)."""

    OPERATOR = "operator"  # the operator's table names an env that the CSV sets
    PARAMS = "params"  # the value in the params file
    BY_NAME = "by-name"  # the CSV env whose name is the key's
    PINNED = "pinned"  # --pin: the digest that a tag has at the registry
    OVERRIDE = "override"  # --image KEY=REF
    MANIFEST = "manifest"  # written out in a manifest, no key

    @property
    def words(self) -> str:
        """For people."""
        return _SOURCE_WORDS[self]


_SOURCE_WORDS = {
    ImageSource.OPERATOR: "from the CSV by the operator's table",
    ImageSource.PARAMS: "pinned in the params",
    ImageSource.BY_NAME: "resolved by name",
    ImageSource.PINNED: "pinned now by their tags",
    ImageSource.OVERRIDE: "overridden",
    ImageSource.MANIFEST: "written out in a manifest",
}


@dataclass(frozen=True)
class Override:
    """An image that people choose for a params key.

    Attributes:
        reference: registry/repository@sha256:…
        origin: where they say so: `--image`, or the file's name.
    """

    reference: str
    origin: str = "--image"


@dataclass(frozen=True)
class ResolvedImage:
    """The image of a params key.

    Attributes:
        reference: registry/repository@sha256:…
        origin: the env, or the params file, that says so.
    """

    key: str
    reference: str
    source: ImageSource
    origin: str


@dataclass(frozen=True, order=True)
class ObjectName:
    """What names an object in a cluster, and the API version that it ships with."""

    kind: str
    name: str
    namespace: str
    api_version: str

    @property
    def group(self) -> str:
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    @property
    def identity(self) -> Identity:
        """What makes it the same object, whatever its version: group, kind, namespace, name."""
        return self.group, self.kind, self.namespace, self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class LeftOut:
    """Something that the manifests have and that does not ship."""

    what: str
    reason: str


@dataclass(frozen=True)
class Roots:
    """Where the trees are, as paths in the image without a leading slash.

    Attributes:
        kserve: entries that are rendered, the main one first.
        runtimes: the model controller's entry, which fills in the runtimes' images.
    """

    kserve: tuple[str, ...]
    runtimes: str
    runtimes_directory: str


@dataclass(frozen=True)
class Upstream:
    """What RHOAI's own manifests were before they became MicroShift's, to compare versions by.

    Attributes:
        rendered_bytes: size of the entries' render.
        crds: CustomResourceDefinitions in it.
        settings: `section.name` of KServe's configuration → its value, where we set another.
        kustomize: the fields that the kustomizations use.
    """

    rendered_bytes: int = 0
    crds: int = 0
    settings: Mapping[str, str | bool] = field(default_factory=dict)
    kustomize: tuple[str, ...] = ()


@dataclass(frozen=True)
class Staged:
    """What `download` left for `process`.

    Attributes:
        manifests: the directory that holds the image's files, each at its path in the image.
    """

    csv: Csv
    roots: Roots
    manifests: Path
    images: tuple[ImageRead, ...]
    warnings: tuple[str, ...] = field(default=())
